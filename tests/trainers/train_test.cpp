#include <gtest/gtest.h>

#include <sstream>

#include "backends/tokenizers/tokenizers.hpp"
#include "harness/base/hash.hpp"
#include "harness/train/recipe.hpp"
#include "tests/trainers/tiny.hpp"
#include "trainers/deltas/trainable.hpp"

namespace touchstone {
namespace {

namespace fs = std::filesystem;

std::string train_stages(const std::string& options, const std::string& objective = "\"sft\"") {
  return R"([{"use": "load", "task": "$train_on"}, {"use": "train", "objective": )" + objective +
         R"(, "learning_rate": 0.01, "per_device_train_batch_size": 4, "lr_scheduler_type": "cosine")" +
         (options.empty() ? "" : ", " + options) + "}]";
}

class Train : public ::testing::Test {
 protected:
  testing::Ran run(const TrainJob& job, std::int64_t stop_after = -1) {
    testing::Ran until_stopped;
    CancelFlag cancel;
    const auto heard = [&](const StepReport& report) {
      until_stopped.steps.push_back(report);
      if (report.step == stop_after) cancel.set();
    };
    try {
      return testing::run_job(job, heard, &cancel);
    } catch (const Cancelled&) {
      EXPECT_GE(stop_after, 0);
      return until_stopped;
    }
  }
  TrainJob job(const std::string& stages) {
    auto made = testing::tiny_job(folder_.path());
    made.recipe = testing::write_recipe(folder_.path(), stages);
    return made;
  }
  testing::TemporaryFolder folder_;
};

TEST_F(Train, LossFallsAndTheOutputLoads) {
  auto made = job(train_stages("\"max_steps\": 30"));
  const auto ran = run(made);
  ASSERT_EQ(ran.steps.size(), 30U);
  EXPECT_LT(ran.steps.back().loss, 0.5 * ran.steps.front().loss);
  EXPECT_EQ(ran.steps.front().steps, 30);
  EXPECT_EQ(ran.result.resumed_from_step, -1);
  EXPECT_EQ(ran.result.steps, 30);
  EXPECT_EQ(ran.result.model_hash, testing::checkpoints().model_hash(made.out));
  EXPECT_NE(ran.result.model_hash, testing::checkpoints().model_hash(made.model));
  EXPECT_NO_THROW(testing::checkpoints().load(made.out, {}));
  EXPECT_TRUE(fs::exists(made.out / "tokenizer.json"));
  EXPECT_FALSE(fs::exists(made.work));
  const auto& audit = ran.stages.back().values;
  EXPECT_EQ(audit.at("rows_total"), 24.0);
  EXPECT_EQ(audit.at("rows_dropped"), 0.0);
}

TEST_F(Train, SameSeedSameBitsOtherSeedOthers) {
  auto made = job(train_stages("\"max_steps\": 5"));
  const auto first = run(made).result.model_hash;
  EXPECT_EQ(run(made).result.model_hash, first);
  made.seed = 6;
  EXPECT_NE(run(made).result.model_hash, first);
}

/// Everything in a folder by name, as bytes.
std::map<std::string, std::string> hashes_of(const fs::path& folder) {
  std::map<std::string, std::string> all;
  for (const auto& entry : fs::recursive_directory_iterator(folder)) {
    if (entry.is_regular_file()) all[fs::relative(entry.path(), folder).string()] = sha256_file(entry.path());
  }
  return all;
}

class Resume : public Train, public ::testing::WithParamInterface<std::tuple<std::string, std::int64_t>> {};

TEST_P(Resume, GivesTheSameBitsAsNeverHavingStopped) {
  auto whole = job(std::get<0>(GetParam()));
  whole.save_every_steps = 1000;
  const auto unbroken = run(whole);
  auto broken = whole;
  broken.out = folder_.path() / "resumed";
  const auto stop = std::get<1>(GetParam());
  const auto first = run(broken, stop);
  ASSERT_EQ(static_cast<std::int64_t>(first.steps.size()), stop);
  EXPECT_FALSE(fs::exists(broken.out));
  const auto second = run(broken);
  EXPECT_EQ(second.result.resumed_from_step, stop);
  EXPECT_EQ(hashes_of(broken.out), hashes_of(whole.out));
  ASSERT_EQ(first.steps.size() + second.steps.size(), unbroken.steps.size());
  for (std::size_t at = 0; at < unbroken.steps.size(); ++at) {
    const auto& step = at < first.steps.size() ? first.steps[at] : second.steps[at - first.steps.size()];
    EXPECT_EQ(step.loss, unbroken.steps[at].loss) << at;
    EXPECT_EQ(step.gradient_norm, unbroken.steps[at].gradient_norm) << at;
    EXPECT_EQ(step.step, unbroken.steps[at].step);
  }
}

const std::string lora_stages =
    R"([{"use": "load", "task": "$train_on"}, {"use": "adapt", "r": 4}, {"use": "train", "objective": "sft",
        "learning_rate": 0.01, "per_device_train_batch_size": 4, "max_steps": 14}, {"use": "fold"}])";
