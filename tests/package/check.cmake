# Installs a build, builds a program against the installation elsewhere, and runs it and the installed afnet.
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
run(${SCRATCH}/build/mean)
if (NOT output MATCHES "right")
    message(FATAL_ERROR "mean: ${output}")
endif ()
run(${SCRATCH}/moved/bin/afnet info --model key_stripe)
if (NOT output MATCHES "${SCRATCH}/moved/lib[^\n]*/afnet/kernels" OR
    NOT output MATCHES "${SCRATCH}/moved/lib[^\n]*/key_stripe.safetensors")
    message(FATAL_ERROR "afnet info: ${output}")
endif ()
file(REMOVE_RECURSE ${SCRATCH})
