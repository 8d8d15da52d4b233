#pragma once
#include <functional>
#include <string>
#include <vector>

#include "harness/data/task.hpp"
#include "harness/data/tool_call.hpp"

namespace touchstone {

/// The shares of right calls (named `main`), of calls of the right tool, and of calls of tools that are not
/// listed.
std::vector<MetricSpec> tool_metrics(const std::string& main);

/// The first call of a response as these metrics see it. `listing` is the text that lists the tools, `wanted` the
/// right one's name; `right` decides whether a call is right.
Verdict tool_verdict(const Response& response, const std::string& main, const std::string& listing,
                     const std::string& wanted, const std::function<bool(const ToolCall&)>& right);

}  // namespace touchstone
