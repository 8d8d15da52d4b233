// Items in two languages: how they are paired and kept together, and what of the model they change.
#include <gmock/gmock.h>

#include "backends/tokenizers/tokenizers.hpp"
#include "tests/trainers/tiny.hpp"
#include "trainers/loops/batches.hpp"

namespace touchstone {
namespace {

using ::testing::HasSubstr;

Record record_of(const std::string& id, const std::string& prompt, const std::string& answer) {
  Record record;
  record.id = id;
  record.prompt = {{Role::user, {prompt}, " "}};
  record.answers.emplace_back();
  record.answers.front().text = answer;
  return record;
}

/// Sums whose answers are words of two languages; of items that are translations "source" says of which.
Task word_sums(const std::string& name, const std::vector<std::string>& words, const std::string& asked,
               const std::string& source) {
  Task task;
  task.name = name;
  task.version = "1";
  task.load = [=](Split split, const DataFolders&) {
    std::vector<Example> all;
    for (int i = 0; i < 24; ++i) {
      const auto tail = std::string("/") + split_name(split) + "/" + std::to_string(i);
      Example example;
      example.id = name + tail;
      example.question = asked + std::to_string(i % 4) + "+" + std::to_string(i % 3) + "=";
      example.targets = {words[static_cast<std::size_t>(i % 4 + i % 3)]};
      if (!source.empty()) example.facts["source"] = source + tail;
      all.push_back(std::move(example));
    }
    return all;
  };
  return task;
}

const TaskBook& languages() {
  static const TaskBook filled = [] {
    TaskBook book;
    book.tasks.add("sums", word_sums("sums", {"nil", "one", "two", "three", "four", "five"}, "sum ", ""));
    book.tasks.add("sums-b", word_sums("sums-b", {"nil", "eins", "zwei", "drei", "vier", "funf"}, "summe ", "sums"));
    return book;
  }();
  return filled;
}

class CrossPair : public ::testing::Test {
 protected:
  CrossPair() {
    testing::make_tiny(folder_.path());
    job_.tasks = &languages();
    job_.data = &testing::no_data();
    session_.job = &job_;
    session_.hooks = &hooks_;
    session_.tokenizer = load_tokenizer(folder_.path());
    session_.model = testing::checkpoints().load(folder_.path(), {});
  }
  void run(const std::string& options) {
    make_use(Options(parse_json(R"({"use": "cross_pair")" + options + "}", "test"), "test"),
             testing::trainer_book().stages, testing::trainer_book())
        .run(session_);
  }
  std::string error_of(const std::string& options) {
    try {
      run(options);
    } catch (const Error& error) {
      return error.what();
    }
    return "no error";
  }
  std::vector<Record>& data() { return session_.data["data"]; }
  testing::TemporaryFolder folder_;
  TrainJob job_;
  TrainHooks hooks_;
  Session session_;
};

TEST_F(CrossPair, HalvesOfAnItem) {
  data() = {record_of("b1", "frage", "ja")};
  session_.data["english"] = {record_of("a1", "question", "yes")};
  run(R"(, "with": "english")");
  ASSERT_EQ(data().size(), 2U);
  const auto& target = data()[0];
  const auto& source = data()[1];
  EXPECT_EQ(text_of(target.prompt[0]), "frage");
  EXPECT_EQ(target.answers[0].text, "ja");
  EXPECT_EQ(target.answers[1].text, "yes");
  EXPECT_EQ(text_of(source.prompt[0]), "question");
  EXPECT_EQ(source.answers[0].text, "yes");
  EXPECT_EQ(source.answers[1].text, "ja");
  EXPECT_EQ(target.item, source.item);
  EXPECT_EQ(target.answers[0].spans.front().role, "target_language");
  EXPECT_TRUE(source.answers[0].spans.empty());
  EXPECT_EQ(source.answers[1].spans.front().last, 2);
  data() = {record_of("b1", "frage", "ja")};
  run(R"(, "with": "english", "pairs": "target_only")");
  EXPECT_EQ(data().size(), 1U);
}

TEST_F(CrossPair, WhatHasNothingToPreferIsDropped) {
  const auto long_text = std::string(140, 'x');
  data() = {record_of("1", "frage", " 308 "), record_of("2", "wie", ""), record_of("3", "gleich", "ja"),
            record_of("4", "lang", long_text), record_of("5", "gut", "ja")};
  session_.data["english"] = {record_of("1", "question", "308"), record_of("2", "how", "so"),
                              record_of("3", "gleich", "yes"), record_of("4", "long", "yes"),
                              record_of("5", "good", "yes")};
  run(R"(, "with": "english")");
  EXPECT_EQ(data().size(), 2U);
  EXPECT_EQ(session_.values.at("items"), 1.0);
  EXPECT_EQ(session_.values.at("items_equal"), 2.0);
  EXPECT_EQ(session_.values.at("items_empty"), 1.0);
  EXPECT_EQ(session_.values.at("items_too_long"), 1.0);
}

TEST_F(CrossPair, BadData) {
  data() = {record_of("1", "frage", "ja"), record_of("2", "frage", "ja")};
  session_.data["english"] = {record_of("1", "question", "yes")};
  EXPECT_EQ(error_of(R"(, "with": "english")"),
            "data sets 'data' and 'english' have 2 and 1 rows, expected the same rows in the same order");
  EXPECT_EQ(
      error_of(""),
      "record '1' does not say what it is a translation of, expected a task whose items have the fact 'source', or a "
      "data set of the same rows in the source language under 'with'");
  data() = {record_of("1", "frage", "ja")};
  session_.data["english"] = {record_of("1", "question", "ja")};
  EXPECT_EQ(error_of(R"(, "with": "english")"),
            "data set 'data': no item is left of 1: 1 are equal in both languages, 0 empty, 0 longer than 128 tokens");
}

Row row_of(const std::string& item, std::size_t length = 4) {
  Row row;
  row.item = item;
  row.ids.assign(length, 5);
  row.prompt_tokens = 1;
  return row;
}

// Both halves of an item are always in one batch, whatever the order, the packing and the validation set.
TEST(Items, AreNeverParted) {
  std::vector<Row> rows;
  for (int item = 0; item < 20; ++item) rows.push_back(row_of("item " + std::to_string(item)));
  for (int item = 0; item < 20; ++item) rows.push_back(row_of("item " + std::to_string(19 - item)));
  rows.push_back(row_of(""));
  rows.push_back(row_of(""));
  EXPECT_EQ(units_of(rows).size(), 22U);
  StepSettings settings;
  settings.batch_size = 3;
  settings.epochs = 2.0;
  for (const bool pack : {false, true}) {
    settings.pack = pack;
    settings.pack_tokens = 20;
    std::size_t seen = 0;
    for (const auto& step : plan_steps(rows, settings)) {
      for (const auto& batch : step.micro_batches) {
        std::map<std::string, int> items;
        for (const auto row : batch) ++items[rows[row].item];
        for (const auto& [item, count] : items) {
          EXPECT_TRUE(item.empty() || count == 2) << item;
        }
        seen += batch.size();
      }
    }
    EXPECT_EQ(seen, 84U);
  }
}

class CrossLingualRecipe : public ::testing::Test {
 protected:
  testing::RanWithWeights run(const std::string& train, const std::string& between = "") {
    auto job = testing::tiny_job(folder_.path());
    std::filesystem::remove_all(job.work);
    std::filesystem::remove_all(job.out);
    job.tasks = &languages();
    job.train_on = "sums-b";
    job.recipe = testing::write_recipe(
        folder_.path(), R"([{"use": "load", "task": "$train_on"}, {"use": "cross_pair"}, {"use": "reference"}, )" +
                            between + R"({"use": "train", )" + train + "}]");
    return testing::run_for_weights(job);
  }
  testing::TemporaryFolder folder_;
};

constexpr const char* attention_key = R"("trained_modules": ["q_proj", "k_proj", "v_proj", "o_proj"])";

TEST_F(CrossLingualRecipe, OnlyAttentionChanges) {
  const auto ran = run(
      std::string(R"("objective": {"use": "cross_lingual", "lambda": 0.1}, "learning_rate": 0.01, "max_steps": 20, )") +
      attention_key);
  EXPECT_EQ(ran.stages[1].values.at("items_equal"), 2.0);  // "nil" in both languages
  EXPECT_EQ(ran.stages[1].values.at("items"), 22.0);
  EXPECT_NEAR(ran.steps.front().values.at("preference"), 0.693147, 1e-5);
  EXPECT_NEAR(ran.steps.front().values.at("margin"), 0.0, 1e-5);
  for (const auto& [name, value] : ran.steps.back().values) {
    EXPECT_EQ(ran.stages.back().values.at("last_" + name), value) << name;
  }
  EXPECT_GT(ran.steps.back().values.at("margin"), 0.0);
  EXPECT_LT(ran.steps.back().loss, ran.steps.front().loss);
  const auto before = testing::tiny_weights();
  for (const auto& [name, tensor] : before) {
    EXPECT_EQ(ran.weights.at(name).equal(tensor), name.find("self_attn") == std::string::npos) << name;
  }
}

TEST_F(CrossLingualRecipe, MicroBatchesOfItemsAreOneStep) {
  const std::string same =
      R"("objective": "cross_lingual", "learning_rate": 0.01, "max_steps": 3, "shuffle_dataset": false)";
  const auto wanted = run(same);
  const auto found = run(same + R"(, "per_device_train_batch_size": 2, "gradient_accumulation_steps": 4)");
  for (std::size_t step = 0; step < 3; ++step) {
    EXPECT_NEAR(found.steps[step].loss, wanted.steps[step].loss, 1e-5);
    EXPECT_NEAR(found.steps[step].gradient_norm, wanted.steps[step].gradient_norm, 1e-4);
  }
}

TEST_F(CrossLingualRecipe, ItemsAreSetAsideWhole) {
  const auto ran = run(R"("objective": "cross_lingual", "max_steps": 2, "validation_share": 0.3)");
  EXPECT_GT(ran.steps.back().values.at("validation_loss"), 0.0);
}

TEST_F(CrossLingualRecipe, AllWeightsUnlessNamed) {
  const auto ran = run(R"("objective": "cross_lingual", "learning_rate": 0.01, "max_steps": 2)");
  for (const auto& [name, tensor] : testing::tiny_weights()) EXPECT_FALSE(ran.weights.at(name).equal(tensor)) << name;
}

// Any method may use the filter; a later stage without one trains all again.
TEST_F(CrossLingualRecipe, AFilterHoldsForItsStage) {
  const auto ran =
      run(R"("objective": "sft", "learning_rate": 0.01, "max_steps": 2, "trained_modules": ["mlp.up_proj"])",
          R"({"use": "train", "objective": "sft", "max_steps": 1, "trained_modules": ["norm"]}, )");
  for (const auto& [name, tensor] : testing::tiny_weights()) {
    const bool trained = name.find("up_proj") != std::string::npos || name == "model.norm.weight";
    EXPECT_EQ(ran.weights.at(name).equal(tensor), !trained) << name;
  }
}

TEST_F(CrossLingualRecipe, AdaptersOnAttention) {
  const auto ran = run(R"("objective": "cross_lingual", "learning_rate": 0.01, "max_steps": 2}, {"use": "fold")",
                       R"({"use": "adapt", "r": 2, "target_modules": ["q_proj", "v_proj"]}, )");
  EXPECT_NEAR(ran.steps.front().values.at("preference"), 0.693147, 1e-5);
  for (const auto& [name, tensor] : testing::tiny_weights()) {
    const bool trained = name.find("q_proj") != std::string::npos || name.find("v_proj") != std::string::npos;
    EXPECT_EQ(ran.weights.at(name).equal(tensor), !trained) << name;
  }
}

TEST_F(CrossLingualRecipe, BadFilters) {
  const auto error_of = [&](const std::string& train, const std::string& between = "") {
    try {
      run(train, between);
    } catch (const Error& error) {
      return std::string(error.what());
    }
    return std::string("no error");
  };
  EXPECT_THAT(error_of(R"("objective": "sft", "max_steps": 1, "trained_modules": ["q_prj"])"),
              HasSubstr("trained_modules: unknown module 'q_prj': did you mean 'q_proj'?"));
  EXPECT_THAT(error_of(R"("objective": "sft", "max_steps": 1, "trained_modules": ["q_proj"])", R"({"use": "adapt"}, )"),
              HasSubstr("trained_modules: found names beside an adapter"));
  EXPECT_THAT(error_of(R"("objective": "cross_lingual", "max_steps": 1, "max_length": 14)"),
              HasSubstr("same max_length"));
}

}  // namespace
}  // namespace touchstone
