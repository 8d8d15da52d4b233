#include "trainers/bench/bench_train.hpp"

#include <algorithm>

#include "harness/base/json.hpp"
#include "harness/base/object_reader.hpp"
#include "harness/base/process.hpp"
#include "harness/base/stopwatch.hpp"
#include "harness/engine/bench_options.hpp"
#include "harness/engine/open_engine.hpp"
#include "harness/engine/random_weights.hpp"
#include "harness/model/ops.hpp"
#include "trainers/deltas/trainable.hpp"
#include "trainers/loops/adamw.hpp"
#include "trainers/losses/loss.hpp"

namespace touchstone {
namespace {

/// Reads a file of rows; shorter ones than `length` are left out, others cut, as in the benchmarks of other programs.
std::vector<Row> rows_of_file(const BenchOptions& options, std::int64_t vocabulary) {
  std::vector<Row> rows;
  const auto file = read_json(options.ids);
  require(file.is_array(), Fault::data,
          [&] { return options.ids + ": found " + shown_json(file) + ", expected a list of lists of token ids"; });
  for (std::size_t number = 0; number < file.size(); ++number) {
    const auto wrong = [&] {
      return options.ids + ", row " + std::to_string(number + 1) + ": expected token ids below " +
             std::to_string(vocabulary);
    };
    const auto& given = file[number];
    require(given.is_array(), Fault::data, wrong);
    if (given.size() < static_cast<std::size_t>(options.length)) continue;
    Row row;
    for (std::size_t at = 0; at < static_cast<std::size_t>(options.length); ++at) {
      require(given[at].is_number_unsigned() && given[at].get<std::uint64_t>() < static_cast<std::uint64_t>(vocabulary),
              Fault::data, wrong);
      row.ids.push_back(given[at].get<std::int64_t>());
    }
    rows.push_back(std::move(row));
  }
  require(!rows.empty(), Fault::data, [&] {
    return options.ids + ": found no row of " + std::to_string(options.length) +
           " tokens or more, expected at least one";
  });
  return rows;
}

std::vector<Row> make_rows(const BenchOptions& options, std::int64_t vocabulary) {
  if (!options.ids.empty()) return rows_of_file(options, vocabulary);
  std::vector<Row> rows;
  for (int row = 0; row < options.batch * options.steps; ++row)
    rows.push_back({.id = {}, .ids = bench_ids(row, options.length, vocabulary), .prompt_tokens = 0});
  return rows;
}

struct Measured {
  std::vector<double> losses;
  std::vector<double> seconds;  ///< per step
};

/// The steps of a training stage (see TrainLoop::step), rows in their order.
Measured train(Model& model, const Objective& objective, const BenchOptions& options) {
  auto parameters = trainable_parameters(model);
  for (auto& [name, tensor] : parameters) tensor->requires_grad_(true);
  AdamW optimizer(parameters, {.weight_decay = 0.01});
  const LossSettings loss{.model = &model, .objective = &objective};
  const auto rows = make_rows(options, model.vocabulary());
  const auto device = model.head().weight.device();
  Measured measured;
  std::size_t next = 0;
  for (int step = 0; step < options.steps; ++step) {
    const Stopwatch watch;
    std::vector<std::size_t> chosen;
    for (int row = 0; row < options.batch; ++row) chosen.push_back(next++ % rows.size());
    const auto totals = accumulate_loss(loss, make_batch(rows, chosen, Normaliser::token_mean, device));
    const auto divisor = totals.divisor(Normaliser::token_mean, 0.0);
    require(std::isfinite(optimizer.gradient_norm()), Fault::numeric,
            [&] { return "gradient norm is not finite at step " + std::to_string(step + 1); });
    optimizer.step(options.learning_rate, divisor);
    measured.losses.push_back(totals.sum / divisor);
    measured.seconds.push_back(watch.seconds());
  }
  return measured;
}

double median_after_warm_up(std::vector<double> seconds) {
  if (seconds.size() > 3) seconds.erase(seconds.begin(), seconds.begin() + 3);
  const auto middle = seconds.begin() + static_cast<std::ptrdiff_t>(seconds.size() / 2);
  std::nth_element(seconds.begin(), middle, seconds.end());
  return *middle;
}

/// Operations per trained token in linear maps, the head included: two per weight forward, four backward.
double operations_a_token(Model& model) {
  double weights = static_cast<double>(model.head().weight.numel());
  for (const auto& [name, map] : model.linears()) weights += static_cast<double>(map->weight.numel());
  return 6.0 * weights;
}

}  // namespace

std::string bench_train(const std::string& options_json, const Checkpoints& checkpoints, const FamilyBook& families,
                        const TrainerBook& trainers) {
  const auto options = read_bench_options("train", options_json);
  at::set_num_threads(options.threads);
  const LoadSettings settings{
      .compute = find_dtype(options.dtype), .device = find_device(options.device), .plain_operators = options.plain};
  const auto model =
      options.model.empty() ? random_model(families, settings) : checkpoints.load(options.model, settings);
  require(options.length >= 2 && options.length <= model->max_length(), Fault::config, [&] {
    return "--length: found " + std::to_string(options.length) + ", expected 2 to " +
           std::to_string(model->max_length());
  });
  const auto use = parse_json(R"({"use": "sft"})", "objective");
  const auto objective = make_use<Objective>(Options(use, "objective"), trainers.objectives, trainers);
  const auto measured = train(*model, objective, options);
  const auto seconds = median_after_warm_up(measured.seconds);
  const auto tokens = static_cast<double>(options.batch) * options.length;
  const auto rate = product_rate(settings.compute);
  const Json result = {
      {"kind", "train"},
      {"model", options.model.empty() ? "random 34 M" : options.model},
      {"dtype", options.dtype},
      {"kernels", model->kernels()},
      {"threads", options.threads},
      {"batch", options.batch},
      {"length", options.length},
      {"steps", options.steps},
      {"seconds_a_step", seconds},
      {"tokens_per_second", tokens / seconds},
      {"peak_mebibytes", peak_resident_bytes() >> 20},
      {"matrix_product_gflops_one_thread", rate / 1e9},
      {"share_of_matrix_product_rate", operations_a_token(*model) * tokens / seconds / rate / options.threads},
      {"losses", measured.losses}};
  return result.dump(2);
}

}  // namespace touchstone
