#include <gmock/gmock.h>

#include "tests/trainers/worked.hpp"

namespace touchstone {
namespace {

using testing::answer_batch;
using testing::gradient;
using ::testing::HasSubstr;
using testing::mean;
using testing::objective;

AnswerLoss clo(const std::string& options) {
  return objective<AnswerLoss>(R"({"use": "cross_lingual", )" + options + "}");
}

/// Marks the answers that are in the target language, by number.
void mark(AnswerBatch& batch, const std::vector<std::int64_t>& answers) {
  batch.marks = at::isin(batch.answer_of, at::tensor(answers)).to(at::kByte);
}

/// One item: the target half with h = -0.5 and a mean NLL of 1.2, then the source half with h = 1.5.
AnswerBatch worked() {
  auto batch = answer_batch({{-1.0, -1.4}, {-2.0, -1.0}, {-0.5, -0.5}, {-1.5, -2.5}}, {0, 2, 4});
  batch.ref_logp = batch.logp.detach() - at::tensor({0.0, 0.5, 0.5, 0.5, 1.0, 0.0, 0.0, -0.5}, at::kDouble);
  mark(batch, {0, 3});
  return batch;
}

TEST(CrossLingual, WorkedExample) {
  EXPECT_NEAR(mean(clo(R"("lambda": 0)").loss(worked())), 0.669708, 1e-6);
  const auto loss = clo(R"("lambda": 0.5)").loss(worked());
  EXPECT_EQ(loss.count, 1.0);
  EXPECT_NEAR(mean(loss), 0.934854, 1e-6);
  EXPECT_NEAR(loss.logged.at("preference") / 2, 0.669708, 1e-6);  // the log divides by the two records
  EXPECT_NEAR(loss.logged.at("target_nll") / 2, 1.2, 1e-9);
  EXPECT_NEAR(loss.logged.at("target_tokens") / 2, 2.0, 1e-9);
  EXPECT_EQ(loss.logged.at("accuracy") / 2, 0.5);
  EXPECT_NEAR(mean(clo(R"("lambda": 0.5, "nll_side": "both")").loss(worked())), 0.5 * 0.669708 + 0.5 * 0.85, 1e-6);
  EXPECT_NEAR(mean(clo(R"("lambda": 0.5, "nll_side": "none")").loss(worked())), 0.5 * 0.669708, 1e-6);
}

/// Random items of two halves, in turn target and source.
AnswerBatch random_items(std::int64_t items) {
  auto batch = testing::random_answers(2 * items, 2);
  std::vector<std::int64_t> target;
  for (std::int64_t item = 0; item < items; ++item) {
    target.push_back(4 * item);
    target.push_back(4 * item + 3);
  }
  mark(batch, target);
  return batch;
}

// Lambda 0 is direct preference optimization on the 2 N pairs.
TEST(CrossLingual, WithoutLikelihoodItIsDpo) {
  const auto batch = random_items(5);
  const auto dpo = objective<AnswerLoss>(R"({"use": "dpo", "beta": 0.3})");
  const auto loss = clo(R"("lambda": 0, "beta": 0.3)");
  EXPECT_NEAR(mean(loss.loss(batch)), mean(dpo.loss(batch)), 1e-12);
  EXPECT_LT((gradient(loss, batch) / 5 - gradient(dpo, batch) / 10).abs().max().item<double>(), 1e-12);
}

// Lambda 1 is supervised fine-tuning on the answers in the target language, each sequence weighing the same.
TEST(CrossLingual, WithoutPreferencesItIsSftOnTheTarget) {
  const auto batch = random_items(5);
  const auto found = gradient(clo(R"("lambda": 1)"), batch);
  const auto lengths = at::zeros({20}, at::kDouble).index_add(0, batch.answer_of, at::ones_like(batch.logp.detach()));
  const auto wanted =
      at::where(batch.answer_of.remainder(4).eq(0), -1.0 / lengths.index_select(0, batch.answer_of), 0.0);
  EXPECT_LT((found - wanted).abs().max().item<double>(), 1e-12);
}

TEST(CrossLingual, StartsAtLogTwo) {
  auto batch = random_items(3);
  batch.ref_logp = batch.logp.detach().clone();
  for (const auto* beta : {"0.05", "1"}) {
    EXPECT_NEAR(mean(clo(std::string(R"("lambda": 0, "beta": )") + beta).loss(batch)), 0.693147, 1e-6);
  }
}

TEST(CrossLingual, FiniteDifferencesSplitsAndBfloat16) {
  for (const auto* options : {R"("lambda": 0.5, "beta": 0.5)", R"("lambda": 0.3, "beta": 0.5, "nll_side": "both")",
                              R"("lambda": 0.3, "beta": 0.5, "nll_side": "none")"}) {
    const auto loss = clo(options);
    const auto whole = random_items(4);
    testing::expect_finite_differences(loss, whole);
    testing::expect_bfloat16(loss, whole);
    const auto wanted = loss.loss(whole);
    double sum = 0.0;
    double count = 0.0;
    const std::vector<std::pair<std::size_t, std::size_t>> parts = {{0, 2}, {2, 6}, {6, 8}};
    for (const auto& [first, last] : parts) {
      const auto part = loss.loss(testing::part_of(whole, first, last));
      sum += part.sum.item<double>();
      count += part.count;
    }
    EXPECT_NEAR(sum, wanted.sum.item<double>(), 1e-9) << options;
    EXPECT_EQ(count, wanted.count);
  }
}

TEST(CrossLingual, TargetHalvesAlone) {
  auto batch = testing::random_answers(4, 2);
  mark(batch, {0, 2, 4, 6});
  const auto loss = clo(R"("lambda": 0)").loss(batch);
  EXPECT_EQ(loss.count, 4.0);
  EXPECT_NEAR(mean(loss), mean(objective<AnswerLoss>(R"({"use": "dpo"})").loss(batch)), 1e-12);
}

TEST(CrossLingual, TokensOfWeightZeroAreNotThere) {
  auto batch = worked();
  batch.weights = at::tensor({1.0, 0.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0}, at::kDouble);
  const auto loss = clo(R"("lambda": 1)");
  EXPECT_NEAR(mean(loss.loss(batch)), 1.0, 1e-12);
  EXPECT_EQ(gradient(clo(R"("lambda": 0.5)"), batch)[1].item<double>(), 0.0);
}

TEST(CrossLingual, BadInput) {
  const auto loss = clo(R"("lambda": 0.5)");
  auto parted = testing::part_of(random_items(3), 0, 3);
  try {
    loss.loss(parted);
    FAIL();
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), HasSubstr("a batch of 3 records with 2 in the target language, expected all or half"));
  }
  auto none = random_items(2);
  none.marks = at::zeros_like(none.marks);
  EXPECT_THROW(loss.loss(none), Error);
  auto unknown = worked();
  unknown.ref_logp = Tensor();
  EXPECT_THROW(loss.loss(unknown), Error);
  EXPECT_TRUE(loss.ref_logp);
  EXPECT_THROW(clo(R"("lambda": 1.5)"), Error);
}

}  // namespace
}  // namespace touchstone
