#include "runtime/device_tensors.h"

#include <algorithm>
#include <cstring>

#include "runtime/argument_view.h"
#include "runtime/error.h"
#include "runtime/halide_host.h"

namespace afnet {

namespace {

size_t rounded_up(size_t bytes, size_t unit) {
    return (bytes + unit - 1) / unit * unit;
}

// Has a view see memory that is nobody's block. To CUDA a handle is an address.
void see_memory(halide_buffer_t &view, void *memory, const Device &device) {
    view.host = nullptr;
    view.device = uint64_t(reinterpret_cast<uintptr_t>(memory));
    view.device_interface = device.halide;
    view.set_device_dirty(true);
}

} // namespace

DeviceTensors::DeviceTensors(const Plan &plan, const Device &device)
    : plan_(plan), device_(device), places_(plan.tensors.size()) {
    plan_pool();
    pool_ = std::make_unique<DeviceBlock>(device_, pool_bytes_);
    results_.resize(results_bytes_);
    for (size_t i = 0; i < places_.size(); i++) {
        const TensorInfo &tensor = plan_.tensors[i];
        if (tensor.storage == Storage::Constant || tensor.storage == Storage::Lent) continue;
        places_[i].block = pool_.get();
        if (tensor.storage != Storage::Input) continue;
        places_[i].mirror.resize(stored_bytes(tensor));
        places_[i].mirrored = steps_; // zeroes on both sides
    }
}

DeviceTensors::~DeviceTensors() {
    detach_all();
}

// First the arena, then inputs, which live for good, then results, which are read together.
void DeviceTensors::plan_pool() {
    Plan arena_only = plan_;
    for (TensorInfo &tensor : arena_only.tensors) {
        const bool result = tensor.storage == Storage::Kept && tensor.border == 0 && !tensor.zero_frame;
        if (result) tensor.storage = Storage::Input;
    }
    StorageRules padded_rules{device_.alignment_bytes, true};
    const ArenaLayout arena = plan_arena(arena_only, padded_rules);
    pool_bytes_ = arena.bytes;
    for (size_t i = 0; i < places_.size(); i++)
        places_[i].offset = arena.offsets[i];
    const auto append = [&](size_t id) {
        places_[id].offset = pool_bytes_;
        pool_bytes_ += stored_bytes(plan_.tensors[id], rules(TensorId(id)));
    };
    for (size_t i = 0; i < places_.size(); i++) {
        if (plan_.tensors[i].storage == Storage::Input) append(i);
    }
    results_begin_ = pool_bytes_;
    for (size_t i = 0; i < places_.size(); i++) {
        places_[i].result =
            plan_.tensors[i].storage == Storage::Kept && arena_only.tensors[i].storage == Storage::Input;
        if (places_[i].result) append(i);
    }
    results_bytes_ = pool_bytes_ - results_begin_;
}

// An Input's rows are moved apart only where a kernel sees its interior: it is copied row by row then.
bool DeviceTensors::padded(TensorId id) const {
    const TensorInfo &tensor = plan_.tensors[size_t(id)];
    if (tensor.border == 0 || tensor.storage == Storage::Constant) return false;
    if (tensor.storage != Storage::Input) return true;
    return std::any_of(plan_.steps.begin(), plan_.steps.end(), [&](const Step &step) {
        return std::any_of(step.arguments.begin(), step.arguments.end(),
                           [&](const Argument &a) { return a.tensor == id && !a.border && !a.ignored; });
    });
}

StorageRules DeviceTensors::rules(TensorId id) const {
    return {device_.alignment_bytes, padded(id)};
}

std::vector<int> DeviceTensors::strides(TensorId id) const {
    return stored_strides(plan_.tensors[size_t(id)], rules(id));
}

void DeviceTensors::set_constant(TensorId id, const void *elements, size_t bytes) {
    unsigned char *memory = staging_.take(bytes);
    std::memcpy(memory, elements, bytes);
    Place &place = places_[size_t(id)];
    place.block = nullptr;
    place.staged = memory;
    place.bytes = bytes;
    place.mirrored = 0;
}

void DeviceTensors::share_constant(TensorId id, TensorStore &owner, TensorId original) {
    auto &store = dynamic_cast<DeviceTensors &>(owner);
    store.upload_constants();
    const Place &from = store.places_[size_t(original)];
    Place &place = places_[size_t(id)];
    place.block = from.block;
    place.offset = from.offset;
    place.bytes = from.bytes;
}

bool DeviceTensors::has(TensorId id) const {
    const Place &place = places_[size_t(id)];
    return place.block || place.staged || place.lent;
}

void DeviceTensors::upload_constants() {
    size_t bytes = 0;
    std::vector<Place *> waiting;
    for (Place &place : places_) {
        if (!place.staged) continue;
        place.offset = bytes;
        bytes += rounded_up(place.bytes, device_.alignment_bytes);
        waiting.push_back(&place);
    }
    if (waiting.empty()) return;
    constant_blocks_.push_back(std::make_unique<DeviceBlock>(device_, bytes));
    for (Place *place : waiting) {
        place->block = constant_blocks_.back().get();
        constant_blocks_.back()->write(place->offset, place->staged, place->bytes);
        place->staged = nullptr;
    }
    staging_.clear();
}

void DeviceTensors::attach(halide_buffer_t &view, TensorId id, size_t offset, bool written) {
    upload_constants();
    Place &place = places_[size_t(id)];
    place.written = place.written || written;
    if (place.lent) {
        const size_t skipped = offset * element_bytes(plan_.tensors[size_t(id)].type);
        return see_memory(view, static_cast<unsigned char *>(place.lent) + skipped, device_);
    }
    place.block->attach(view, place.offset + offset * element_bytes(plan_.tensors[size_t(id)].type));
    attached_.push_back(view);
}

bool DeviceTensors::lend(TensorId id, void *memory) {
    if (device_.interface != GpuInterface::Cuda) {
        throw Error("memory of " + device_.name + " cannot be lent; take --device cuda or cpu");
    }
    if (reinterpret_cast<uintptr_t>(memory) % device_.alignment_bytes != 0) {
        throw Error(plan_.tensors[size_t(id)].name + ": memory that does not begin at a multiple of " +
                    std::to_string(device_.alignment_bytes) + " bytes; copy it into memory that does");
    }
    void *&lent = places_[size_t(id)].lent;
    if (lent == memory) return false;
    lent = memory;
    return true;
}

// Both sides lie on the device; the other one is dense.
void DeviceTensors::copy_elements(TensorId id, void *outside, bool bring) {
    const TensorInfo &tensor = plan_.tensors[size_t(id)];
    Place &place = places_[size_t(id)];
    std::vector<halide_dimension_t> stored, dense;
    const std::vector<int> apart = strides(id);
    int stride = 1;
    size_t interior = 0; // elements in front of what a border surrounds
    for (size_t d = 0; d < tensor.extents.size(); d++) {
        stored.push_back({0, tensor.extents[d], apart[d], 0});
        dense.push_back({0, tensor.extents[d], stride, 0});
        stride *= tensor.extents[d];
        if (d == 1 || d == 2) interior += size_t(tensor.border) * size_t(apart[d]);
    }
    halide_buffer_t ours{}, theirs{};
    for (halide_buffer_t *view : {&ours, &theirs}) {
        view->type = halide_type_t(halide_type_uint, uint8_t(8 * element_bytes(tensor.type)));
        view->dimensions = int(dense.size());
    }
    ours.dim = stored.data();
    theirs.dim = dense.data();
    see_memory(theirs, outside, device_);
    if (place.lent) {
        see_memory(ours, place.lent, device_);
    } else {
        place.block->attach(ours, place.offset + interior * element_bytes(tensor.type));
        place.mirrored = 0;
        place.written = true;
    }
    const int status = bring ? halide_buffer_copy(nullptr, &theirs, device_.halide, &ours)
                             : halide_buffer_copy(nullptr, &ours, device_.halide, &theirs);
    if (!place.lent) DeviceBlock::detach(ours);
    if (status != 0) {
        take_halide_errors();
        throw Error(tensor.name + ": a copy on " + device_.name + " failed; run again, or take --device cpu");
    }
}

void DeviceTensors::bring(TensorId id, const void *from) {
    copy_elements(id, const_cast<void *>(from), true);
}

void DeviceTensors::fetch(TensorId id, void *to) {
    copy_elements(id, to, false);
    wait_for(device_);
}

void DeviceTensors::detach_all() {
    for (halide_buffer_t &view : attached_)
        DeviceBlock::detach(view);
    attached_.clear();
}

// Between the mirror and the device; the mirror is dense.
void DeviceTensors::copy(TensorId id, bool to_device) {
    Place &place = places_[size_t(id)];
    const TensorInfo &tensor = plan_.tensors[size_t(id)];
    DeviceBlock &block = const_cast<DeviceBlock &>(*place.block);
    const size_t bytes = tensor.storage == Storage::Constant ? place.bytes : stored_bytes(tensor);
    if (place.mirror.size() < bytes) place.mirror.resize(bytes);
    if (!padded(id)) {
        to_device ? block.write(place.offset, place.mirror.data(), bytes)
                  : block.read(place.offset, place.mirror.data(), bytes);
        return;
    }
    std::vector<halide_dimension_t> dimensions;
    const std::vector<int> extents = stored_extents(tensor), apart = strides(id);
    for (size_t d = 0; d < extents.size(); d++)
        dimensions.push_back({0, extents[d], apart[d], 0});
    halide_buffer_t view{};
    view.type = halide_type_t(halide_type_uint, uint8_t(8 * element_bytes(tensor.type)));
    view.dimensions = int(dimensions.size());
    view.dim = dimensions.data();
    block.attach(view, place.offset);
    try {
        to_device ? block.write(view, place.mirror.data()) : block.read(view, place.mirror.data());
    } catch (...) {
        DeviceBlock::detach(view);
        throw;
    }
    DeviceBlock::detach(view);
}

// Steps change arena tensors at any time, those of other times in the same place too.
bool DeviceTensors::mirrored(TensorId id) const {
    const Place &place = places_[size_t(id)];
    const Storage storage = plan_.tensors[size_t(id)].storage;
    const bool lasting = (storage == Storage::Constant || storage == Storage::Input) && !place.written;
    return lasting ? place.mirrored > 0 : place.mirrored == steps_;
}

TensorMemory DeviceTensors::memory(TensorId id) {
    Place &place = places_[size_t(id)];
    const TensorInfo &tensor = plan_.tensors[size_t(id)];
    if (tensor.storage == Storage::Constant) {
        if (!has(id)) return {};
        upload_constants();
    }
    if (place.result) {
        if (!mirrored(id)) end_run();
        return {results_.data() + (place.offset - results_begin_), stored_bytes(tensor)};
    }
    if (!mirrored(id)) copy(id, false);
    place.mirrored = steps_;
    if (tensor.storage == Storage::Input) place.changed = true;
    return {place.mirror.data(), place.mirror.size()};
}

void DeviceTensors::begin_run() {
    for (size_t i = 0; i < places_.size(); i++) {
        if (!places_[i].changed) continue;
        copy(TensorId(i), true);
        places_[i].changed = false;
    }
}

void DeviceTensors::end_step(bool wait) {
    steps_++;
    if (wait) wait_for(device_);
}

void DeviceTensors::end_run() {
    if (results_bytes_ == 0) return wait_for(device_);
    pool_->read(results_begin_, results_.data(), results_bytes_);
    for (Place &place : places_) {
        if (place.result) place.mirrored = steps_;
    }
}

size_t DeviceTensors::constant_bytes() const {
    size_t total = 0;
    for (size_t i = 0; i < places_.size(); i++) {
        if (plan_.tensors[i].storage == Storage::Constant) total += places_[i].bytes;
    }
    return total;
}

} // namespace afnet
