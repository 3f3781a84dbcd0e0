"""Tests of model/interface/afnet_torch.py: the operator against PyTorch's own convolutions in double, with the weights
that ship. Runs itself with the Python that AFNET_TORCH_PYTHON names, else with that of build/peers (AFNET_PEERS); where
neither has PyTorch it exits with 77, which CTest takes for skipped.
"""
import itertools
import json
import os
import struct
import subprocess
import sys
import unittest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "model", "interface"))


def torch_python():
    named = os.environ.get("AFNET_TORCH_PYTHON")
    if named:
        return named
    peers = os.path.join(os.environ.get("AFNET_PEERS", os.path.join(ROOT, "build", "peers")), "bin", "python")
    return peers if os.path.exists(peers) else sys.executable


try:
    import torch
    import afnet_torch
except ModuleNotFoundError as missing:
    python = torch_python()
    if "AFNET_TORCH_TEST" in os.environ or python == sys.executable:
        print(f"skipped: {missing}; AFNET_TORCH_PYTHON can name a Python with PyTorch, and scripts/bench-peers "
              "installs one")
        sys.exit(77)
    sys.exit(subprocess.run([python, *sys.argv], env=dict(os.environ, AFNET_TORCH_TEST="1")).returncode)

import torch.nn.functional as F  # noqa: E402

MODELS = ("key_stripe", "motion_pairs")  # the second with TSM
BLOCKS = [f"layer{layer}.refine_module.{i}" for layer in (1, 2, 3) for i in (0, 1)]
TOLERANCE = 2e-5  # of the largest magnitude, as tests/golden/README.md has it
SHAPES = ((1, 1, 1), (1, 9, 4), (3, 5, 7), (8, 12, 12), (2, 1, 31))  # frames, height, width


def weights_of(model):
    """Tensors in double, and the description."""
    with open(os.path.join(ROOT, "model", "trained", model + ".safetensors"), "rb") as file:
        header = json.loads(file.read(struct.unpack("<Q", file.read(8))[0]))
        data = file.read()
    description = json.loads(header.pop("__metadata__")["afnet.model"])
    tensors = {}
    for name, entry in header.items():
        if entry["dtype"] != "F32":
            continue
        begin, end = entry["data_offsets"]
        flat = torch.frombuffer(bytearray(data[begin:end]), dtype=torch.float32)
        tensors[name] = flat.reshape(entry["shape"]).double()
    return tensors, description


class Definition:
    """A focal block by PyTorch's layers."""

    def __init__(self, model, block):
        self.weights, self.description = weights_of(model)
        self.block = block
        self.last = int(block[-1]) == self.description["depths"][int(block[5]) - 1] - 2

    def layer(self, conv, norm, x, **options):
        w, key = self.weights, self.block + "."
        y = F.conv2d(x, w[key + conv + ".weight"], **options)
        parts = (".running_mean", ".running_var", ".weight", ".bias")
        return F.batch_norm(y, *(w[key + norm + part] for part in parts))

    def branch(self, x):
        y = self.layer("conv1", "bn1", x, groups=2).relu()
        y = self.layer("conv2", "bn2", y, groups=2, padding=1).relu()
        return self.layer("conv3", "bn3", y, groups=2)

    def shifted(self, x, clip):
        """The first eighth of channels from the next frame, the second from the previous one; zeroes beyond a clip."""
        if not self.description["shift"]:
            return x
        clips = x.reshape(-1, clip, *x.shape[1:])
        moved, fold = clips.clone(), x.shape[1] // 8
        moved[:, :, :2 * fold] = 0
        moved[:, :-1, :fold] = clips[:, 1:, :fold]
        moved[:, 1:, fold:2 * fold] = clips[:, :-1, fold:2 * fold]
        return moved.reshape(x.shape)

    def __call__(self, x, mask, clip, unselected):
        x, mask = x.double(), mask.ne(0).double().reshape(-1, 1, 1, 1)
        shortcut = x
        if self.block + ".downsample.0.weight" in self.weights:
            shortcut = self.layer("downsample.0", "downsample.1", x)
        branch = self.branch(self.shifted(x, clip) * (mask if unselected == "masked" else 1))
        if unselected == "skipped":
            branch = branch * mask
        y = shortcut + branch
        return y if self.last else y.relu()


def masks_of(frames):
    some = torch.zeros(frames)
    some[::3] = 1
    return torch.zeros(frames), torch.ones(frames), some