/// One recipe with an adapter of this kind.
std::string adapter_stages(const std::string& kind, const std::string& options = "") {
  return R"([{"use": "load", "task": "$train_on"}, {"use": "adapt", "kind": ")" + kind + "\"" + options +
         R"(}, {"use": "train", "objective": "sft", "learning_rate": 0.01, "per_device_train_batch_size": 4,
             "max_steps": 14}])";
}
const std::string prompt_options = R"(, "num_virtual_tokens": 5, "learning_rate": 0.3)";
const std::string asft_stages =
    R"([{"use": "freeze_copy"}, {"use": "load", "task": "$train_on"}, {"use": "train", "objective": "asft",
        "learning_rate": 0.01, "per_device_train_batch_size": 4, "gradient_accumulation_steps": 2,
        "num_train_epochs": 4, "validation_share": 0.2}])";

const std::string replay_stages =
    R"([{"use": "load", "task": "$train_on"}, {"use": "mix", "tasks": ["gsm8k", "mmlu"], "share": 0.25},
        {"use": "train", "objective": "sft", "learning_rate": 0.01, "weight_decay": 0.01,
        "per_device_train_batch_size": 4, "max_steps": 11}])";

const std::string discriminative_stages =
    R"([{"use": "load", "task": "$train_on"}, {"use": "sample", "answers": 2, "max_new_tokens": 6},
        {"use": "reference"}, {"use": "train", "objective": {"use": "discriminative", "gamma": 0.3},
        "learning_rate": 0.001, "per_device_train_batch_size": 4, "max_steps": 14}])";

INSTANTIATE_TEST_SUITE_P(
    Points, Resume,
    ::testing::Values(std::tuple(train_stages("\"max_steps\": 14"), 1),
                      std::tuple(train_stages("\"max_steps\": 14"), 6),  // an epoch's end
                      std::tuple(train_stages("\"max_steps\": 14"), 7),
                      std::tuple(train_stages("\"max_steps\": 14"), 13),
                      std::tuple(train_stages("\"max_steps\": 14, \"packing\": true"), 5), std::tuple(lora_stages, 7),
                      std::tuple(adapter_stages("dora"), 5), std::tuple(adapter_stages("ia3"), 8),
                      std::tuple(adapter_stages("prompt_tuning", prompt_options), 6), std::tuple(asft_stages, 5),
                      std::tuple(replay_stages, 9),
                      std::tuple(train_stages("\"max_steps\": 9", R"({"use": "otr", "samples": 8})"), 4),
                      std::tuple(train_stages("\"max_steps\": 9", R"({"use": "sorted", "exits": [1]})"), 4),
                      std::tuple(discriminative_stages, 8)));

