// Which clips training mirrors, and what class a mirrored clip shows (AFNET_SPEC §6).
#pragma once

#include <string>
#include <vector>

namespace afnet {

enum class FlipPolicy {
    None,
    Random,     // half of the clips; their labels stay
    SwapLabels, // half of the clips; labels whose names say a direction are exchanged
    Auto,       // the authors' choice: Random where clips are cropped at random too, unless the data has directions
};

/// `none`, `random`, `swap-labels`, `auto`, in the order above.
const std::vector<std::string> &flip_policy_names();
/// Throws UsageError, which lists the words, for another one.
FlipPolicy flip_policy_named(const std::string &name);
std::string flip_policy_name(FlipPolicy policy);

/// Whether a mirrored clip of a class of these names may be one of another class: a name has one of the words `left`,
/// `right`, `leftwards`, `rightwards`, `clockwise`, `counterclockwise`, in any case.
bool says_direction(const std::vector<std::string> &classes);

/// What Auto stands for. The authors flip no list of which the path says `something` or `jester`; nor does this where
/// names of classes say a direction.
FlipPolicy automatic_flip(bool multi_scale, const std::string &list_path, const std::vector<std::string> &classes);

/// By class, the one that its mirrored clips show: that with left and right (and so on) exchanged in its name; itself
/// where the name says no direction; -1 where it does and no other class has the exchanged name.
std::vector<int> mirrored_classes(const std::vector<std::string> &classes);

} // namespace afnet
