#include "tests/trainers/worked.hpp"

namespace touchstone {
namespace {

using testing::answer_batch;
using testing::gradient;
using testing::mean;
using testing::objective;

constexpr int line = 1;
constexpr int fault = 3;  // a changed character's line is changed

AnswerLoss fait(const std::string& options) { return objective<AnswerLoss>(R"({"use": "fait", )" + options + "}"); }

/// The log-probabilities of the worked batch as one answer, the second token marked.
AnswerBatch one_answer() {
  auto batch = answer_batch({{std::log(0.665240956), std::log(0.383651731), std::log(0.665240956)}}, {0, 1});
  batch.marks = at::tensor({line, fault, 0}).to(at::kByte);
  return batch;
}

/// A right answer with a+ = `right` on its marked token, and a variant with a- = `wrong`.
AnswerBatch pair(double right, double wrong) {
  auto batch = answer_batch({{-0.3, right, -0.4}, {-0.3, wrong, -0.9}}, {0, 2});
  batch.marks = at::tensor({line, fault, 0, line, fault, 0}).to(at::kByte);
  return batch;
}

TEST(Fait, StaticWorkedExample) {
  const std::string weights = R"("weight": "static", "alpha": 2, "granularity": "token")";
  const auto loss = fait(weights).loss(one_answer());
  EXPECT_EQ(loss.count, 3.0);
  EXPECT_NEAR(mean(loss), 1.229757, 1e-6);
  EXPECT_NEAR(loss.logged.at("nll"), 0.591077, 1e-6);
  const auto by_weight = fait(weights + R"(, "normaliser": "weight_sum")").loss(one_answer());
  EXPECT_EQ(by_weight.count, 5.0);
  EXPECT_NEAR(mean(by_weight), 0.737854, 1e-6);
  testing::expect_row(gradient(fait(weights), one_answer()), {-1.0, -3.0, -1.0}, 1e-12);
}

TEST(Fait, Granularities) {
  const auto slope = [](const std::string& granularity) {
    return gradient(fait(R"("weight": "static", "alpha": 2, "granularity": ")" + granularity + "\""), one_answer());
  };
  testing::expect_row(slope("token"), {-1.0, -3.0, -1.0}, 1e-12);
  testing::expect_row(slope("line"), {-3.0, -3.0, -1.0}, 1e-12);
  testing::expect_row(slope("both"), {-2.0, -3.0, -1.0}, 1e-12);  // 1 + (3 - 1) / 2 on the line
}

TEST(Fait, MarginWorkedExamples) {
  const auto loss = fait(R"("granularity": "token")");
  const auto weight = [&](double right, double wrong) { return loss.loss(pair(right, wrong)).logged.at("weight"); };
  EXPECT_NEAR(weight(-0.5, -0.2), 1.574443, 1e-6);
  EXPECT_NEAR(weight(-0.2, -1.2), 1.268941, 1e-6);
  EXPECT_NEAR(weight(-0.7, -0.7), 1.5, 1e-9);
  EXPECT_NEAR(loss.loss(pair(-0.2, -1.2)).logged.at("separation"), 1.0, 1e-9);
  const auto softer = fait(R"("granularity": "token", "tau": 10, "alpha": 2)").loss(pair(-0.5, -0.2));
  EXPECT_NEAR(softer.logged.at("weight"), 1.0 + 2.0 / (1.0 + std::exp(-0.03)), 1e-9);
}

// The weight is held still, and the variant is only looked at: its tokens and its sign have no gradient.
TEST(Fait, NothingFlowsThroughTheWeightOrTheVariant) {
  for (const auto* granularity : {"token", "line", "both"}) {
    const auto loss = fait(std::string(R"("granularity": ")") + granularity + "\"");
    EXPECT_TRUE(loss.first_learns);
    const auto batch = pair(-0.5, -0.2);
    const auto found = gradient(loss, batch);
    EXPECT_EQ(found.slice(0, 3).abs().max().item<double>(), 0.0) << granularity;
    // Against finite differences of the loss with its weights kept as they were.
    const auto weights = -found.slice(0, 0, 3);
    const auto wanted = testing::finite_differences(
        batch.logp.detach().slice(0, 0, 3), [&](const Tensor& logp) { return -weights.dot(logp).item<double>(); });
    EXPECT_LT((found.slice(0, 0, 3) - wanted).abs().max().item<double>(), 1e-7);
    EXPECT_NEAR(loss.loss(batch).sum.item<double>(), -weights.dot(batch.logp.slice(0, 0, 3)).item<double>(), 1e-12);
  }
}

// Against finite differences over logits: w (softmax - onehot).
TEST(Fait, GradientOfTheLogits) {
  const auto tokens = testing::random_batch(5, 7, at::kDouble);
  const auto loss = fait(R"("weight": "static", "alpha": 1.5, "granularity": "both")");
  const auto value = [&](const Tensor& logits) {
    AnswerBatch batch;
    batch.logp = logits.log_softmax(-1).gather(-1, tokens.labels.unsqueeze(-1)).squeeze(-1);
    batch.answer_of = at::zeros({5}, at::kLong);
    batch.starts = {0, 1};
    batch.marks = at::tensor({0, line, fault, fault, 0}).to(at::kByte);
    return loss.loss(batch).sum;
  };
  value(tokens.logits).backward();
  const auto found = tokens.logits.grad();
  const auto wanted =
      testing::finite_differences(tokens.logits, [&](const Tensor& logits) { return value(logits).item<double>(); });
  EXPECT_LT((found - wanted).abs().max().item<double>(), 1e-7);
  const auto p = tokens.logits.detach().softmax(-1);
  const auto weights = at::tensor({1.0, 1.75, 2.5, 2.5, 1.0}, at::kDouble).unsqueeze(-1);
  EXPECT_LT((found - weights * (p - at::one_hot(tokens.labels, 7))).abs().max().item<double>(), 1e-12);
}

TEST(Fait, WithoutAlphaMarksOrVariantItIsTheLikelihood) {
  const auto nll = -(-0.3 - 0.5 - 0.4);
  for (const auto* weight : {"static", "margin_sigmoid"}) {
    const auto options = std::string(R"("weight": ")") + weight + R"(", "alpha": )";
    const auto none = fait(options + "0").loss(pair(-0.5, -0.2));
    EXPECT_DOUBLE_EQ(none.sum.item<double>(), nll);
    EXPECT_EQ(none.count, 3.0);
    auto unmarked = pair(-0.5, -0.2);
    unmarked.marks = at::zeros({6}, at::kByte);
    EXPECT_DOUBLE_EQ(fait(options + "3").loss(unmarked).sum.item<double>(), nll);
  }
  auto alone = one_answer();
  alone.marks = at::zeros({3}, at::kByte);
  EXPECT_NEAR(mean(fait(R"("alpha": 3)").loss(alone)), 0.591077, 1e-6);
}

// A variant that only leaves something out has no changed token: both sides are compared by their lines, and where
// there is no line either the weight stands halfway.
TEST(Fait, MarginsOfOneSidedFaults) {
  auto batch = pair(-0.5, -0.2);
  batch.marks = at::tensor({line, fault, 0, line, line, 0}).to(at::kByte);
  const auto loss = fait(R"("granularity": "token")");
  EXPECT_NEAR(loss.loss(batch).logged.at("separation"), 0.5 * (-0.3 - 0.5) - 0.5 * (-0.3 - 0.2), 1e-9);
  batch.marks = at::tensor({line, fault, 0, 0, 0, 0}).to(at::kByte);
  EXPECT_EQ(loss.loss(batch).logged.at("separation"), 0.0);
  EXPECT_NEAR(loss.loss(batch).logged.at("weight"), 1.5, 1e-12);
}

AnswerBatch random_pairs() {
  auto batch = testing::random_answers(9, 2);
  const auto at = at::arange(batch.logp.size(0), at::kLong);
  batch.marks = at::where(at.remainder(4).eq(0), fault, at::where(at.remainder(3).eq(0), line, 0)).to(at::kByte);
  return batch;
}

TEST(Fait, SplitsAndBfloat16) {
  for (const auto* options :
       {R"("alpha": 2)", R"("alpha": 2, "normaliser": "weight_sum")", R"("granularity": "line", "tau": 0.5)",
        R"("weight": "static", "granularity": "token")"}) {
    testing::expect_bfloat16(fait(options), random_pairs());
    const auto loss = fait(options);
    const auto whole = random_pairs();
    const auto wanted = loss.loss(whole);
    double sum = 0.0;
    double count = 0.0;
    for (std::size_t record = 0; record < 9; ++record) {
      const auto part = loss.loss(testing::part_of(whole, record, record + 1));
      sum += part.sum.item<double>();
      count += part.count;
    }
    EXPECT_NEAR(sum, wanted.sum.item<double>(), 1e-9) << options;
    EXPECT_NEAR(count, wanted.count, 1e-9) << options;
  }
}

TEST(Fait, TokensOfWeightZeroAreNotTrained) {
  auto batch = pair(-0.5, -0.2);
  batch.weights = at::tensor({0.0, 1.0, 0.5, 1.0, 1.0, 1.0}, at::kDouble);
  const auto found = gradient(fait(R"("granularity": "token")"), batch);
  EXPECT_EQ(found[0].item<double>(), 0.0);
  EXPECT_NEAR(found[1].item<double>(), -1.574443, 1e-6);
  EXPECT_NEAR(found[2].item<double>(), -0.5, 1e-12);
  batch.weights = at::zeros({6}, at::kDouble);
  const auto nothing = fait(R"("normaliser": "weight_sum")").loss(batch);
  EXPECT_EQ(nothing.count, 0.0);
  EXPECT_EQ(gradient(fait(R"("normaliser": "weight_sum")"), batch).abs().max().item<double>(), 0.0);
}

TEST(Fait, BadInput) {
  EXPECT_THROW(fait(R"("alpha": 1)").loss(testing::random_answers(2, 2)), Error);  // no marks
  auto three = testing::random_answers(2, 3);
  three.marks = at::zeros({three.logp.size(0)}, at::kByte);
  try {
    fait(R"("alpha": 1)").loss(three);
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(std::string(error.what()),
              "found a record with 3 answers, expected a right one and at most one wrong: let the stage 'near_miss' "
              "choose it");
  }
  EXPECT_THROW(fait(R"("weight": "dynamic")"), Error);
  EXPECT_THROW(fait(R"("tau": 0)"), Error);
}

}  // namespace
}  // namespace touchstone
