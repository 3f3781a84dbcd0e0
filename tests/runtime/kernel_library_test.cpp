// The plumbing: two libraries without a runtime of their own, loaded by a program that owns the one Halide runtime.
#include <catch2/catch.hpp>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "HalideBuffer.h"
#include "runtime/error.h"
#include "runtime/file_io.h"
#include "runtime/halide_host.h"
#include "runtime/kernel_library.h"
#include "tests/kernel_cases.h"
#include "tests/kernel_targets.h"
#include "tests/temporary_folder.h"

using namespace afnet;
using Catch::Contains;

namespace {

using Image = Halide::Runtime::Buffer<float>;

std::string manifest_path(const std::string &library) {
    return std::string(AFNET_TEST_KERNELS) + "/" + library + "." + choose_library_target(AFNET_TEST_KERNELS).name + ".json";
}

// Copies a library and its manifest, so that a test may damage them.
std::string copied_manifest(const TemporaryFolder &folder) {
    namespace fs = std::filesystem;
    const fs::path from = manifest_path(kTestLibrary);
    fs::copy(from, folder.path());
    const std::string library = read_manifest(from.string()).library;
    fs::copy(from.parent_path() / library, folder.path());
    return folder.file(from.filename().string());
}

void replace_in_file(const std::string &path, const std::string &from, const std::string &to) {
    std::string text = read_file(path);
    const size_t at = text.find(from);
    REQUIRE(at != std::string::npos);
    write_file(path, text.replace(at, from.size(), to));
}

int run_mean(const Kernel &kernel, Image &input, Image &output) {
    void *arguments[] = {input.raw_buffer(), input.raw_buffer(), output.raw_buffer()};
    return kernel.run(arguments);
}

int pool_calls = 0;
int counting_par_for(void *context, int (*body)(void *, int, uint8_t *), int min, int extent, uint8_t *closure) {
    pool_calls++;
    return halide_default_do_par_for(context, body, min, extent, closure);
}

}  // namespace

TEST_CASE("kernels of two libraries run on the program's one Halide runtime", "[kernel_library]") {
    const KernelLibrary first(manifest_path(kTestLibrary)), second(manifest_path(kTracedLibrary));
    const Kernel *kernel = first.find("spatial_mean");
    REQUIRE(kernel != nullptr);
    CHECK(second.find("spatial_mean") == nullptr);
    REQUIRE(second.find(traced_kernels().front().name()) != nullptr);

    Image input(4, 3, 2, 1), output(4, 1);
    input.fill(2.0f);
    REQUIRE(run_mean(*kernel, input, output) == 0);
    CHECK(output(3, 0) == 2.0f);
}

TEST_CASE("a kernel's complaint reaches our error handler and ends nothing", "[kernel_library]") {
    const KernelLibrary library(manifest_path(kTestLibrary));
    take_halide_errors();
    Image input(4, 3, 2, 1), too_many(4, 2);
    CHECK(run_mean(*library.find("spatial_mean"), input, too_many) != 0);
    const std::string words = take_halide_errors();
    CHECK_THAT(words, Contains("input"));
    CHECK(take_halide_errors().empty());
}

TEST_CASE("kernels of a loaded library run their parallel loops in the program's pool", "[kernel_library]") {
    const KernelLibrary library(manifest_path(kTestLibrary));
    Image input(64, 8, 8, 4), output(64, 4);
    input.fill(1.0f);
    pool_calls = 0;
    const auto before = halide_set_custom_do_par_for(counting_par_for);
    CHECK(run_mean(*library.find("spatial_mean"), input, output) == 0);
    halide_set_custom_do_par_for(before);
    CHECK(pool_calls > 0);
}

TEST_CASE("a library for another CPU is refused before it is opened", "[kernel_library]") {
    const TemporaryFolder folder;
    const std::string manifest = copied_manifest(folder);
    replace_in_file(manifest, "\"features\": [", "\"features\": [\"hyperdrive\"], \"before\": [");
    // Opening this would fail with quite another message.
    write_file(folder.file(read_manifest(manifest).library), "not a shared object");
    REQUIRE_THROWS_WITH(KernelLibrary(manifest), Contains("this CPU lacks hyperdrive"));
}