TEST_F(Train, ACheckpointOfAnotherJobIsRefused) {
  auto made = job(train_stages("\"max_steps\": 10"));
  run(made, 4);
  auto other = made;
  other.seed = 77;
  try {
    run(other);
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.fault(), Fault::config);
    EXPECT_NE(std::string(error.what()).find("seed was 5, is 77"), std::string::npos) << error.what();
  }
  EXPECT_EQ(run(made).result.resumed_from_step, 4);
}

TEST_F(Train, ADamagedCheckpointIsPassedOver) {
  auto made = job(train_stages("\"max_steps\": 10"));
  made.save_every_steps = 2;
  const auto wanted = run(made).result.model_hash;
  run(made, 5);
  for (const auto* name : {"weights.safetensors", "moments.safetensors", "manifest.json"}) {
    const auto file = made.work / "stage-1" / "step-00000005" / name;
    ASSERT_TRUE(fs::exists(file)) << file;
    const auto copy = folder_.path() / "kept";
    fs::copy_file(file, copy, fs::copy_options::overwrite_existing);
    fs::resize_file(file, fs::file_size(file) / 2);
    auto resumed = made;
    resumed.work = folder_.path() / "other";
    fs::remove_all(resumed.work);
    fs::copy(made.work, resumed.work, fs::copy_options::recursive);
    const auto ran = run(resumed);
    EXPECT_EQ(ran.result.resumed_from_step, 4) << name;
    EXPECT_EQ(ran.result.model_hash, wanted) << name;
    fs::copy_file(copy, file, fs::copy_options::overwrite_existing);
  }
}

TEST_F(Train, OnlyTheLastCheckpointsAreKept) {
  auto made = job(train_stages("\"max_steps\": 10"));
  made.save_every_steps = 1;
  run(made, 7);
  std::set<std::string> there;
  for (const auto& entry : fs::directory_iterator(made.work / "stage-1")) there.insert(entry.path().filename());
  EXPECT_EQ(there, (std::set<std::string>{"step-00000006", "step-00000007"}));
}

TEST_F(Train, AFinishedStageIsNotTrainedAgain) {
  // The first stage ends; the second is stopped. Going on runs the rest of the second only.
  const auto train = R"({"use": "train", "objective": "sft", "learning_rate": 0.01, "max_steps": 4})";
  auto made = job(std::string(R"([{"use": "load", "task": "sums"}, )") + train + ", " + train + "]");
  std::vector<std::string> seen;
  CancelFlag cancel;
  TrainHooks hooks;
  hooks.cancel = &cancel;
  hooks.step = [&](const StepReport& report) {
    seen.push_back(std::to_string(report.stage) + "." + std::to_string(report.step));
    if (seen.size() == 6) cancel.set();
  };
  EXPECT_THROW(train_job(made, hooks, testing::checkpoints(), testing::trainer_book()), Cancelled);
  const auto second = run(made);
  ASSERT_EQ(second.steps.size(), 2U);
  EXPECT_EQ(second.result.resumed_from_step, 6);
  EXPECT_EQ(second.result.steps, 8);
  auto unbroken = made;
  unbroken.out = folder_.path() / "unbroken";
  EXPECT_EQ(run(unbroken).result.model_hash, second.result.model_hash);
}

TEST_F(Train, ALossThatIsNotANumberNamesItsStep) {
  auto made = job(train_stages("\"max_steps\": 9, \"max_grad_norm\": 0"));
  auto weights = testing::tiny_weights();
  weights["lm_head.weight"].mul_(1e30F);
  testing::checkpoints().write_tensors(made.model / "model.safetensors", weights);
  try {
    run(made);
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.fault(), Fault::numeric);
    EXPECT_NE(std::string(error.what()).find("at step 1 of 9"), std::string::npos) << error.what();
    EXPECT_NE(std::string(error.what()).find("stage 1 (train)"), std::string::npos) << error.what();
  }
  EXPECT_FALSE(fs::exists(made.out));
}

