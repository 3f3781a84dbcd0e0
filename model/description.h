// Networks as data: families of architectures with widths and depths, and the shipped members.
#pragma once

#include <string>
#include <vector>

namespace afnet {

enum class Family {
    ResNet,        // torchvision's ResNet: the static baseline
    AfResNet,      // AFNET_SPEC §2; of basic blocks §11
    AfMobileNetV3  // AFNET_SPEC §4
};

/// An inverted residual block of MobileNetV3: in -> hidden -> out.
struct InvertedResidual {
    int kernel = 3, in = 16, hidden = 16, out = 16, stride = 1;
    int squeeze = 0;         // width of the squeeze-and-excitation bottleneck; 0: none
    std::string activation;  // `relu` or `hswish`
};

/// A stage of AF-MobileNetV3. A plain one is its blocks; an adaptive one has an ample and a focal branch of these
/// blocks, one navigation module per block, dynamic fusion and a fusion block.
struct MobileStage {
    std::string name;  // `head`, `stage1`, …: keys are `features_<name>.<i>` and variations
    bool adaptive = false;
    std::vector<InvertedResidual> blocks;
    InvertedResidual fuse;     // adaptive only
    int attention_hidden = 0;  // adaptive only: width between the two linears of the fusion weights
};

/// Which part of a frame the network sees.
enum class Crop {
    Evaluation, // the authors': resized to 4:3 and a little larger than the network's square, then the centre
    Whole       // the frame resized to the square, nothing cut off: data sets whose frames are drawn to their edges
};

/// What a ResNet is made of.
enum class Block {
    Bottleneck, // 1x1, 3x3, 1x1; four times as many channels at its end as between
    Basic       // two 3x3: ResNet-18 and ResNet-34
};

/// How an adaptive network is built: AFNet, or one of its ablations (AFNET_SPEC §11; docs/training.md).
enum class FrameChoice {
    Hard, // the navigation selects frames, and focal blocks compute those
    Soft  // its probabilities weigh frames, and focal blocks compute all of them
};
enum class Fusion {
    Dynamic, // theta a + (1 - theta) f, with weights theta for each frame and channel
    Addition // a + f
};
enum class Branches {
    Both,
    Focal // no ample branch and no fusion; each navigation reads what its focal block reads
};
enum class MaskKind { // what a focal block's masks say (docs/spatial.md)
    Temporal,          // which frames it computes
    Spatial,           // which patches of every frame
    Both               // which patches of the frames that its temporal mask selects
};
enum class TemporalMasks { // whose they are
    PerBlock,              // each focal block's, by a navigation of its own
    Shared                 // all blocks': the navigation of the network's first focal block makes the only one
};

/// Everything that fixes a network but its weights.
struct ModelDescription {
    std::string name;
    Family family = Family::AfResNet;
    bool shift = false;  // TSM
    int frames = 12;     // T that the weights are for; only adaptive networks depend on it
    int classes = 174;
    int size = 224;  // pixels of the square crop it was trained on
    Crop crop = Crop::Evaluation;
    FrameChoice frame_choice = FrameChoice::Hard; // adaptive networks; the same for those down to `grid`
    Fusion fusion = Fusion::Dynamic;
    Branches branches = Branches::Both;
    MaskKind masks = MaskKind::Temporal;
    TemporalMasks temporal_masks = TemporalMasks::PerBlock;
    int grid = 7;  // patches across and down a frame, where masks are spatial

    // ResNets
    Block block = Block::Bottleneck;
    int width = 64;                         // channels behind the stem
    std::vector<int> depths = {3, 4, 6, 3};  // blocks per stage; an adaptive stage has one fewer, and a fusion block
    int tail_channels = 0;                   // behind the last stage; 0: as ever, twice those of the stage before

    // MobileNetV3
    std::vector<MobileStage> stages;
    int last_channels = 0, head_hidden = 0;

    /// Behind a stage of a ResNet.
    int channels_behind(int stage) const {
        if (stage == 3 && tail_channels > 0) return tail_channels;
        return (block == Block::Basic ? width : 4 * width) << stage;
    }
    bool adaptive() const { return family != Family::ResNet; }
    /// Whether its focal blocks may have masks in space.
    bool patches_possible() const { return family == Family::AfResNet; }
    /// Whether these have all that docs/spatial.md tells of: training, GPUs, whole frames where lists cost more.
    /// Without, they run on CPUs, by lists.
    bool patches_of_bottlenecks() const { return patches_possible() && block == Block::Bottleneck; }
    bool soft() const { return frame_choice == FrameChoice::Soft; }
    bool spatial() const { return masks != MaskKind::Temporal; }
    bool temporal() const { return masks != MaskKind::Spatial; }
    bool shares_temporal_mask() const { return temporal_masks == TemporalMasks::Shared; }
};

/// The shipped models, by name.
const std::vector<ModelDescription> &shipped_models();

/// A shipped model's description. Throws UsageError for an unknown name; the message lists the known ones.
const ModelDescription &shipped_model(const std::string &name);

/// A field of a description that is one of some words, the usual one first. JSON leaves it out where it is the usual one,
/// as files from before there was a choice do.
struct DescriptionChoice {
    const char *field;
    std::vector<std::string> words;
    int (*get)(const ModelDescription &);         // index of the word
    void (*set)(ModelDescription &, int index);
};
const std::vector<DescriptionChoice> &description_choices();

/// Sets a field of these by its word. Throws UsageError, which lists the words, for another one.
void set_choice(ModelDescription &description, const std::string &field, const std::string &word);

/// The words of an adaptive network's structure that are not the usual ones, as `selection soft, fusion addition`, and
/// the grid of spatial masks; empty for AFNet itself.
std::string ablation_text(const ModelDescription &description);

/// JSON form, as weights files carry it. parse throws Error with `where` and the field that is wrong.
std::string description_text(const ModelDescription &description);
/// Throws the same for a description that was put together otherwise.
void check_description(const ModelDescription &description, const std::string &where);
ModelDescription parse_description(const std::string &text, const std::string &where);

}  // namespace afnet
