"""Focal blocks of AFNets by the C interface (afnet/focal_block.h): addresses of memory, and nothing but the standard
library. afnet_torch.py has them for PyTorch's tensors.
"""
import ctypes
import os

VERSION = 1
NAME = "libafnet_focal_block.so"


class _Choice(ctypes.Structure):
    _fields_ = [(name, ctypes.c_char_p) for name in ("model", "block", "unselected", "device", "kernels")]


class _Shape(ctypes.Structure):
    _fields_ = [(name, ctypes.c_int) for name in ("width", "height", "frames", "clips")]


def _load():
    """The library: AFNET_LIBRARY, else the one of the installation that this file is in."""
    installed = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), NAME)
    path = os.environ.get("AFNET_LIBRARY") or installed
    try:
        library = ctypes.CDLL(path)
    except OSError as error:
        raise RuntimeError(f"{error}; AFNET_LIBRARY can name {NAME}") from error
    found = library.afnet_focal_block_version()
    if found != VERSION:
        raise RuntimeError(f"{path} has interface {found}; {VERSION} expected: take both from one installation")
    address, status = ctypes.c_void_p, ctypes.c_int
    library.afnet_error.restype = ctypes.c_char_p
    library.afnet_focal_block_open.argtypes = [ctypes.POINTER(_Choice), ctypes.POINTER(address)]
    library.afnet_focal_block_channels.argtypes = [address, ctypes.POINTER(status), ctypes.POINTER(status)]
    library.afnet_focal_block_channels.restype = None
    library.afnet_focal_block_close.argtypes = [address]
    library.afnet_focal_block_close.restype = None
    run = [address, ctypes.POINTER(_Shape), address, ctypes.c_char_p, address]
    library.afnet_focal_block_run.argtypes = run
    library.afnet_focal_block_run_on_stream.argtypes = run + [address]
    return library


_library = None


def _call(function, *arguments):
    """Calls a function that returns a status; raises RuntimeError with the library's words."""
    global _library
    if _library is None:
        _library = _load()
    if getattr(_library, function)(*arguments) != 0:
        raise RuntimeError(_library.afnet_error().decode(errors="replace"))


def set_threads(threads):
    """Kernel threads of the process; 0: one per processor."""
    _call("afnet_set_threads", threads)


class Block:
    """One block; what its arguments mean: afnet_focal_block_choice in the header. Threads may share it."""

    def __init__(self, model, block, unselected=None, device=None, kernels=None):
        self._handle = ctypes.c_void_p()
        words = [None if word is None else os.fsencode(word) for word in (model, block, unselected, device, kernels)]
        _call("afnet_focal_block_open", _Choice(*words), ctypes.byref(self._handle))
        channels = ctypes.c_int(), ctypes.c_int()
        _library.afnet_focal_block_channels(self._handle, *map(ctypes.byref, channels))
        self.in_channels, self.out_channels = (c.value for c in channels)

    def run(self, width, height, frames, clips, input, selected, output):
        """Runs on the CPU. `input`, `output`: addresses; `selected`: bytes, one a frame, or None for all."""
        shape = self._shape(width, height, frames, clips, selected)
        _call("afnet_focal_block_run", self._handle, shape, input, selected, output)

    def run_on_stream(self, width, height, frames, clips, input, selected, output, stream):
        """The same on CUDA, with addresses on the device and a CUstream."""
        shape = self._shape(width, height, frames, clips, selected)
        _call("afnet_focal_block_run_on_stream", self._handle, shape, input, selected, output, stream)

    @staticmethod
    def _shape(width, height, frames, clips, selected):
        if selected is not None and len(selected) != frames * clips:
            raise RuntimeError(f"{len(selected)} frames are selected or not; {clips} clips of {frames} expected")
        return _Shape(width, height, frames, clips)

    def close(self):
        """Gives its memory back; nobody may run it any more."""
        if self._handle:
            _library.afnet_focal_block_close(self._handle)
            self._handle = ctypes.c_void_p()

    def __del__(self):
        if getattr(self, "_handle", None) and _library is not None:
            self.close()