TEST_F(Train, AdaptersAreWrittenAsPeftNamesThem) {
  auto made = job(
      R"([{"use": "load", "task": "sums"}, {"use": "adapt", "r": 2}, {"use": "train", "objective": "sft", "max_steps": 3}])");
  run(made);
  EXPECT_TRUE(fs::exists(made.out / "adapter_config.json"));
  EXPECT_FALSE(fs::exists(made.out / "model.safetensors"));
  const auto tensors = testing::checkpoints().read_tensors(made.out / "adapter_model.safetensors");
  EXPECT_EQ(tensors.size(), 28U);
  EXPECT_EQ(tensors.count("base_model.model.model.layers.0.self_attn.q_proj.lora_A.weight"), 1U);
  EXPECT_NO_THROW(testing::checkpoints().load(made.out, {}));
}

// Each kind learns, and the folder that it writes opens as the model that was trained.
class EachAdapter : public Train, public ::testing::WithParamInterface<const char*> {};
TEST_P(EachAdapter, LearnsAndIsReadBack) {
  const std::string kind = GetParam();
  const auto options = kind == "prompt_tuning" ? prompt_options : std::string();
  auto made = job(adapter_stages(kind, options));
  const auto ran = run(made);
  EXPECT_LT(ran.steps.back().loss, ran.steps.front().loss);
  EXPECT_GT(ran.steps.front().gradient_norm, 0.0);
  EXPECT_FALSE(fs::exists(made.out / "model.safetensors"));
  EXPECT_FALSE(fs::exists(made.out / "base"));
  // Going on from the folder with a rate of zero writes the same numbers again.
  auto again = made;
  again.out = folder_.path() / "again";
  again.recipe = testing::write_recipe(
      folder_.path(), R"([{"use": "load", "task": "$train_on"}, {"use": "adapt", "kind": ")" + kind +
                          R"(", "start_from": ")" + made.out.string() +
                          R"("}, {"use": "train", "objective": "sft", "learning_rate": 0, "max_steps": 2}])");
  const auto more = run(again);
  EXPECT_EQ(hashes_of(again.out), hashes_of(made.out));
  EXPECT_EQ(more.result.model_hash, ran.result.model_hash);
  EXPECT_NO_THROW(testing::checkpoints().load(made.out, {.answering = true}));
}
INSTANTIATE_TEST_SUITE_P(Kinds, EachAdapter, ::testing::Values("lora", "dora", "ia3", "prompt_tuning"));

TEST_F(Train, StartingFromAnAdapterOfAnotherKindIsRefused) {
  auto made = job(adapter_stages("dora"));
  run(made);
  auto again = job(R"([{"use": "adapt", "start_from": ")" + made.out.string() + R"("}])");
  try {
    read_recipe(again, testing::trainer_book());
    FAIL();
  } catch (const Error& error) {
    EXPECT_NE(
        std::string(error.what()).find("an adapter of kind 'dora', expected the kind 'lora', as the key 'kind' says"),
        std::string::npos)
        << error.what();
  }
}

TEST_F(Train, ASecondAdapterIsRefused) {
  for (const auto* first : {"lora", "prompt_tuning"}) {
    auto made = job(std::string(R"([{"use": "adapt", "kind": ")") + first + R"("}, {"use": "adapt"}])");
    EXPECT_THROW(run(made), Error) << first;
  }
}

// What stands under the adapter is not the job's model any more: it is written beside it.
TEST_F(Train, AnAdapterOnTrainedWeightsBringsThemAlong) {
  auto made = job(R"([{"use": "load", "task": "sums"},
      {"use": "train", "objective": "sft", "learning_rate": 0.01, "max_steps": 3}, {"use": "adapt", "r": 2},
      {"use": "train", "objective": "sft", "learning_rate": 0.01, "max_steps": 3}])");
  run(made);
  auto folded = made;
  folded.out = folder_.path() / "folded";
  folded.recipe = testing::write_recipe(folder_.path(), R"([{"use": "load", "task": "sums"},
      {"use": "train", "objective": "sft", "learning_rate": 0.01, "max_steps": 3}, {"use": "adapt", "r": 2},
      {"use": "train", "objective": "sft", "learning_rate": 0.01, "max_steps": 3}, {"use": "fold"}])");
  run(folded);
  EXPECT_TRUE(fs::exists(made.out / "base" / "model.safetensors"));
  const auto bare = testing::checkpoints().load(made.out, {});
  const auto whole = testing::checkpoints().load(folded.out, {});
  auto wanted = whole->parameters();
  for (const auto& [name, tensor] : bare->parameters()) {
    EXPECT_LE((*tensor - *wanted.at(name)).abs().max().item<double>(), 1e-6) << name;
  }
}

