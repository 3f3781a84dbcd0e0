"""afnet::focal_block, a PyTorch operator: one focal block of an AFNet, inference alone, on the CPU and on CUDA.

    import torch, afnet_torch
    block = afnet_torch.FocalBlock("key_stripe", "layer2.refine_module.0")
    x = torch.randn(8, block.in_channels, 14, 14).to(memory_format=torch.channels_last)
    y = block(x, torch.tensor([1, 0, 0, 1, 0, 0, 0, 1]))
"""
import threading
from typing import Optional

import torch

import afnet_block

_opened = {}
_lock = threading.Lock()


def _open(model, block, unselected, device):
    """The opened block; the process keeps each one that it asked for."""
    key = model, block, unselected, device
    with _lock:
        if not _opened:
            afnet_block.set_threads(torch.get_num_threads())
        if key not in _opened:
            _opened[key] = afnet_block.Block(model, block, unselected or None, device)
        return _opened[key]


def _check(x, selected, frames, channels):
    """Frames of a clip, and clips."""
    if x.dtype != torch.float32:
        raise RuntimeError(f"afnet::focal_block: {x.dtype}; torch.float32 expected")
    if x.dim() != 4 or x.shape[1] != channels or 0 in x.shape[2:]:
        raise RuntimeError(f"afnet::focal_block: an input of {list(x.shape)}; [frames, {channels}, height, width] "
                           "expected")
    count = x.shape[0]
    clip = frames or max(count, 1)
    if clip < 0 or count % clip != 0:
        raise RuntimeError(f"afnet::focal_block: {count} frames are no clips of {clip}")
    if selected is not None and list(selected.shape) != [count]:
        raise RuntimeError(f"afnet::focal_block: a mask of {list(selected.shape)}; [{count}] expected")
    return clip, count // clip


def _output(x, channels):
    return torch.empty((x.shape[0], channels, x.shape[2], x.shape[3]), dtype=x.dtype, device=x.device,
                       memory_format=torch.channels_last)


@torch.library.custom_op("afnet::focal_block", mutates_args=(), device_types=("cpu", "cuda"))
def focal_block(x: torch.Tensor, selected: Optional[torch.Tensor], model: str, block: str, frames: int = 0,
                unselected: str = "") -> torch.Tensor:
    """Runs a focal block on `x` [frames, channels, height, width], which is copied unless it is channels_last.

    selected: [frames], 0 where a frame is not computed; None: all are.
    model, block: a model as `afnet classify --model` takes it, and for example `layer2.refine_module.0`.
    frames: of a clip, which matters with TSM; 0: all frames are one clip.
    unselected: what frames get that are not computed, `masked` or `skipped`; empty: as the model was trained.
    """
    opened = _open(model, block, unselected, x.device.type)
    clip, clips = _check(x, selected, frames, opened.in_channels)
    output = _output(x, opened.out_channels)
    if x.shape[0] == 0:
        return output
    x = x.contiguous(memory_format=torch.channels_last)
    mask = None if selected is None else bytes(selected.ne(0).tolist())
    shape = x.shape[3], x.shape[2], clip, clips
    if x.device.type == "cpu":
        opened.run(*shape, x.data_ptr(), mask, output.data_ptr())
        return output
    if x.device.index != 0:
        raise RuntimeError(f"afnet::focal_block: {x.device}; blocks run on the first device that CUDA_VISIBLE_DEVICES "
                           "shows")
    if x.data_ptr() % 128 != 0:  # a view into other memory
        x = x.clone(memory_format=torch.channels_last)
    stream = torch.cuda.current_stream(x.device).cuda_stream
    opened.run_on_stream(*shape, x.data_ptr(), mask, output.data_ptr(), stream)
    return output


@focal_block.register_fake
def _(x, selected, model, block, frames=0, unselected=""):
    opened = _open(model, block, unselected, "cpu")  # whose channels are those of any device
    _check(x, selected, frames, opened.in_channels)
    return _output(x, opened.out_channels)


def _refuse(ctx, inputs, output):
    raise RuntimeError("afnet::focal_block has no gradient: call it under torch.inference_mode() or torch.no_grad(), "
                       "or detach its input")


focal_block.register_autograd(lambda ctx, gradient: None, setup_context=_refuse)


class FocalBlock(torch.nn.Module):
    """The operator with its block. Without parameters of its own: the weights are the model's."""

    def __init__(self, model, block, unselected=""):
        super().__init__()
        self.model, self.block, self.unselected = str(model), block, unselected
        opened = _open(self.model, block, unselected, "cpu")
        self.in_channels, self.out_channels = opened.in_channels, opened.out_channels

    def forward(self, x, selected=None, frames=0):
        return focal_block(x, selected, self.model, self.block, frames, self.unselected)
