#include "harness/engine/self_test.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <random>
#include <sstream>

#include "harness/base/json.hpp"
#include "harness/engine/open_engine.hpp"
#include "harness/model/ops.hpp"

namespace touchstone {
namespace {

/// LibTorch's own operators round differently with the number of rows; our kernels do not.
constexpr double operators_float32_nats = 2e-5;
constexpr double operators_bfloat16_nats = 0.2;

/// How one run differs from the first.
struct Variant {
  std::string name;
  int batch_tokens = 4096;
  int threads = 1;
  bool shuffled = false;
};

struct Difference {
  double logp_nats = 0.0;  ///< largest, over likelihoods (per token) and written tokens
  int texts = 0;           ///< answers whose text or `greedy` flag differ
};

/// Questions with a shared prefix, several endings each, and texts to continue: enough to fill and split batches.
std::vector<Request> make_requests() {
  const std::string shots =
      "Question: What do plants need to grow?\nAnswer: light and water\n\nQuestion: Where do fish live?\nAnswer: in "
      "water\n\n";
  const std::vector<std::string> subjects = {
      "a little girl", "the big red ball", "an old tree by the river", "two small dogs", "my friend",
      "the sun",       "a box of toys",    "the last day of summer"};
  const std::vector<std::string> endings = {" yes", " it was very happy", " no, because it was cold outside",
                                            " they went home"};
  std::vector<Request> requests;
  for (const auto& subject : subjects) {
    const auto question = "Question: What happened to " + subject + "?\nAnswer:";
    for (const auto& ending : endings) {
      requests.emplace_back(Likelihood{.context = shots + question, .continuation = ending});
      requests.emplace_back(Likelihood{.context = question, .continuation = ending});
    }
    requests.emplace_back(Rolling{.text = "Once upon a time there was " + subject + ". " + shots});
    requests.emplace_back(
        Generation{.context = "Once upon a time, " + subject, .max_new_tokens = 24, .until = {"\n\n"}});
    requests.emplace_back(Generation{.context = shots + question,
                                     .max_new_tokens = 12,
                                     .temperature = 0.8,
                                     .top_p = 0.95,
                                     .until = {"\n"},
                                     .samples = 2,
                                     .seed = 7});
  }
  return requests;
}

std::vector<Response> answer(const EngineSettings& settings, const Variant& variant, const Checkpoints& checkpoints,
                             std::span<const Request> requests, std::string& kernels, const ProcedureBook& procedures) {
  auto used = settings;
  used.batch_tokens = variant.batch_tokens;
  used.threads = variant.threads;
  std::ostringstream nowhere;
  Log log(nowhere, true);
  const auto engine = open_engine(used, checkpoints, log, procedures);
  kernels = engine->info().kernels;
  std::vector<std::size_t> order(requests.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  if (variant.shuffled) std::shuffle(order.begin(), order.end(), std::mt19937_64(1));
  std::vector<Request> asked;
  for (const auto at : order) asked.push_back(requests[at]);
  const auto answers = engine->answer(asked);
  std::vector<Response> responses(requests.size());
  for (std::size_t at = 0; at < order.size(); ++at) responses[order[at]] = answers[at];
  return responses;
}

Difference compare(std::span<const Response> first, std::span<const Response> other) {
  Difference difference;
  for (std::size_t at = 0; at < first.size(); ++at) {
    const auto tokens = std::max(first[at].tokens, 1);
    difference.logp_nats = std::max(difference.logp_nats, std::abs(first[at].logp_nats - other[at].logp_nats) / tokens);
    if (first[at].greedy != other[at].greedy) ++difference.texts;
    for (std::size_t sample = 0; sample < first[at].generated.size(); ++sample) {
      const auto& a = first[at].generated[sample];
      const auto& b = other[at].generated[sample];
      if (a.text != b.text || a.logp_nats.size() != b.logp_nats.size()) {
        ++difference.texts;
        continue;
      }
      for (std::size_t token = 0; token < a.logp_nats.size(); ++token) {
        difference.logp_nats = std::max(difference.logp_nats, std::abs(a.logp_nats[token] - b.logp_nats[token]));
      }
    }
  }
  return difference;
}

}  // namespace

std::string self_test_engine(const EngineSettings& settings, const Checkpoints& checkpoints,
                             const ProcedureBook& procedures) {
  const auto requests = make_requests();
  const std::vector<Variant> variants = {{.name = "4096 tokens a batch"},
                                         {.name = "1 token a batch", .batch_tokens = 1},
                                         {.name = "7 tokens a batch", .batch_tokens = 7},
                                         {.name = "64 tokens a batch", .batch_tokens = 64},
                                         {.name = "shuffled", .shuffled = true},
                                         {.name = "shuffled, 64 tokens a batch", .batch_tokens = 64, .shuffled = true},
                                         {.name = "2 threads", .threads = 2}};
  Json results = Json::array();
  bool equal = true;
  for (const auto* dtype : {"float32", "bfloat16"}) {
    auto used = settings;
    used.dtype = dtype;
    std::vector<Response> first;
    for (const auto& variant : variants) {
      std::string kernels;
      auto responses = answer(used, variant, checkpoints, requests, kernels, procedures);
      if (first.empty()) first = responses;
      const auto difference = compare(first, responses);
      const bool rounded = kernels == "operators" && used.dtype == "bfloat16";
      const auto allowed = kernels != "operators" ? 0.0 : rounded ? operators_bfloat16_nats : operators_float32_nats;
      equal = equal && difference.logp_nats <= allowed && (difference.texts == 0 || rounded);
      results.push_back({{"dtype", dtype},
                         {"kernels", kernels},
                         {"variant", variant.name},
                         {"max_logp_difference", difference.logp_nats},
                         {"different_texts", difference.texts}});
    }
  }
  const Json report = {
      {"model", settings.model.string()}, {"requests", requests.size()}, {"results", results}, {"equal", equal}};
  return report.dump(2);
}

}  // namespace touchstone
