// Mean and biased variance of every channel over all pixels of all frames.
//
//   mean(c) = 1/n sum_{x,y,f} input(c, x, y, f)        variance(c) = 1/n sum_{x,y,f} (input(c, x, y, f) - mean(c))^2
//
// Each row of pixels has its own mean and sum of squares about it, in two passes over what the cache holds; rows are
// combined in double. So the input is read once from memory, and nothing cancels.
#include "generators/batch_norm.h"
#include "generators/layout.h"
#include "schedules/channel_totals_schedule.h"

namespace {

using namespace Halide;
using afnet::generators::Dtype;
using afnet::generators::number;

class BatchNormStatistics : public Generator<BatchNormStatistics> {
public:
    GeneratorParam<Dtype> dtype{"dtype", Dtype::F32, afnet::generators::dtype_names()};

    Input<Buffer<void, 4>> input{"input"};        // [c, x, y, f]
    Output<Buffer<void, 1>> mean{"mean"};         // [c]
    Output<Buffer<void, 1>> variance{"variance"}; // [c]

    void configure() {
        input.set_type(element_type(dtype));
        mean.set_type(element_type(dtype));
        variance.set_type(element_type(dtype));
    }

    void generate() {
        const Type type = element_type(dtype);
        const Expr width = input.dim(1).extent(), height = input.dim(2).extent(), frames = input.dim(3).extent();
        column = RDom(0, width, "column");
        rows = RDom(0, height, 0, frames, "rows");
        row_sum(c, y, f) = number(type, 0);
        row_sum(c, y, f) += input(c, column, y, f);
        row_mean(c, y, f) = row_sum(c, y, f) / cast(type, width);
        const Expr from_row = input(c, column, y, f) - row_mean(c, y, f);
        row_square(c, y, f) = number(type, 0);
        row_square(c, y, f) += from_row * from_row;
        partials(c, y, f) = Tuple(row_mean(c, y, f), row_square(c, y, f));

        const Expr row_count = cast<double>(height) * cast<double>(frames);
        sum(c) = cast<double>(0);
        sum(c) += cast<double>(partials(c, rows.x, rows.y)[0]);
        const Expr apart = cast<double>(partials(c, rows.x, rows.y)[0]) - sum(c) / row_count;
        square(c) = cast<double>(0);
        square(c) += cast<double>(partials(c, rows.x, rows.y)[1]) + cast<double>(width) * apart * apart;
        mean(c) = cast(type, sum(c) / row_count);
        variance(c) = cast(type, square(c) / (row_count * cast<double>(width)));
        afnet::generators::frames_from_zero(input);
        for (auto *output : {&mean, &variance})
            output->dim(0).set_bounds(0, input.dim(0).extent());
    }

    void schedule() {
        schedule_cpu(afnet::schedules::ChannelTotals{input.dim(0).extent(),
                                                     {row_sum, row_mean, row_square},
                                                     column.x,
                                                     partials,
                                                     {sum, square},
                                                     rows.x,
                                                     rows.y,
                                                     {mean, variance}},
                     target);
    }

private:
    Var c{"c"}, y{"y"}, f{"f"};
    Func row_sum{"row_sum"}, row_mean{"row_mean"}, row_square{"row_square"}, partials{"partials"}, sum{"sum"},
        square{"square"};
    RDom column, rows;
};

} // namespace

HALIDE_REGISTER_GENERATOR(BatchNormStatistics, batch_norm_statistics)
