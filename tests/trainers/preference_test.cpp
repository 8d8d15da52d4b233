// The shared preference losses, on one pair: four tokens of -3 nats against five of -3, reference -13 and -14.5.
#include "tests/trainers/worked.hpp"

namespace touchstone {
namespace {

using testing::answer_batch;
using testing::gradient;
using testing::mean;
using testing::objective;

AnswerBatch worked() {
  auto batch = answer_batch({std::vector<double>(4, -3.0), std::vector<double>(5, -3.0)}, {0, 2});
  batch.ref_logp = at::cat({at::full({4}, -13.0 / 4, at::kDouble), at::full({5}, -14.5 / 5, at::kDouble)});
  return batch;
}

double value(const std::string& config, const AnswerBatch& batch = worked()) {
  return mean(objective<AnswerLoss>(config).loss(batch));
}

TEST(Dpo, WorkedExample) {
  const auto loss = objective<AnswerLoss>(R"({"use": "dpo", "beta": 0.1})").loss(worked());
  EXPECT_NEAR(mean(loss), 0.620957, 1e-6);
  EXPECT_NEAR(loss.logged.at("margin"), 0.15, 1e-9);
  EXPECT_EQ(loss.logged.at("accuracy"), 1.0);
  EXPECT_NEAR(loss.logged.at("nll"), 3.0, 1e-9);
  const auto slope = gradient(objective<AnswerLoss>(R"({"use": "dpo", "beta": 0.1})"), worked());
  for (std::int64_t at = 0; at < 9; ++at) EXPECT_NEAR(slope[at].item<double>(), at < 4 ? -0.046257 : 0.046257, 1e-6);
}

TEST(Dpo, ItsKin) {
  EXPECT_NEAR(value(R"({"use": "dpo", "loss_type": "hinge"})"), 0.85, 1e-9);
  EXPECT_NEAR(value(R"({"use": "dpo", "loss_type": "ipo"})"), 21.6225, 1e-9);
  EXPECT_NEAR(value(R"({"use": "dpo", "loss_type": "ipo", "length_normalised": false})"), 12.25, 1e-9);
  EXPECT_NEAR(value(R"({"use": "dpo", "loss_type": "conservative", "label_smoothing": 0.1})"), 0.635957, 1e-6);
  // (0.9 A - 0.1 B) / 0.8 with A = -log sigma(0.15), B = -log sigma(-0.15).
  const double a = std::log1p(std::exp(-0.15));
  const double b = std::log1p(std::exp(0.15));
  EXPECT_NEAR(value(R"({"use": "dpo", "loss_type": "robust", "label_smoothing": 0.1})"), (0.9 * a - 0.1 * b) / 0.8,
              1e-9);
}

/// One pair of log-ratios d_c and d_r, of one token each.
AnswerBatch ratios(double better, double worse) {
  auto batch = answer_batch({{better - 1.0}, {worse - 1.0}}, {0, 2});
  batch.ref_logp = at::full({2}, -1.0, at::kDouble);
  return batch;
}

TEST(Dpo, MinorPushesTheWorseAnswerOnlyAboveTheReference) {
  const std::string minor = R"({"use": "dpo", "loss_type": "minor", "beta": 0.1})";
  EXPECT_NEAR(value(minor, ratios(0.5, -0.8)), 0.668460, 1e-6);
  EXPECT_NEAR(value(minor, ratios(0.5, 0.8)), 0.708260, 1e-6);
  EXPECT_NEAR(value(R"({"use": "dpo", "beta": 0.1})", ratios(0.5, -0.8)), 0.630258, 1e-6);
  EXPECT_EQ(gradient(objective<AnswerLoss>(minor), ratios(0.5, -0.8))[1].item<double>(), 0.0);
  const auto dpo = gradient(objective<AnswerLoss>(R"({"use": "dpo", "beta": 0.1})"), ratios(0.5, 0.8));
  EXPECT_LT((gradient(objective<AnswerLoss>(minor), ratios(0.5, 0.8)) - dpo).abs().max().item<double>(), 1e-12);
}

TEST(Dpo, WithoutSmoothingAllLogisticFormsAreOne) {
  const auto batch = testing::random_answers(7);
  const auto wanted = gradient(objective<AnswerLoss>(R"({"use": "dpo"})"), batch);
  for (const auto* type : {"conservative", "robust"}) {
    const auto found =
        gradient(objective<AnswerLoss>(std::string(R"({"use": "dpo", "loss_type": ")") + type + "\"}"), batch);
    EXPECT_LT((found - wanted).abs().max().item<double>(), 1e-12) << type;
  }
}

// Where the model is the reference the loss is log 2 for every beta, and the gradient beta / 2 a token.
TEST(Dpo, StartsAtLogTwo) {
  auto batch = testing::random_answers(5);
  batch.ref_logp = batch.logp.detach().clone();
  for (const double beta : {0.01, 0.1, 1.0}) {
    const auto config = R"({"use": "dpo", "beta": )" + std::to_string(beta) + "}";
    EXPECT_NEAR(value(config, batch), 0.693147, 1e-6);
    EXPECT_NEAR(gradient(objective<AnswerLoss>(config), batch)[0].item<double>(), -beta / 2, 1e-9);
  }
}

TEST(Dpo, EqualAnswersPullNowhere) {
  auto batch = answer_batch({{-1.0, -2.0}, {-1.0, -2.0}}, {0, 2});
  batch.ref_logp = at::full({4}, -1.0, at::kDouble);
  const auto slope = gradient(objective<AnswerLoss>(R"({"use": "dpo"})"), batch);
  testing::expect_row(slope.slice(0, 0, 2) + slope.slice(0, 2, 4), {0.0, 0.0}, 1e-12);
}

TEST(Dpo, SeveralWorseAnswersWeighAsOne) {
  auto one = worked();
  auto three = answer_batch({std::vector<double>(4, -3.0), std::vector<double>(5, -3.0), std::vector<double>(5, -3.0),
                             std::vector<double>(5, -3.0)},
                            {0, 4});
  three.ref_logp = at::cat({one.ref_logp, one.ref_logp.slice(0, 4), one.ref_logp.slice(0, 4)});
  const auto loss = objective<AnswerLoss>(R"({"use": "dpo"})");
  EXPECT_NEAR(mean(loss.loss(three)), mean(loss.loss(one)), 1e-6);
  const auto slope = gradient(loss, three);
  EXPECT_NEAR(slope[0].item<double>(), -0.046257, 1e-6);
  EXPECT_NEAR(3 * slope[4].item<double>(), 0.046257, 1e-6);
}

TEST(Dpo, FarApartStaysFinite) {
  auto batch = worked();
  batch.ref_logp = at::cat({at::full({4}, 5000.0, at::kDouble), at::full({5}, -5000.0, at::kDouble)});
  for (const auto* type : {"sigmoid", "hinge", "ipo", "minor", "conservative", "robust"}) {
    const auto loss =
        objective<AnswerLoss>(std::string(R"({"use": "dpo", "loss_type": ")") + type + R"(", "label_smoothing": 0.2})");
    EXPECT_TRUE(std::isfinite(mean(loss.loss(batch)))) << type;
    EXPECT_TRUE(gradient(loss, batch).isfinite().all().item<bool>()) << type;
  }
}

AnswerBatch judged() {
  auto batch = answer_batch({std::vector<double>(4, -3.0), std::vector<double>(5, -3.0), {-2.0}}, {0, 3});
  batch.ref_logp = at::cat({worked().ref_logp, at::full({1}, -2.3, at::kDouble)});
  batch.rewards = {1.0, -1.0, 0.0};
  return batch;
}

TEST(Kto, WorkedExample) {
  const auto loss = objective<AnswerLoss>(R"({"use": "kto"})").loss(judged());
  EXPECT_EQ(loss.count, 2.0);
  EXPECT_NEAR(loss.logged.at("z0"), 0.3, 1e-9);
  EXPECT_NEAR(mean(loss), 0.481259, 1e-6);
  auto batch = judged();
  batch.rewards = {1.0, 0.0, 0.0};  // the second is a mismatch now: z0 = max(0, (-0.5 + 0.3) / 2)
  EXPECT_NEAR(value(R"({"use": "kto"})", batch), 1.0 / (1.0 + std::exp(0.1)), 1e-9);
  EXPECT_NEAR(value(R"({"use": "kto", "desirable_weight": 1.5})", batch), 1.5 / (1.0 + std::exp(0.1)), 1e-9);
}

TEST(Kto, Parts) {
  const auto part = [](double good, double bad) {
    return value(R"({"use": "kto", "desirable_weight": )" + std::to_string(good) + R"(, "undesirable_weight": )" +
                     std::to_string(bad) + "}",
                 judged()) *
           2;
  };
  EXPECT_NEAR(part(1, 0), 0.482507, 1e-6);
  EXPECT_NEAR(part(0, 1), 0.480011, 1e-6);
}

TEST(Kto, TheMismatchedAnswersHaveNoGradient) {
  const auto slope = gradient(objective<AnswerLoss>(R"({"use": "kto"})"), judged());
  EXPECT_EQ(slope[9].item<double>(), 0.0);
  EXPECT_LT(slope[0].item<double>(), 0.0);
  EXPECT_GT(slope[4].item<double>(), 0.0);
  auto none = judged();
  none.rewards = {0.0, 0.0, 0.0};
  EXPECT_THROW(objective<AnswerLoss>(R"({"use": "kto"})").loss(none), Error);
}

TEST(Simpo, WorkedExample) {
  EXPECT_NEAR(value(R"({"use": "simpo", "beta": 2, "simpo_gamma": 0.5})"), 0.974077, 1e-6);
  EXPECT_NEAR(value(R"({"use": "simpo", "beta": 2, "simpo_gamma": 1})"), 1.313262, 1e-6);
  EXPECT_NEAR(value(R"({"use": "simpo", "beta": 2, "simpo_gamma": 1, "cpo_alpha": 0.5})"), 1.313262 + 1.5, 1e-6);
}

TEST(Orpo, WorkedExample) {
  const auto batch = answer_batch({{-0.3, -0.7}, {-1.2, -1.0, -1.4}}, {0, 2});
  EXPECT_NEAR(value(R"({"use": "orpo", "beta": 0.1})", batch), 0.524655, 1e-6);
  EXPECT_NEAR(value(R"({"use": "orpo", "beta": 0})", batch), 0.5, 1e-9);
}

TEST(Orpo, CertainAnswersStayFinite) {
  const auto batch = answer_batch({{0.0, 0.0}, {-1e-12}}, {0, 2});
  const auto loss = objective<AnswerLoss>(R"({"use": "orpo"})");
  EXPECT_TRUE(std::isfinite(mean(loss.loss(batch))));
  EXPECT_TRUE(gradient(loss, batch).isfinite().all().item<bool>());
}

AnswerBatch with_own(double own_ratio) {
  auto batch = answer_batch({std::vector<double>(4, -3.0), std::vector<double>(5, -3.0), {-2.0, -1.0}}, {0, 3});
  batch.ref_logp = at::cat({worked().ref_logp, at::tensor({-2.0 - own_ratio, -1.0}, at::kDouble)});
  return batch;
}

TEST(Selm, WorkedExample) {
  EXPECT_NEAR(value(R"({"use": "selm", "beta": 0.1, "alpha": 1})", with_own(-1.0)), 0.520957, 1e-6);
  EXPECT_NEAR(value(R"({"use": "selm", "beta": 0.01, "alpha": 0.001})", with_own(-1.0)), 0.685665, 1e-6);
  const auto slope = gradient(objective<AnswerLoss>(R"({"use": "selm", "beta": 0.1, "alpha": 0.7})"), with_own(-1.0));
  EXPECT_NEAR(slope[9].item<double>(), 0.07, 1e-12);  // alpha beta: what it would write is made less likely
  EXPECT_NEAR(slope[10].item<double>(), 0.07, 1e-12);
}

TEST(Selm, WithoutOptimismItIsDpo) {
  const auto config = R"({"use": "selm", "beta": 0.1, "alpha": 0})";
  const auto slope = gradient(objective<AnswerLoss>(config), with_own(2.0));
  const auto wanted = gradient(objective<AnswerLoss>(R"({"use": "dpo", "beta": 0.1})"), worked());
  EXPECT_LT((slope.slice(0, 0, 9) - wanted).abs().max().item<double>(), 1e-12);
  EXPECT_EQ(slope.slice(0, 9).abs().max().item<double>(), 0.0);
  EXPECT_NEAR(value(R"({"use": "selm", "beta": 0.1, "alpha": 5})"), 0.620957, 1e-6);  // no third answer, no term
}

TEST(Selm, StartsAtLogTwoWithTheOptimismsGradient) {
  auto batch = with_own(0.0);
  batch.ref_logp = batch.logp.detach().clone();
  EXPECT_NEAR(value(R"({"use": "selm", "beta": 0.3, "alpha": 0.5})", batch), 0.693147, 1e-6);
}

class Preference : public ::testing::TestWithParam<const char*> {};

TEST_P(Preference, FiniteDifferencesSplitsMasksAndBfloat16) {
  const auto loss = objective<AnswerLoss>(GetParam());
  auto batch = testing::random_answers(6, 3);
  for (std::size_t answer = 0; answer < batch.rewards.size(); ++answer)
    batch.rewards[answer] = answer % 3 == 0 ? 1 : -1;
  testing::expect_finite_differences(loss, batch);
  testing::expect_split_invariant(loss, batch);
  testing::expect_bfloat16(loss, batch);
  EXPECT_TRUE(loss.answers.all);
  // A token of weight zero is as if it were not there.
  auto whole = answer_batch({{-1.0, -0.4, -2.0}, {-0.6, -0.2}}, {0, 2});
  whole.ref_logp = at::tensor({-0.7, -0.9, -1.0, -0.4, -0.8}, at::kDouble);
  whole.weights = at::tensor({1.0, 0.0, 1.0, 1.0, 1.0}, at::kDouble);
  whole.rewards = {1.0, -1.0};
  auto shorter = answer_batch({{-1.0, -2.0}, {-0.6, -0.2}}, {0, 2});
  shorter.ref_logp = at::tensor({-0.7, -1.0, -0.4, -0.8}, at::kDouble);
  shorter.rewards = whole.rewards;
  EXPECT_NEAR(mean(loss.loss(whole)), mean(loss.loss(shorter)), 1e-12);
  EXPECT_EQ(gradient(loss, whole)[1].item<double>(), 0.0);
}

TEST_P(Preference, OneAnswerOrNoReferenceIsAnError) {
  const auto loss = objective<AnswerLoss>(GetParam());
  if (std::string(GetParam()).find("kto") == std::string::npos) {
    EXPECT_THROW(loss.loss(testing::random_answers(2, 1)), Error);
  }
  auto batch = testing::random_answers(2, 2);
  batch.rewards = {1, -1, 1, -1};
  batch.ref_logp = Tensor();
  if (loss.ref_logp) {
    EXPECT_THROW(loss.loss(batch), Error);
  } else {
    EXPECT_TRUE(std::isfinite(mean(loss.loss(batch))));
  }
}

INSTANTIATE_TEST_SUITE_P(
    All, Preference,
    ::testing::Values(R"({"use": "dpo", "beta": 0.5})", R"({"use": "dpo", "loss_type": "hinge", "beta": 0.5})",
                      R"({"use": "dpo", "loss_type": "ipo", "beta": 0.5})",
                      R"({"use": "dpo", "loss_type": "ipo", "beta": 0.5, "length_normalised": false})",
                      R"({"use": "dpo", "loss_type": "minor", "beta": 0.5})",
                      R"({"use": "dpo", "loss_type": "conservative", "label_smoothing": 0.2, "beta": 0.5})",
                      R"({"use": "dpo", "loss_type": "robust", "label_smoothing": 0.2, "beta": 0.5})",
                      R"({"use": "kto", "beta": 0.5})", R"({"use": "simpo", "beta": 2})",
                      R"({"use": "simpo", "beta": 2, "cpo_alpha": 0.3})", R"({"use": "orpo", "beta": 0.4})",
                      R"({"use": "selm", "beta": 0.5, "alpha": 0.3})"));

}  // namespace
}  // namespace touchstone
