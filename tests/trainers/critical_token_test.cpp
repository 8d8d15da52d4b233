#include "tests/trainers/worked.hpp"

namespace touchstone {
namespace {

using testing::gradient;
using testing::mean;
using testing::objective;

TokenBatch marked(std::initializer_list<int> marks) {
  auto batch = testing::worked_batch();
  batch.marks = at::tensor(std::vector<std::int64_t>(marks.begin(), marks.end())).to(at::kByte);
  return batch;
}

TEST(CriticalToken, OnlyMarkedTokensAreTrained) {
  const auto batch = marked({0, 1, 0});
  const auto loss = objective<TokenLoss>(R"({"use": "critical_token"})");
  EXPECT_EQ(loss.roles, std::vector<std::string>{"critical"});
  EXPECT_EQ(loss.loss(batch).count, 1.0);
  EXPECT_NEAR(mean(loss.loss(batch)), 0.958020, 1e-5);
  const auto found = gradient(loss, batch);
  EXPECT_EQ(found[0].abs().max().item<double>(), 0.0);
  EXPECT_EQ(found[2].abs().max().item<double>(), 0.0);
  EXPECT_TRUE(found[1].equal(gradient(objective<TokenLoss>(R"({"use": "sft"})"), batch)[1]));
}

TEST(CriticalToken, AllMarkedIsTheLikelihood) {
  const auto batch = marked({1, 1, 1});
  const auto sft = objective<TokenLoss>(R"({"use": "sft"})");
  const auto loss = objective<TokenLoss>(R"({"use": "critical_token"})");
  EXPECT_NEAR(mean(loss.loss(batch)), mean(sft.loss(batch)), 1e-7);
  EXPECT_TRUE(gradient(loss, batch).equal(gradient(sft, batch)));
}

TEST(CriticalToken, TheTerminatorIsAnOption) {
  const auto batch = marked({1, 0, 0x80});
  EXPECT_EQ(objective<TokenLoss>(R"({"use": "critical_token"})").loss(batch).count, 2.0);
  const auto without = objective<TokenLoss>(R"({"use": "critical_token", "keep_end": false})");
  EXPECT_EQ(without.loss(batch).count, 1.0);
  EXPECT_EQ(gradient(without, batch)[2].abs().max().item<double>(), 0.0);
}

TEST(CriticalToken, NothingMarkedIsZeroWithoutGradient) {
  const auto batch = marked({0, 0, 0});
  const auto loss = objective<TokenLoss>(R"({"use": "critical_token"})");
  EXPECT_EQ(loss.loss(batch).count, 0.0);
  EXPECT_EQ(gradient(loss, batch).abs().max().item<double>(), 0.0);
}

TEST(CriticalToken, MarksThatAreNotThereAreAnError) {
  EXPECT_THROW(objective<TokenLoss>(R"({"use": "critical_token"})").loss(testing::worked_batch()), Error);
}

TEST(CriticalToken, FiniteDifferencesMasksAndBfloat16) {
  const auto loss = objective<TokenLoss>(R"({"use": "critical_token"})");
  const auto with_marks = [](TokenBatch batch) {
    batch.marks = batch.keys.remainder(3).eq(0).to(at::kByte);
    return batch;
  };
  testing::expect_finite_differences(loss, with_marks(testing::random_batch(6, 5, at::kDouble)));
  testing::expect_masked(loss, with_marks(testing::random_batch(9, 20)));
  testing::expect_bfloat16(loss, with_marks(testing::random_batch(64, 40)));
}

}  // namespace
}  // namespace touchstone