TEST_F(Train, FoldingKeepsTheAdapterBesideTheWeights) {
  auto made = job(lora_stages);
  const auto ran = run(made);
  EXPECT_TRUE(fs::exists(made.out / "model.safetensors"));
  EXPECT_TRUE(fs::exists(made.out / "adapter" / "adapter_model.safetensors"));
  const auto& values = ran.stages.back().values;
  EXPECT_LT(values.at("max_logit_difference"), 1e-3);
  EXPECT_GT(values.at("probed_positions"), 20.0);
}

TEST_F(Train, ReplayMixesOtherTasksIn) {
  auto made =
      job(R"([{"use": "load", "task": "$train_on"}, {"use": "mix", "tasks": ["gsm8k", "sums", "mmlu"], "share": 0.25},
                      {"use": "train", "objective": "sft", "max_steps": 1}])");
  const auto ran = run(made);
  EXPECT_EQ(ran.stages[1].values.at("rows"), 32.0);
  EXPECT_EQ(ran.stages[1].values.at("rows_mixed_in"), 8.0);
  EXPECT_EQ(ran.stages[2].values.at("rows_total"), 32.0);
}

TEST_F(Train, ValidationLossIsReported) {
  const auto ran = run(job(train_stages("\"max_steps\": 12, \"validation_share\": 0.25, \"eval_steps\": 5")));
  std::set<std::int64_t> at;
  for (const auto& step : ran.steps) {
    if (step.values.count("validation_loss") != 0) at.insert(step.step);
  }
  EXPECT_EQ(at, (std::set<std::int64_t>{5, 10, 12}));
}

TEST_F(Train, TheModelLearnsToStop) {
  auto made = job(train_stages("\"max_steps\": 200"));
  run(made);
  const auto model = testing::checkpoints().load(made.out, {});
  const at::NoGradGuard no_grad;
  for (int item = 0; item < 8; ++item) {
    const auto text = std::to_string(item % 7) + "+" + std::to_string(item % 5) + "=";
    auto ids = load_tokenizer(made.model)->encode(text);
    int made_tokens = 0;
    while (ids.back() != 2 && made_tokens < 8) {
      Inputs inputs;
      inputs.tokens = at::tensor(ids, at::kLong);
      ids.push_back(model->forward(inputs, {}).logits[-1].argmax().item<std::int64_t>());
      ++made_tokens;
    }
    EXPECT_EQ(ids.back(), 2) << text;
  }
}

/// The tiny tasks, and their sums asked and answered in another language.
const TaskBook& with_translation() {
  static const TaskBook filled = [] {
    TaskBook book = testing::tiny_tasks();
    Task task = book.tasks.get("sums");
    task.name = "sums-b";
    task.load = [sums = task.load](Split split, const DataFolders& folders) {
      auto examples = sums(split, folders);
      for (auto& example : examples) {
        example.facts["source"] = example.id;
        example.id.replace(0, 4, "sums-b");
        example.question.insert(0, "summe ");
        example.targets.front().insert(0, "ist ");
      }
      return examples;
    };
    book.tasks.add("sums-b", std::move(task));
    return book;
  }();
  return filled;
}

/// The methods that come with the program.
class Method : public Train, public ::testing::WithParamInterface<std::string> {};

