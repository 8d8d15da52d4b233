#include "tasks/parts/multiple_choice.hpp"

#include <algorithm>
#include <cmath>

#include "harness/base/error.hpp"
#include "harness/base/text.hpp"

namespace touchstone {
namespace {

bool asks_alone(const AskSettings& settings, const ChoiceMetrics& metrics) {
  return settings.mode == Mode::fixed && metrics.norm;
}

std::string delimiter_of(const Example& example, const PromptFormat& format, bool chat) {
  if (!chat) return format.target_delimiter;
  const auto own = example.facts.find("gen_prefix");
  const std::string& prefix = own == example.facts.end() ? format.gen_prefix : own->second;
  const bool open = !prefix.empty() && rstrip(prefix).size() == prefix.size();
  return open ? format.target_delimiter : "";
}

/// Whether the best choice by logp / length is right; a length of zero counts as one.
double right_by(std::span<const double> logp, std::span<const double> lengths, const std::vector<int>& gold) {
  std::vector<double> scaled(logp.size());
  for (std::size_t i = 0; i < logp.size(); ++i) scaled[i] = logp[i] / std::max(1.0, lengths[i]);
  const auto best = static_cast<int>(first_largest(scaled));
  return std::find(gold.begin(), gold.end(), best) != gold.end() ? 1.0 : 0.0;
}

}  // namespace

std::vector<double> softmax(std::span<const double> values) {
  if (values.empty()) return {};
  const double largest = *std::max_element(values.begin(), values.end());
  std::vector<double> p(values.size());
  double sum = 0;
  for (std::size_t i = 0; i < values.size(); ++i) sum += p[i] = std::exp(values[i] - largest);
  for (auto& value : p) value /= sum;
  return p;
}

std::size_t first_largest(std::span<const double> values) {
  return static_cast<std::size_t>(std::max_element(values.begin(), values.end()) - values.begin());
}

std::vector<double> choice_logps(std::span<const Response> responses, std::size_t count) {
  require(responses.size() >= count, Fault::internal, [&] {
    return std::to_string(count) + " choices were asked, but " + std::to_string(responses.size()) + " answers came";
  });
  std::vector<double> logps;
  for (const auto& response : responses.first(count)) logps.push_back(response.logp_nats);
  return logps;
}

std::vector<Request> ask_choices(const Example& example, const std::string& context, const AskSettings& settings,
                                 const PromptFormat& format, const ChoiceMetrics& metrics) {
  const auto delimiter = delimiter_of(example, format, settings.chat);
  std::vector<Request> requests;
  requests.reserve(example.choices.size() * (asks_alone(settings, metrics) ? 2 : 1));
  for (const auto& choice : example.choices) {
    requests.emplace_back(Likelihood{.context = context, .continuation = delimiter + choice, .media = example.media});
  }
  if (!asks_alone(settings, metrics)) return requests;
  for (const auto& choice : example.choices) {
    requests.emplace_back(Likelihood{.context = {}, .continuation = delimiter + choice});
  }
  return requests;
}

Verdict judge_choices(const Example& example, std::span<const Response> responses, const ChoiceMetrics& metrics) {
  const auto count = example.choices.size();
  const auto logp = choice_logps(responses, count);
  const auto chosen = first_largest(logp);
  Verdict verdict;
  verdict.choice_probability = softmax(logp);
  verdict.confidence = verdict.choice_probability[chosen];
  verdict.extracted = example.choices[chosen];
  verdict.correct = std::find(example.gold.begin(), example.gold.end(), static_cast<int>(chosen)) != example.gold.end();
  verdict.score = verdict.correct ? 1.0 : 0.0;
  verdict.values["acc,none"] = verdict.score;
  if (!metrics.norm) return verdict;
  std::vector<double> characters;
  std::vector<double> bytes;
  std::vector<double> tokens;
  for (std::size_t i = 0; i < count; ++i) {
    characters.push_back(static_cast<double>(code_points(example.choices[i])));
    bytes.push_back(static_cast<double>(example.choices[i].size()));
    tokens.push_back(static_cast<double>(responses[i].tokens));
  }
  verdict.values["acc_norm,none"] = right_by(logp, characters, example.gold);
  if (responses.size() < 2 * count) return verdict;  // compat: only what the reference reports
  verdict.values["acc_norm_bytes,none"] = right_by(logp, bytes, example.gold);
  verdict.values["acc_norm_tokens,none"] = right_by(logp, tokens, example.gold);
  const auto alone = choice_logps(responses.subspan(count), count);
  std::vector<double> gain(count);
  for (std::size_t i = 0; i < count; ++i) gain[i] = logp[i] - alone[i];
  verdict.values["acc_pmi,none"] = right_by(gain, std::vector<double>(count, 1.0), example.gold);
  return verdict;
}

std::vector<MetricSpec> choice_metrics(const ChoiceMetrics& metrics, double chance) {
  std::vector<MetricSpec> specs;
  const auto add = [&](const char* name) { specs.push_back({.name = name, .chance = chance}); };
  add("acc,none");
  if (metrics.norm) {
    for (const char* name : {"acc_norm,none", "acc_norm_bytes,none", "acc_norm_tokens,none", "acc_pmi,none"}) add(name);
  }
  return specs;
}

}  // namespace touchstone
