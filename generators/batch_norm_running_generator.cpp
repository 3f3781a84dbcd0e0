// The statistics that evaluation uses, moved towards a batch's; in place or not.
//
//   running_mean_next(c)     = (1 - momentum) running_mean(c)     + momentum mean(c)
//   running_variance_next(c) = (1 - momentum) running_variance(c) + momentum variance(c) count / (count - 1)
//
// With `listed`, count is times the number of frames in a work list.
#include "generators/dtype.h"
#include "generators/layout.h"
#include "schedules/elementwise_schedule.h"

namespace {

using namespace Halide;
using afnet::generators::Dtype;

class BatchNormRunning : public Generator<BatchNormRunning> {
public:
    GeneratorParam<bool> listed{"listed", false};
    GeneratorParam<Dtype> dtype{"dtype", Dtype::F32, afnet::generators::dtype_names()};

    Input<Buffer<void, 1>> mean{"mean"};                                    // [c], of the batch
    Input<Buffer<void, 1>> variance{"variance"};                            // [c], of the batch, biased
    Input<Buffer<void, 1>> running_mean{"running_mean"};                    // [c]; may be the output
    Input<Buffer<void, 1>> running_variance{"running_variance"};            // [c]; may be the output
    Input<double> momentum{"momentum"};                                     // what the batch weighs
    Input<int32_t> count{"count"};                                          // values per channel (and listed frame)
    Input<Buffer<>> *sources = nullptr;                                     // int32 [3, s]; none without `listed`
    Output<Buffer<void, 1>> running_mean_next{"running_mean_next"};         // [c]
    Output<Buffer<void, 1>> running_variance_next{"running_variance_next"}; // [c]

    void configure() {
        for (auto *buffer : {&mean, &variance, &running_mean, &running_variance})
            buffer->set_type(element_type(dtype));
        running_mean_next.set_type(element_type(dtype));
        running_variance_next.set_type(element_type(dtype));
        if (listed) sources = add_input<Buffer<>>("sources", Int(32), 2);
    }

    void generate() {
        const auto moved = [&](const Expr &from, const Expr &to) {
            return cast(element_type(dtype), (1 - momentum) * cast<double>(from) + momentum * to);
        };
        // One value has no variance to speak of: 0 stays 0.
        Expr values = count;
        if (listed) values = values * sources->dim(1).extent();
        const Expr unbiased = cast<double>(values) / cast<double>(max(values - 1, 1));
        running_mean_next(c) = moved(running_mean(c), cast<double>(mean(c)));
        running_variance_next(c) = moved(running_variance(c), cast<double>(variance(c)) * unbiased);
        for (auto *buffer : {&mean, &variance, &running_mean, &running_variance})
            buffer->dim(0).set_min(0);
        if (listed) afnet::generators::work_list(*sources);
        running_mean_next.dim(0).set_min(0);
        running_variance_next.dim(0).set_min(0);
    }

    void schedule() {
        for (Func output : {Func(running_mean_next), Func(running_variance_next)})
            schedule_cpu(afnet::schedules::ElementwiseLoops{output, c, {}, {}}, target);
    }

private:
    Var c{"c"};
};

} // namespace

HALIDE_REGISTER_GENERATOR(BatchNormRunning, batch_norm_running)
