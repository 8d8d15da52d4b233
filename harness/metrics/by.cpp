#include <set>

#include "harness/base/text.hpp"
#include "harness/measure/metric.hpp"

namespace touchstone {
namespace {

constexpr std::size_t most_groups = 50;

/// The values that a fact has among the examples. Numbers are in their order.
std::vector<std::string> values_of(std::span<const Example> examples, const std::string& fact) {
  std::set<std::pair<std::size_t, std::string>> values;
  for (const auto& example : examples) {
    const auto found = example.facts.find(fact);
    if (found == example.facts.end()) continue;
    const bool number = found->second.find_first_not_of("0123456789") == std::string::npos;
    values.emplace(number ? found->second.size() : 0, found->second);
  }
  std::vector<std::string> names;
  for (const auto& value : values) names.push_back(value.second);
  return names;
}

std::string group_name(const std::string& fact, const std::string& value) {
  return "score[" + fact + "=" + value + "]";
}

std::string declines_fact(const Task& task, std::span<const Example> examples, const std::string& fact) {
  if (task.metrics.empty() || task.metrics.front().aggregate) {
    return "its main metric is one value of all items, which has no parts";
  }
  const auto values = values_of(examples, fact);
  if (values.size() > most_groups) {
    return "the fact '" + fact + "' has " + std::to_string(values.size()) + " values, expected at most " +
           std::to_string(most_groups);
  }
  if (!values.empty()) return {};
  std::set<std::string> known;
  for (const auto& example : examples) {
    for (const auto& own : example.facts) known.insert(own.first);
  }
  return unknown_name("fact of its items", fact, std::vector<std::string>(known.begin(), known.end()));
}

Metric make_by(Options& options) {
  const auto fact = options.text("fact", "whose values part the items: \"level\", \"operations\"");
  Metric metric;
  metric.specs = [fact](const Task& task, std::span<const Example> examples) {
    std::vector<MetricSpec> specs;
    for (const auto& value : values_of(examples, fact)) {
      auto spec = task.metrics.front();
      spec.name = group_name(fact, value);
      specs.push_back(std::move(spec));
    }
    return specs;
  };
  metric.declines = [fact](const Task& task, std::span<const Example> examples, std::span<const Request>) {
    return declines_fact(task, examples, fact);
  };
  metric.measure = [fact](MetricDesk& desk, std::size_t count) {
    std::vector<MetricValues> values(count);
    for (std::size_t item = 0; item < count; ++item) {
      const auto& one = desk.items()[item];
      const auto group = one.example->facts.find(fact);
      const auto main = one.verdict->values.find(desk.task().metrics.front().name);
      if (group == one.example->facts.end() || main == one.verdict->values.end()) continue;
      values[item][group_name(fact, group->second)] = main->second;
    }
    return values;
  };
  return metric;
}

}  // namespace

namespace plugins {
void by(MetricBook& book) {
  book.add("by", {.summary = "the benchmark's main metric on the items of each value of a fact: score[level=2]",
                  .source = "the main metric's",
                  .unit = "the main metric's",
                  .better = "the main metric's",
                  .make = make_by});
}
}  // namespace plugins
}  // namespace touchstone
