#include "trainers/bench/bench_objectives.hpp"

#include <algorithm>
#include <chrono>

#include "harness/base/json.hpp"
#include "harness/base/process.hpp"
#include "harness/engine/bench_options.hpp"
#include "harness/engine/open_engine.hpp"
#include "harness/engine/random_weights.hpp"
#include "harness/model/ops.hpp"
#include "trainers/deltas/trainable.hpp"
#include "trainers/loops/adamw.hpp"
#include "trainers/losses/loss.hpp"

namespace touchstone {
namespace {

double seconds_now(bool on_cpu) {
  if (on_cpu) return process_cpu_seconds();
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

/// A fact of every kind that an objective may read of a token; some tokens get a mark of the first or second role.
TokenFacts drawn_facts(std::size_t labels, bool marked) {
  TokenFacts facts;
  if (!marked) return facts;
  for (std::size_t at = 0; at < labels; ++at) facts.marks.push_back(at % 8 == 0 ? 1 : at % 8 == 1 ? 2 : 0);
  return facts;
}

/// Records with this many answers each, good and bad in turn.
std::vector<Row> drawn_rows(const BenchOptions& options, int answers, bool marked, std::int64_t vocabulary) {
  const auto prompt = static_cast<std::size_t>(options.length / 2);
  std::vector<Row> rows;
  for (int number = 0; number < options.batch; ++number) {
    Row row;
    row.ids = bench_ids(number * answers, options.length, vocabulary);
    row.prompt_tokens = prompt;
    row.facts = drawn_facts(row.ids.size() - prompt, marked);
    row.reward = 1.0;
    for (int other = 1; other < answers; ++other) {
      const auto ids = bench_ids(number * answers + other, options.length, vocabulary);
      RowAnswer answer;
      answer.ids.assign(ids.begin() + static_cast<std::ptrdiff_t>(prompt), ids.end());
      answer.facts = drawn_facts(answer.ids.size(), marked);
      answer.reward = -1.0;
      row.others.push_back(std::move(answer));
    }
    rows.push_back(std::move(row));
  }
  return rows;
}

/// The same answers, each behind its own copy of the prompt.
std::vector<Row> separated(const std::vector<Row>& rows) {
  std::vector<Row> all;
  for (const auto& row : rows) {
    auto first = row;
    first.others.clear();
    all.push_back(std::move(first));
    for (const auto& other : row.others) {
      Row alone;
      alone.ids.assign(row.ids.begin(), row.ids.begin() + static_cast<std::ptrdiff_t>(row.prompt_tokens));
      alone.ids.insert(alone.ids.end(), other.ids.begin(), other.ids.end());
      alone.prompt_tokens = row.prompt_tokens;
      alone.facts = other.facts;
      alone.reward = other.reward;
      all.push_back(std::move(alone));
    }
  }
  return all;
}

bool first_learns(const Objective& objective) {
  const auto* answers = std::get_if<AnswerLoss>(&objective);
  return answers != nullptr && answers->first_learns;
}

/// One way of running steps, measured beside sft's.
class Arm {
 public:
  Arm(Model& model, const Objective& objective, Model* reference, bool live)
      : model_(model), objective_(objective), needs_(needs_of(objective)), reference_(reference), live_(live) {}

  /// `records` of this many answers; the rows are theirs, with shared prompts or not.
  void set_rows(std::vector<Row> rows, std::size_t answers) {
    rows_ = std::move(rows);
    answers_ = answers;
    if (!live_ && needs_.ref_logp) known_ = token_logp(*reference_, batch());
  }

  double step(AdamW& optimizer, bool on_cpu) const {
    const auto start = seconds_now(on_cpu);
    auto made = batch();
    if (needs_.ref_logp) made.ref_logp = live_ ? token_logp(*reference_, made) : known_;
    LossSettings settings{.model = &model_, .objective = &objective_};
    if (!needs_.frozen.empty()) settings.reference = reference_;
    const auto totals = accumulate_loss(settings, made);
    const auto divisor = totals.divisor(Normaliser::token_mean, 0.0);
    require(std::isfinite(optimizer.gradient_norm()), Fault::numeric, "the gradient's norm is not finite");
    optimizer.step(/*learning_rate=*/0.0, divisor);  // every step sees the same weights
    return seconds_now(on_cpu) - start;
  }

 private:
  Batch batch() const {
    std::vector<std::size_t> all(rows_.size());
    for (std::size_t at = 0; at < all.size(); ++at) all[at] = at;
    auto made = make_batch(rows_, all, Normaliser::token_mean, model_.head().weight.device(), nullptr,
                           {.first_learns = first_learns(objective_)});
    if (made.watched != nullptr || made.record_numbers.size() * answers_ == made.rewards.size()) return made;
    made.record_starts.clear();  // separate rows that form one record
    made.record_numbers.clear();
    const auto step = static_cast<std::int64_t>(answers_);
    const auto answers = static_cast<std::int64_t>(made.rewards.size());
    for (std::int64_t at = 0; at <= answers; at += step) made.record_starts.push_back(at);
    for (std::int64_t at = 0; at < answers / step; ++at) made.record_numbers.push_back(at);
    made.sequences = answers / step;
    return made;
  }

  Model& model_;
  const Objective& objective_;
  Needs needs_;
  Model* reference_;
  bool live_;
  std::vector<Row> rows_;
  std::size_t answers_ = 1;
  Tensor known_;
};

double median(std::vector<double> values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

Objective objective_of(const std::string& name, const TrainerBook& trainers) {
  return make_use<Objective>(Options(Json{{"use", name}}, "objective " + name), trainers.objectives, trainers);
}

/// Everything needed to measure the objectives.
struct Bench {
  const BenchOptions& options;
  Model& model;
  Model& reference;
  AdamW& optimizer;
  const Objective& sft;
  bool on_cpu;
};

Json measured(const Bench& bench, const std::string& name, const Objective& objective) {
  const auto needs = needs_of(objective);
  const bool watches = first_learns(objective);
  const int several = watches ? 2 : bench.options.answers;  // one is looked at beside it
  const int answers = needs.answers.all ? several : 1;
  const auto rows = drawn_rows(bench.options, answers, !needs.roles.empty(), bench.model.vocabulary());
  const auto count = static_cast<std::size_t>(answers);
  Arm sft(bench.model, bench.sft, nullptr, false);
  auto trained = rows;
  for (auto& row : trained) {
    if (watches) row.others.clear();
  }
  sft.set_rows(trained, watches ? 1 : count);
  std::vector<std::pair<const char*, Arm>> arms;
  const auto add = [&](const char* key, bool live, std::vector<Row> own) {
    arms.emplace_back(key, Arm(bench.model, objective, &bench.reference, live));
    arms.back().second.set_rows(std::move(own), count);
  };
  if (needs.frozen.empty()) add("step", false, rows);
  if (!needs.frozen.empty() || needs.ref_logp) add("live_reference", true, rows);
  if (answers > 1 && !watches) add("separate_prompts", false, separated(rows));
  Json result = {{"objective", name}, {"answers", answers},        {"seconds", 0.0},
                 {"step", nullptr},   {"live_reference", nullptr}, {"separate_prompts", nullptr}};
  std::vector<double> plain;
  std::map<std::string, std::vector<double>> ratios;
  for (int repetition = -1; repetition < bench.options.steps; ++repetition) {  // the first is a warm-up
    for (const auto& [key, arm] : arms) {
      const auto before = sft.step(bench.optimizer, bench.on_cpu);
      const auto own = arm.step(bench.optimizer, bench.on_cpu);
      if (repetition < 0) continue;
      plain.push_back(before);
      ratios[key].push_back(own / before);
    }
  }
  result["seconds"] = median(plain);
  for (const auto& [key, all] : ratios) result[key] = median(all);
  return result;
}

}  // namespace

std::string bench_objectives(const std::string& options_json, const Checkpoints& checkpoints,
                             const FamilyBook& families, const TrainerBook& trainers) {
  const auto options = read_bench_options("objectives", options_json);
  at::set_num_threads(options.threads);
  const LoadSettings settings{.compute = find_dtype(options.dtype), .device = find_device(options.device)};
  const auto model =
      options.model.empty() ? random_model(families, settings) : checkpoints.load(options.model, settings);
  require(options.length >= 4 && options.length <= model->max_length(), Fault::config, [&] {
    return "--length: found " + std::to_string(options.length) + ", expected 4 to " +
           std::to_string(model->max_length());
  });
  auto parameters = trainable_parameters(*model);
  for (auto& [name, tensor] : parameters) tensor->requires_grad_(true);
  AdamW optimizer(parameters, {.weight_decay = 0.01});
  const auto reference = model->clone();
  const auto sft = objective_of("sft", trainers);
  const Bench bench{options, *model, *reference, optimizer, sft, settings.device.is_cpu()};
  Json all = Json::array();
  for (const auto& name : trainers.objectives.names()) {
    const auto objective = objective_of(name, trainers);
    if (std::holds_alternative<RolloutLoss>(objective)) continue;  // of answers that the model writes in between
    try {
      all.push_back(measured(bench, name, objective));
    } catch (const Error& error) {
      throw error.in("objective " + name);
    }
  }
  const Json result = {{"kind", "objectives"},       {"model", options.model.empty() ? "random 34 M" : options.model},
                       {"dtype", options.dtype},     {"kernels", model->kernels()},
                       {"threads", options.threads}, {"batch", options.batch},
                       {"length", options.length},   {"steps", options.steps},
                       {"objectives", all}};
  return result.dump(2);
}

}  // namespace touchstone
