// kill -9 at any moment, the middle of a save included: the same job started again ends with the same bits.
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <thread>

#include "tests/trainers/tiny.hpp"

namespace touchstone {
namespace {

namespace fs = std::filesystem;
constexpr const char* folder_variable = "TOUCHSTONE_KILL_TEST_FOLDER";

TrainJob job_in(const fs::path& folder) {
  auto job = testing::tiny_job(folder);
  job.save_every_steps = 1;
  job.recipe = testing::write_recipe(folder, R"([{"use": "load", "task": "sums"},
      {"use": "train", "objective": "sft", "learning_rate": 0.01, "per_device_train_batch_size": 4, "max_steps": 60}])");
  return job;
}

TrainResult train(const TrainJob& job) {
  return train_job(job, TrainHooks{}, testing::checkpoints(), testing::trainer_book());
}

/// What the killed process runs; not a test by itself.
TEST(Killed, DISABLED_Child) {
  const auto* folder = std::getenv(folder_variable);
  ASSERT_NE(folder, nullptr);
  train(job_in(folder));
}

pid_t start_child(const fs::path& folder) {
  const auto child = fork();
  if (child == 0) {
    setenv(folder_variable, folder.c_str(), 1);
    execl("/proc/self/exe", "trainers_tests", "--gtest_also_run_disabled_tests", "--gtest_filter=Killed.DISABLED_Child",
          "--gtest_brief=1", static_cast<char*>(nullptr));
    _exit(127);
  }
  return child;
}

/// Waits until the child has saved a checkpoint of its own, and a little longer, then kills it; true when it was too
/// late.
bool kill_after_a_save(pid_t child, const fs::path& work, std::chrono::microseconds later) {
  const auto newest = [&] {
    fs::path last;
    std::error_code none;
    for (const auto& entry : fs::directory_iterator(work / "stage-1", none)) {
      // One that is still being written has a longer name, and killing there leaves no step behind.
      if (entry.path().filename().string().size() == std::string_view("step-00000001").size()) {
        last = std::max(last, entry.path());
      }
    }
    return last;
  };
  const auto before = newest();
  int status = 0;
  while (newest() == before) {
    if (waitpid(child, &status, WNOHANG) == child) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  std::this_thread::sleep_for(later);
  kill(child, SIGKILL);
  waitpid(child, &status, 0);
  return !WIFSIGNALED(status);
}

TEST(Killed, AndStartedAgainEndsWithTheSameBits) {
  const testing::TemporaryFolder folder;
  auto whole = job_in(folder.path());
  whole.work = folder.path() / "whole-work";
  whole.out = folder.path() / "whole";
  const auto wanted = train(whole).model_hash;
  const auto job = job_in(folder.path());
  for (int round = 0; round < 5; ++round) {
    if (kill_after_a_save(start_child(folder.path()), job.work, std::chrono::microseconds(1700 * round))) break;
  }
  ASSERT_FALSE(fs::exists(job.out)) << "every child ended before it was killed";
  const auto result = train(job);
  EXPECT_GE(result.resumed_from_step, 3);
  EXPECT_EQ(result.model_hash, wanted);
}

}  // namespace
}  // namespace touchstone