class Numbers(unittest.TestCase):
    def check(self, actual, expected):
        self.assertEqual(actual.shape, expected.shape)
        self.assertTrue(torch.isfinite(actual).all())
        difference = (actual.double() - expected).abs().max() / expected.abs().max()
        self.assertLessEqual(difference.item(), TOLERANCE)

    def test_every_block_on_every_shape_and_mask(self):
        torch.manual_seed(1)
        for model, block in itertools.product(MODELS, BLOCKS):
            definition = Definition(model, block)
            for unselected in ("masked", "skipped"):
                module = afnet_torch.FocalBlock(model, block, unselected)
                for frames, height, width in SHAPES:
                    x = torch.randn(frames, module.in_channels, height, width)
                    for mask in masks_of(frames):
                        with self.subTest(model=model, block=block, unselected=unselected, shape=x.shape, mask=mask):
                            self.check(module(x, mask), definition(x, mask, frames, unselected))

    def test_clips_do_not_see_each_other(self):
        definition = Definition("motion_pairs", BLOCKS[1])
        module = afnet_torch.FocalBlock("motion_pairs", BLOCKS[1], "masked")
        x, mask = torch.randn(6, module.in_channels, 4, 5), torch.tensor([1, 0, 1, 1, 1, 0])
        self.check(module(x, mask, frames=3), definition(x, mask, 3, "masked"))
        self.assertFalse(torch.equal(module(x, mask, frames=3), module(x, mask)))

    def test_layouts_of_memory_change_no_bit(self):
        module = afnet_torch.FocalBlock("key_stripe", BLOCKS[3])
        x = torch.randn(4, module.in_channels, 6, 5)
        expected = module(x)
        self.assertTrue(expected.is_contiguous(memory_format=torch.channels_last))
        self.assertTrue(torch.equal(module(x, torch.tensor([True] * 4)), expected))
        self.assertTrue(torch.equal(module(x.to(memory_format=torch.channels_last)), expected))
        self.assertTrue(torch.equal(module(torch.cat((x, x), 2)[:, :, 6:]), expected))
        odd = torch.empty(x.numel() + 1)[1:].view(4, 6, 5, module.in_channels).permute(0, 3, 1, 2)
        odd.copy_(x)
        self.assertTrue(odd.is_contiguous(memory_format=torch.channels_last))
        self.assertTrue(torch.equal(module(odd), expected))
        self.assertTrue(torch.equal(odd, x))

    def test_no_frames(self):
        module = afnet_torch.FocalBlock("key_stripe", BLOCKS[0])
        y = module(torch.empty(0, module.in_channels, 4, 4), torch.empty(0))
        self.assertEqual(list(y.shape), [0, module.out_channels, 4, 4])

    def test_a_network_around_it_is_traced_and_compiled(self):
        module = afnet_torch.FocalBlock("key_stripe", BLOCKS[0])
        x, mask = torch.randn(3, module.in_channels, 5, 5), torch.tensor([1, 0, 1])
        torch.library.opcheck(afnet_torch.focal_block, (x, mask, "key_stripe", BLOCKS[0]),
                              test_utils=("test_schema", "test_faketensor"))
        network = torch.nn.Sequential(module, torch.nn.ReLU())
        with torch.inference_mode():
            compiled = torch.compile(network, backend="aot_eager", fullgraph=True)
            self.assertTrue(torch.equal(compiled(x), network(x)))


class Refused(unittest.TestCase):
    def refused(self, pattern, *arguments, **named):
        module = afnet_torch.FocalBlock("motion_pairs", BLOCKS[1])
        with self.assertRaisesRegex(RuntimeError, pattern):
            module(*arguments, **named)

    def test_gradients(self):
        x = torch.zeros(1, 64, 2, 2, requires_grad=True)
        self.refused("afnet::focal_block has no gradient", x)
        with torch.no_grad():
            afnet_torch.FocalBlock("motion_pairs", BLOCKS[1])(x)

    def test_inputs(self):
        x = torch.zeros(4, 64, 2, 2)
        self.refused("torch.float64; torch.float32 expected", x.double())
        self.refused("64, height, width\\] expected", x[:, :32])
        self.refused("64, height, width\\] expected", x[0])
        self.refused("4 frames are no clips of 3", x, frames=3)
        self.refused("4 frames are no clips of -2", x, frames=-2)
        self.refused("a mask of \\[3\\]; \\[4\\] expected", x, torch.ones(3))
        self.refused("64, height, width\\] expected", x[:, :, :, :0])
        self.refused("width of 4097", torch.zeros(1, 64, 1, 4097))
        self.refused("frames of 300", torch.zeros(300, 64, 1, 1))

    def test_blocks(self):
        for arguments, words in ((("key_stripe", "layer1"), "no focal block 'layer1'"),
                                 (("/no.safetensors", "b"), "no such file"),
                                 (("key_stripe", BLOCKS[0], "x"), "masked")):
            with self.assertRaisesRegex(RuntimeError, words):
                afnet_torch.FocalBlock(*arguments)


if __name__ == "__main__":
    unittest.main()
