// How training varies what a frame shows: the authors' multi-scale crop, and the flip (AFNET_SPEC §6).
#pragma once

#include <utility>
#include <vector>

#include "model/preprocess.h"
#include "runtime/counter_random.h"

namespace afnet {

struct AugmentationRule {
    bool multi_scale = false; // else the crop of evaluation
    bool flip = false;        // half of the clips; where classes have a direction, labels change with it:
    std::vector<int> mirrored; // by class, that of its mirrored clips, -1: it is not flipped; empty: labels stay
};

/// Width and height of each crop that may be drawn, ten of them, each as likely as the others: with four sizes, 1,
/// .875, .75 and .66 of the resized frame's shorter side, all pairs of equal or neighbouring sizes. A size that differs
/// from the network's by less than 3 pixels is taken to be that, which saves a resize.
std::vector<std::pair<int, int>> crop_sizes(const EvaluationCrop &frame);

/// Left and top of each place, thirteen of them: corners, centre, middles of the edges, and the four points between
/// corners and centre. Some are the same where little room is left, and then as much likelier.
std::vector<std::pair<int, int>> crop_places(const EvaluationCrop &frame, int width, int height);

/// One crop, for all frames of a clip. Takes the words for the crop first, so that a flip more or less changes no crop.
CropBox draw_crop(const EvaluationCrop &frame, const AugmentationRule &rule, CounterRandom &random);

} // namespace afnet
