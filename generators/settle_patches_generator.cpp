// Gives pixels what they are owed (generators/owed_responses.h, docs/spatial.md), in place: before a focal block, to
// those parts of patches that it reads; with `all`, to every patch.
//
//   output(c, e, x, y, f) = max(state(c, e, x, y, f) + responses(c, e, 0, j), responses(c, e, 1, j))
//
// where j = owed(patch of (x, y), part of e, f) > 0 and the part is read; others are not touched.
#include "generators/owed_responses.h"
#include "generators/patch_grid.h"
#include "schedules/elementwise_schedule.h"
#include "schedules/gpu.h"
#include "schedules/owed_responses_schedule.h"
#include "schedules/patch_schedule.h"

namespace {

using namespace Halide;

class SettlePatches : public Generator<SettlePatches> {
public:
    GeneratorParam<bool> shift{"shift", false};
    GeneratorParam<bool> all{"all", false};

    Input<Buffer<float, 5>> state{"state"};         // [c / e, e, x, y, f], 8 parts e with `shift`, else 1; the output
    Input<Buffer<int32_t, 4>> owed{"owed"};         // [gx, gy, part, f]
    Input<Buffer<float, 4>> responses{"responses"}; // [c / e, e, (addend, floor), j]
    Output<Buffer<float, 5>> output{"output"};

    void configure() {
        if (all) return;
        patches = add_input<Buffer<>>("patches", Int(32), 3); // [gx, gy, f]
        frames = add_input<Buffer<>>("frames", Int(32), 1);   // [f]
        whole = add_input<Buffer<>>("whole", Int(32), 1);     // [1]
        frames_per_clip = add_input<int32_t>("frames_per_clip");
    }

    void generate() {
        Expr entry = afnet::generators::owed_entry(owed(px, py, part, f), responses);
        if (!all) {
            const auto block = afnet::generators::patch_decision(*patches, *frames, *whole, *frames_per_clip);
            entry = select(block.read(px, py, part, f, shift), entry, 0);
        }
        due(px, py, part, f) = entry;

        const Expr width = output.dim(2).extent(), height = output.dim(3).extent();
        const Expr across = owed.dim(0).extent(), down = owed.dim(1).extent();
        row(y) = afnet::generators::patch_of(y, height, down);
        output(c, e, x, y, f) = undef<float>();
        for (int k = 0; k < afnet::generators::owed_parts(shift); k++) {
            // Pixels of a row patch by patch: what a patch is owed is looked up once.
            const Expr eighths = k < 2 ? Expr(1) : output.dim(1).extent() - 2;
            RDom r({{k, eighths},
                    {0, afnet::generators::most_pixels(width, across)},
                    {0, across},
                    {0, height},
                    {0, output.dim(4).extent()}},
                   "r" + std::to_string(k));
            const Expr j = due(r[2], row(r[3]), k, r[4]);
            const afnet::generators::Run columns = afnet::generators::pixels_of(r[2], width, across);
            const Expr column = columns.begin + r[1];
            r.where(j > 0);
            r.where(column < columns.end);
            const Expr at = clamp(column, 0, width - 1);
            output(c, r[0], at, r[3], r[4]) =
                afnet::generators::with_owed(state(c, r[0], at, r[3], r[4]), responses, c, r[0], j);
            parts.push_back(r);
        }
        constrain();
    }

    void schedule() {
        Func out = output;
        const bool on_gpu = afnet::schedules::for_gpu(get_target());
        if (on_gpu) out.gpu_blocks(f); // undefined: no code, but no access by the host either
        for (size_t k = 0; k < parts.size(); k++) {
            Stage store = out.update(int(k));
            store.allow_race_conditions(); // each pixel once
            const RDom &r = parts[k];
            if (on_gpu) {
                afnet::schedules::schedule_gpu(afnet::schedules::PatchPixels{store, c, r});
                continue;
            }
            schedule_cpu(afnet::schedules::ElementwiseLoops{store, c, {r[0], r[1], r[2]}, {r[3], r[4]}}, target);
        }
        if (!on_gpu) afnet::schedules::schedule_patch_tables({due, row});
    }

private:
    void constrain() {
        afnet::generators::frames_from_zero(owed);
        afnet::generators::frames_from_zero(state);
        afnet::generators::frames_from_zero(output);
        afnet::generators::frames_from_zero(responses);
        if (!shift) output.dim(1).set_extent(1);
    }

    Var c{"c"}, e{"e"}, x{"x"}, y{"y"}, f{"f"}, px{"px"}, py{"py"}, part{"part"};
    Func due{"due"}, row{"row"};
    std::vector<RDom> parts;
    Input<Buffer<>> *patches = nullptr, *frames = nullptr, *whole = nullptr; // read without `all`
    Input<int32_t> *frames_per_clip = nullptr;
};

} // namespace

HALIDE_REGISTER_GENERATOR(SettlePatches, settle_patches)
