#include "tasks/parts/tool_verdict.hpp"

#include "tasks/parts/filters.hpp"

namespace touchstone {
namespace {

constexpr const char* right_tool = "tool_name,none";
constexpr const char* no_tool = "hallucinated_tool,none";

}  // namespace

std::vector<MetricSpec> tool_metrics(const std::string& main) {
  return {{.name = main}, {.name = right_tool}, {.name = no_tool, .higher_is_better = false}};
}

Verdict tool_verdict(const Response& response, const std::string& main, const std::string& listing,
                     const std::string& wanted, const std::function<bool(const ToolCall&)>& right) {
  const std::string text(first_text(response));
  const auto call = first_call(text, CallForm::extended);
  Verdict verdict;
  verdict.parsed = call.has_value();
  verdict.extracted = call ? call->name : text;
  verdict.detail = call ? "" : "no call";
  verdict.correct = call && right(*call);
  verdict.score = verdict.correct ? 1.0 : 0.0;
  verdict.values = {{main, verdict.score},
                    {right_tool, call && call->name == wanted ? 1.0 : 0.0},
                    {no_tool, call && listed_tools(listing).count(call->name) == 0 ? 1.0 : 0.0}};
  verdict.confidence = answer_confidence(response);
  return verdict;
}

}  // namespace touchstone
