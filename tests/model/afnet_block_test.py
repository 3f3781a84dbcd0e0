"""Tests of model/interface/afnet_block.py with the standard library alone: AFNET_LIBRARY is the built library."""
import array
import os
import subprocess
import sys
import unittest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
FOLDER = os.path.join(ROOT, "model", "interface")
sys.path.insert(0, FOLDER)

import afnet_block  # noqa: E402

MODEL, BLOCK = "key_stripe", "layer2.refine_module.0"


def floats(values):
    numbers = array.array("f", values)
    return numbers, numbers.buffer_info()[0]


class Opened(unittest.TestCase):
    def run_block(self, block, value, mask, shape=(3, 2, 4, 1)):
        pixels = shape[0] * shape[1] * shape[2] * shape[3]
        numbers, given = floats([value] * (pixels * block.in_channels))
        output, left = floats([float("nan")] * (pixels * block.out_channels))
        block.run(*shape, given, mask, left)
        self.assertTrue(all(n == value for n in numbers))
        self.assertTrue(all(n == n for n in output))
        return list(output)

    def test_frames_that_are_not_computed_get_what_zeroes_give(self):
        block = afnet_block.Block(MODEL, BLOCK)
        self.assertEqual((block.in_channels, block.out_channels), (64, 128))
        zeroes = self.run_block(block, 0, None)
        self.assertTrue(any(n != 0 for n in zeroes))
        self.assertEqual(self.run_block(block, 0, bytes(4)), zeroes)
        ones = self.run_block(block, 1, b"\1\1\1\1")
        self.assertEqual(self.run_block(block, 1, None), ones)
        some, none = self.run_block(block, 1, b"\0\1\0\0"), self.run_block(block, 1, bytes(4))
        frame = len(ones) // 4
        self.assertNotEqual(ones, none)
        self.assertEqual(some, none[:frame] + ones[frame:2 * frame] + none[2 * frame:])
        block.close()
        block.close()

    def test_the_caller_s_words_decide_what_those_frames_get(self):
        masked, skipped = (afnet_block.Block(MODEL, BLOCK, unselected=word) for word in ("masked", "skipped"))
        self.assertNotEqual(self.run_block(masked, 1, bytes(4)), self.run_block(skipped, 1, bytes(4)))
        self.assertEqual(self.run_block(masked, 1, None), self.run_block(skipped, 1, None))

    def test_threads_change_nothing(self):
        block = afnet_block.Block(MODEL, BLOCK)
        afnet_block.set_threads(1)
        alone = self.run_block(block, 2, b"\1\0\1\0", (5, 7, 2, 2))
        afnet_block.set_threads(3)
        self.assertEqual(self.run_block(block, 2, b"\1\0\1\0", (5, 7, 2, 2)), alone)
        afnet_block.set_threads(0)


class Refused(unittest.TestCase):
    def refusal(self, function, *arguments, **named):
        with self.assertRaises(RuntimeError) as raised:
            function(*arguments, **named)
        return str(raised.exception)

    def test_choices(self):
        words = self.refusal(afnet_block.Block, MODEL, "layer2.base_module.0")
        self.assertIn("no focal block 'layer2.base_module.0'; it has layer1.refine_module.0", words)
        missing = "/nowhere.safetensors"
        self.assertIn(missing + ": no such file", self.refusal(afnet_block.Block, missing, BLOCK))
        self.assertIn("unknown model", self.refusal(afnet_block.Block, "af_tini", BLOCK))
        self.assertIn("/nowhere: no kernel library", self.refusal(afnet_block.Block, MODEL, BLOCK, kernels="/nowhere"))
        self.assertIn("masked", self.refusal(afnet_block.Block, MODEL, BLOCK, unselected="never"))
        self.assertIn("device", self.refusal(afnet_block.Block, MODEL, BLOCK, device="abacus"))

    def test_runs(self):
        block = afnet_block.Block(MODEL, BLOCK)
        memory, address = floats([0] * 512)
        self.assertIn("width of 0", self.refusal(block.run, 0, 1, 1, 1, address, None, address + 1024))
        self.assertIn("overlaps", self.refusal(block.run, 1, 1, 1, 1, address, None, address + 4))
        self.assertIn("input is NULL", self.refusal(block.run, 1, 1, 1, 1, None, None, address))
        self.assertIn("2 frames are selected or not", self.refusal(block.run, 1, 1, 1, 1, address, b"\0\0", address))
        self.assertIn("CPU", self.refusal(block.run_on_stream, 1, 1, 1, 1, address, None, address + 1024, None))
        block.close()
        self.assertIn("the block is NULL", self.refusal(block.run, 1, 1, 1, 1, address, None, address + 1024))
        self.assertEqual(memory[0], 0)

    def test_a_library_that_is_not_there(self):
        environment = dict(os.environ, AFNET_LIBRARY="/nowhere.so", PYTHONPATH=FOLDER)
        code = "import afnet_block\ntry:\n afnet_block.Block('key_stripe', 'b')\nexcept RuntimeError as e: print(e)"
        said = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
        self.assertIn("/nowhere.so", said.stdout)
        self.assertIn("AFNET_LIBRARY can name libafnet_focal_block.so", said.stdout)

    def test_nothing_is_printed(self):
        code = ("import afnet_block\ntry:\n afnet_block.Block('key_stripe', 'b')\nexcept RuntimeError: pass\n"
                f"afnet_block.Block('{MODEL}', '{BLOCK}').close()")
        said = subprocess.run([sys.executable, "-c", code], env=dict(os.environ, PYTHONPATH=FOLDER),
                              capture_output=True, text=True, check=True)
        self.assertEqual(said.stdout + said.stderr, "")


if __name__ == "__main__":
    unittest.main()
