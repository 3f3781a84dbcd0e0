#include "model/trainer.h"

#include <algorithm>
#include <chrono>
#include <cstdio>

#include "model/progress.h"
#include "model/text_table.h"
#include "runtime/error.h"
#include "runtime/interrupt.h"

namespace afnet {

namespace {

constexpr int kValidationBatch = 16;

double seconds_since(std::chrono::steady_clock::time_point begin) {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

double position(const TrainingState &state, const char *name) {
    const auto found = state.positions.find(name);
    return found == state.positions.end() ? 0 : found->second;
}

}  // namespace

Trainer::Trainer(TrainerOptions options, TrainingState state, std::vector<ListedClip> training,
                 std::vector<ListedClip> validation, KernelStore &kernels, ProcessGroup &group, RunFolder *folder)
    : options_(std::move(options)), state_(std::move(state)), training_(std::move(training)),
      validation_(std::move(validation)), kernels_(kernels), group_(group), folder_(folder) {
    sums_.for_each([&](const char *name, double &sum) { sum = position(state_, name); });
    if (folder_) log_ = std::make_unique<TrainingLog>(folder_->path(), state_.epoch);
    if (validation_.empty()) return;
    BatchOptions reading = options_.batches;
    reading.clip.train = false;
    reading.clips_per_batch = kValidationBatch * group_.ranks();
    reading.share = {group_.rank(), group_.ranks(), kValidationBatch};
    validation_batches_ = std::make_unique<ClipBatches>(kernels_, validation_, reading);
}

void Trainer::run() {
    const size_t stages = options_.recipe.stages.size();
    for (size_t index = size_t(position(state_, "stage")); index < stages; index++) {
        run_stage(index);
        state_.positions["stage"] = double(index + 1);
        state_.positions["stage_step"] = 0;
        state_.optimizer.clear();
        state_.updates = 0;
    }
}

void Trainer::run_stage(size_t index) {
    TrainingStage stage = options_.recipe.stages[index];
    TrainingClock clock;
    clock.step = int64_t(position(state_, "stage_step"));
    const bool resumes = clock.step > 0;
    if (resumes) stage.reset.clear();
    state_.positions["stage"] = double(index);
    StageRun run(state_.description, stage, options_.frames, options_.size, options_.seed + index, state_.parameters,
                 kernels_, group_);
    state_.unselected = run.network().shape().unselected;
    if (resumes) run.network().load_optimizer(state_.optimizer, int(state_.updates));
    BatchOptions reading = options_.batches;
    reading.clip.train = true;
    reading.clips_per_batch = stage.batch;
    reading.share = {group_.rank(), group_.ranks(), run.division().micro_batch};
    ClipBatches clips(kernels_, training_, reading);
    clock.steps_per_epoch = int64_t(clips.batches());
    clock.steps = stage.steps > 0 ? stage.steps : stage.epochs * clock.steps_per_epoch;
    while (clock.step < clock.steps || state_.batch > 0) { // an epoch that was stopped at its end is not over
        clips.start(uint32_t(state_.epoch), size_t(state_.batch));
        if (!run_epoch(run, clips, clock)) break;
    }
    for (const ClipFault &fault : clips.faults()) {
        if (!options_.quiet) std::fprintf(stderr, "train: %s: %s\n", fault.path.c_str(), fault.message.c_str());
    }
    state_.parameters = run.outcome();
}

// False when the stage has ended.
bool Trainer::run_epoch(StageRun &run, ClipBatches &clips, TrainingClock &clock) {
    try {
        run_steps(run, clips, clock);
        end_epoch(run, clock);
    } catch (const Interrupted &) {
        save(run, clock, {});
        group_.leave();
        throw;
    }
    return clock.step < clock.steps;
}

void Trainer::run_steps(StageRun &run, ClipBatches &clips, TrainingClock &clock) {
    const int64_t first = clock.step, wanted = std::min(clock.steps - clock.step, clock.steps_per_epoch - state_.batch);
    Progress progress("train " + run.stage().name + ", epoch " + std::to_string(state_.epoch + 1), size_t(wanted),
                      options_.quiet);
    const auto begin = std::chrono::steady_clock::now();
    const double seconds_before = sums_.seconds;
    ClipBatch batch;
    while (clock.step - first < wanted && read(clips, batch)) {
        take_step(run, batch, clock);
        clock.step++;
        state_.step++;
        state_.batch++;
        sums_.seconds = seconds_before + seconds_since(begin);
        progress.update(size_t(clock.step - first), note(run, clock));
        if (group_.any(take_save_request())) save(run, clock, {});
        if (group_.any(interrupted())) throw Interrupted();
    }
}

// Reads the next batch, or nothing on all ranks when one was asked to stop.
bool Trainer::read(ClipBatches &clips, ClipBatch &batch) {
    bool there = false, stopped = false;
    try {
        there = clips.next(batch);
    } catch (const Interrupted &) {
        stopped = true;
    }
    if (group_.any(stopped)) throw Interrupted();
    return there;
}

void Trainer::take_step(StageRun &run, const ClipBatch &batch, const TrainingClock &clock) {
    const StepResult result = run.step(batch, clock);
    if (!result.finite) {
        sums_.skipped++;
        if (++bad_in_a_row_ < options_.bad_steps) return;
        save(run, clock, {});
        throw Error("training diverges: loss or gradient was not finite in " + std::to_string(bad_in_a_row_) +
                    " steps in a row; lower the learning rate, or clip gradients");
    }
    bad_in_a_row_ = 0;
    sums_.steps++;
    sums_.loss += result.loss;
    sums_.cross_entropy += result.cross_entropy;
    sums_.ratio_error += result.ratio_error;
    sums_.gradient_norm += result.gradient_norm;
    sums_.patch_ratio_error += result.patch_ratio_error;
    for (double ratio : result.realised_ratios) sums_.realised += ratio / double(result.realised_ratios.size());
    for (double ratio : result.realised_patch_ratios)
        sums_.realised_patches += ratio / double(result.realised_patch_ratios.size());
    double right = 0;
    for (size_t n = 0; n < batch.labels.size(); n++)
        right += result.predictions[n] == batch.labels[n];
    sums_.right += group_.sums({right})[0];
    sums_.clips += run.division().batch;
}

void Trainer::end_epoch(StageRun &run, const TrainingClock &clock) {
    TrainingClock last = clock;  // of the epoch's steps
    last.step--;
    const StepSettings settings = run.settings_at(last);
    const double steps = std::max(sums_.steps, 1.0);
    const StageMasks &masks = run.masks();
    EpochRecord record;
    record.epoch = state_.epoch;
    record.step = state_.step;
    record.loss = sums_.loss / steps;
    record.cross_entropy = sums_.cross_entropy / steps;
    record.ratio_error = sums_.ratio_error / steps;
    record.gradient_norm = sums_.gradient_norm / steps;
    record.top1 = 100 * sums_.right / std::max(sums_.clips, 1.0);
    const ModelDescription &description = state_.description;
    const bool some_frames = !masks.nothing_masked && description.temporal();
    const bool some_patches = !masks.nothing_masked && description.spatial();
    // What a ratio is to be; `given`: by the policy.
    const auto target = [&](bool given, double ratio) {
        if (given && masks.policy == MaskPolicy::None) return 0.0;
        return given && masks.policy == MaskPolicy::All ? 1.0 : ratio;
    };
    record.realised_rt = some_frames ? sums_.realised / steps : 1;
    record.target_rt = some_frames ? target(masks.frames, settings.target_ratio) : 1;
    if (description.spatial()) {
        record.patch_ratio_error = sums_.patch_ratio_error / steps;
        record.realised_rs = some_patches ? sums_.realised_patches / steps : 1;
        record.target_rs = some_patches ? target(masks.patches, settings.target_patch_ratio) : 1;
    }
    record.temperature = settings.temperature;
    record.rate = settings.rate;
    record.skipped_steps = int64_t(sums_.skipped);
    record.seconds = sums_.seconds;
    record.clips_per_s = sums_.clips / std::max(sums_.seconds, 1e-9);
    if (validation_batches_) {
        const ValidationResult found =
            validate(state_.description, run.outcome(), *validation_batches_, kValidationBatch,
                     {masks, settings.target_ratio, settings.target_patch_ratio, options_.seed, state_.unselected},
                     kernels_, group_);
        record.val_top1 = found.top1;
        record.val_top5 = found.top5;
    }
    const double score = validation_batches_ ? record.val_top1 : record.top1;
    if (!options_.quiet) {
        std::fprintf(stderr, "train %s, epoch %lld: loss %.4f, top-1 %.1f %%, RT %.3f", run.stage().name.c_str(),
                     static_cast<long long>(record.epoch + 1), record.loss, record.top1, record.realised_rt);
        if (description.spatial()) std::fprintf(stderr, ", RS %.3f", record.realised_rs);
        if (validation_batches_) std::fprintf(stderr, ", validation top-1 %.2f %%", record.val_top1);
        std::fprintf(stderr, ", %.1f clips/s\n", record.clips_per_s);
    }
    if (log_) log_->append(record);
    RunFolder::Copies copies;
    copies.keep = options_.keep;
    // A later stage replaces what an earlier one reached: the network that it was asked for is another one.
    const bool new_stage = position(state_, "best_stage") != position(state_, "stage") || state_.best_epoch < 0;
    if (new_stage || score >= state_.best) {
        copies.best = true;
        state_.best = score;
        state_.best_epoch = state_.epoch;
        state_.positions["best_stage"] = position(state_, "stage");
    }
    state_.epoch++;
    state_.batch = 0;
    sums_ = {};
    copies.after = options_.save_every > 0 && state_.epoch % options_.save_every == 0;
    save(run, clock, copies);
}

// Ranks that drifted apart would go on unnoticed.
void Trainer::check_ranks() {
    if (group_.alone()) return;
    std::string bytes;
    for (const auto &[key, values] : state_.parameters) {
        bytes.append(reinterpret_cast<const char *>(values.data()), values.size() * sizeof(float));
    }
    group_.check_same(bytes, "its weights are not those of rank 0 at step " + std::to_string(state_.step) +
                                 "; start all ranks on processors of one kind, with the same program and files");
}

// Brings `state_` up to date.
void Trainer::remember(StageRun &run, const TrainingClock &clock) {
    state_.parameters = run.state();
    state_.optimizer = run.network().optimizer_state();
    state_.updates = run.network().steps();
    state_.positions["stage_step"] = double(clock.step);
    sums_.for_each([&](const char *name, double sum) { state_.positions[name] = sum; });
}

void Trainer::save(StageRun &run, const TrainingClock &clock, const RunFolder::Copies &copies) {
    remember(run, clock);
    check_ranks();
    const bool over = clock.step >= clock.steps && state_.batch == 0;
    if (folder_ && over) { // the next stage begins with this
        TrainingState ended = state_;
        ended.parameters = run.outcome();
        ended.positions["stage"] += 1;
        ended.positions["stage_step"] = 0;
        ended.optimizer.clear();
        ended.updates = 0;
        folder_->save(ended, copies);
    } else if (folder_) {
        TrainingState shown;
        RunFolder::Copies its = copies;
        if ((copies.best || copies.after) && run.stage().average > 0) {
            shown = state_;
            shown.parameters = run.outcome();
            shown.optimizer.clear(); // it is of the weights that the averages are of
            its.shown = &shown;
        }
        folder_->save(state_, its);
    }
    group_.wait(); // the end of another rank would be the end of the one that saves
}

std::string Trainer::note(const StageRun &run, const TrainingClock &clock) const {
    const double steps = std::max(sums_.steps, 1.0), per_step = sums_.seconds / std::max(steps + sums_.skipped, 1.0);
    const bool all = run.masks().nothing_masked;
    const auto ratio = [&](const char *name, bool wanted, double sum) {
        return wanted ? std::string(name) + decimal(all ? 1 : sum / steps, 2) + ", " : "";
    };
    const ModelDescription &description = state_.description;
    const std::string ratios = ratio("RT ", description.temporal(), sums_.realised) +
                               ratio("RS ", description.spatial(), sums_.realised_patches);
    char text[160];
    std::snprintf(text, sizeof text, "loss %.3f, top-1 %.1f %%, %s%.1f clips/s, %lld s left", sums_.loss / steps,
                  100 * sums_.right / std::max(sums_.clips, 1.0), ratios.c_str(),
                  sums_.clips / std::max(sums_.seconds, 1e-9),
                  static_cast<long long>(per_step * double(clock.steps - clock.step)));
    return text;
}

}  // namespace afnet