TEST_P(Method, LowersItsLossAndLeavesACheckpoint) {
  auto made = testing::tiny_job(folder_.path());
  made.recipe = fs::path(TOUCHSTONE_SOURCE_DIR) / "configs" / "methods" / (GetParam() + ".json");
  made.set = {{"train.max_steps", "25"}, {"train.learning_rate", "0.01"}};
  const auto recipe = read_json(made.recipe);
  // What such a stage names comes with the program; here there are other tasks and models.
  if (GetParam() == "pretrain-vision") {
    made.set["mix.tasks"] = R"(["gsm8k", "mmlu"])";
    made.set["initialise.from"] = "\"" + testing::make_tiny(folder_.path() / "text", 8).string() + "\"";
    made.set["train.batch_tokens"] = "64";
    made.set["load.task"] = "\"" + made.train_on + "\"";
  }
  if (GetParam() == "cross-lingual") {
    made.tasks = &with_translation();
    made.train_on = "sums-b";
  }
  if (GetParam().starts_with("fait")) {  // answers of one or two digits are never much alike
    made.set["near_miss.min_similarity"] = "0";
    made.set["near_miss.max_diff_fraction"] = "1";
  }
  EXPECT_EQ(recipe["method"], GetParam());
  bool self_taught = false;
  for (const auto& stage : recipe["stages"]) {
    const auto name = stage["use"].get<std::string>();
    if (stage.contains("max_new_tokens")) made.set[name + ".max_new_tokens"] = "8";
    if (name == "reinforce") {  // the task's own answers are no calls
      made.set["reinforce.rule"] = "\"task\"";
      made.set["reinforce.max_rollouts"] = "3";
    }
    self_taught = self_taught || stage.value("keep", "") == "right";
  }
  if (self_taught) {  // a method that learns from its own right answers needs a model that has some
    auto lesson = job(train_stages("\"max_steps\": 120"));
    lesson.out = folder_.path() / "taught";
    run(lesson);
    made.model = lesson.out;
  }
  EXPECT_NO_THROW(check_train_job(made, testing::checkpoints(), testing::trainer_book()));
  const auto ran = run(made);
  ASSERT_FALSE(ran.steps.empty());
  // Of the loss as printed only likelihoods must fall: -p log p rises with p from a random start.
  // A preference may lower both likelihoods; what must grow is its margin, which begins at nothing.
  std::map<int, std::pair<StepReport, StepReport>> ends;
  for (const auto& step : ran.steps) ends.try_emplace(step.stage, step, step).first->second.second = step;
  for (const auto& [stage, end] : ends) {
    const auto& [first, last] = end;
    if (first.values.count("reward") != 0) {
      EXPECT_NEAR(first.values.at("kl"), 0.0, 1e-5) << stage;  // the model is its own reference still
      EXPECT_EQ(last.step, last.steps) << stage;
    } else if (first.values.count("margin") != 0) {
      EXPECT_NEAR(first.values.at("margin"), 0.0, 1e-4) << stage;
      EXPECT_GT(last.values.at("margin"), 1e-3) << stage;
    } else if (self_taught) {
      // Of its own right answers it trains the critical tokens alone, so theirs is the likelihood that must rise.
      EXPECT_LT(last.loss, 0.8 * first.loss) << stage;
    } else {
      EXPECT_LT(last.values.at("nll"), 0.8 * first.values.at("nll")) << stage;
    }
  }
  EXPECT_NO_THROW(testing::checkpoints().load(made.out, {}));
  EXPECT_EQ(ran.stages.size(), recipe["stages"].size());
}

std::vector<std::string> all_methods() {
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(fs::path(TOUCHSTONE_SOURCE_DIR) / "configs" / "methods")) {
    if (entry.path().extension() == ".json") names.push_back(entry.path().stem());
  }
  return names;
}

INSTANTIATE_TEST_SUITE_P(Configs, Method, ::testing::ValuesIn(all_methods()), [](const auto& tested) {
  auto name = tested.param;
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
});

}  // namespace
}  // namespace touchstone
