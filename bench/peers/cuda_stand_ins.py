"""Lets PyTorch's wheel for Linux run without the CUDA libraries that it is linked with.

The wheel of the package index is built for CUDA: it does not load without some 3 GB of other packages, of which nothing
is called on a CPU. This makes shared objects of the missing names. Every function in them does nothing and returns 100,
which is CUDA's "no device"; so `torch.cuda.is_available()` is False and everything runs on the CPU.
"""
import glob
import os
import re
import subprocess
import tempfile

NO_DEVICE = 100  # cudaErrorNoDevice, CUDA_ERROR_NO_DEVICE
FOREIGN = re.compile(r"lib(cu|nv|nccl)")  # CUDA's own; PyTorch's are libtorch*, libc10*, libcaffe2*


def readelf(path, section):
    return subprocess.run(["readelf", "--wide", section, path], check=True, capture_output=True, text=True).stdout


def needed_libraries(path):
    return re.findall(r"\(NEEDED\).*\[(.*)\]", readelf(path, "--dynamic"))


def libraries_of_versions(path):
    """Name of a symbol version -> the library that defines it."""
    libraries, library = {}, None
    for line in readelf(path, "--version-info").splitlines():
        if match := re.search(r"File: (\S+)", line):
            library = match[1]
        elif (match := re.search(r"Name: (\S+) +Flags: \S+ +Version: ", line)) and library:
            libraries[match[1]] = library
    return libraries


def dynamic_symbols(path):
    """Triples (name, version or "", whether the library defines it)."""
    for line in readelf(path, "--dyn-syms").splitlines():
        fields = line.split()
        if len(fields) >= 8 and fields[0] != "Num:" and fields[4] != "LOCAL":
            name, _, version = fields[7].partition("@")
            yield name, version.lstrip("@"), fields[6] != "UND"


def is_cuda_symbol(name):
    return re.match(r"(__cuda|cu[A-Z]|cuda|cublas|cudnn|cufft|cufile|cuFile|cupti|curand|cusolver|cusparse|nccl|nvrtc|"
                    r"nvshmem|nvml|nvJitLink|pnccl)", name) is not None


def assembly(symbols):
    lines = [".text"]
    for name in sorted(symbols):
        lines += [f".globl {name}", f".type {name}, @function", f"{name}:"]
    lines += [f"mov ${NO_DEVICE}, %eax", "ret", '.section .note.GNU-stack,"",@progbits']
    return "\n".join(lines) + "\n"


def version_script(symbols_by_version):
    return "".join(f'{version} {{ {" ".join(name + ";" for name in sorted(names))} }};\n'
                   for version, names in sorted(symbols_by_version.items()))


def build(soname, symbols_by_version, unversioned, folder):
    with tempfile.TemporaryDirectory() as scratch:
        source, script = os.path.join(scratch, "stand_in.s"), os.path.join(scratch, "versions")
        names = set(unversioned).union(*symbols_by_version.values())
        with open(source, "w") as file:
            file.write(assembly(names))
        command = ["gcc", "-shared", "-nostdlib", f"-Wl,-soname,{soname}", "-o", os.path.join(folder, soname), source]
        if symbols_by_version:
            with open(script, "w") as file:
                file.write(version_script(symbols_by_version))
            command.append(f"-Wl,--version-script={script}")
        subprocess.run(command, check=True)


def add_stand_ins(folder):
    """`folder`: torch/lib of an installation; the libraries are found there first. Returns their names."""
    own = [path for path in sorted(glob.glob(os.path.join(folder, "*.so*")))
           if not FOREIGN.match(os.path.basename(path))]
    missing, defined, versioned, unversioned = set(), set(), {}, set()
    for path in own:
        missing.update(filter(FOREIGN.match, needed_libraries(path)))
        libraries = libraries_of_versions(path)
        for name, version, is_defined in dynamic_symbols(path):
            if is_defined:
                defined.add(name)
            elif FOREIGN.match(libraries.get(version, "")):
                versioned.setdefault(libraries[version], {}).setdefault(version, set()).add(name)
            elif not version and is_cuda_symbol(name):
                unversioned.add(name)
    # A symbol without a version may be in any library: the first has them all.
    for soname in sorted(missing):
        build(soname, versioned.get(soname, {}), unversioned - defined, folder)
        unversioned = set()
    return sorted(missing)


if __name__ == "__main__":
    import sys

    print("\n".join(add_stand_ins(sys.argv[1])))
