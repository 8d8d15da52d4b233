// The loss is divided once an optimizer step, by what all micro-batches of the step count together; so neither
// splitting nor packing may change a gradient. Source of the splits: 32 sequences of 2 to 100 tokens.
#include <gtest/gtest.h>

#include "tests/trainers/tiny.hpp"
#include "trainers/deltas/trainable.hpp"
#include "trainers/losses/loss.hpp"

namespace touchstone {
namespace {

using Groups = std::vector<std::vector<std::size_t>>;

/// `answers` to each prompt, with weights, marks, reference log-probabilities and rewards of all sorts.
std::vector<Row> ragged_rows(std::size_t count, std::int64_t answers = 1) {
  std::vector<Row> rows;
  std::uint64_t state = 1;
  const auto draw = [&](std::uint64_t below) {
    state = state * 6364136223846793005ULL + 1442695040888963407ULL;
    return (state >> 33) % below;
  };
  for (std::size_t number = 0; number < count; ++number) {
    Row row;
    row.id = std::to_string(number);
    const auto length = 2 + draw(99);
    for (std::uint64_t at = 0; at < length; ++at)
      row.ids.push_back(static_cast<std::int64_t>(draw(testing::tiny_vocabulary)));
    row.prompt_tokens = 1 + draw(length - 1);
    const auto facts = [&](std::size_t tokens) {
      TokenFacts made;
      for (std::size_t at = 0; at < tokens; ++at) {
        made.weights.push_back(0.5F + 0.25F * static_cast<float>(draw(4)));
        made.marks.push_back(static_cast<std::uint8_t>(draw(3)));
        made.ref_logp.push_back(-4.0F - 0.01F * static_cast<float>(draw(100)));
      }
      return made;
    };
    row.facts = facts(length - row.prompt_tokens);
    row.reward = 1.0;
    for (std::int64_t other = 1; other < answers; ++other) {
      RowAnswer answer;
      const auto tokens = 1 + draw(20);
      for (std::uint64_t at = 0; at < tokens; ++at)
        answer.ids.push_back(static_cast<std::int64_t>(draw(testing::tiny_vocabulary)));
      answer.facts = facts(tokens);
      answer.reward = -1.0;
      row.others.push_back(std::move(answer));
    }
    rows.push_back(std::move(row));
  }
  return rows;
}

std::unique_ptr<Model> tiny_model(const std::filesystem::path& folder, std::uint64_t seed = 7) {
  auto model = testing::checkpoints().load(testing::make_tiny(folder, seed), {});
  for (auto& [name, tensor] : model->parameters()) tensor->requires_grad_(true);
  return model;
}

Objective objective(const std::string& config) {
  return make_use(Options(parse_json(config, "test"), "test"), testing::trainer_book().objectives,
                  testing::trainer_book());
}

bool first_learns(const Objective& objective) {
  const auto* answers = std::get_if<AnswerLoss>(&objective);
  return answers != nullptr && answers->first_learns;
}

struct Gradients {
  double loss = 0.0;
  std::map<std::string, Tensor> by_name;
};

struct Split {
  Groups groups;
  std::int64_t chunk = 0;
};

Gradients gradients(Model& model, Model* reference, const Objective& objective, const std::vector<Row>& rows,
                    const Split& split, Normaliser normaliser) {
  LossTotals totals;
  if (auto* const memory = memory_of(objective)) memory->clear();
  for (const auto& group : split.groups) {
    const auto batch =
        make_batch(rows, group, normaliser, at::kCPU, nullptr, {.first_learns = first_learns(objective)});
    totals.add(accumulate_loss({&model, reference, &objective, split.chunk, /*draw_seed=*/11}, batch));
  }
  Gradients result;
  const auto divisor = totals.divisor(normaliser, 128.0);
  result.loss = totals.sum / divisor;
  for (auto& [name, tensor] : trainable_parameters(model)) {
    result.by_name[name] = tensor->grad() / divisor;
    tensor->mutable_grad().reset();
  }
  return result;
}

void expect_same(const Gradients& found, const Gradients& wanted, const std::string& what) {
  EXPECT_NEAR(found.loss / wanted.loss, 1.0, 1e-6) << what;
  for (const auto& [name, gradient] : wanted.by_name) {
    const auto largest = gradient.abs().max().item<double>();
    ASSERT_GT(largest, 0.0) << name;
    EXPECT_LE((found.by_name.at(name) - gradient).abs().max().item<double>(), 1e-5 * largest) << what << ": " << name;
  }
}

Groups consecutive(std::size_t count, const std::vector<std::size_t>& sizes) {
  Groups groups;
  std::size_t next = 0;
  for (std::size_t at = 0; next < count; ++at) {
    groups.emplace_back();
    for (std::size_t i = 0; i < sizes[at % sizes.size()] && next < count; ++i) groups.back().push_back(next++);
  }
  return groups;
}

class Normalisation : public ::testing::TestWithParam<std::tuple<const char*, Normaliser>> {};

TEST_P(Normalisation, EverySplitGivesTheSameGradients) {
  const testing::TemporaryFolder folder;
  const auto model = tiny_model(folder.path());
  const auto frozen = tiny_model(folder.path(), 8);
  const auto loss = objective(std::get<0>(GetParam()));
  auto* const reference = !needs_of(loss).frozen.empty() ? frozen.get() : nullptr;
  const auto normaliser = std::get<1>(GetParam());
  const auto rows = ragged_rows(32, !needs_of(loss).answers.all ? 1 : first_learns(loss) ? 2 : 3);
  const auto wanted = gradients(*model, reference, loss, rows, {consecutive(32, {32}), 100000}, normaliser);
  const std::vector<std::pair<std::string, Split>> splits = {{"32 x 1", {consecutive(32, {1}), 0}},
                                                             {"16 x 2", {consecutive(32, {2}), 0}},
                                                             {"8 x 4", {consecutive(32, {4}), 64}},
                                                             {"5, 11, 16", {consecutive(32, {5, 11, 16}), 7}},
                                                             {"packed", {pack_rows(rows, 128), 256}}};
  for (const auto& [name, split] : splits) {
    expect_same(gradients(*model, reference, loss, rows, split, normaliser), wanted, name);
  }
}

INSTANTIATE_TEST_SUITE_P(Objectives, Normalisation,
                         ::testing::Values(std::tuple(R"({"use": "sft"})", Normaliser::token_mean),
                                           std::tuple(R"({"use": "sft"})", Normaliser::sequence_mean),
                                           std::tuple(R"({"use": "sft"})", Normaliser::sequence_sum),
                                           std::tuple(R"({"use": "sft"})", Normaliser::constant),
                                           std::tuple(R"({"use": "sft"})", Normaliser::weight_sum),
                                           std::tuple(R"({"use": "dft"})", Normaliser::token_mean),
                                           std::tuple(R"({"use": "asft", "kl_weight": 0.5})", Normaliser::token_mean),
                                           std::tuple(R"({"use": "asft", "kl_weight": 0.5})",
                                                      Normaliser::sequence_mean)));

INSTANTIATE_TEST_SUITE_P(
    Methods, Normalisation,
    ::testing::Combine(::testing::Values(R"({"use": "probability_family", "form": "power", "alpha": 0.5})",
                                         R"({"use": "probability_family", "form": "bottom_nll", "threshold": 0.01})",
                                         R"({"use": "critical_token"})", R"({"use": "otr", "samples": 16})",
                                         R"({"use": "otr", "mode": "exact"})", R"({"use": "minor_sft"})",
                                         R"({"use": "minor_sft", "form": "softplus"})", R"({"use": "tl_training"})",
                                         R"({"use": "discriminative", "score": "mean", "tau": 0.5})",
                                         R"({"use": "dpo"})", R"({"use": "dpo", "loss_type": "ipo"})",
                                         R"({"use": "kto"})", R"({"use": "simpo"})", R"({"use": "orpo"})",
                                         R"({"use": "selm", "beta": 0.1, "alpha": 0.1})",
                                         R"({"use": "fait", "alpha": 2})",
                                         R"({"use": "fait", "normaliser": "weight_sum", "granularity": "token"})",
                                         R"({"use": "fait", "weight": "static"})"),
                       ::testing::Values(Normaliser::token_mean)));

// Two rows of unequal length: the mean over tokens is not the mean over rows.
TEST(NormalisationValue, TokenAndSequenceMeanDiffer) {
  const testing::TemporaryFolder folder;
  const auto model = tiny_model(folder.path());
  const auto rows = ragged_rows(2);
  const auto loss = objective(R"({"use": "sft"})");
  std::vector<double> sums;
  std::vector<double> counts;
  for (const std::size_t row : {0U, 1U}) {
    const auto totals =
        accumulate_loss({model.get(), nullptr, &loss}, make_batch(rows, {row}, Normaliser::weight_sum, at::kCPU));
    sums.push_back(totals.sum);
    counts.push_back(totals.count);
  }
  ASSERT_NE(counts[0], counts[1]);
  const auto value = [&](Normaliser normaliser) {
    return accumulate_loss({model.get(), nullptr, &loss}, make_batch(rows, {0, 1}, normaliser, at::kCPU)).sum;
  };
  EXPECT_NEAR(value(Normaliser::token_mean), sums[0] + sums[1], 1e-3);
  EXPECT_NEAR(value(Normaliser::sequence_mean), sums[0] / counts[0] + sums[1] / counts[1], 1e-4);
}

// Another document in the pack must not move a single bit of this one's loss beyond rounding, and its content not at
// all.
TEST(PackedDocuments, DoNotSeeEachOther) {
  const testing::TemporaryFolder folder;
  const auto model = tiny_model(folder.path());
  const auto loss = objective(R"({"use": "sft"})");
  const at::NoGradGuard no_grad;
  auto rows = ragged_rows(3);
  const auto logits = [&] {
    const auto batch = make_batch(rows, {0, 1, 2}, Normaliser::token_mean, at::kCPU);
    Want want;
    want.logits_at = batch.at;
    return model->forward(batch.inputs, want).logits;
  };
  const auto before = logits();
  for (auto& id : rows[1].ids) id = (id + 13) % testing::tiny_vocabulary;
  const auto after = logits();
  const auto first = static_cast<std::int64_t>(rows[0].ids.size() - rows[0].prompt_tokens);
  const auto second = static_cast<std::int64_t>(rows[1].ids.size() - rows[1].prompt_tokens);
  const auto rest = after.size(0) - first - second;
  EXPECT_TRUE(before.narrow(0, 0, first).equal(after.narrow(0, 0, first)));
  EXPECT_FALSE(before.narrow(0, first, second).equal(after.narrow(0, first, second)));
  EXPECT_TRUE(before.narrow(0, first + second, rest).equal(after.narrow(0, first + second, rest)));
}

}  // namespace
}  // namespace touchstone
