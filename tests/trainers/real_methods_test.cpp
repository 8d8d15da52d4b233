// Every method for some steps on a real checkpoint and real data, where they are at hand.
#include <gtest/gtest.h>

#include "tests/trainers/tiny.hpp"

namespace touchstone {
namespace {

namespace fs = std::filesystem;

struct Tried {
  std::string method;
  std::string task = "gsm8k";
};

/// A job on stories260k below `folder`.
TrainJob real_job(const fs::path& folder, const fs::path& model, const DataFolders& folders) {
  TrainJob job;
  job.tasks = &testing::task_book();
  job.data = &folders;
  job.model = model;
  job.work = folder / "work";
  job.out = folder / "out";
  job.device = "cpu";
  job.set = {{"train.max_steps", "4"}, {"train.per_device_train_batch_size", "4"}};
  return job;
}

/// Trains, and holds what every method has in common: finite losses, a gradient, preferences that begin at log 2.
testing::Ran run(const TrainJob& job) {
  auto ran = testing::run_job(job);
  EXPECT_GE(ran.steps.size(), 4U);
  for (const auto& step : ran.steps) {
    EXPECT_TRUE(std::isfinite(step.loss)) << step.step;
    EXPECT_GT(step.gradient_norm, 0.0) << step.step << ' ' << step.stage_name;
  }
  // A stage of preferences begins where the model is its reference.
  for (const auto& step : ran.steps) {
    if (step.step != 1 || step.values.count("accuracy") == 0) continue;
    EXPECT_NEAR(step.values.at("margin"), 0.0, 1e-3);
    const auto preference = step.values.find("preference");
    EXPECT_NEAR(preference == step.values.end() ? step.loss : preference->second, 0.693147, 1e-3);
  }
  EXPECT_NO_THROW(testing::checkpoints().load(job.out, {}));
  return ran;
}

class RealMethod : public ::testing::TestWithParam<Tried> {};

TEST_P(RealMethod, Runs) {
  TOUCHSTONE_SHARED_OR_SKIP(data, "data");
  TOUCHSTONE_SHARED_OR_SKIP(model, "data/model_stories260k/hf");
  const testing::TemporaryFolder folder;
  const DataFolders folders({data});
  auto job = real_job(folder.path(), model, folders);
  job.train_on = GetParam().task;
  job.recipe = fs::path(TOUCHSTONE_SOURCE_DIR) / "configs" / "methods" / (GetParam().method + ".json");
  job.set["load.limit"] = "12";
  const auto recipe = read_json(job.recipe);
  for (const auto& stage : recipe["stages"]) {
    const auto name = stage["use"].get<std::string>();
    if (stage.contains("max_new_tokens")) job.set[name + ".max_new_tokens"] = "24";
    if (stage.contains("answers") && stage["answers"] > 8) job.set[name + ".answers"] = "8";
  }
  const auto ran = run(job);
  for (const auto& stage : ran.stages) {
    if (stage.name == "near_miss") {
      EXPECT_GE(stage.values.at("near_misses"), 4.0) << "of 12 rows";
    }
  }
}

INSTANTIATE_TEST_SUITE_P(All, RealMethod,
                         ::testing::Values(Tried{"probability-family"}, Tried{"otr"}, Tried{"minor-sft"},
                                           Tried{"tl-training", "bfcl_simple_python"},
                                           Tried{"tl-training-ppo", "micro-tool"}, Tried{"discriminative"},
                                           Tried{"dpo"}, Tried{"selm"}, Tried{"self-contrast"}, Tried{"budget-split"},
                                           Tried{"packing"}, Tried{"fait"}, Tried{"fait", "humaneval"},
                                           Tried{"cross-lingual", "micro-facts-b"}),
                         [](const auto& tested) {
                           auto name = tested.param.method + "_on_" + tested.param.task;
                           std::replace(name.begin(), name.end(), '-', '_');
                           return name;
                         });

// Two files of the same questions: professional translations, of which many a name or a number is the same in both.
TEST(RealCrossLingual, RunsOnXquad) {
  TOUCHSTONE_SHARED_OR_SKIP(data, "data");
  TOUCHSTONE_SHARED_OR_SKIP(model, "data/model_stories260k/hf");
  const testing::TemporaryFolder folder;
  const DataFolders folders({data});
  auto job = real_job(folder.path(), model, folders);
  const auto file = [&](const char* name) { return Json((data / "xquad" / name).string()).dump(); };
  job.recipe = testing::write_recipe(
      folder.path(), R"([{"use": "import_squad", "context": false, "file": )" + file("xquad.de.json.gz") +
                         R"(, "as": "data"},
        {"use": "import_squad", "context": false, "file": )" +
                         file("xquad.en.json.gz") + R"(, "as": "english"}, {"use": "cross_pair", "with": "english"},
        {"use": "reference"}, {"use": "train", "objective": "cross_lingual", "learning_rate": 0.001,
         "trained_modules": ["q_proj", "k_proj", "v_proj", "o_proj"]}])");
  const auto ran = run(job);
  const auto& pairs = ran.stages[2].values;
  EXPECT_GT(pairs.at("items"), 500.0);
  EXPECT_GT(pairs.at("items_equal"), 100.0);
  EXPECT_EQ(pairs.at("items") + pairs.at("items_equal") + pairs.at("items_empty") + pairs.at("items_too_long"), 1190.0);
  const auto before = testing::checkpoints().read_tensors(model / "model.safetensors");
  const auto after = testing::checkpoints().read_tensors(job.out / "model.safetensors");
  for (const auto& [name, tensor] : before) {
    EXPECT_EQ(after.at(name).equal(tensor), name.find("self_attn") == std::string::npos) << name;
  }
}

// Right answers of its own are what this method trains on, so the model must be able to give some.
TEST(RealCriticalToken, RunsOnSmolLM2) {
  TOUCHSTONE_SHARED_OR_SKIP(data, "data");
  const char* named = std::getenv("TOUCHSTONE_SMOLLM2");
  if (named == nullptr) GTEST_SKIP() << "needs TOUCHSTONE_SMOLLM2, the folder of SmolLM2-135M-Instruct";
  const testing::TemporaryFolder folder;
  const DataFolders folders({data});
  auto job = real_job(folder.path(), named, folders);
  job.recipe = fs::path(TOUCHSTONE_SOURCE_DIR) / "configs" / "methods" / "critical-token.json";
  job.train_on = "mmlu";
  job.dtype = "bfloat16";
  job.set["load.limit"] = "24";
  job.set["sample.max_new_tokens"] = "4";
  job.set["mark_critical.max_new_tokens"] = "4";
  job.set["train.per_device_train_batch_size"] = "2";
  const auto ran = run(job);
  const auto& marks = ran.stages[3].values;
  EXPECT_GT(marks.at("rows"), 0.0);
  EXPECT_GT(marks.at("critical_tokens"), 0.0);
  EXPECT_LE(marks.at("critical_tokens"), marks.at("tokens"));
}

}  // namespace
}  // namespace touchstone
