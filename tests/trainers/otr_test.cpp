#include "tests/trainers/worked.hpp"

namespace touchstone {
namespace {

using testing::gradient;
using testing::mean;
using testing::objective;

TokenLoss otr(const std::string& options) { return objective<TokenLoss>(R"({"use": "otr", )" + options + "}"); }

TokenBatch first_position() {
  auto batch = testing::worked_batch();
  batch.logits = batch.logits.detach().narrow(0, 0, 1).clone().requires_grad_(true);
  batch.labels = batch.labels.narrow(0, 0, 1);
  batch.keys = at::zeros({1}, at::kLong);
  return batch;
}

TEST(Otr, ExactWorkedExample) {
  const auto loss = otr(R"("mode": "exact")");
  EXPECT_NEAR(mean(loss.loss(first_position())), 0.173226, 1e-5);
  testing::expect_row(gradient(loss, first_position())[0], {-0.226370, 0.163562, 0.062808});
}

// At temperature one the exact gradient is (1 - penalty) times that of dynamic fine-tuning.
TEST(Otr, AtTemperatureOneItIsDynamicFineTuning) {
  const auto plain = otr(R"("mode": "exact", "temperature": 1, "penalty": 0)");
  EXPECT_NEAR(mean(plain.loss(first_position())), 0.271156, 1e-5);
  const auto batch = testing::random_batch(12, 30);
  const auto dft = gradient(objective<TokenLoss>(R"({"use": "dft"})"), batch);
  for (const double penalty : {0.0, -0.1, 0.5, 1.0}) {
    const auto found =
        gradient(otr(R"("mode": "exact", "temperature": 1, "penalty": )" + std::to_string(penalty)), batch);
    EXPECT_LT((found - (1 - penalty) * dft).abs().max().item<double>(), 1e-6) << penalty;
  }
}

// d loss / d logits = (1 - beta) q_g (pi - onehot) + beta (pi - q).
TEST(Otr, ExactGradientIsTheClosedForm) {
  const auto batch = testing::random_batch(12, 9, at::kDouble);
  const auto pi = batch.logits.detach().softmax(-1);
  const auto q = (batch.logits.detach() / 1.3).softmax(-1);
  const auto onehot = at::one_hot(batch.labels, 9).to(at::kDouble);
  const auto at_label = q.gather(-1, batch.labels.unsqueeze(-1));
  const auto wanted = (1 - -0.3) * at_label * (pi - onehot) + -0.3 * (pi - q);
  const auto found = gradient(otr(R"("mode": "exact", "penalty": -0.3)"), batch);
  EXPECT_LT((found - wanted).abs().max().item<double>(), 1e-12);
}

// The loss of the drawn tokens, with the counts read back from it: n_g of the label and the others' from the gradient.
TEST(Otr, SampledLossIsThatOfItsCounts) {
  auto batch = first_position();
  const auto loss = otr(R"("samples": 4)");
  const auto pi = batch.logits.detach().softmax(-1)[0];
  bool met = false;
  for (batch.draw_seed = 0; batch.draw_seed < 200 && !met; ++batch.draw_seed) {
    const auto value = mean(loss.loss(batch));
    // Counts 2, 1, 1 of the specification's example.
    if (std::abs(value - 0.108423) > 1e-5) continue;
    met = true;
    testing::expect_row(gradient(loss, batch)[0], {-0.200642, 0.135128, 0.065514});
  }
  EXPECT_TRUE(met) << "no draw had counts 2, 1, 1";
}

TEST(Otr, SamplesConvergeToTheExpectation) {
  auto batch = first_position();
  const auto loss = otr(R"("samples": 1000)");
  double sum = 0.0;
  double squares = 0.0;
  auto slope = at::zeros({1, 3});
  constexpr int draws = 100;
  for (batch.draw_seed = 0; batch.draw_seed < draws; ++batch.draw_seed) {
    const auto value = mean(loss.loss(batch));
    sum += value;
    squares += value * value;
    slope += gradient(loss, batch) / draws;
  }
  const auto average = sum / draws;
  const auto error = std::sqrt((squares / draws - average * average) / draws);
  EXPECT_GT(error, 0.0);
  EXPECT_NEAR(average, 0.173226, 3 * error);
  testing::expect_row(slope[0], {-0.226370, 0.163562, 0.062808}, 5e-3);
}

TEST(Otr, DrawsBelongToThePosition) {
  const auto loss = otr(R"("samples": 8)");
  auto whole = testing::random_batch(6, 20);
  whole.draw_seed = 9;
  const auto wanted = gradient(loss, whole);
  EXPECT_TRUE(gradient(loss, whole).equal(wanted));
  auto part = whole;
  part.logits = whole.logits.detach().narrow(0, 2, 3).clone().requires_grad_(true);
  part.labels = whole.labels.narrow(0, 2, 3);
  part.keys = whole.keys.narrow(0, 2, 3);
  EXPECT_TRUE(gradient(loss, part).equal(wanted.narrow(0, 2, 3)));
  whole.draw_seed = 10;
  EXPECT_FALSE(gradient(loss, whole).equal(wanted));
}

TEST(Otr, ALabelThatIsNeverDrawnIsNotPulled) {
  auto batch = first_position();
  batch.logits = at::tensor({-40.0F, 20.0F, 20.0F}).view({1, 3}).requires_grad_(true);
  const auto found = gradient(otr(R"("penalty": 0)"), batch);
  EXPECT_EQ(found.abs().max().item<double>(), 0.0);
}

// Without a floor -penalty log pi pushes a token down for ever.
TEST(Otr, TheFloorEndsThePush) {
  auto batch = first_position();
  batch.logits = at::tensor({30.0F, 0.0F, -30.0F}).view({1, 3}).requires_grad_(true);
  const auto bounded = otr(R"("mode": "exact", "temperature": 100, "penalty": -1)");
  const auto found = gradient(bounded, batch)[0];
  EXPECT_TRUE(found.isfinite().all().item<bool>());
  EXPECT_LE(found[1].item<double>(), 1e-6);  // both are below the floor: their log-probabilities are not pushed
  EXPECT_LE(found[2].item<double>(), 1e-6);
  EXPECT_GT(gradient(otr(R"("mode": "exact", "temperature": 100, "penalty": -1, "min_logp": -1000)"), batch)[0][2]
                .item<double>(),
            0.1);
}

TEST(Otr, MasksAndBfloat16) {
  for (const auto* options : {R"("mode": "exact")", R"("samples": 64)"}) {
    testing::expect_masked(otr(options), testing::random_batch(9, 20));
  }
  testing::expect_bfloat16(otr(R"("mode": "exact")"), testing::random_batch(64, 40));
}

}  // namespace
}  // namespace touchstone
