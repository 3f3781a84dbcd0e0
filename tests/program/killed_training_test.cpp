// afnet train, the whole program, is killed at random times and resumed: its last checkpoint always loads, and the run
// that gets to its end has the bits of one that nobody killed.
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <random>
#include <unistd.h>

#include "model/training_state.h"
#include "tests/program/program_run.h"
#include "tests/program/train_fixture.h"
#include "tests/temporary_folder.h"

using namespace afnet_test;
namespace fs = std::filesystem;

namespace {

// AFNET_KILLS asks for more of them than fit into a test suite.
int wanted_kills() {
    const char *asked = std::getenv("AFNET_KILLS");
    return asked ? std::atoi(asked) : 20;
}

// Microseconds from 0 to `most`.
useconds_t draw(std::mt19937 &random, double most) {
    return useconds_t(double(random()) / 4294967296.0 * most * 1e6);
}

} // namespace

TEST_CASE("a trainer that is killed again and again ends with the bits of one that was not",
          "[program_killed_training]") {
    const afnet::TemporaryFolder folder;
    const std::string list = made_clips(folder.path() + "/clips", 4), whole = folder.path() + "/whole";
    const ProgramRun undisturbed = run_program(two_stages(list, whole));
    INFO(undisturbed.err);
    REQUIRE(undisturbed.status == 0);
    std::mt19937 random(11);
    int kills = 0, finished = 0, before_the_first = 0, within_an_epoch = 0;
    for (int64_t saved = 0; kills < wanted_kills() || finished == 0;) {
        const std::string run = folder.path() + "/run" + std::to_string(finished);
        INFO(kills << " kills, " << finished << " ends");
        ProgramChild child(two_stages(list, run));
        // Some lives save in the middle of an epoch too. What comes before the program listens ends it.
        if (random() % 2) {
            ::usleep(draw(random, undisturbed.seconds / 2));
            child.send(SIGUSR1);
        }
        ::usleep(draw(random, undisturbed.seconds));
        child.send(SIGKILL);
        const ProgramRun life = child.finish();
        const bool expected_end = life.status == 0 || life.status == -SIGKILL || life.status == -SIGUSR1;
        INFO(life.err);
        REQUIRE(expected_end);
        if (life.status == 0) {
            check_same_run(whole, run);
            fs::remove_all(run);
            finished++;
            saved = 0;
            continue;
        }
        kills++;
        if (!fs::exists(run + "/last.safetensors")) {
            REQUIRE(saved == 0);
            before_the_first++;
            continue;
        }
        const afnet::TrainingState last = afnet::load_training_state(run + "/last.safetensors");
        CHECK(last.step >= saved); // nothing that was saved is lost
        saved = last.step;
        within_an_epoch += last.batch > 0;
    }
    CHECK(kills > before_the_first); // else it was always too early
    CHECK((within_an_epoch > 0 || kills < 100)); // few kills may all miss a checkpoint from within an epoch
    std::printf("killed %d times, %d of them before the first checkpoint, %d with one from within an epoch; %d runs "
                "came to their end\n",
                kills, before_the_first, within_an_epoch, finished);
}
