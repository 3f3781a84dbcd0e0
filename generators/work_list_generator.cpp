// Temporal mask to work list: a stable partition of the frames, selected ones first, and the frames that each of them
// reads (TSM, AFNET_SPEC §2.9). Beyond a clip's ends stands the zero frame, index F.
//
//   count      = sum_f [mask(f) != 0]
//   p(f)       = position of f in the partition
//   sources(., p(f)) = f, f + 1 (F at the clip's last frame), f - 1 (F at its first)
#include "generators/dtype.h"
#include "generators/layout.h"
#include "schedules/work_list_schedule.h"

namespace {

using namespace Halide;

class WorkList : public Generator<WorkList> {
public:
    GeneratorParam<bool> mask_of_numbers{"mask_of_numbers", false}; // of type `dtype`, as in training; else integers
    GeneratorParam<afnet::generators::Dtype> dtype{"dtype", afnet::generators::Dtype::F32,
                                                   afnet::generators::dtype_names()};

    Input<Buffer<void, 1>> mask{"mask"};                // [f]
    Input<int32_t> frames_per_clip{"frames_per_clip"};  // T
    Output<Buffer<int32_t, 2>> sources{"sources"};   // [self next previous, f]
    Output<Buffer<int32_t, 1>> count{"count"};       // [1]

    void configure() { mask.set_type(mask_of_numbers ? element_type(dtype) : Int(32)); }

    void generate() {
        const Expr frames = mask.dim(0).extent();
        const Expr zero = Internal::make_const(mask.type(), 0);
        RDom r(0, frames, "r");
        const Expr selected = mask(r) != zero;
        rank(f) = 0;  // selected frames before f
        if (on_gpu()) {
            // No scan: every frame counts by itself.
            RDom other(0, frames, "other");
            const Expr one = select(mask(other) != zero, 1, 0);
            rank(f) += select(other < f, one, 0);
            total() = 0;
            total() += one;
        } else {
            rank(r + 1) = rank(r) + select(selected, 1, 0);
        }
        const Expr all = on_gpu() ? total() : rank(frames);
        const Expr position = select(selected, rank(r), all + r - rank(r));
        const Expr t = r % frames_per_clip;
        const Expr next = select(t == frames_per_clip - 1, frames, r + 1);
        const Expr previous = select(t == 0, frames, r - 1);
        sources(kind, f) = on_gpu() ? undef<int32_t>() : Expr(0);
        sources(kind, clamp(position, 0, frames - 1)) =
            select(kind == 0, Expr(r.x), kind == 1, next, previous);
        count(f) = all;
        listed = r;
        afnet::generators::work_list(sources);
        mask.dim(0).set_min(0);
        count.dim(0).set_bounds(0, 1);
    }

    void schedule() {
        if (on_gpu()) {
            Func(sources).update().allow_race_conditions(); // positions are a permutation
            afnet::schedules::schedule_gpu({rank, total, sources, count, listed.x, kind});
        } else {
            schedule_cpu(afnet::schedules::WorkListStages{rank}, target);
        }
    }

private:
    bool on_gpu() const { return get_target().has_gpu_feature(); }

    Var kind{"kind"}, f{"f"};
    Func rank{"rank"}, total{"total"};
    RDom listed;
};

}  // namespace

HALIDE_REGISTER_GENERATOR(WorkList, work_list)