TEST_CASE("a damaged or exchanged library is refused", "[kernel_library]") {
    const TemporaryFolder folder;
    const std::string manifest = copied_manifest(folder);
    const std::string library = folder.file(read_manifest(manifest).library);
    SECTION("truncated") {
        std::filesystem::resize_file(library, 1000);
        REQUIRE_THROWS_WITH(KernelLibrary(manifest), Contains("not the library that"));
    }
    SECTION("missing") {
        std::filesystem::remove(library);
        REQUIRE_THROWS_WITH(KernelLibrary(manifest), Contains(library));
    }
    SECTION("a kernel that the manifest lists is not there") {
        replace_in_file(manifest, "\"symbol\": \"avg_pool\"", "\"symbol\": \"no_such_kernel\"");
        REQUIRE_THROWS_WITH(KernelLibrary(manifest), Contains("lacks symbol no_such_kernel"));
    }
    SECTION("the manifest is not JSON") {
        write_file(manifest, "{");
        REQUIRE_THROWS_WITH(KernelLibrary(manifest), Contains("not a kernel manifest"));
    }
    SECTION("the manifest points elsewhere") {
        replace_in_file(manifest, "\"library\": \"", "\"library\": \"../");
        REQUIRE_THROWS_WITH(KernelLibrary(manifest), Contains("outside its folder"));
    }
}

TEST_CASE("a target's store has its own kernels and those of the target that it extends", "[kernel_library]") {
    for (const Target &target : runnable_targets(Dtype::BF16)) {
        if (target.fits) continue; // tests/runtime/tile_layers_test.cpp
        KernelStore store(AFNET_TEST_KERNELS, target);
        const KernelSpec plain("avg_pool"), bf16 = with_dtype(plain, Dtype::BF16);
        CHECK(store.kernel(plain, kTestLibrary).metadata->arguments[0].type.code == halide_type_float);
        CHECK(store.kernel(bf16, kTestLibrary).metadata->arguments[0].type.code == halide_type_bfloat);
        CHECK_THROWS_WITH(KernelStore(AFNET_TEST_KERNELS, target_named(target.extends)).kernel(bf16, ""),
                          Contains("avg_pool_bf16"));
        CHECK_THROWS_WITH(store.kernel(with_dtype(KernelSpec("no_such"), Dtype::BF16), ""),
                          Contains("--target " + target.name));
        CHECK_THROWS_WITH(store.kernel(KernelSpec("no_such"), ""), Contains("--target " + target.extends + " "));
    }
}

TEST_CASE("a dtype is part of a kernel's name, f32 is not", "[kernel_library]") {
    const KernelSpec spec = conv2d_spec(64, 32, 1, 1, 1, "relu", false, true);
    CHECK(with_dtype(spec, Dtype::F32).name() == "conv2d_k1s1g1_64x32_relu_gather");
    CHECK(with_dtype(spec, Dtype::BF16).name() == "conv2d_k1s1g1_64x32_relu_bf16_gather");
    CHECK(dtype_of(spec) == Dtype::F32);
    CHECK(dtype_of(with_dtype(spec, Dtype::BF16)) == Dtype::BF16);
    CHECK_THROWS_WITH(dtype_named("f16"), Contains("f16") && Contains("bf16"));
}

TEST_CASE("the store says what to do when a kernel or a target is missing", "[kernel_library]") {
    KernelStore store(AFNET_TEST_KERNELS, choose_library_target(AFNET_TEST_KERNELS));
    REQUIRE_THROWS_WITH(store.kernel(KernelSpec("no_such_generator"), ""), Contains("afnet compile"));
    const TemporaryFolder empty;
    REQUIRE_THROWS_WITH(KernelStore(empty.path(), choose_library_target(AFNET_TEST_KERNELS)), Contains("no kernel library for target"));
}

TEST_CASE("the store reads the manifests that it needs, and no others", "[kernel_library]") {
    const TemporaryFolder folder;
    copied_manifest(folder);
    const std::string ending = "." + choose_library_target(folder.path()).name + ".json";
    write_file(folder.file("another" + ending), "{");
    write_file(folder.file("remarks.json"), "{");
    KernelStore store(folder.path());
    CHECK(store.target().name == choose_library_target(folder.path()).name);
    CHECK(store.manifests_read() == 0);
    const KernelSpec spec = KernelSpec("spatial_mean").set("upsample", false);
    CHECK(store.kernel(spec, kTestLibrary).entry->symbol == "spatial_mean");
    CHECK(store.kernel(spec, kTestLibrary).run != nullptr);
    CHECK(store.manifests_read() == 1);
    // Others are read when the model's own does not list a kernel.
    REQUIRE_THROWS_WITH(store.kernel(KernelSpec("no_such_generator"), kTestLibrary),
                        Contains("another" + ending + ": not a kernel manifest"));
}

TEST_CASE("a manifest for another target than its name says is refused", "[kernel_library]") {
    const TemporaryFolder folder;
    const std::string manifest = copied_manifest(folder), target = choose_library_target(folder.path()).name;
    replace_in_file(manifest, "\"target\": \"" + target + "\"", "\"target\": \"pdp-11\"");
    KernelStore store(folder.path());
    REQUIRE_THROWS_WITH(store.kernel(KernelSpec("avg_pool"), kTestLibrary), Contains(manifest) && Contains("pdp-11"));
}
