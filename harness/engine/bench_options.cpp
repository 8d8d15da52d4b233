#include "harness/engine/bench_options.hpp"

#include <algorithm>

#include "harness/base/json.hpp"
#include "harness/base/options.hpp"
#include "harness/base/seed.hpp"
#include "harness/base/stopwatch.hpp"
#include "harness/kernels/kernels.hpp"
#include "harness/model/ops.hpp"

namespace touchstone {
namespace {

struct Defaults {
  int batch, length, steps;
  const char* length_help;
  const char* steps_help;
};

Defaults defaults_of(const std::string& kind) {
  if (kind == "train") return {4, 256, 13, "tokens a row", "optimizer steps, of which the first three warm up"};
  if (kind == "objectives") return {4, 128, 5, "tokens a row, half of them the prompt's", "steps of each objective"};
  if (kind == "score") return {16, 256, 4, "tokens a row", "repetitions"};
  return {16, 64, 64, "tokens of the prompt", "tokens written"};
}

}  // namespace

BenchOptions read_bench_options(const std::string& kind, const std::string& json) {
  const auto object = parse_json(json, "bench options");
  Options options(object, "bench " + kind);
  const auto defaults = defaults_of(kind);
  const auto integer = [&](const std::string& key, const std::string& help, std::int64_t fallback, std::int64_t max) {
    return static_cast<int>(options.integer(key, help, {.fallback = fallback, .min = 1, .max = max}));
  };
  BenchOptions result;
  result.model = options.text("model", "checkpoint folder; empty: random weights", {.fallback = ""});
  result.dtype =
      options.text("dtype", "of the matrix products", {.fallback = "float32", .choices = {"float32", "bfloat16"}});
  result.device = options.text("device", "auto, cpu, cuda[:N]", {.fallback = "auto"});
  result.threads = integer("threads", "workers", 1, 1024);
  result.batch = integer("batch", "rows", defaults.batch, 4096);
  result.length = integer("length", defaults.length_help, defaults.length, 1 << 20);
  result.steps = integer("steps", defaults.steps_help, defaults.steps, 100000);
  if (kind == "train") {
    result.ids = options.text("ids", "JSON file of rows of token ids", {.fallback = ""});
    result.plain = options.flag("plain", "LibTorch's own operators instead of the kernels", false);
    result.learning_rate = options.number("learning_rate", "constant", {.fallback = 3e-4, .min = 0.0, .max = 1.0});
  }
  if (kind == "objectives") result.answers = integer("answers", "of a record, for losses over several", 2, 64);
  options.done();
  return result;
}

double product_rate(at::ScalarType dtype) {
  if (!kernels::libraries_multiply_halves()) dtype = at::kFloat;
  constexpr std::int64_t size = 1024;
  const auto a = at::ones({size, size}, at::TensorOptions().dtype(dtype));
  const auto b = at::ones({size, size}, at::TensorOptions().dtype(dtype));
  auto c = at::mm(a, b);
  double best = 0.0;
  for (int repeat = 0; repeat < 5; ++repeat) {
    const Stopwatch watch;
    at::mm_out(c, a, b);
    best = std::max(best, 2.0 * size * size * size / watch.seconds());
  }
  return best;
}

std::vector<std::int64_t> bench_ids(int row, int length, std::int64_t vocabulary) {
  std::uint64_t state = derive_seed(static_cast<std::uint64_t>(row), "bench.ids");
  std::vector<std::int64_t> ids;
  for (int at = 0; at < length; ++at) {
    state = state * 6364136223846793005U + 1442695040888963407U;
    ids.push_back(static_cast<std::int64_t>((state >> 33) % static_cast<std::uint64_t>(vocabulary)));
  }
  return ids;
}

}  // namespace touchstone
