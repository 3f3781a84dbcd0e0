// afnet import: PyTorch checkpoints to weights files.
#include <cstdio>
#include <memory>

#include "model/checkpoint_import.h"
#include "model/command_line.h"
#include "model/lowering.h"
#include "model/macs.h"
#include "model/weights_file.h"
#include "runtime/command.h"
#include "runtime/json.h"
#include "runtime/json_text.h"

namespace afnet {

namespace {

struct Options {
    std::string checkpoint, output, labels;
    int frames = 0, size = 0, grid = 0;
    bool shift = false, no_shift = false;
    ImportOptions request;
};

void print_text(const Options &options, const ImportedModel &model, int64_t parameters) {
    const ModelDescription &d = model.description;
    std::printf("%s: imported from %s\n", options.output.c_str(), options.checkpoint.c_str());
    std::printf("  model       %s: %s\n", d.name.c_str(), structure_text(d).c_str());
    std::printf("  frames      %d\n", d.frames);
    const std::string ablations = ablation_text(d);
    if (!ablations.empty()) std::printf("  variant     %s\n", ablations.c_str());
    std::printf("  classes     %d%s\n", d.classes, options.request.labels.empty() ? "" : ", with names");
    std::printf("  size        %d\n", d.size);
    std::printf("  shift       %s (%s)\n", d.shift ? "yes" : "no", model.shift_reason.c_str());
    std::printf("  parameters  %lld\n", (long long)parameters);
}

void print_json(const Options &options, const ImportedModel &model, int64_t parameters) {
    const nlohmann::json line = {{"path", options.output},
                                 {"checkpoint", options.checkpoint},
                                 {"model", nlohmann::json::parse(description_text(model.description))},
                                 {"structure", structure_text(model.description)},
                                 {"shift_reason", model.shift_reason},
                                 {"shift_guessed", model.shift_guessed},
                                 {"labels", !options.request.labels.empty()},
                                 {"parameters", parameters}};
    std::printf("%s\n", json_text(line).c_str());
}

int run_import(Options &options, const CommandContext &context) {
    if (options.shift || options.no_shift) options.request.shift = options.shift;
    if (options.frames > 0) options.request.frames = options.frames;
    if (options.size > 0) options.request.size = options.size;
    if (options.grid > 0) options.request.grid = options.grid;
    if (!options.labels.empty()) options.request.labels = read_labels(options.labels);
    const ImportedModel model = import_checkpoint(options.checkpoint, options.request);
    if (model.shift_guessed && !context.quiet) {
        std::fprintf(stderr, "afnet: shift (TSM) is %s: %s; --shift or --no-shift settles it\n",
                     model.description.shift ? "on" : "off", model.shift_reason.c_str());
    }
    save_model(options.output, model.description, model.parameters, options.request.labels);
    RunShape shape;
    shape.frames = model.description.frames;
    const int64_t parameters = learnable_parameters(lower(model.description, shape).parameters);
    (context.json ? print_json : print_text)(options, model, parameters);
    return 0;
}

const RegisterCommand registered{
    {"import", "Make a weights file from a PyTorch checkpoint", [](CommandLine &app, CommandContext &context) {
         auto o = std::make_shared<Options>();
         app.add_option("checkpoint", o->checkpoint, "What torch.save wrote, or a safetensors file of a state_dict")
             .required();
         app.add_option("output", o->output, "Weights file to write (safetensors)").required();
         app.add_option("-m,--model", o->request.model, "Shipped model that it must be; says whether it shifts");
         CommandOption shift = app.add_flag("--shift", o->shift, "The network was trained with TSM");
         app.add_flag("--no-shift", o->no_shift, "The network was trained without TSM").excludes(shift);
         app.add_option("--labels", o->labels, "Text file with the names of the classes, one a line");
         app.add_option("--frames", o->frames, "Frames per clip, for networks without a navigation of frames")
             .range(1, 256);
         app.add_option("--size", o->size, "Columns and rows of the crop that it was trained on; default: 224")
             .range(32, 2048);
         app.add_option("--grid", o->grid, "Patches across and down a frame, for masks in space; default: 7")
             .range(1, 64);
         app.add_option("--name", o->request.name, "Name of the model; default: from its structure");
         app.footer("Keys of AF-ResNets look the same with and without TSM. Without --shift, --no-shift and --model, a\n"
                    "ResNet is taken to shift if its file or folder has `tsm` or `shift` in its name.\n"
                    "Example: afnet import ckpt.best.pth.tar af_resnet50.safetensors --shift --labels category.txt");
         return [o, &context] { return run_import(*o, context); };
     }}};

}  // namespace

}  // namespace afnet
