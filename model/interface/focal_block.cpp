#include "model/interface/focal_block.h"

#include <exception>
#include <memory>
#include <mutex>
#include <string>

#include "model/isolated_block.h"
#include "runtime/cuda_driver.h"
#include "runtime/device_choice.h"
#include "runtime/error.h"
#include "runtime/halide_host.h"
#include "runtime/text.h"

using namespace afnet;

struct afnet_focal_block {
    KernelStore kernels;
    IsolatedBlock block;
    std::mutex mutex;
    afnet_focal_block(const std::string &folder, const Target &target, LoadedModel model, const std::string &name,
                      Unselected unselected)
        : kernels(folder, target), block(std::move(model), name, unselected, kernels) {}
};

namespace {

thread_local std::string last_error;

// Runs `work`, whose exceptions become a status and a text.
template <class Work> int guarded(Work work) {
    try {
        work();
        return 0;
    } catch (const std::exception &error) {
        last_error = error.what();
    } catch (...) {
        last_error = "an unknown failure";
    }
    return 1;
}

// The error handler, in front of any kernel; the number of threads, unless somebody has set it.
std::once_flag configured;

void require(const void *given, const char *what) {
    if (!given) throw Error(std::string(what) + " is NULL");
}

const Target &target_for(const char *device, const std::string &folder) {
    const DeviceChoice choice = device ? device_named(device) : DeviceChoice::Cpu;
    if (choice != DeviceChoice::Cpu && choice != DeviceChoice::Cuda) {
        throw Error(std::string("device ") + device + ": cpu or cuda expected");
    }
    std::string unused;
    return choose_device_target(choice, folder, Dtype::F32, nullptr, unused);
}

Unselected unselected_for(const char *word, const LoadedModel &model) {
    if (!word) return model.unselected;
    const auto known = unselected_named(word);
    if (!known) throw Error("unselected is " + printable(word) + "; " + join(unselected_names()) + " expected");
    return *known;
}

// The calling thread's stream, for as long as this lives.
class OnStream {
public:
    explicit OnStream(void *stream) { use_cuda_stream(stream ? stream : default_stream()); }
    ~OnStream() { use_cuda_stream(nullptr); }

private:
    static void *default_stream() { return reinterpret_cast<void *>(1); } // CU_STREAM_LEGACY
};

void run(afnet_focal_block *block, const afnet_focal_block_shape *shape, const float *input, const uint8_t *selected,
         float *output, bool on_device) {
    require(block, "the block");
    require(shape, "the shape");
    require(input, "the input");
    require(output, "the output");
    if (on_device != (block->kernels.target().gpu == GpuInterface::Cuda)) {
        throw Error(on_device ? "the block was opened for the CPU, but runs on a stream; open it with device cuda"
                              : "the block was opened for CUDA; run it on a stream, or open it with device cpu");
    }
    const std::lock_guard<std::mutex> lock(block->mutex);
    block->block.run({shape->width, shape->height, shape->frames, shape->clips}, input, selected, output);
}

} // namespace

int afnet_focal_block_version() {
    return AFNET_FOCAL_BLOCK_VERSION;
}

const char *afnet_error() {
    return last_error.c_str();
}

int afnet_set_threads(int threads) {
    return guarded([&] {
        if (threads < 0) throw Error(std::to_string(threads) + " threads; 0 or more expected");
        std::call_once(configured, [] {});
        configure_halide(threads);
    });
}

int afnet_focal_block_open(const afnet_focal_block_choice *choice, afnet_focal_block **opened) {
    return guarded([&] {
        require(choice, "the choice of a block");
        require(opened, "where the block goes");
        require(choice->model, "the model");
        require(choice->block, "the block's name");
        std::call_once(configured, [] { configure_halide(0); });
        const std::string folder = choice->kernels ? choice->kernels : kernel_folder();
        LoadedModel model = load_model(choice->model);
        const Unselected unselected = unselected_for(choice->unselected, model);
        const Target &target = target_for(choice->device, folder);
        *opened = new afnet_focal_block(folder, target, std::move(model), choice->block, unselected);
    });
}

void afnet_focal_block_channels(const afnet_focal_block *block, int *input, int *output) {
    *input = block->block.in_channels();
    *output = block->block.out_channels();
}

void afnet_focal_block_close(afnet_focal_block *block) {
    delete block;
}

int afnet_focal_block_run(afnet_focal_block *block, const afnet_focal_block_shape *shape, const float *input,
                          const uint8_t *selected, float *output) {
    return guarded([&] { run(block, shape, input, selected, output, false); });
}

int afnet_focal_block_run_on_stream(afnet_focal_block *block, const afnet_focal_block_shape *shape, const float *input,
                                    const uint8_t *selected, float *output, void *stream) {
    return guarded([&] {
        const OnStream on(stream);
        run(block, shape, input, selected, output, true);
    });
}
