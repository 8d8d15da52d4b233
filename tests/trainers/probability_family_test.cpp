#include "tests/trainers/worked.hpp"

namespace touchstone {
namespace {

using testing::gradient;
using testing::mean;
using testing::objective;
using testing::worked_batch;

TokenLoss family(const std::string& options) {
  return objective<TokenLoss>(R"({"use": "probability_family", )" + options + "}");
}
TokenLoss power(double alpha) { return family(R"("form": "power", "alpha": )" + std::to_string(alpha)); }

struct Worked {
  double alpha;
  std::array<double, 3> per_token;
  double mean;
};

class PowerFamily : public ::testing::TestWithParam<Worked> {};

TEST_P(PowerFamily, WorkedExample) {
  const auto wanted = GetParam();
  const auto batch = worked_batch();
  EXPECT_NEAR(mean(power(wanted.alpha).loss(batch)), wanted.mean, 1e-5);
  for (std::int64_t at = 0; at < 3; ++at) {
    TokenBatch one;
    one.logits = batch.logits.detach().narrow(0, at, 1);
    one.labels = batch.labels.narrow(0, at, 1);
    EXPECT_NEAR(mean(power(wanted.alpha).loss(one)), wanted.per_token[static_cast<std::size_t>(at)], 1e-5);
  }
}

INSTANTIATE_TEST_SUITE_P(Alphas, PowerFamily,
                         ::testing::Values(Worked{0.1, {0.399411, 0.913561, 0.399411}, 0.570794},
                                           Worked{1.0, {0.334759, 0.616348, 0.334759}, 0.428622},
                                           Worked{10.0, {0.098303, 0.099993, 0.098303}, 0.098866}));

// The weight on the label's own logit is p^a (1 - p).
TEST(ProbabilityFamily, WeightsOnTheLabelsLogit) {
  const auto weight = [](double alpha, std::int64_t at) {
    return -gradient(power(alpha), worked_batch())[at][at].item<double>();
  };
  EXPECT_NEAR(weight(0.1, 0), 0.321388, 1e-5);
  EXPECT_NEAR(weight(0.1, 1), 0.560041, 1e-5);
  EXPECT_NEAR(weight(1.0, 0), 0.222695, 1e-5);
  EXPECT_NEAR(weight(1.0, 1), 0.236463, 1e-5);
  EXPECT_NEAR(weight(10.0, 0), 0.005682, 1e-6);
  EXPECT_NEAR(weight(10.0, 1), 0.000043, 1e-6);
}

TEST(ProbabilityFamily, Gradients) {
  testing::expect_row(gradient(power(1.0), worked_batch())[0], {-0.222695, 0.162803, 0.059892});
  testing::expect_row(gradient(power(10.0), worked_batch())[0], {-0.005682, 0.004154, 0.001528});
}

TEST(ProbabilityFamily, SmallAlphaIsTheLikelihood) {
  EXPECT_NEAR(mean(power(1e-4).loss(worked_batch())), 0.591077, 1e-3);
  const auto small = gradient(power(1e-6), testing::random_batch(20, 30));
  const auto sft = gradient(objective<TokenLoss>(R"({"use": "sft"})"), testing::random_batch(20, 30));
  EXPECT_LT((small - sft).abs().max().item<double>(), 1e-4);
}

TEST(ProbabilityFamily, AlphaOneHasTheGradientOfDynamicFineTuning) {
  const auto batch = testing::random_batch(20, 30);
  const auto dft = gradient(objective<TokenLoss>(R"({"use": "dft"})"), batch);
  EXPECT_LT((gradient(power(1.0), batch) - dft).abs().max().item<double>(), 1e-6);
  EXPECT_LT((gradient(family(R"("form": "p")"), batch) - dft).abs().max().item<double>(), 1e-6);
}

TEST(ProbabilityFamily, ThresholdsLeaveTokensOut) {
  const auto at = [](const std::string& form, double threshold, const std::string& count = "kept") {
    const auto loss =
        family(R"("form": ")" + form + R"(", "count": ")" + count + R"(", "threshold": )" + std::to_string(threshold))
            .loss(worked_batch());
    return mean(loss);
  };
  EXPECT_NEAR(at("top_nll", 0.5), 0.407606, 1e-5);
  EXPECT_NEAR(at("bottom_nll", 0.5), 0.958020, 1e-5);
  EXPECT_NEAR(at("top_nll", 0.0), 0.591077, 1e-5);
  EXPECT_NEAR(at("top_p", 0.5), 0.334759, 1e-5);
  EXPECT_NEAR(at("bottom_p", 0.5), 0.616348, 1e-5);
  EXPECT_NEAR(at("top_nll", 0.5, "all"), 2 * 0.407606 / 3, 1e-5);
}

// The worked labels have probabilities 0.384, 0.665 and 0.665, the reference's 0.1, 0.4, 0.5 and 0.9.
TEST(ProbabilityFamily, ThresholdsMayBeQuantilesOfTheReference) {
  const std::vector<float> reference = {std::log(0.9F), std::log(0.1F), std::log(0.5F), std::log(0.4F)};
  const auto at = [&](const std::string& form, double share) {
    const auto loss =
        family(R"("form": ")" + form + R"(", "threshold_is_quantile": true, "threshold": )" + std::to_string(share));
    EXPECT_TRUE(needs_of(loss).ref_logp);
    EXPECT_THROW(loss.loss(worked_batch()), Error);  // not prepared
    loss.prepare(reference);
    return mean(loss.loss(worked_batch()));
  };
  EXPECT_NEAR(at("top_nll", 0.5), 0.407606, 1e-5);  // 0.45
  EXPECT_NEAR(at("bottom_nll", 0.5), 0.958020, 1e-5);
  EXPECT_NEAR(at("top_nll", 1.0 / 3 - 1e-9), (0.958020 * 0 + 2 * 0.407606) / 2, 1e-5);  // 0.4
  EXPECT_NEAR(at("top_nll", 0.1), 0.591077, 1e-5);                                      // 0.19: all
  EXPECT_NEAR(at("top_nll", 0.75), 0.407606, 1e-5);                                     // 0.6
  EXPECT_TRUE(std::isnan(at("top_nll", 0.9)));  // 0.78: none, a sum of zero over zero
  EXPECT_THROW(family(R"("form": "p", "threshold_is_quantile": true)"), Error);
  const auto none = family(R"("form": "top_nll", "threshold_is_quantile": true)");
  EXPECT_THROW(none.prepare({}), Error);
}

TEST(ProbabilityFamily, AThresholdThatKeepsNothingIsZeroWithoutGradient) {
  const auto none = family(R"("form": "top_nll", "threshold": 1.0)");
  const auto loss = none.loss(worked_batch());
  EXPECT_EQ(loss.count, 0.0);
  EXPECT_EQ(loss.sum.item<double>(), 0.0);
  EXPECT_EQ(gradient(none, worked_batch()).abs().max().item<double>(), 0.0);
}

class Forms : public ::testing::TestWithParam<const char*> {};

TEST_P(Forms, FiniteDifferencesMasksAndBfloat16) {
  const auto loss = family(GetParam());
  testing::expect_finite_differences(loss, testing::random_batch(6, 5, at::kDouble));
  testing::expect_masked(loss, testing::random_batch(9, 20));
  testing::expect_bfloat16(loss, testing::random_batch(64, 40));
}

INSTANTIATE_TEST_SUITE_P(All, Forms,
                         ::testing::Values(R"("form": "nll")", R"("form": "p")", R"("form": "power", "alpha": 0.3)",
                                           R"("form": "power", "alpha": 5)", R"("form": "top_p", "threshold": 0.03)",
                                           R"("form": "bottom_p", "threshold": 0.2)",
                                           R"("form": "top_nll", "threshold": 0.03)",
                                           R"("form": "bottom_nll", "threshold": 0.2)"));

// A label whose probability underflows keeps a finite loss and gradient.
TEST(ProbabilityFamily, VeryUnlikelyLabels) {
  auto batch = worked_batch();
  batch.logits = at::tensor({-500.0F, 0.0F, 500.0F}).view({1, 3}).requires_grad_(true);
  batch.labels = at::tensor({0}, at::kLong);
  for (const double alpha : {0.1, 1.0, 10.0}) {
    EXPECT_NEAR(mean(power(alpha).loss(batch)), 1.0 / alpha, 1e-5);
    EXPECT_TRUE(gradient(power(alpha), batch).isfinite().all().item<bool>());
  }
}

}  // namespace
}  // namespace touchstone
