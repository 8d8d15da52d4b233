#include "harness/engine/bench_requests.hpp"

#include <sstream>

#include "harness/base/error.hpp"
#include "harness/base/files.hpp"
#include "harness/base/json.hpp"
#include "harness/base/object_reader.hpp"
#include "harness/base/options.hpp"
#include "harness/base/stopwatch.hpp"
#include "harness/base/text.hpp"
#include "harness/engine/open_engine.hpp"
#include "harness/model/ops.hpp"

namespace touchstone {
namespace {

struct RequestOptions {
  EngineSettings engine;
  std::string requests;
  std::string out;
};

RequestOptions read_options(const std::string& json) {
  const auto object = parse_json(json, "bench options");
  Options options(object, "bench decode");
  RequestOptions result;
  auto& engine = result.engine;
  engine.model = options.text("model", "checkpoint folder");
  engine.dtype = options.text("dtype", "of the matrix products", {.fallback = "float32"});
  engine.device = options.text("device", "auto, cpu, cuda[:N]", {.fallback = "auto"});
  const auto integer = [&](const std::string& key, const std::string& help, std::int64_t fallback) {
    return static_cast<int>(options.integer(key, help, {.fallback = fallback, .min = 1, .max = 4096}));
  };
  engine.threads = integer("threads", "workers", 1);
  engine.rows = integer("batch", "answers written at the same time", 16);
  result.requests = options.text("requests", "file of prompts, one JSON object a line");
  result.out = options.text("out", "file for the answers; empty: none", {.fallback = ""});
  options.done();
  return result;
}

std::vector<Request> read_requests(const std::string& path) {
  std::vector<Request> requests;
  int number = 0;
  for (const auto& line : split(read_text_file(path), '\n')) {
    ++number;
    if (line.empty()) continue;
    const auto place = path + ":" + std::to_string(number);
    const auto row = parse_json(line, place);
    const bool whole = row.is_object() && row.contains("prompt") && row["prompt"].is_string() &&
                       row.contains("max_new_tokens") && row["max_new_tokens"].is_number_integer();
    require(whole, Fault::data, [&] {
      return place + ": found " + shown_json(row) + ", expected {\"prompt\": TEXT, \"max_new_tokens\": NUMBER}";
    });
    const auto tokens = row["max_new_tokens"].get<std::int64_t>();
    require(tokens >= 1 && tokens <= 1 << 20, Fault::data, [&] {
      return place + ": key 'max_new_tokens': found " + std::to_string(tokens) + ", expected 1 to 1048576";
    });
    requests.emplace_back(
        Generation{.context = row["prompt"].get<std::string>(), .max_new_tokens = static_cast<int>(tokens)});
  }
  require(!requests.empty(), Fault::data, [&] { return path + ": found no request, expected a line for each"; });
  return requests;
}

}  // namespace

std::string bench_requests(const std::string& options_json, const Checkpoints& checkpoints) {
  const auto options = read_options(options_json);
  const auto requests = read_requests(options.requests);
  const at::NoGradGuard no_gradients;
  at::set_num_threads(1);
  std::ostringstream nowhere;
  Log log(nowhere, true);
  const auto engine = open_engine(options.engine, checkpoints, log);
  engine->answer(std::span(requests).first(1));  // a warm-up
  const auto before = engine->counts();
  const Stopwatch watch;
  const auto responses = engine->answer(requests);
  const auto seconds = watch.seconds();
  const auto after = engine->counts();
  std::int64_t tokens = 0;
  std::string lines;
  for (const auto& response : responses) {
    const auto& answer = response.generated.at(0);
    tokens += static_cast<std::int64_t>(answer.logp_nats.size());
    lines += Json{{"tokens", answer.logp_nats.size()}, {"text", answer.text}}.dump() + "\n";
  }
  if (!options.out.empty()) write_file_atomically(options.out, lines);
  const Json result = {{"kind", "decode"},
                       {"model", options.engine.model.string()},
                       {"dtype", options.engine.dtype},
                       {"kernels", engine->info().kernels},
                       {"threads", options.engine.threads},
                       {"batch", options.engine.rows},
                       {"requests", requests.size()},
                       {"prompt_tokens", after.prefill_tokens - before.prefill_tokens},
                       {"prefill_seconds", after.prefill_seconds - before.prefill_seconds},
                       {"decode_seconds", after.decode_seconds - before.decode_seconds},
                       {"tokens", tokens},
                       {"seconds", seconds},
                       {"tokens_per_second", static_cast<double>(tokens) / seconds}};
  return result.dump(2);
}

}  // namespace touchstone
