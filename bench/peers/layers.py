"""Layers that the peers' networks share, in PyTorch, as AFNET's networks need them.

Frames are [b t, c, y, x]. Parameters come from a function of a state_dict key and a shape. With `fold` the BatchNorm of
a convolution is folded into it in double, as an engine does before it runs a network; without, it stays a layer of its
own, as the authors' code runs, and in training mode normalises by the batch's statistics.
"""
import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

EPSILON = 1e-5


def frozen(values):
    return nn.Parameter(torch.from_numpy(np.ascontiguousarray(values)), requires_grad=False)


class ConvNorm(nn.Module):
    """Convolution and BatchNorm."""

    def __init__(self, source, conv, norm, ci, co, kernel=1, stride=1, groups=1):
        super().__init__()
        self.stride, self.padding, self.groups = stride, (kernel - 1) // 2, groups
        weight = source(conv + ".weight", (co, ci // groups, kernel, kernel))
        gamma, beta, mean, variance = (source(f"{norm}.{name}", (co,))
                                       for name in ("weight", "bias", "running_mean", "running_var"))
        self.folded = source.fold
        if self.folded:
            scale = gamma.astype(np.float64) / np.sqrt(variance.astype(np.float64) + EPSILON)
            weight = (weight * scale[:, None, None, None]).astype(np.float32)
            beta = (beta - mean * scale).astype(np.float32)
        self.weight, self.bias = frozen(weight), frozen(beta)
        if not self.folded:
            self.gamma, self.mean, self.variance = frozen(gamma), frozen(mean), frozen(variance)

    def forward(self, x):
        if self.folded:
            return F.conv2d(x, self.weight, self.bias, self.stride, self.padding, 1, self.groups)
        y = F.conv2d(x, self.weight, None, self.stride, self.padding, 1, self.groups)
        return F.batch_norm(y, self.mean, self.variance, self.gamma, self.bias, self.training, 0.1, EPSILON)


class Linear(nn.Module):
    def __init__(self, source, key, ci, co, bias=True):
        super().__init__()
        self.weight = frozen(source(key + ".weight", (co, ci)))
        self.bias = frozen(source(key + ".bias", (co,))) if bias else None

    def forward(self, x):
        return F.linear(x, self.weight, self.bias)


def clip_shift(x):
    """TSM in one clip [t, c, y, x]: an eighth of the channels from the next frame, an eighth from the previous one."""
    fold = x.shape[1] // 8
    following = F.pad(x[1:, :fold], (0, 0, 0, 0, 0, 0, 0, 1))
    previous = F.pad(x[:-1, fold:2 * fold], (0, 0, 0, 0, 0, 0, 1, 0))
    return torch.cat([following, previous, x[:, 2 * fold:]], 1)


def shift(x, frames):
    if x.shape[0] == frames:
        return clip_shift(x)
    return torch.cat([clip_shift(clip) for clip in x.split(frames)])


def shift_selected(x, selected, frames):
    """Rows `selected` of shift(x), without computing the others."""
    fold, position = x.shape[1] // 8, selected % frames
    has_next, has_previous = (position + 1 < frames), (position > 0)
    following = x[:, :fold].index_select(0, selected + has_next) * has_next.view(-1, 1, 1, 1)
    previous = x[:, fold:2 * fold].index_select(0, selected - has_previous.long()) * has_previous.view(-1, 1, 1, 1)
    return torch.cat([following, previous, x[:, 2 * fold:].index_select(0, selected)], 1)


class Navigation(nn.Module):
    """The mask of a focal block: a frame is selected where logit 1 - logit 0 exceeds its threshold.

    Thresholds of zero leave the decision to the network; minus or plus 1e30 force it, while everything that leads to
    the decision is still computed.
    """

    def __init__(self, source, key, channels, frames):
        super().__init__()
        self.frames = frames
        self.pool = ConvNorm(source, key + ".conv_pool", key + ".bn", channels, 2)
        weight = source(key + ".conv_gs.weight", (2 * frames, 2, 1, 1)).reshape(frames, 2, 2)
        bias = source(key + ".conv_gs.bias", (2 * frames,)).reshape(frames, 2)
        self.weight, self.bias = frozen(weight[:, 1] - weight[:, 0]), frozen(bias[:, 1] - bias[:, 0])

    def forward(self, x, threshold):
        z = F.relu(self.pool(x.mean((2, 3), keepdim=True))).view(-1, self.frames, 2)
        margin = (z * self.weight).sum(2) + self.bias
        return margin.view(-1) > threshold


class FocalBlock(nn.Module):
    """A residual block whose residual branch is for selected frames: shortcut + branch(mask * shift(x)).

    `gather` computes the branch of selected frames only; the others get its constant response to zeroes.
    """

    def __init__(self, branch, projection, last_relu, shifted, frames, gather):
        super().__init__()
        self.branch, self.projection = branch, projection
        self.last_relu, self.shifted, self.frames, self.gather = last_relu, shifted, frames, gather
        self.response = None

    def forward(self, x, mask):
        shortcut = x if self.projection is None else self.projection(x)
        y = self.listed(x, shortcut, mask) if self.gather else shortcut + self.masked(x, mask)
        return F.relu(y) if self.last_relu else y

    def masked(self, x, mask):
        u = shift(x, self.frames) if self.shifted else x
        return self.branch(u * mask.to(x.dtype).view(-1, 1, 1, 1))

    def listed(self, x, shortcut, mask):
        if self.response is None:
            self.response = self.branch(torch.zeros_like(x[:1])).clone()
        selected = mask.nonzero().view(-1)
        u = shift_selected(x, selected, self.frames) if self.shifted else x.index_select(0, selected)
        y = shortcut + self.response
        return y.index_copy_(0, selected, shortcut.index_select(0, selected) + self.branch(u))


def fuse(ample, focal, attention):
    """theta * a + (1 - theta) * f, with a at f's resolution."""
    ample = F.interpolate(ample, size=focal.shape[-2:], mode="nearest")
    theta = attention((ample + focal).mean((2, 3))).view(focal.shape[0], -1, 1, 1)
    return theta * ample + (1 - theta) * focal


class Attention(nn.Module):
    """theta of a fusion."""

    def __init__(self, source, key, channels, hidden, bias):
        super().__init__()
        self.first = Linear(source, key + ".fc.0", channels, hidden, bias)
        self.second = Linear(source, key + ".fc.2", hidden, channels, bias)

    def forward(self, pooled):
        return torch.sigmoid(self.second(F.relu(self.first(pooled))))


def run_stages(stages, adaptive, x, thresholds):
    """Each stage in turn; those of the class `adaptive` take the thresholds of their own blocks."""
    block = 0
    for stage in stages:
        if isinstance(stage, adaptive):
            count = len(stage.navigation)
            x = stage(x, thresholds[block:block + count])
            block += count
        else:
            x = stage(x)
    return x


def consensus(logits, frames):
    """Scores per frame, and their mean over each clip."""
    return logits, logits.view(-1, frames, logits.shape[1]).mean(1)
