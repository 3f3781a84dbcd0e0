# Installs a build, builds programs against the installation elsewhere, and runs them, the installed afnet, and the
# installed Python module.
#   cmake -DBUILD=... -DSOURCE=... -DSCRATCH=... -DKERNEL_TARGET=... -P check.cmake
function (run)
    execute_process(COMMAND ${ARGN} RESULT_VARIABLE status OUTPUT_VARIABLE output ERROR_VARIABLE output)
    if (NOT status EQUAL 0)
        message(FATAL_ERROR "${ARGN}: ${status}\n${output}")
    endif ()
    set(output "${output}" PARENT_SCOPE)
endfunction ()

file(REMOVE_RECURSE ${SCRATCH})
run(${CMAKE_COMMAND} --install ${BUILD} --prefix ${SCRATCH}/first)
file(RENAME ${SCRATCH}/first ${SCRATCH}/moved) # an installation may be moved
run(${CMAKE_COMMAND} -S ${SOURCE} -B ${SCRATCH}/build -G Ninja -DCMAKE_PREFIX_PATH=${SCRATCH}/moved
    -DKERNEL_TARGET=${KERNEL_TARGET})
run(${CMAKE_COMMAND} --build ${SCRATCH}/build)
foreach (program mean block)
    run(${SCRATCH}/build/${program})
    if (NOT output MATCHES "right")
        message(FATAL_ERROR "${program}: ${output}")
    endif ()
endforeach ()
file(GLOB python ${SCRATCH}/moved/lib*/afnet/python)
run(${CMAKE_COMMAND} -E env --unset=AFNET_LIBRARY --unset=AFNET_KERNELS PYTHONPATH=${python} PYTHONDONTWRITEBYTECODE=1
    /usr/bin/python3 -c "print(__import__('afnet_block').Block('key_stripe', 'layer1.refine_module.0').out_channels)")
if (NOT output MATCHES "^64")
    message(FATAL_ERROR "afnet_block: ${output}")
endif ()
run(${SCRATCH}/moved/bin/afnet info --model key_stripe)
if (NOT output MATCHES "${SCRATCH}/moved/lib[^\n]*/afnet/kernels" OR
    NOT output MATCHES "${SCRATCH}/moved/lib[^\n]*/key_stripe.safetensors")
    message(FATAL_ERROR "afnet info: ${output}")
endif ()
file(REMOVE_RECURSE ${SCRATCH})
