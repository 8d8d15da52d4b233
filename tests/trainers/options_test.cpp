// What the options of the stage `train` do, seen from outside: equal runs where they must be equal, worked values where
// there are some.
#include <gtest/gtest.h>

#include "tests/trainers/tiny.hpp"

namespace touchstone {
namespace {

namespace fs = std::filesystem;

class TrainOption : public ::testing::Test {
 protected:
  /// Trains on the sums with these options of the stage.
  testing::RanWithWeights run(const std::string& options, bool chat = false) {
    auto job = testing::tiny_job(folder_.path());
    job.chat = chat;
    job.recipe = testing::write_recipe(folder_.path(), R"([{"use": "load", "task": "$train_on"},
        {"use": "train", "objective": "sft", "learning_rate": 0.01, )" +
                                                           options + "}]");
    return testing::run_for_weights(job);
  }

  static double difference(const NamedTensors& a, const NamedTensors& b) {
    double largest = 0.0;
    for (const auto& [name, tensor] : a) {
      largest = std::max(largest, (tensor - b.at(name)).abs().max().item<double>());
    }
    return largest;
  }
  testing::TemporaryFolder folder_;
};

constexpr const char* eight_rows = R"("per_device_train_batch_size": 8, "max_steps": 6)";

TEST_F(TrainOption, AccumulationEqualsOneLargeBatch) {
  const auto whole = run(eight_rows);
  const auto parts = run(R"("per_device_train_batch_size": 2, "gradient_accumulation_steps": 4, "max_steps": 6)");
  ASSERT_EQ(parts.steps.size(), 6U);
  for (std::size_t at = 0; at < 6; ++at) {
    EXPECT_NEAR(parts.steps[at].loss, whole.steps[at].loss, 1e-5 * whole.steps[at].loss) << at;
    EXPECT_NEAR(parts.steps[at].gradient_norm, whole.steps[at].gradient_norm, 1e-4 * whole.steps[at].gradient_norm);
    EXPECT_EQ(parts.steps[at].trained_tokens, whole.steps[at].trained_tokens);
  }
  EXPECT_LT(difference(parts.weights, whole.weights), 1e-3);
}

// Without shuffling, one bin holds what one batch of rows holds, so every step sees the same rows.
TEST_F(TrainOption, PackedRowsTrainAsUnpackedOnes) {
  const auto plain = run(R"("per_device_train_batch_size": 24, "shuffle_dataset": false, "max_steps": 6)");
  const auto padded =
      run(R"("per_device_train_batch_size": 24, "shuffle_dataset": false, "max_steps": 6, "padding_free": false)");
  const auto packed =
      run(R"("per_device_train_batch_size": 24, "shuffle_dataset": false, "max_steps": 6, "packing": true)");
  for (const auto* other : {&packed, &padded}) {
    ASSERT_EQ(other->steps.size(), plain.steps.size());
    for (std::size_t at = 0; at < plain.steps.size(); ++at) {
      EXPECT_NEAR(other->steps[at].loss, plain.steps[at].loss, 1e-5 * plain.steps[at].loss) << at;
      EXPECT_EQ(other->steps[at].tokens, plain.steps[at].tokens) << at;
      EXPECT_EQ(other->steps[at].trained_tokens, plain.steps[at].trained_tokens) << at;
    }
    EXPECT_LT(difference(other->weights, plain.weights), 1e-3);
  }
}

// AdamW's first step moves by the rate whatever the gradient's length, so the reported norm must be the unclipped one
// and a run clipped to almost nothing must go another way from its second step on.
TEST_F(TrainOption, LongGradientsAreScaledDown) {
  const auto free = run(std::string(eight_rows) + R"(, "max_grad_norm": 0)");
  const auto loose = run(std::string(eight_rows) + R"(, "max_grad_norm": 1000)");
  const auto tight = run(std::string(eight_rows) + R"(, "max_grad_norm": 0.001, "adam_epsilon": 0.1)");
  const auto tight_free = run(std::string(eight_rows) + R"(, "max_grad_norm": 0, "adam_epsilon": 0.1)");
  EXPECT_GT(free.steps.front().gradient_norm, 0.01);
  EXPECT_EQ(tight.steps.front().gradient_norm, free.steps.front().gradient_norm);
  EXPECT_EQ(difference(free.weights, loose.weights), 0.0);
  // With an epsilon far above the clipped gradient each step is about rate * gradient / epsilon.
  const auto start = testing::checkpoints().read_tensors(folder_.path() / "base" / "model.safetensors");
  EXPECT_LT(difference(tight.weights, start), 6 * 0.01 * 0.001 / 0.1);
  EXPECT_GT(difference(tight_free.weights, start), 10 * difference(tight.weights, start));
}

TEST_F(TrainOption, DecayShrinksMatricesAlone) {
  // Gradients clipped far below epsilon move nothing; what is left is the decay of the six steps.
  const auto start = testing::checkpoints().read_tensors(testing::tiny_job(folder_.path()).model / "model.safetensors");
  const auto ran =
      run(std::string(eight_rows) +
          R"(, "weight_decay": 0.5, "max_grad_norm": 1e-6, "adam_epsilon": 1, "lr_scheduler_type": "constant")");
  const double factor = std::pow(1.0 - 0.01 * 0.5, 6);
  for (const auto& [name, tensor] : start) {
    const auto wanted = tensor.dim() >= 2 ? tensor * factor : tensor;
    EXPECT_LT((ran.weights.at(name) - wanted).abs().max().item<double>(), 1e-4) << name;
  }
}

class Schedules : public TrainOption,
                  public ::testing::WithParamInterface<std::pair<const char*, std::vector<double>>> {};

// Eight steps, two of warm-up: the rate of each as a share of 0.01, by Transformers' formulas.
TEST_P(Schedules, RatesAreReportedAndUsed) {
  const bool warm = GetParam().second.front() == 0.0;
  const auto ran = run(std::string(R"("per_device_train_batch_size": 8, "max_steps": 8, "warmup_steps": )") +
                       (warm ? "2" : "0") + R"(, "lr_scheduler_type": ")" + GetParam().first + "\"");
  ASSERT_EQ(ran.steps.size(), 8U);
  for (std::size_t at = 0; at < 8; ++at) {
    EXPECT_NEAR(ran.steps[at].learning_rate, 0.01 * GetParam().second[at], 1e-9) << at;
  }
}

INSTANTIATE_TEST_SUITE_P(
    Kinds, Schedules,
    ::testing::Values(std::pair{"linear", std::vector{0.0, 0.5, 1.0, 5.0 / 6, 4.0 / 6, 0.5, 2.0 / 6, 1.0 / 6}},
                      std::pair{"cosine", std::vector{0.0, 0.5, 1.0, 0.9330127019, 0.75, 0.5, 0.25, 0.0669872981}},
                      std::pair{"constant", std::vector(8, 1.0)},
                      std::pair{"constant_with_warmup", std::vector{0.0, 0.5, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0}}),
    [](const auto& kind) { return std::string(kind.param.first); });

// The loss on rows that are set aside, before any of them could be trained on: with a rate of zero it is the starting
// model's, the same at every validation, and it takes nothing away from the rows that are trained on.
TEST_F(TrainOption, ValidationLossIsOfTheRowsSetAside) {
  const auto ran =
      run(R"("per_device_train_batch_size": 6, "max_steps": 6, "validation_share": 0.25, "eval_steps": 2)");
  std::vector<double> losses;
  std::int64_t trained = 0;
  for (const auto& step : ran.steps) {
    if (step.values.count("validation_loss") != 0) losses.push_back(step.values.at("validation_loss"));
    if (step.step <= 3) trained += step.trained_tokens;
  }
  ASSERT_EQ(losses.size(), 3U);
  EXPECT_LT(losses.back(), losses.front());
  // One epoch of the 18 rows left is three batches: fewer labels than all 24 rows have.
  const auto all = run(R"("per_device_train_batch_size": 24, "max_steps": 1)");
  EXPECT_LT(trained, all.steps.front().trained_tokens);
  const auto still = run(R"("per_device_train_batch_size": 6, "max_steps": 4, "validation_share": 0.25, "eval_steps": 2,
                            "warmup_steps": 100)");
  EXPECT_GT(still.steps[1].values.at("validation_loss"), losses.back());
}

// With the chat template the rows are conversations: <|im_start|> and <|im_end|> come into the inputs, the end of the
// turn is trained, and the model learns another thing than without.
TEST_F(TrainOption, ChatWritesRowsWithTheTemplate) {
  auto job = testing::tiny_job(folder_.path());
  testing::write_text(job.model / "tokenizer_config.json", R"({"tokenizer_class": "PreTrainedTokenizerFast",
      "bos_token": "<s>", "eos_token": "<|im_end|>", "unk_token": "<unk>", "model_max_length": 128, "chat_template":
      "{% for m in messages %}{{ '<|im_start|>' + m['role'] + '\n' + m['content'] + '<|im_end|>\n' }}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"})");
  const auto plain = run(eight_rows);
  const auto chat = run(eight_rows, true);
  ASSERT_EQ(chat.steps.size(), plain.steps.size());
  // "user\n", "assistant\n" and four marks a row; and the answer's space is the plain form's alone.
  EXPECT_GT(chat.steps.front().tokens, plain.steps.front().tokens + 8 * 15);
  EXPECT_EQ(chat.steps.front().trained_tokens, plain.steps.front().trained_tokens - 8);
  EXPECT_LT(chat.steps.back().loss, chat.steps.front().loss);
  EXPECT_GT(difference(chat.weights, plain.weights), 1e-4);
}

TEST_F(TrainOption, ChatWithoutATemplateIsRefused) {
  try {
    run(eight_rows, true);
    FAIL() << "trained without a template";
  } catch (const Error& error) {
    EXPECT_EQ(error.fault(), Fault::checkpoint);
    EXPECT_NE(std::string(error.what()).find("base: --chat needs a chat template"), std::string::npos) << error.what();
  }
  EXPECT_FALSE(fs::exists(folder_.path() / "out"));
}

}  // namespace
}  // namespace touchstone
