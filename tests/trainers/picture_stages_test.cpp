// Rows with pictures through encoding and whole recipes.
#include <gmock/gmock.h>

#include <cmath>

#include "harness/base/error.hpp"
#include "tests/trainers/seeing.hpp"

namespace touchstone {
namespace {

using testing::picture;
using testing::record;
namespace fs = std::filesystem;

class PictureRows : public ::testing::Test, public testing::SeeingModels {
 protected:
  TrainJob colours_job() const;
  std::string fault(const Session& session, const Record& record) {
    try {
      rows(session, {record}, {.max_length = 512});
    } catch (const Error& error) {
      EXPECT_EQ(error.fault(), Fault::data);
      return error.what();
    }
    return "accepted";
  }
};

TEST_F(PictureRows, WrongOnesAreNamed) {
  auto made = session(false);
  EXPECT_EQ(fault(made, record("what <image> ?", {picture(9, 9, 0)}, " a")), "accepted");
  auto twice = record("what <image> ?", {picture(9, 9, 0)}, " a");
  twice.prompt.front().parts.emplace_back(std::string(" <image>"));
  EXPECT_EQ(fault(made, twice),
            "a prompt has 1 pictures and 2 places <image> for them, expected one for each; in record 'what <image> ?'");
  EXPECT_EQ(fault(made, record("what <image> ?", {picture(9, 9, 0)}, " a <image>")),
            "has 5 <image> tokens, expected 4 for its pictures, all in the prompt; in record 'what <image> ?'");
  made.pictures.reset();
  EXPECT_THAT(fault(made, record("what <image> ?", {picture(9, 9, 0)}, " a")),
              ::testing::StartsWith("holds a picture, expected a model of a family that takes pictures"));
}

TEST_F(PictureRows, ThePictureIsPartOfTheRowsHash) {
  const auto made = session(false);
  const std::vector<Record> one = {record("<image>", {picture(9, 9, 0)}, " a")};
  const std::vector<Record> other = {record("<image>", {picture(9, 9, 1)}, " a")};
  const auto hash = [&](const std::vector<Record>& records) {
    return rows_hash(rows(made, records, {.max_length = 64}));
  };
  EXPECT_EQ(hash(one), hash({record("<image>", {picture(9, 9, 0)}, " a")}));
  EXPECT_NE(hash(one), hash(other));
}

/// Two pictures of one colour each, told apart by a word.
const TaskBook& colours() {
  static const TaskBook filled = [] {
    Task task;
    task.name = "colours";
    task.version = "1";
    task.load = [](Split split, const DataFolders&) {
      std::vector<Example> all;
      for (int i = 0; i < 16; ++i) {
        Image image{.width_px = 32, .height_px = 32, .rgb = {}};
        for (int at = 0; at < 32 * 32; ++at) {
          const auto noise = static_cast<std::uint8_t>((at * (i + 3)) % 60);
          const std::uint8_t red = i % 2 == 0 ? 230 : 0;
          image.rgb.insert(image.rgb.end(), {static_cast<std::uint8_t>(red / 2 + noise), noise,
                                             static_cast<std::uint8_t>(115 - red / 2 + noise)});
        }
        Example example;
        example.id = "colours/" + std::string(split_name(split)) + "/" + std::to_string(i);
        example.question = "what is the picture ?";
        example.media = {std::move(image)};
        example.targets = {i % 2 == 0 ? "red" : "blue"};
        all.push_back(std::move(example));
      }
      return all;
    };
    TaskBook book;
    book.tasks.add("colours", std::move(task));
    return book;
  }();
  return filled;
}

TrainJob PictureRows::colours_job() const {
  TrainJob job;
  job.model = folder(false);
  job.train_on = "colours";
  job.tasks = &colours();
  job.data = &testing::no_data();
  job.device = "cpu";
  job.seed = 3;
  job.work = folder_.path() / "work";
  job.out = folder_.path() / "out";
  return job;
}

// The loss of a model that does not see can not fall below ln 2 here.
TEST_F(PictureRows, TrainingLearnsToSeeAndResumesToTheSameBits) {
  auto job = colours_job();
  job.recipe = testing::write_recipe(
      folder_.path(),
      R"([{"use": "load", "task": "$train_on"}, {"use": "train", "objective": "sft", "append_eos": false,
                          "learning_rate": 0.01, "per_device_train_batch_size": 8, "max_steps": 24}])");
  std::vector<StepReport> steps;
  CancelFlag cancel;
  TrainHooks hooks;
  hooks.cancel = &cancel;
  hooks.step = [&](const StepReport& report) { steps.push_back(report); };
  const auto whole = train_job(job, hooks, testing::checkpoints(), testing::trainer_book());
  ASSERT_EQ(steps.size(), 24U);
  EXPECT_LT(steps.back().loss, 0.1);
  EXPECT_TRUE(fs::exists(job.out / "preprocessor_config.json"));
  job.out = folder_.path() / "again";
  hooks.step = [&](const StepReport& report) {
    if (report.step == 9) cancel.set();
  };
  EXPECT_THROW(train_job(job, hooks, testing::checkpoints(), testing::trainer_book()), Cancelled);
  hooks.step = nullptr;
  hooks.cancel = nullptr;
  const auto resumed = train_job(job, hooks, testing::checkpoints(), testing::trainer_book());
  EXPECT_EQ(resumed.resumed_from_step, 9);
  EXPECT_EQ(resumed.model_hash, whole.model_hash);
}

