#include "harness/engine/bench_engine.hpp"

#include <algorithm>

#include "harness/base/error.hpp"
#include "harness/base/json.hpp"
#include "harness/base/stopwatch.hpp"
#include "harness/engine/bench_options.hpp"
#include "harness/engine/bench_requests.hpp"
#include "harness/engine/open_engine.hpp"
#include "harness/engine/prefix_tree.hpp"
#include "harness/engine/random_weights.hpp"
#include "harness/engine/scorer.hpp"
#include "harness/model/ops.hpp"

namespace touchstone {
namespace {

std::vector<ScoredTokens> make_rows(const BenchOptions& options, std::int64_t vocabulary) {
  std::vector<ScoredTokens> rows(static_cast<std::size_t>(options.batch));
  for (std::size_t row = 0; row < rows.size(); ++row) {
    const auto ids = bench_ids(static_cast<int>(row), options.length, vocabulary);
    rows[row].input.assign(ids.begin(), ids.end());
    rows[row].targets = {rows[row].input.back()};
  }
  return rows;
}

double time_score(Model& model, const BenchOptions& options, std::span<const ScoredTokens> rows) {
  std::vector<double> times;
  for (int repeat = 0; repeat <= options.steps; ++repeat) {
    EngineCounts counts;
    const Stopwatch watch;
    score(model, rows, {.threads = options.threads}, {counts});
    if (repeat > 0) times.push_back(watch.seconds());  // the first run is a warm-up
  }
  std::nth_element(times.begin(), times.begin() + static_cast<std::ptrdiff_t>(times.size() / 2), times.end());
  return times[times.size() / 2];
}

double time_decode(Model& model, const BenchOptions& options, std::span<const ScoredTokens> items) {
  EngineCounts counts;
  PrefixRunner runner(model, 1 << 20, counts, nullptr);
  std::vector<TokenIds> inputs;
  for (const auto& item : items) inputs.push_back(item.input);
  std::sort(inputs.begin(), inputs.end());
  std::vector<Sequence> sequences;
  for (const auto& input : inputs) sequences.push_back({.tokens = input, .first_read = input.size()});
  auto rows = runner.run(sequences, [](std::span<const ReadSpot>, const Tensor&) {});
  runner.keep(rows, 0, {});
  for (std::size_t at = 0; at < rows.size(); ++at) rows[at] = static_cast<int>(at) + 1;
  std::vector<std::int32_t> tokens(rows.size(), 1);
  const Stopwatch watch;
  for (int step = 0; step < options.steps; ++step) {
    const auto best = model.project(runner.step(rows, tokens)).argmax(-1).to(at::kCPU);
    for (std::size_t at = 0; at < tokens.size(); ++at)
      tokens[at] = static_cast<std::int32_t>(best.const_data_ptr<std::int64_t>()[at]);
  }
  return watch.seconds();
}

}  // namespace

std::string bench_engine(const std::string& kind, const std::string& options_json, const Checkpoints& checkpoints,
                         const FamilyBook& families) {
  if (kind == "decode" && parse_json(options_json, "bench options").contains("requests")) {
    return bench_requests(options_json, checkpoints);
  }
  const auto options = read_bench_options(kind, options_json);
  const at::NoGradGuard no_gradients;
  at::set_num_threads(1);
  const auto dtype = find_dtype(options.dtype);
  const LoadSettings settings{
      .storage = dtype, .compute = dtype, .device = find_device(options.device), .answering = true};
  const auto model =
      options.model.empty() ? random_model(families, settings) : checkpoints.load(options.model, settings);
  require(options.length + options.steps <= model->max_length(), Fault::config, [&] {
    return "--length and --steps are " + std::to_string(options.length + options.steps) +
           " tokens together, expected at most the model's " + std::to_string(model->max_length());
  });
  const auto rows = make_rows(options, model->vocabulary());
  const bool score = kind == "score";
  const auto seconds = score ? time_score(*model, options, rows) : time_decode(*model, options, rows);
  const auto tokens = static_cast<double>(options.batch) * (score ? options.length : options.steps);
  auto weights = model->product_weights();
  if (!score) weights += model->vocabulary() * model->hidden_size();  // scoring reads one row per document
  const auto rate = product_rate(dtype);
  const Json result = {{"kind", kind},
                       {"model", options.model.empty() ? "random 34 M" : options.model},
                       {"dtype", options.dtype},
                       {"kernels", model->kernels()},
                       {"threads", options.threads},
                       {"batch", options.batch},
                       {"length", options.length},
                       {"steps", options.steps},
                       {"seconds", seconds},
                       {"tokens_per_second", tokens / seconds},
                       {"matrix_product_gflops_one_thread", rate / 1e9},
                       {"share_of_matrix_product_rate", 2.0 * static_cast<double>(weights) * tokens / seconds / rate}};
  return result.dump(2);
}

}  // namespace touchstone
