#include <algorithm>
#include <map>
#include <set>

#include "harness/data/tool_call.hpp"
#include "harness/train/stage.hpp"
#include "trainers/rows/data_set.hpp"

namespace touchstone {
namespace {

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

/// Marks two kinds of places of a call. "key" tells its tool from the others: the first byte of its name and, for each
/// other tool whose name begins alike, the byte behind their common prefix. "value" is a quoted argument's last byte.
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
  const bool quoted = at > 0 && answer.text[at - 1] == '"';  // the quote that closes it opens no argument
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

Stage make_mark_calls(Options& options, const TrainerBook&) {
  const auto name = read_on(options);
  Stage stage;
  stage.needs.push_back(needs_data(name));
  stage.making = {.data = name};
  stage.run = [name](Session& session) { run_mark_calls(name, session); };
  return stage;
}

}  // namespace

namespace plugins {
void mark_calls(TrainerBook& book) {
  book.stages.add("mark_calls", {.summary = "finds the places in calls of listed tools where the tool is chosen",
                                 .make = make_mark_calls});
}
}  // namespace plugins
}  // namespace touchstone
