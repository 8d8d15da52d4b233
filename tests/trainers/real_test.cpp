// Training on a real checkpoint and real benchmark data, where they are at hand.
#include <gtest/gtest.h>

#include "backends/tokenizers/tokenizers.hpp"
#include "harness/data/prompt.hpp"
#include "harness/engine/token_pairs.hpp"
#include "tests/trainers/tiny.hpp"
#include "trainers/rows/records.hpp"
#include "trainers/rows/row_tokens.hpp"

namespace touchstone {
namespace {

class RealTraining : public ::testing::TestWithParam<std::string> {};

// What is trained is what evaluation asks for: the same context, the same tokens after it.
TEST_P(RealTraining, RowsAreCutWhereEvaluationCutsThem) {
  TOUCHSTONE_SHARED_OR_SKIP(data, "data");
  TOUCHSTONE_SHARED_OR_SKIP(model, "data/model_stories260k/hf");
  const DataFolders folders({data});
  TrainJob job;
  job.tasks = &testing::task_book();
  job.data = &folders;
  const auto tokenizer = load_tokenizer(model);
  const auto rules = make_rules(*tokenizer, std::nullopt, 100000);
  PairEncoder pairs(rules);
  auto records = load_records(job, GetParam(), std::nullopt);
  ASSERT_GT(records.size(), 50U);
  records.resize(50);
  for (const auto& record : records) {
    const auto found = encode_seam(*tokenizer, plain_text(record.prompt), record.answers.front().text);
    const auto wanted = pairs.encode(Likelihood{plain_text(record.prompt), record.answers.front().text, {}});
    ASSERT_EQ(TokenIds(found.answer.ids.begin(), found.answer.ids.end()), wanted.targets) << record.id;
    TokenIds whole(found.context.begin(), found.context.end());
    whole.insert(whole.end(), wanted.targets.begin(), wanted.targets.end() - 1);
    ASSERT_EQ(whole, wanted.input) << record.id;
  }
}

TEST_P(RealTraining, LossFalls) {
  TOUCHSTONE_SHARED_OR_SKIP(data, "data");
  TOUCHSTONE_SHARED_OR_SKIP(model, "data/model_stories260k/hf");
  const testing::TemporaryFolder folder;
  const DataFolders folders({data});
  TrainJob job;
  job.tasks = &testing::task_book();
  job.data = &folders;
  job.model = model;
  job.train_on = GetParam();
  job.work = folder.path() / "work";
  job.out = folder.path() / "out";
  job.device = "cpu";
  job.recipe = std::filesystem::path(TOUCHSTONE_SOURCE_DIR) / "configs" / "methods" / "sft.json";
  job.set = {{"train.max_steps", "12"},
             {"train.learning_rate", "0.002"},
             {"train.per_device_train_batch_size", "4"},
             {"load.limit", "48"},
             {"train.max_length", "192"}};
  const auto steps = testing::run_job(job).steps;
  ASSERT_EQ(steps.size(), 12U);
  EXPECT_LT(steps.back().loss, 0.9 * steps.front().loss);
  EXPECT_NO_THROW(testing::checkpoints().load(job.out, {}));
}

class RealTemplate : public ::testing::TestWithParam<const char*> {};

// What is trained of a conversation is the answer and its end of turn, whatever the answer holds.
TEST_P(RealTemplate, TrainsTheAnswerAndItsEnd) {
  TOUCHSTONE_SHARED_OR_SKIP(folder, std::string("data/") + GetParam());
  const auto tokenizer = load_tokenizer(folder);
  const auto name_of = [&](std::optional<std::int64_t> id) { return id ? tokenizer->token(*id) : std::string(); };
  const ChatTemplate chat(tokenizer->chat_template(), GetParam(), name_of(tokenizer->bos()), name_of(tokenizer->eos()));
  const std::vector<Dialog> prompts = {
      {{Role::user, {"What is 2+2?"}, ""}},
      {{Role::system, {"Be brief."}, ""}, {Role::user, {"Hi"}, ""}},
      {{Role::user, {"A"}, ""}, {Role::assistant, {"B"}, ""}, {Role::user, {"C"}, ""}}};
  for (const auto& prompt : prompts) {
    for (const std::string answer :
         {"4", "Line one.\n\nLine two.", "user\nassistant", "\xC3\xA9t\xC3\xA9 \xF0\x9F\x98\x80", ""}) {
      Record record;
      record.id = answer;
      record.prompt = prompt;
      record.answers.emplace_back();
      record.answers[0].text = answer;
      RowAudit audit;
      const auto row = encode_row(record, {*tokenizer, &chat}, {.max_length = 4096}, audit);
      ASSERT_TRUE(row);
      auto trained =
          std::vector<std::int64_t>(row->ids.begin() + static_cast<std::ptrdiff_t>(row->prompt_tokens), row->ids.end());
      const auto end = tokenizer->token(trained.back());
      EXPECT_EQ(trained.back(), tokenizer->eos()) << end;
      trained.pop_back();
      EXPECT_TRUE(tokenizer->decode(trained, false).ends_with(answer)) << tokenizer->decode(trained, false);
      if (tokenizer->bos()) {
        EXPECT_LE(std::count(row->ids.begin(), row->ids.end(), *tokenizer->bos()), 1);
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Templates, RealTemplate, ::testing::Values("tokenizers/qwen3"));

INSTANTIATE_TEST_SUITE_P(Tasks, RealTraining, ::testing::Values("gsm8k", "mmlu"));

}  // namespace
}  // namespace touchstone
