// Rows laid end to end: what each computes is what it computes alone, and what is trained is the same.
#include <gmock/gmock.h>

#include "tests/trainers/tiny.hpp"
#include "trainers/deltas/trainable.hpp"
#include "trainers/losses/loss.hpp"

namespace touchstone {
namespace {

using ::testing::ElementsAre;

/// Rows of 4, 8, 5 and 11 tokens, all of them trained but the first of each.
std::vector<Row> worked_rows() {
  std::vector<Row> rows;
  std::int64_t next = 5;
  for (const std::size_t length : {4U, 8U, 5U, 11U}) {
    Row row;
    for (std::size_t at = 0; at < length; ++at) row.ids.push_back(next = (next * 7 + 3) % testing::tiny_vocabulary);
    rows.push_back(std::move(row));
  }
  return rows;
}

class PackedRows : public ::testing::TestWithParam<bool> {
 protected:
  /// Fused kernels, or their plain twin.
  std::unique_ptr<Model> model() {
    LoadSettings settings;
    settings.plain_operators = GetParam();
    auto made = testing::checkpoints().load(testing::make_tiny(folder_.path()), settings);
    for (auto& [name, tensor] : made->parameters()) tensor->requires_grad_(true);
    return made;
  }
  static Tensor logits(Model& model, const std::vector<Row>& rows, const std::vector<std::size_t>& chosen) {
    const at::NoGradGuard no_grad;
    const auto batch = make_batch(rows, chosen, Normaliser::token_mean, at::kCPU);
    Want want;
    want.logits_at = batch.at;
    return model.forward(batch.inputs, want).logits;
  }
  testing::TemporaryFolder folder_;
};

TEST_P(PackedRows, NoFirstTokenIsALabelAndNothingIsPadded) {
  const auto batch = make_batch(worked_rows(), {0, 1, 2, 3}, Normaliser::token_mean, at::kCPU);
  EXPECT_EQ(batch.tokens, 28);  // 44 when padded to the longest
  EXPECT_EQ(batch.labels.size(0), 24);
  EXPECT_THAT(batch.inputs.starts, ElementsAre(0, 3, 10, 14, 24));
  EXPECT_FALSE(batch.inputs.layout.defined());
}

TEST_P(PackedRows, PaddingIsComputedAndChangesNothing) {
  const auto made = model();
  const auto rows = worked_rows();
  const auto padded = make_batch(rows, {0, 1, 2, 3}, Normaliser::token_mean, at::kCPU, nullptr, {.pad = true});
  EXPECT_EQ(padded.tokens, 28);
  EXPECT_THAT(padded.inputs.starts, ElementsAre(0, 10, 20, 30, 40));  // 11 tokens, the last of which predicts nothing
  EXPECT_EQ(padded.inputs.tokens.size(0), 40);
  const at::NoGradGuard no_grad;
  Want want;
  want.logits_at = padded.at;
  const auto difference = made->forward(padded.inputs, want).logits - logits(*made, rows, {0, 1, 2, 3});
  EXPECT_LT(difference.abs().max().item<double>(), 1e-5);
}

TEST_P(PackedRows, LogitsAreThoseOfEachRowAlone) {
  const auto made = model();
  const auto rows = worked_rows();
  const auto packed = logits(*made, rows, {0, 1, 2, 3});
  std::vector<Tensor> alone;
  for (std::size_t row = 0; row < rows.size(); ++row) alone.push_back(logits(*made, rows, {row}));
  EXPECT_LT((packed - at::cat(alone)).abs().max().item<double>(), 1e-5);
  // One document over all of them, which forgets the borders, is seen by this measure.
  auto glued = make_batch(rows, {0, 1, 2, 3}, Normaliser::token_mean, at::kCPU);
  glued.inputs.starts = {0, glued.inputs.tokens.size(0)};
  const at::NoGradGuard no_grad;
  Want want;
  want.logits_at = glued.at;
  EXPECT_GT((made->forward(glued.inputs, want).logits - packed).abs().max().item<double>(), 1e-2);
}

std::map<std::string, Tensor> gradients(Model& model, const Objective& objective, const std::vector<Row>& rows,
                                        const std::vector<std::vector<std::size_t>>& groups) {
  LossTotals totals;
  for (const auto& group : groups)
    totals.add(accumulate_loss({.model = &model, .objective = &objective},
                               make_batch(rows, group, Normaliser::token_mean, at::kCPU)));
  std::map<std::string, Tensor> all = {{"loss", at::scalar_tensor(totals.sum / totals.count)}};
  for (auto& [name, tensor] : trainable_parameters(model)) {
    all[name] = tensor->grad() / totals.count;
    tensor->mutable_grad().reset();
  }
  return all;
}

TEST_P(PackedRows, OrderAndSplitChangeNeitherLossNorGradient) {
  const auto made = model();
  const auto sft = make_use(Options(parse_json(R"({"use": "sft"})", "test"), "test"),
                            testing::trainer_book().objectives, testing::trainer_book());
  const auto rows = worked_rows();
  const auto wanted = gradients(*made, sft, rows, {{0, 1, 2, 3}});
  for (const auto& groups :
       std::vector<std::vector<std::vector<std::size_t>>>{{{3, 0, 2, 1}}, {{0}, {1}, {2}, {3}}, pack_rows(rows, 16)}) {
    const auto found = gradients(*made, sft, rows, groups);
    for (const auto& [name, gradient] : wanted) {
      const auto size = gradient.abs().max().item<double>();
      EXPECT_LE((found.at(name) - gradient).abs().max().item<double>(), 1e-5 * size + 1e-9) << name;
    }
  }
}

TEST(WrappedRows, AreOneStreamCutEverySoManyTokens) {
  auto rows = worked_rows();
  rows[1].prompt_tokens = 3;
  rows[3].prompt_tokens = 9;
  const auto wrapped = wrap_rows(rows, 16);
  ASSERT_EQ(wrapped.size(), 2U);  // 28 tokens: 16 and 12, where best fit needs bins {11, 5} and {8, 4}
  std::vector<std::int64_t> stream;
  std::vector<std::uint8_t> trained;
  for (const auto& row : rows) {
    stream.insert(stream.end(), row.ids.begin(), row.ids.end());
    for (std::size_t at = 0; at < row.ids.size(); ++at) trained.push_back(at < row.prompt_tokens ? 0 : 1);
  }
  std::vector<std::int64_t> found;
  std::vector<std::uint8_t> found_trained;
  for (const auto& row : wrapped) {
    EXPECT_EQ(row.prompt_tokens, 0U);
    found.insert(found.end(), row.ids.begin(), row.ids.end());
    found_trained.insert(found_trained.end(), row.facts.trained.begin(), row.facts.trained.end());
  }
  EXPECT_EQ(found, stream);
  EXPECT_EQ(found_trained, trained);
  // Of 28 tokens 12 are prompts', and the first of each new row has nothing before it.
  const auto batch = make_batch(wrapped, {0, 1}, Normaliser::sequence_mean, at::kCPU);
  EXPECT_EQ(batch.labels.size(0), 28 - 12 - 2);
  EXPECT_EQ(batch.weight_sum, 14.0);
  EXPECT_NEAR(batch.weights.sum().item<double>(), 2.0, 1e-6);  // every row's mean weighs one
  EXPECT_THAT(batch.inputs.starts, ElementsAre(0, 15, 26));
  // The first label of the second example follows its prompt of three.
  EXPECT_EQ(batch.at[3].item<std::int64_t>(), 6);
  EXPECT_EQ(batch.labels[3].item<std::int64_t>(), rows[1].ids[3]);
}

TEST(WrappedRows, WeightsGoAlongAndWhatCannotIsRefused) {
  auto rows = worked_rows();
  rows[2].facts.weights.assign(5, 0.5F);
  const auto wrapped = wrap_rows(rows, 10);
  ASSERT_EQ(wrapped.size(), 3U);
  for (const auto& row : wrapped) ASSERT_EQ(row.facts.weights.size(), row.ids.size());
  EXPECT_EQ(wrapped[1].facts.weights[1], 1.0F);
  EXPECT_EQ(wrapped[1].facts.weights[2], 0.5F);
  EXPECT_EQ(wrapped[1].facts.weights[7], 1.0F);
  auto prompts = worked_rows();
  for (auto& row : prompts) row.prompt_tokens = row.ids.size();
  EXPECT_TRUE(wrap_rows(prompts, 16).empty());  // nothing is trained
  rows[0].others.emplace_back();
  EXPECT_THROW(wrap_rows(rows, 16), Error);
  rows[0].others.clear();
  rows[0].facts.ref_logp.assign(4, -1.0F);
  EXPECT_THROW(wrap_rows(rows, 16), Error);
}

/// Two records of two and three answers, as rows that share prompts and as rows that do not.
struct Shared {
  std::vector<Row> together;
  std::vector<Row> apart;
};

Shared answers() {
  Shared both;
  std::int64_t next = 5;
  const auto draw = [&] { return next = (next * 7 + 3) % testing::tiny_vocabulary; };
  const std::vector<std::vector<std::size_t>> lengths = {{3, 5}, {1, 4, 2}};
  for (std::size_t record = 0; record < lengths.size(); ++record) {
    std::vector<std::int64_t> prompt;
    for (std::size_t at = 0; at < 6 + record; ++at) prompt.push_back(draw());
    Row row;
    for (std::size_t number = 0; number < lengths[record].size(); ++number) {
      RowAnswer answer;
      for (std::size_t at = 0; at < lengths[record][number]; ++at) answer.ids.push_back(draw());
      Row alone;
      alone.ids = prompt;
      alone.prompt_tokens = prompt.size();
      alone.ids.insert(alone.ids.end(), answer.ids.begin(), answer.ids.end());
      both.apart.push_back(alone);
      if (number == 0) {
        row = alone;
      } else {
        row.others.push_back(std::move(answer));
      }
    }
    both.together.push_back(std::move(row));
  }
  return both;
}

TEST(SharedPrompts, AreLaidOutOnce) {
  const auto batch = make_batch(answers().together, {0, 1}, Normaliser::token_mean, at::kCPU);
  EXPECT_EQ(batch.inputs.tokens.size(0), 6 + 2 + 4 + 7 + 0 + 3 + 1);
  EXPECT_THAT(batch.inputs.starts, ElementsAre(0, 8, 18, 25, 35, 43));
  EXPECT_EQ(batch.inputs.layout.size(0), 43);
  EXPECT_TRUE(batch.inputs.layout.slice(0, 8, 18).equal(at::tensor({0, 1, 2, 3, 4, 5, 8, 9, 10, 11}, at::kLong)));
  EXPECT_THAT(batch.record_starts, ElementsAre(0, 2, 5));
  EXPECT_EQ(batch.at[3].item<std::int64_t>(), 5);  // the second answer's first token, too, follows the prompt's last
  EXPECT_TRUE(batch.answer_of.equal(at::tensor({0, 0, 0, 1, 1, 1, 1, 1, 2, 3, 3, 3, 3, 4, 4}, at::kLong)));
}

TEST_P(PackedRows, SharedPromptsGiveTheLogitsOfAnswersApart) {
  const auto made = model();
  const auto both = answers();
  const auto together = logits(*made, both.together, {0, 1});
  const auto apart = logits(*made, both.apart, {0, 1, 2, 3, 4});
  ASSERT_EQ(together.sizes(), apart.sizes());
  EXPECT_LT((together - apart).abs().max().item<double>(), 1e-5);
}

TEST_P(PackedRows, SharedPromptsGiveTheGradientsOfAnswersApart) {
  const auto made = model();
  const auto both = answers();
  // A loss that reads every answer's sum, so that it is the same whichever record an answer is of.
  AnswerLoss sums;
  sums.answers.all = true;
  sums.loss = [](const AnswerBatch& batch) {
    const auto weights = at::linspace(1.0, 2.0, batch.logp.size(0));
    return LossSum{.sum = -(batch.logp * weights).sum(), .count = 1.0, .logged = {}};
  };
  const auto together = gradients(*made, sums, both.together, {{0, 1}});
  const auto apart = gradients(*made, sums, both.apart, {{0, 1, 2, 3, 4}});
  for (const auto& [name, gradient] : apart) {
    const auto size = gradient.abs().max().item<double>();
    ASSERT_GT(size, 0.0) << name;
    EXPECT_LE((together.at(name) - gradient).abs().max().item<double>(), 2e-5 * size) << name;
  }
}

INSTANTIATE_TEST_SUITE_P(Kernels, PackedRows, ::testing::Values(false, true),
                         [](const auto& tested) { return tested.param ? "plain" : "fused"; });

TEST(SharedPrompts, ALayoutThatLeavesTokensOutIsRefused) {
  const testing::TemporaryFolder folder;
  const auto model = testing::checkpoints().load(testing::make_tiny(folder.path()), {});
  auto inputs = make_batch(answers().together, {0, 1}, Normaliser::token_mean, at::kCPU).inputs;
  inputs.layout = inputs.layout.clone();
  inputs.layout[6].fill_(7);  // an answer's own token
  EXPECT_THROW(model->forward(inputs, {}), Error);
  inputs.layout[6].fill_(1000);
  EXPECT_THROW(model->forward(inputs, {}), Error);
}

}  // namespace
}  // namespace touchstone
