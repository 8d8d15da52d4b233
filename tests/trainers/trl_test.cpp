// What TRL's trainers make of a small batch (tests/trainers/trl/make_trl_losses.py), and what ours make of it: equal
// losses to 1e-6 of their size and equal gradients of every weight to 1e-5 of the largest, both in float32.
#include <gtest/gtest.h>

#include "harness/train/run_objective.hpp"
#include "tests/trainers/tiny.hpp"
#include "trainers/deltas/trainable.hpp"
#include "trainers/losses/loss.hpp"

namespace touchstone {
namespace {

namespace fs = std::filesystem;

using Ids = std::vector<std::int64_t>;

const fs::path& stored() {
  static const fs::path folder = fs::path(TOUCHSTONE_SOURCE_DIR) / "tests/trainers/trl";
  return folder;
}

const Json& losses() {
  static const Json read = read_json(stored() / "losses.json");
  return read;
}

const NamedTensors& tensors() {
  static const NamedTensors read = testing::checkpoints().read_tensors(stored() / "tensors.safetensors");
  return read;
}

/// The tensors below a name, without it.
NamedTensors below(const std::string& name) {
  NamedTensors found;
  for (const auto& [key, tensor] : tensors()) {
    if (key.starts_with(name + "/")) found[key.substr(name.size() + 1)] = tensor;
  }
  return found;
}

std::unique_ptr<Model> load(const fs::path& folder, const std::string& weights) {
  fs::create_directories(folder);
  testing::write_text(folder / "config.json", losses()["config"].dump());
  testing::checkpoints().write_tensors(folder / "model.safetensors", below(weights));
  return testing::checkpoints().load(folder, {});
}

std::vector<Row> rows_of(const Json& given) {
  std::vector<Row> rows;
  for (const auto& record : given) {
    Row row;
    row.ids = record["prompt"].get<Ids>();
    row.prompt_tokens = row.ids.size();
    for (std::size_t at = 0; at < record["answers"].size(); ++at) {
      const auto ids = record["answers"][at].get<Ids>();
      const double reward = record.contains("rewards") ? record["rewards"][at].get<double>() : 0.0;
      if (at == 0) {
        row.ids.insert(row.ids.end(), ids.begin(), ids.end());
        row.reward = reward;
      } else {
        row.others.push_back({.ids = ids, .facts = {}, .reward = reward});
      }
    }
    rows.push_back(std::move(row));
  }
  return rows;
}

Batch batch_of(const std::vector<Row>& rows) {
  std::vector<std::size_t> all(rows.size());
  for (std::size_t at = 0; at < all.size(); ++at) all[at] = at;
  return make_batch(rows, all, Normaliser::token_mean, at::kCPU);
}

/// What `touchstone objective` reads: an answer a row, its logits from the model.
NamedTensors objective_inputs(Model& model, const Batch& batch) {
  const at::NoGradGuard no_grad;
  Want want;
  want.logits_at = batch.at;
  const auto logits = model.forward(batch.inputs, want).logits;
  const auto answers = batch.record_starts.back();
  const auto sizes = at::zeros({answers}, at::kLong).index_add(0, batch.answer_of, at::ones_like(batch.answer_of));
  const auto longest = sizes.max().item<std::int64_t>();
  NamedTensors inputs = {{"logits", at::zeros({answers, longest, logits.size(1)})},
                         {"labels", at::full({answers, longest}, -100, at::kLong)},
                         {"records", at::zeros({answers}, at::kLong)},
                         {"rewards", at::tensor(batch.rewards)}};
  if (batch.ref_logp.defined()) inputs["ref_logp"] = at::zeros({answers, longest});
  for (std::int64_t answer = 0, first = 0; answer < answers; ++answer) {
    const auto count = sizes[answer].item<std::int64_t>();
    const auto put = [&](const char* name, const Tensor& all) {
      inputs[name][answer].slice(0, 0, count).copy_(all.narrow(0, first, count));
    };
    put("logits", logits);
    put("labels", batch.labels);
    if (batch.ref_logp.defined()) put("ref_logp", batch.ref_logp);
    first += count;
  }
  for (std::size_t record = 0; record + 1 < batch.record_starts.size(); ++record) {
    inputs["records"]
        .slice(0, batch.record_starts[record], batch.record_starts[record + 1])
        .fill_(static_cast<std::int64_t>(record));
  }
  return inputs;
}

/// A batch as if the reference model had just written its answers: with what each token earned.
void credit(const RolloutLoss& objective, Model& writer, double temperature, Batch& batch) {
  AnswerBatch answers;
  answers.logp = token_logp(writer, batch, temperature);
  answers.ref_logp = answers.logp;
  answers.answer_of = batch.answer_of;
  answers.starts = batch.record_starts;
  answers.rewards = batch.rewards;
  batch.notes = objective.credit(answers);
}

class Trl : public ::testing::TestWithParam<std::size_t> {};

TEST_P(Trl, LossAndGradientOfEveryWeight) {
  const auto& given = losses()["cases"][GetParam()];
  const testing::TemporaryFolder folder;
  const bool swapped = given.contains("swapped");
  const auto model = load(folder.path() / "policy", swapped ? "reference" : "policy");
  const auto objective =
      make_use(Options(given["objective"], "test"), testing::trainer_book().objectives, testing::trainer_book());
  const auto rows = rows_of(given["rows"]);
  auto batch = batch_of(rows);
  const auto temperature = given.value("temperature", 1.0);
  const auto* rollout = std::get_if<RolloutLoss>(&objective);
  const bool ref_logp = needs_of(objective).ref_logp;
  if (rollout != nullptr) {
    credit(*rollout, *load(folder.path() / "reference", "reference"), temperature, batch);
  } else if (ref_logp && given.contains("zero_reference")) {
    batch.ref_logp = at::zeros_like(batch.labels, at::kFloat);
  } else if (ref_logp) {
    batch.ref_logp = token_logp(*load(folder.path() / "reference", swapped ? "policy" : "reference"), batch);
  }
  const auto wanted = given["loss"].get<double>();

  if (rollout == nullptr) {
    auto options = given["objective"];
    options.erase("use");
    const auto alone = run_objective(given["objective"]["use"].get<std::string>(), options.dump(),
                                     objective_inputs(*model, batch), testing::trainer_book());
    EXPECT_NEAR(alone.at("loss").item<double>(), wanted, 1e-6 * std::abs(wanted));
  }

  for (auto& [name, tensor] : model->parameters()) tensor->requires_grad_(true);
  const auto totals =
      accumulate_loss({.model = model.get(), .objective = &objective, .temperature = temperature}, batch);
  EXPECT_NEAR(totals.sum / totals.count, wanted, 1e-6 * std::abs(wanted));
  if (given["name"] == "kto") {
    EXPECT_GT(totals.logged.at("z0"), 0.0);  // or its part of the loss would not be seen
  }
  const auto gradients = below(given["name"].get<std::string>());
  double largest = 0.0;
  for (const auto& [name, gradient] : gradients) largest = std::max(largest, gradient.abs().max().item<double>());
  auto parameters = model->parameters();
  ASSERT_EQ(parameters.size(), gradients.size());
  for (const auto& [name, gradient] : gradients) {
    const auto found = parameters.at(name)->grad() / totals.count;
    EXPECT_LT((found - gradient).abs().max().item<double>(), 1e-5 * largest) << name;
  }
}

INSTANTIATE_TEST_SUITE_P(Losses, Trl, ::testing::Range<std::size_t>(0, losses()["cases"].size()),
                         [](const auto& tested) {
                           auto name = losses()["cases"][tested.param]["name"].template get<std::string>();
                           std::replace(name.begin(), name.end(), '-', '_');
                           return name;
                         });

std::vector<Row> packed_rows() {
  std::vector<Row> rows;
  for (const auto& ids : losses()["packed"]["ids"]) {
    rows.emplace_back();
    rows.back().ids = ids.get<Ids>();
  }
  return rows;
}

TEST(TrlPacking, WrappedGivesTheSameRows) {
  const auto& given = losses()["packed"];
  const auto wrapped = wrap_rows(packed_rows(), given["capacity"].get<std::int64_t>());
  // Its last row is one token, which nothing before it predicts: ours leaves such a row out.
  ASSERT_EQ(given["wrapped"].back().size(), 1U);
  ASSERT_EQ(wrapped.size() + 1, given["wrapped"].size());
  for (std::size_t row = 0; row < wrapped.size(); ++row) EXPECT_EQ(wrapped[row].ids, given["wrapped"][row].get<Ids>());
}

TEST(TrlPacking, BestFitGivesTheSameBins) {
  const auto& given = losses()["packed"];
  const auto rows = packed_rows();
  const auto bins = pack_rows(rows, given["capacity"].get<std::int64_t>());
  ASSERT_EQ(bins.size(), given["bfd"].size());
  for (std::size_t bin = 0; bin < bins.size(); ++bin) {
    Ids ids;
    for (const auto row : bins[bin]) ids.insert(ids.end(), rows[row].ids.begin(), rows[row].ids.end());
    EXPECT_EQ(ids, given["bfd"][bin].get<Ids>()) << bin;
  }
}

}  // namespace
}  // namespace touchstone
