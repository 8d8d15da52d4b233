#include "tests/trainers/worked.hpp"

namespace touchstone {
namespace {

using testing::answer_batch;
using testing::gradient;
using testing::mean;
using testing::objective;

AnswerLoss discriminative(const std::string& options) {
  return objective<AnswerLoss>(R"({"use": "discriminative", )" + options + "}");
}

/// One record: s(y) = -10, s(y') = -20 and -25, log P0 of the negatives -21 and -24.
AnswerBatch worked() {
  auto batch = answer_batch({{-4.0, -6.0}, {-20.0}, {-15.0, -10.0}}, {0, 3});
  batch.ref_logp = at::tensor({-5.0, -6.0, -21.0, -14.0, -10.0}, at::kDouble);
  return batch;
}

double log_u(const AnswerLoss& objective) { return objective.state->at("log_u")[0].item<double>(); }

TEST(Discriminative, WorkedExampleOfSums) {
  const auto loss = discriminative(R"("tau": 1, "gamma": 0.85)");
  EXPECT_TRUE(loss.ref_logp);
  EXPECT_NEAR(mean(loss.loss(worked())), -11.743916, 1e-5);
  EXPECT_NEAR(log_u(loss), 0.379544, 1e-6);
  testing::expect_row(gradient(loss, worked()), {-1, -1, 1.859775 / 2, 0.251693 / 2, 0.251693 / 2}, 1e-6);
  loss.loss(worked());
  EXPECT_NEAR(log_u(loss), 0.425831, 1e-6);  // gradient() had cleared the memory: this is the second visit
}

TEST(Discriminative, WithoutMemoryTheWeightsAreAShareOfTheBatch) {
  const auto slope = gradient(discriminative(R"("gamma": 1)"), worked());
  EXPECT_NEAR(2 * slope[2].item<double>(), 1.761594, 1e-6);
  EXPECT_NEAR(2 * slope[3].item<double>(), 0.238406, 1e-6);
}

TEST(Discriminative, WorkedExampleOfMeans) {
  std::vector<double> own(8, -1.25);
  std::vector<double> first(10, -2.0);
  std::vector<double> second(10, -2.5);
  const auto batch = answer_batch({own, first, second}, {0, 3});
  const auto loss = discriminative(R"("score": "mean", "tau": 0.3, "gamma": 0.9)");
  EXPECT_FALSE(loss.ref_logp);
  EXPECT_NEAR(mean(loss.loss(batch)), 1.234375, 1e-6);
  EXPECT_NEAR(log_u(loss), -2.295800, 1e-6);
  const auto slope = gradient(loss, batch);
  EXPECT_NEAR(slope[8].item<double>(), 0.012640 / 2 / 10, 1e-7);
  EXPECT_NEAR(slope[18].item<double>(), 0.002387 / 2 / 10, 1e-7);
}

TEST(Discriminative, WithoutNegativesItIsTheLikelihood) {
  auto batch = testing::random_answers(6, 1);
  testing::expect_row(gradient(discriminative(R"("gamma": 1)"), batch),
                      std::vector<double>(static_cast<std::size_t>(batch.logp.size(0)), -1.0));
  const auto lengths = at::zeros({6}, at::kDouble).index_add(0, batch.answer_of, at::ones_like(batch.logp.detach()));
  const auto wanted = -1.0 / lengths.index_select(0, batch.answer_of);
  const auto found = gradient(discriminative(R"("score": "mean")"), batch);
  EXPECT_LT((found - wanted).abs().max().item<double>(), 1e-12);
}

// At the start, without memory, every negative is pushed down with one over their number.
TEST(Discriminative, FirstStepFromTheReference) {
  auto batch = testing::random_answers(4, 3);
  batch.ref_logp = batch.logp.detach().clone();
  const auto slope = gradient(discriminative(R"("gamma": 1)"), batch);
  for (std::int64_t at = 0; at < slope.size(0); ++at) {
    const bool own = batch.answer_of[at].item<std::int64_t>() % 3 == 0;
    EXPECT_NEAR(slope[at].item<double>(), own ? -1.0 : 0.5, 1e-9);
  }
}

TEST(Discriminative, MemoryIsKeptByRecord) {
  const auto loss = discriminative(R"("gamma": 0.5)");
  auto batch = worked();
  loss.loss(batch);
  const auto first = log_u(loss);
  batch.numbers = {7};
  loss.loss(batch);
  EXPECT_EQ(log_u(loss), first);
  EXPECT_EQ(loss.state->at("log_u").size(0), 8);
  EXPECT_EQ(loss.state->at("log_u")[7].item<double>(), first);
  EXPECT_EQ(loss.state->at("log_u")[3].item<double>(), 0.0);
  // Watching the loss changes nothing.
  const at::NoGradGuard no_grad;
  loss.loss(batch);
  EXPECT_EQ(loss.state->at("log_u")[7].item<double>(), first);
}

TEST(Discriminative, ScoresFarApartStayFinite) {
  auto batch = worked();
  batch.ref_logp = at::tensor({-5.0, -6.0, -2100.0, -14.0, -1000.0}, at::kDouble);
  const auto loss = discriminative(R"("gamma": 0.85)");
  EXPECT_TRUE(std::isfinite(mean(loss.loss(batch))));
  EXPECT_TRUE(gradient(loss, batch).isfinite().all().item<bool>());
}

TEST(Discriminative, SplitsAndBfloat16) {
  for (const auto* options : {R"("gamma": 0.85)", R"("score": "mean", "tau": 0.3, "gamma": 0.9)"}) {
    testing::expect_split_invariant(discriminative(options), testing::random_answers(8, 3));
  }
  testing::expect_bfloat16(discriminative(R"("score": "mean", "tau": 1, "gamma": 1)"), testing::random_answers(8, 3));
}

}  // namespace
}  // namespace touchstone
