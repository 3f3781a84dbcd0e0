// Segment consensus against its definition: means over the frames of each clip, and their softmax.
#include <catch2/catch.hpp>
#include <cmath>

#include "tests/generators/layer.h"
#include "tests/kernel_call.h"
#include "tests/kernel_cases.h"
#include "tests/kernel_targets.h"

using namespace afnet;

namespace {

void check(int classes, int clip_frames, int clips, double scale) {
    Tensor4 logits = random_frames(classes, 1, 1, clip_frames * clips, "logits");
    for (double &v : logits.data) v = float(scale * v);
    const Tensor4 mean = reference::clip_mean(logits, clip_frames), scores = reference::softmax(mean);
    Tensor4 size = mean;
    for (double &m : size.data) m = scale;
    // An error of the exponent is a relative error of the score.
    Tensor4 score_size = scores;
    for (double &m : score_size.data) m = (m + 1e-30) * 4 * (1 + scale);
    for (const Target &target : called_targets(Dtype::F32)) {
        INFO(classes << " classes, " << clips << " clips of " << clip_frames << " on " << target.name);
        FloatBuffer clip_logits(classes, clips), probabilities(classes, clips);
        KernelCall(test_kernel_store(target).kernel(KernelSpec("consensus"), kTestLibrary))
            .bind("logits", vectors(logits))
            .bind("clip_logits", clip_logits)
            .bind("probabilities", probabilities)
            .run();
        CHECK(rounding_error(values_of(clip_logits), mean, size, 2 * clip_frames) <= 1);
        CHECK(rounding_error(values_of(probabilities), scores, score_size, clip_frames + classes) <= 1);
    }
}

}  // namespace

TEST_CASE("a clip's scores are the softmax of its frames' mean logits", "[consensus][gpu]") {
    for (int classes : {1, 2, 5, 17, 174}) {
        for (int clip_frames : {1, 3, 12}) {
            for (int clips : {1, 4}) check(classes, clip_frames, clips, 5);
        }
    }
}

TEST_CASE("scores of large logits stay finite", "[consensus][gpu]") {
    for (double scale : {90.0, 1e4}) check(33, 2, 2, scale);
}
