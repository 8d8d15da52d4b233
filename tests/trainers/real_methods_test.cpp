// Every method for some steps on a real checkpoint and real problems, where they are at hand.
#include <gtest/gtest.h>

#include "tests/trainers/tiny.hpp"

namespace touchstone {
namespace {

namespace fs = std::filesystem;

class RealMethod : public ::testing::TestWithParam<std::string> {};

TEST_P(RealMethod, RunsOnGsm8k) {
  TOUCHSTONE_SHARED_OR_SKIP(data, "data");
  TOUCHSTONE_SHARED_OR_SKIP(model, "data/model_stories260k/hf");
  const testing::TemporaryFolder folder;
  const DataFolders folders({data});
  TrainJob job;
  job.tasks = &testing::task_book();
  job.data = &folders;
  job.model = model;
  job.train_on = "gsm8k";
  job.work = folder.path() / "work";
  job.out = folder.path() / "out";
  job.device = "cpu";
  job.recipe = fs::path(TOUCHSTONE_SOURCE_DIR) / "configs" / "methods" / (GetParam() + ".json");
  job.set = {{"train.max_steps", "4"}, {"train.per_device_train_batch_size", "4"}, {"load.limit", "12"}};
  for (const auto& stage : read_json(job.recipe)["stages"]) {
    const auto name = stage["use"].get<std::string>();
    if (stage.contains("max_new_tokens")) job.set[name + ".max_new_tokens"] = "24";
    if (stage.contains("answers") && stage["answers"] > 8) job.set[name + ".answers"] = "8";
  }
  std::vector<StepReport> steps;
  TrainHooks hooks;
  hooks.step = [&](const StepReport& report) { steps.push_back(report); };
  train_job(job, hooks, testing::checkpoints(), testing::trainer_book());
  ASSERT_GE(steps.size(), 4U);
  for (const auto& step : steps) {
    EXPECT_TRUE(std::isfinite(step.loss)) << step.step;
    EXPECT_GT(step.gradient_norm, 0.0) << step.step;
  }
  // A stage of preferences begins where the model is its reference.
  for (const auto& step : steps) {
    if (step.step == 1 && step.values.count("margin") != 0) {
      EXPECT_NEAR(step.values.at("margin"), 0.0, 1e-3);
      EXPECT_NEAR(step.loss, 0.693147, 1e-3);
    }
  }
  EXPECT_NO_THROW(testing::checkpoints().load(job.out, {}));
}

INSTANTIATE_TEST_SUITE_P(Gsm8k, RealMethod,
                         ::testing::Values("probability-family", "otr", "minor-sft", "tl-training", "discriminative",
                                           "dpo", "selm", "self-contrast", "budget-split", "packing"),
                         [](const auto& tested) {
                           auto name = tested.param;
                           std::replace(name.begin(), name.end(), '-', '_');
                           return name;
                         });

}  // namespace
}  // namespace touchstone
