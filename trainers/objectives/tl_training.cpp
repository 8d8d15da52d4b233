#include <algorithm>
#include <set>

#include "harness/data/tool_call.hpp"
#include "harness/model/ops.hpp"
#include "harness/train/session.hpp"
#include "harness/train/stage.hpp"
#include "trainers/rows/pieces.hpp"

namespace touchstone {
namespace {

constexpr std::uint8_t key_mark = 1;
constexpr std::uint8_t value_mark = 2;

/// Per call sum_t w_t nll_t / sum_t w_t, mean over calls. Key tokens (where a tool's name is told from the others')
/// weigh w = min(N_other / N_key, max_weight) when they are fewer than the other tokens, else one; N_other leaves out
/// the tokens of arguments' values, which weigh one as the others do.
/// Source: "TL-Training: A Task-Feature-Based Framework for Training Large Language Models in Tool Use", arXiv
/// 2412.15495, section 4.2, from the authors' code (pkt/utils.py).
LossSum key_token_likelihood(const AnswerBatch& batch, double max_weight) {
  const auto one = at::ones_like(batch.logp.detach());
  const auto key = has_mark(batch.marks, key_mark);
  const auto value = has_mark(batch.marks, value_mark).logical_and(key.logical_not());
  const auto keys = weighted_answer_sums(batch, key.to(one.scalar_type()));
  const auto others = answer_weights(batch) - keys - weighted_answer_sums(batch, value.to(one.scalar_type()));
  const auto raised = (others / keys.clamp_min(1.0)).clamp_max(max_weight);
  const auto key_weight = at::where(keys.lt(others), raised, at::ones_like(raised));
  const auto weights = at::where(key, key_weight.index_select(0, batch.answer_of), one);
  const auto total = weighted_answer_sums(batch, weights);
  const auto there = total.gt(0.0);
  const auto nll = -weighted_answer_sums(batch, weights * batch.logp) / total.clamp_min(1e-6);
  LossSum loss;
  loss.sum = at::where(there, nll, 0.0).sum();
  loss.count = logged_sum(there);
  loss.logged = {
      {"nll", -logged_sum(weighted_answer_sums(batch, batch.logp.detach()) / answer_weights(batch).clamp_min(1e-6))},
      {"key_tokens", logged_sum(keys)},
      {"key_weight", logged_sum(key_weight)}};
  return loss;
}

/// Where the first call of a listed tool stands in the answer; npos: nowhere.
std::size_t call_at(const std::string& answer, const std::map<std::string, std::set<std::string>>& tools,
                    std::string& called) {
  for (std::size_t at = 0; at < answer.size();) {
    const auto end = tool_name_end(answer, at);
    called = answer.substr(at, end - at);
    if (tools.count(called) != 0) return at;
    at = end + 1;
  }
  return std::string::npos;
}

void add_span(std::vector<Span>& spans, std::size_t at, const char* role) {
  spans.push_back({.first = static_cast<int>(at), .last = static_cast<int>(at) + 1, .role = role});
}

/// Marks where a call is told from the other tools' by "key": the first byte of its name, and for each other tool with
/// a name that begins alike the byte behind what the two share; and by "value" the last byte of each quoted argument.
bool mark_call(Answer& answer, const std::string& prompt) {
  const auto tools = listed_tools(prompt);
  std::string called;
  const auto at = call_at(answer.text, tools, called);
  if (at == std::string::npos) return false;
  auto& spans = answer.spans;
  add_span(spans, at, "key");
  std::set<std::size_t> shared;
  for (const auto& [other, arguments] : tools) {
    if (other == called) continue;
    const auto differ = std::mismatch(called.begin(), called.end(), other.begin(), other.end());
    const auto length = static_cast<std::size_t>(differ.first - called.begin());
    if (length > 0) shared.insert(length);
  }
  for (const auto length : shared) {
    if (at + length < answer.text.size()) add_span(spans, at + length, "key");
  }
  const bool quoted = at > 0 && answer.text[at - 1] == '"';  // its closing quote opens no argument
  for (auto from = at + called.size() + (quoted ? 1 : 0); from < answer.text.size();) {
    const auto open = answer.text.find_first_of("'\"", from);
    if (open == std::string::npos) break;
    const auto close = answer.text.find(answer.text[open], open + 1);
    if (close == std::string::npos) break;
    const char behind = close + 1 < answer.text.size() ? answer.text[close + 1] : ')';
    if (close > open + 1 && behind != ':') add_span(spans, close - 1, "value");  // "name": is a key of JSON
    from = close + 1;
  }
  return true;
}

void run_mark_calls(const std::string& name, Session& session) {
  double marked = 0.0;
  double keys = 0.0;
  auto& data = session.data.at(name);
  for (auto& record : data) {
    std::string prompt;
    for (const auto& turn : record.prompt) prompt += text_of(turn) + "\n";
    auto& answer = record.answers.front();
    if (mark_call(answer, prompt)) ++marked;
    keys += static_cast<double>(
        std::count_if(answer.spans.begin(), answer.spans.end(), [](const Span& span) { return span.role == "key"; }));
  }
  session.values = {{"rows", static_cast<double>(data.size())}, {"calls_marked", marked}, {"key_places", keys}};
}

}  // namespace

namespace plugins {
void tl_training(TrainerBook& book) {
  book.objectives.add(
      "tl_training",
      {.summary = "likelihood of calls with the tokens that choose the tool weighted up (arXiv 2412.15495)",
       .make = [](Options& options, const TrainerBook&) {
         const auto max_weight = options.number("max_weight", "a key token weighs so much at most; 1: plain likelihood",
                                                {.fallback = 9.0, .min = 1.0, .max = 1e6});
         TokenObjective objective;
         objective.roles = {"key", "value"};
         objective.answer_loss = [max_weight](const AnswerBatch& batch) {
           return key_token_likelihood(batch, max_weight);
         };
         return objective;
       }});
  book.stages.add("mark_calls", {.summary = "finds in calls of listed tools the places where the tool is chosen",
                                 .make = [](Options& options, const TrainerBook&) {
                                   const auto name =
                                       options.text("on", "name of the data set", {.fallback = "data", .choices = {}});
                                   Stage stage;
                                   stage.needs.push_back("data set '" + name + "'");
                                   stage.making = {.data = name};
                                   stage.run = [name](Session& session) { run_mark_calls(name, session); };
                                   return stage;
                                 }});
}
}  // namespace plugins
}  // namespace touchstone