// Every stage that reads rows or writes answers sees the pictures: what was learnt of them is written, judged, marked,
// and at its first step a loss relative to the reference knows no difference.
TEST_F(PictureRows, StagesThatAnswerSee) {
  auto job = colours_job();
  job.recipe = testing::write_recipe(folder_.path(), R"([
    {"use": "load", "task": "$train_on"},
    {"use": "train", "objective": "sft", "learning_rate": 0.01, "per_device_train_batch_size": 8, "max_steps": 40},
    {"use": "sample", "temperature": 0.0, "replace": true, "keep_repeats": true, "max_new_tokens": 4},
    {"use": "judge", "rule": "equal", "keep": "right"},
    {"use": "mark_critical", "rule": "equal", "candidates": 1, "max_new_tokens": 4},
    {"use": "sample", "answers": 8, "temperature": 8.0, "max_new_tokens": 4},
    {"use": "contrast", "embedder": "model", "share": 1.0},
    {"use": "reference"},
    {"use": "train", "objective": {"use": "dpo"}, "learning_rate": 0.001, "max_steps": 2}])");
  const auto [result, steps, stages] = testing::run_job(job);
  ASSERT_EQ(stages.size(), 9U);
  EXPECT_EQ(stages[3].values.at("rows"), 16.0);  // a model that does not see is right half of the time
  EXPECT_GE(stages[4].values.at("critical_tokens"), 16.0);
  EXPECT_GT(stages[6].values.at("rows"), 0.0);
  ASSERT_EQ(steps.size(), 42U);
  EXPECT_NEAR(steps[40].loss, std::log(2.0), 1e-4);
  EXPECT_LT(steps[41].loss, steps[40].loss);
}

/// Parameters that differ between two checkpoints, by what they begin with: the language part, the eyes.
std::map<std::string, int> changed(const fs::path& before, const fs::path& after) {
  const auto model = testing::checkpoints().load(before, {});
  const auto other = testing::checkpoints().load(after, {});
  const auto trained = other->parameters();
  std::map<std::string, int> parts = {{"language", 0}, {"eyes", 0}};
  for (const auto& [name, tensor] : model->parameters()) {
    const bool eyes = name.starts_with("model.vision_model.") || name.starts_with("model.connector.");
    if (!tensor->equal(*trained.at(name))) ++parts[eyes ? "eyes" : "language"];
  }
  return parts;
}

TEST_F(PictureRows, TheLanguagePartLearnsAtItsOwnRate) {
  auto job = colours_job();
  job.recipe = testing::write_recipe(folder_.path(), R"([{"use": "load", "task": "$train_on"},
                          {"use": "train", "objective": "sft", "learning_rate": 0.01, "max_steps": 2,
                           "language_learning_rate_factor": 0}])");
  train_job(job, {}, testing::checkpoints(), testing::trainer_book());
  auto parts = changed(job.model, job.out);
  EXPECT_EQ(parts["language"], 0);
  EXPECT_GT(parts["eyes"], 20);
}

// The maps of the encoder are linear maps as any other: an adapter on them alone learns to see, and is written and
// folded under peft's names.
TEST_F(PictureRows, AnAdapterOnTheEyesAloneLearnsToSee) {
  auto job = colours_job();
  job.recipe = testing::write_recipe(folder_.path(), R"([{"use": "load", "task": "$train_on"},
                          {"use": "adapt", "r": 8, "target_modules": ["out_proj", "fc1", "fc2", "modality_projection.proj"]},
                          {"use": "train", "objective": "sft", "append_eos": false, "learning_rate": 0.05,
                           "per_device_train_batch_size": 16, "max_steps": 100},
                          {"use": "fold"}])");
  const auto steps = testing::run_job(job).steps;
  ASSERT_EQ(steps.size(), 100U);
  EXPECT_LT(steps.back().loss, 0.65);  // over all pictures a model that does not see has ln 2 at best, 0.693
  auto parts = changed(job.model, job.out);
  EXPECT_EQ(parts["language"], 0);
  EXPECT_GT(parts["eyes"], 0);
}

// A template writes the placeholder where the turn has its picture; the soft rows stand there, and the answer is what
// is trained.
TEST_F(PictureRows, AChatTemplatePlacesThePictures) {
  auto made = session(false);
  const ChatTemplate chat(
      "{% for m in messages %}{{ m['role'] }}: {% if m['content'] is string %}{{ m['content'] }}{% else %}"
      "{% for part in m['content'] %}{% if part['type'] == 'image' %}<image>{% else %}{{ part['text'] }}{% endif %}"
      "{% endfor %}{% endif %}<end_of_utterance>\n{% endfor %}{% if add_generation_prompt %}assistant: {% endif %}",
      "toy", "", "");
  made.chat = &chat;
  const auto row = rows(made, {record("what <image> ?", {picture(9, 9, 0)}, "red")}, {.max_length = 512}).at(0);
  made.chat = nullptr;
  const auto plain =
      rows(made, {record("user: what <image> ?<end_of_utterance>\nassistant: ", {picture(9, 9, 0)}, "red")},
           {.max_length = 512})
          .at(0);
  EXPECT_EQ(row.soft_at.size(), 4U);
  EXPECT_EQ(row.soft_at, plain.soft_at);
  ASSERT_EQ(row.pictures.size(), 1U);
  const auto first = row.soft_at.front();
  EXPECT_EQ(std::vector(row.ids.begin(), row.ids.begin() + static_cast<std::ptrdiff_t>(first)),
            std::vector(plain.ids.begin(), plain.ids.begin() + static_cast<std::ptrdiff_t>(first)));
  const std::vector<std::int64_t> answer(row.ids.begin() + static_cast<std::ptrdiff_t>(row.prompt_tokens),
                                         row.ids.end());
  EXPECT_TRUE(made.tokenizer->decode(answer, true).starts_with("red")) << made.tokenizer->decode(answer, true);
}

}  // namespace
}  // namespace touchstone
