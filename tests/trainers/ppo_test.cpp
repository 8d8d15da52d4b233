// Losses over answers that the model wrote: their pieces and worked numbers.
#include "tests/trainers/worked.hpp"
#include "trainers/losses/advantages.hpp"

namespace touchstone {
namespace {

using testing::answer_batch;
using testing::gradient;
using testing::mean;
using testing::objective;

Tensor doubles(const std::vector<double>& values) { return at::tensor(values, at::kDouble); }

void expect_values(const std::vector<double>& found, const std::vector<double>& wanted, double tolerance = 1e-6) {
  ASSERT_EQ(found.size(), wanted.size());
  for (std::size_t at = 0; at < wanted.size(); ++at) EXPECT_NEAR(found[at], wanted[at], tolerance) << at;
}

TEST(KlEstimate, WorkedExample) {
  const auto logp = doubles({-1.0, -0.7, -2.0});
  const auto ref = doubles({-1.2, -0.5, -1.0});
  testing::expect_row(kl_estimate(logp, ref, "k1"), {0.2, -0.2, -1.0}, 1e-9);
  testing::expect_row(kl_estimate(logp, ref, "k3"), {0.018731, 0.021403, 0.718282}, 1e-6);
  // Over all tokens both are the divergence itself.
  const auto p = doubles({0.5, 0.3, 0.2});
  const auto q = doubles({0.4, 0.4, 0.2});
  for (const auto* name : {"k1", "k3"}) {
    EXPECT_NEAR(p.dot(kl_estimate(p.log(), q.log(), name)).item<double>(), 0.025267, 1e-6) << name;
  }
}

TEST(Advantages, WorkedExample) {
  const auto made =
      generalised_advantages(doubles({0, 0, 1}), doubles({0.2, 0.4, 0.6}), at::zeros({3}, at::kLong), 1.0, 0.95);
  testing::expect_row(made.advantages, {0.751, 0.58, 0.4}, 1e-9);
  testing::expect_row(made.returns, {0.951, 0.98, 1.0}, 1e-9);
  testing::expect_row(whitened(made.advantages), {0.991344, 0.017092, -1.008436}, 1e-6);
}

TEST(Advantages, AnswersAreApart) {
  const auto of = at::tensor({0, 0, 0, 1, 1}, at::kLong);
  const auto made = generalised_advantages(doubles({0, 0, 1, 0, 1}), doubles({0.2, 0.4, 0.6, 0.1, 0.3}), of, 1.0, 0.95);
  testing::expect_row(made.advantages.slice(0, 0, 3), {0.751, 0.58, 0.4}, 1e-9);
  testing::expect_row(made.advantages.slice(0, 3), {0.2 + 0.95 * 0.7, 0.7}, 1e-9);
  EXPECT_THROW(generalised_advantages(doubles({0}), doubles({0, 1}), at::zeros({1}, at::kLong), 1.0, 1.0), Error);
}

TEST(Advantages, WhiteningOfFewOrEqualIsZero) {
  EXPECT_EQ(whitened(doubles({3.0})).item<double>(), 0.0);
  EXPECT_EQ(whitened(doubles({2.0, 2.0, 2.0})).abs().max().item<double>(), 0.0);
  EXPECT_NEAR(whitened(doubles({1.0, 5.0}), /*shift=*/false).mean().item<double>(), 3.0, 1e-12);
}

TEST(GroupAdvantages, WorkedExamples) {
  expect_values(group_advantages({1, 0, 0, 1}, {0, 4}, GroupScale::group), {0.865875, -0.865875, -0.865875, 0.865875});
  expect_values(group_advantages({1, 0, 0, 0}, {0, 4}, GroupScale::group), {1.499700, -0.499900, -0.499900, -0.499900});
  expect_values(group_advantages({1, 0, 0, 0}, {0, 4}, GroupScale::none), {0.75, -0.25, -0.25, -0.25});
  expect_values(leave_one_out({1, 0, 0, 0}, {0, 4}), {1.0, -1.0 / 3, -1.0 / 3, -1.0 / 3});
  expect_values(leave_one_out({0.975, -0.01, -0.005, -0.02}, {0, 4}), {0.986667, -0.326667, -0.32, -0.34});
}

TEST(GroupAdvantages, EqualRewardsAndGroupsOfOneHaveNone) {
  for (const auto scale : {GroupScale::group, GroupScale::batch, GroupScale::none}) {
    expect_values(group_advantages({0.3, 0.3, 0.3, 7.0}, {0, 3, 4}, scale), {0, 0, 0, 0}, 1e-12);
  }
  expect_values(leave_one_out({0.3, 0.3, 7.0}, {0, 2, 3}), {0, 0, 0}, 1e-12);
  // By the batch's deviation a group keeps its size relative to the others.
  const auto batch = group_advantages({1, 0, 4, 0}, {0, 2, 4}, GroupScale::batch);
  EXPECT_NEAR(batch[2] / batch[0], 4.0, 1e-9);
}

TEST(OverlongPenalty, WorkedExample) {
  EXPECT_EQ(overlong_penalty(16000, 20480, 4096), 0.0);
  EXPECT_EQ(overlong_penalty(18432, 20480, 4096), -0.5);
  EXPECT_EQ(overlong_penalty(20480, 20480, 4096), -1.0);
  EXPECT_EQ(overlong_penalty(21000, 20480, 4096), -1.0);
  EXPECT_EQ(overlong_penalty(5, 5, 0), 0.0);
}

/// One answer of three tokens whose old log-probabilities are all -1.
AnswerBatch ppo_batch(const std::vector<double>& advantage = {0.751, 0.58, 0.4}) {
  auto batch = answer_batch({{-0.7, -1.3, -1.05}}, {0, 1});
  batch.values = at::full({3}, 0.5, at::kDouble).requires_grad_(true);
  batch.notes = {{"old_logp", at::full({3}, -1.0, at::kDouble)},
                 {"old_values", doubles({0.2, 0.4, 0.6})},
                 {"returns", doubles({0.951, 0.98, 1.0})},
                 {"advantage", doubles(advantage)}};
  return batch;
}

double ppo(const std::string& options, const AnswerBatch& batch) {
  return mean(objective<RolloutLoss>(R"({"use": "ppo", )" + options + "}").loss(batch));
}

TEST(Ppo, WorkedExample) {
  EXPECT_NEAR(ppo(R"("vf_coef": 0)", ppo_batch()), -0.570455, 1e-6);
  EXPECT_NEAR(ppo(R"("vf_coef": 0)", ppo_batch({0.991344, 0.017092, -1.008436})), -0.081007, 1e-6);
  EXPECT_NEAR(ppo(R"("vf_coef": 1)", ppo_batch()) - ppo(R"("vf_coef": 0)", ppo_batch()), 0.130667, 1e-6);
  const auto loss = objective<RolloutLoss>(R"({"use": "ppo"})").loss(ppo_batch());
  EXPECT_NEAR(mean(loss), -0.570455 + 0.1 * 0.130667, 1e-6);
  EXPECT_NEAR(loss.logged.at("clipped"), 2.0 / 3, 1e-9);
  // Of the first token the clipped side counts, which has no gradient; of the others the ratio times A.
  const auto slope = gradient(objective<RolloutLoss>(R"({"use": "ppo", "vf_coef": 0})"), ppo_batch());
  testing::expect_row(slope, {0.0, -0.429675, -0.380492}, 1e-6);
}

TEST(Ppo, CreditOfAnAnswer) {
  auto batch = answer_batch({{-1.0, -0.7, -2.0}}, {0, 1});
  batch.logp = batch.logp.detach();
  batch.ref_logp = doubles({-1.2, -0.5, -1.0});
  batch.values = at::zeros({3}, at::kDouble);
  batch.rewards = {1.0};
  const auto notes =
      objective<RolloutLoss>(R"({"use": "ppo", "kl_coef": 0.5, "lam": 1, "whiten_advantages": false})").credit(batch);
  // Token rewards -0.1, 0.1 and 0.5 + 1; without values and discount the advantages are what is still to come.
  testing::expect_row(notes.at("advantage"), {1.5, 1.6, 1.5}, 1e-9);
  testing::expect_row(notes.at("returns"), {1.5, 1.6, 1.5}, 1e-9);
  EXPECT_TRUE(notes.at("old_logp").equal(batch.logp));
  batch.rewards = {std::numeric_limits<double>::infinity()};
  EXPECT_THROW(objective<RolloutLoss>(R"({"use": "ppo"})").credit(batch), Error);
  batch.ref_logp = Tensor();
  EXPECT_THROW(objective<RolloutLoss>(R"({"use": "ppo"})").credit(batch), Error);
}

/// Four answers of lengths 2, 4, 1 and 3 in one group, each with one ratio throughout.
AnswerBatch group_batch() {
  const std::vector<double> ratios = {1.3, 0.7, 1.0, 1.25};
  const std::vector<std::size_t> lengths = {2, 4, 1, 3};
  std::vector<std::vector<double>> answers;
  std::vector<double> old;
  for (std::size_t at = 0; at < 4; ++at) {
    answers.emplace_back(lengths[at], -1.0);
    for (std::size_t token = 0; token < lengths[at]; ++token) old.push_back(-1.0 - std::log(ratios[at]));
  }
  auto batch = answer_batch(answers, {0, 4});
  batch.rewards = {1, 0, 0, 0};
  batch.notes["old_logp"] = doubles(old);
  return batch;
}

double grpo(const std::string& options) {
  const auto made = objective<RolloutLoss>(R"({"use": "grpo", )" + options + "}");
  auto batch = group_batch();
  const auto old = batch.notes["old_logp"];
  batch.notes = made.credit(batch);
  batch.notes["old_logp"] = old;
  return mean(made.loss(batch));
}

TEST(Grpo, WorkedExamples) {
  EXPECT_NEAR(grpo(R"("loss_type": "grpo")"), -0.068736, 1e-6);
  EXPECT_NEAR(grpo(R"("loss_type": "dapo")"), 0.037493, 1e-6);
  EXPECT_NEAR(grpo(R"("loss_type": "dapo", "epsilon_high": 0.28)"), 0.013497, 1e-6);
  EXPECT_NEAR(grpo(R"("loss_type": "dr_grpo", "scale_rewards": "none", "max_completion_length": 8)"), 0.005859, 1e-6);
  // A ratio that is one throughout an answer is that of the answer, too.
  EXPECT_NEAR(grpo(R"("loss_type": "grpo", "importance_sampling_level": "sequence")"), -0.068736, 1e-6);
  EXPECT_THROW(objective<RolloutLoss>(R"({"use": "grpo", "loss_type": "dr_grpo"})"), Error);
}

// With one step a rollout the ratio is one and the gradient that of REINFORCE: minus the centred reward.
TEST(Grpo, FirstStepIsReinforce) {
  const auto made = objective<RolloutLoss>(R"({"use": "grpo", "loss_type": "dapo", "scale_rewards": "none"})");
  auto batch = group_batch();
  batch.notes = made.credit(batch);
  batch.notes["old_logp"] = batch.logp.detach();
  const auto slope = gradient(made, batch);
  EXPECT_NEAR(slope[0].item<double>(), -0.75, 1e-9);
  EXPECT_NEAR(slope[5].item<double>(), 0.25, 1e-9);
  const auto rloo = objective<RolloutLoss>(R"({"use": "rloo", "beta": 0})");
  batch.notes = rloo.credit(batch);
  batch.notes["old_logp"] = batch.logp.detach();
  const auto own = gradient(rloo, batch);
  EXPECT_NEAR(own[0].item<double>(), -1.0, 1e-9);
  EXPECT_NEAR(own[5].item<double>(), 1.0 / 3, 1e-9);
}

TEST(Rloo, DivergenceIsPartOfTheReward) {
  auto batch = group_batch();
  batch.logp = batch.logp.detach();
  // Sums of the divergence over each answer: 0.5, 0.2, 0.1, 0.4.
  const auto share = doubles({0.25, 0.25, 0.05, 0.05, 0.05, 0.05, 0.1, 0.4 / 3, 0.4 / 3, 0.4 / 3});
  batch.ref_logp = batch.logp - share;
  const auto notes = objective<RolloutLoss>(R"({"use": "rloo", "beta": 0.05})").credit(batch);
  const auto of_answers = notes.at("advantage").index_select(0, at::tensor({0, 2, 6, 7}, at::kLong));
  testing::expect_row(of_answers, {0.986667, -0.326667, -0.32, -0.34}, 1e-6);
}

class Written : public ::testing::TestWithParam<const char*> {
 protected:
  /// Six records of two answers with notes and values near what they were.
  static AnswerBatch batch() {
    auto made = testing::random_answers(6, 2);
    auto generator = at::detail::createCPUGenerator(11);
    const auto noise = [&](double size) { return at::empty_like(made.logp.detach()).normal_(0.0, size, generator); };
    made.values = noise(0.5);
    for (std::size_t at = 0; at < made.rewards.size(); ++at) made.rewards[at] = static_cast<double>(at % 3);
    made.notes = {{"old_logp", made.logp.detach() + noise(0.1)},
                  {"advantage", noise(1.0)},
                  {"returns", noise(0.5)},
                  {"old_values", made.values + noise(0.05)},
                  {"ref_logp", made.ref_logp}};
    return made;
  }
};

TEST_P(Written, FiniteDifferencesAndBfloat16) {
  const auto loss = objective<RolloutLoss>(GetParam());
  testing::expect_finite_differences(loss, batch());
  auto near = batch();
  near.notes["old_logp"] = near.logp.detach().to(at::kBFloat16).to(at::kDouble);
  testing::expect_bfloat16(loss, near);
}

TEST_P(Written, RatiosThatOverflowStayFinite) {
  const auto loss = objective<RolloutLoss>(GetParam());
  for (const double apart : {1e4, -1e4}) {
    auto far = batch();
    far.notes["old_logp"] = far.logp.detach() + apart;
    EXPECT_TRUE(std::isfinite(mean(loss.loss(far))));
    EXPECT_TRUE(gradient(loss, far).isfinite().all().item<bool>());
  }
}

TEST_P(Written, MaskedTokensAreNotThere) {
  const auto loss = objective<RolloutLoss>(GetParam());
  auto masked = batch();
  masked.weights = at::ones_like(masked.logp.detach());
  masked.weights[2].fill_(0.0);
  EXPECT_EQ(gradient(loss, masked)[2].item<double>(), 0.0);
  masked.weights.zero_();
  EXPECT_EQ(loss.loss(masked).count, 0.0);
  EXPECT_EQ(gradient(loss, masked).abs().max().item<double>(), 0.0);
}

TEST_P(Written, GivenAnswersAreRefused) {
  const auto loss = objective<RolloutLoss>(GetParam());
  auto given = batch();
  given.notes.clear();
  EXPECT_THROW(loss.loss(given), Error);
}

TEST_P(Written, EqualRewardsPullNowhereOnceCredited) {
  const auto loss = objective<RolloutLoss>(GetParam());
  auto equal = batch();
  equal.logp = equal.logp.detach();
  equal.ref_logp = equal.logp;
  equal.values = at::zeros_like(equal.logp);
  std::fill(equal.rewards.begin(), equal.rewards.end(), 0.7);
  const auto notes = loss.credit(equal);
  EXPECT_TRUE(notes.at("advantage").isfinite().all().item<bool>());
  if (std::string(GetParam()).find("ppo") == std::string::npos) {
    EXPECT_LT(notes.at("advantage").abs().max().item<double>(), 1e-9);
  }
}

INSTANTIATE_TEST_SUITE_P(All, Written,
                         ::testing::Values(R"({"use": "ppo", "vf_coef": 0.5})", R"({"use": "grpo"})",
                                           R"({"use": "grpo", "loss_type": "grpo", "beta": 0.3})",
                                           R"({"use": "grpo", "importance_sampling_level": "sequence"})",
                                           R"({"use": "rloo"})"));

// The values' part, too.
TEST(Ppo, ValuesAgainstFiniteDifferences) {
  const auto loss = objective<RolloutLoss>(R"({"use": "ppo", "vf_coef": 0.7})");
  auto batch = ppo_batch();
  loss.loss(batch).sum.backward();
  const auto wanted = testing::finite_differences(batch.values, [&](const Tensor& values) {
    auto moved = batch;
    moved.values = values;
    return loss.loss(moved).sum.item<double>();
  });
  EXPECT_LT((batch.values.grad() - wanted).abs().max().item<double>(), 1e-7);
  EXPECT_GT(wanted.abs().max().item<double>(), 0.0);
}

}  // namespace
}  // namespace touchstone
