#include "harness/measure/pass_at.hpp"

#include <algorithm>
#include <set>

#include "harness/base/error.hpp"
#include "harness/base/json.hpp"
#include "harness/measure/metric.hpp"

namespace touchstone {
namespace {

/// The list of k, ascending; without one the number of samples.
std::vector<int> read_ks(Options& options, int samples) {
  const auto* found = options.any("k", "sizes k of pass@k, at most `samples`: 4 or [1, 4]; without: `samples`", false);
  if (found == nullptr || found->is_null()) return {samples};
  std::set<int> ks;
  for (const auto& value : found->is_array() ? *found : Json::array({*found})) {
    require(is_int64(value) && value.get<std::int64_t>() >= 1 && value.get<std::int64_t>() <= samples, Fault::config,
            [&] {
              return options.where() + ": key 'k': found " + value.dump() + ", expected whole numbers from 1 to " +
                     std::to_string(samples) + ", the number of samples";
            });
    ks.insert(value.get<int>());
  }
  require(!ks.empty(), Fault::config, [&] { return options.where() + ": key 'k': the list is empty"; });
  return {ks.begin(), ks.end()};
}

std::string pass_at_name(int k) { return "pass@" + std::to_string(k); }

Metric make_pass_at(Options& options) {
  const auto drawing = read_drawing(options);
  const auto ks = read_ks(options, drawing.samples);
  Metric metric;
  metric.specs = [ks](const Task&, std::span<const Example>) {
    std::vector<MetricSpec> specs;
    for (const auto k : ks) specs.push_back({.name = pass_at_name(k), .aggregate = {}});
    return specs;
  };
  metric.declines = declines_without_generation;
  metric.measure = [drawing, ks](MetricDesk& desk, std::size_t count) {
    const auto& drawn = desk.drawn(drawing, count);
    std::vector<MetricValues> values(count);
    for (std::size_t item = 0; item < count; ++item) {
      const auto right = std::count_if(drawn[item].begin(), drawn[item].end(),
                                       [](const DrawnAnswer& answer) { return answer.correct; });
      for (const auto k : ks) {
        values[item][pass_at_name(k)] = pass_at(drawing.samples, static_cast<int>(right), k);
      }
    }
    return values;
  };
  metric.draws = drawing.samples;
  return metric;
}

}  // namespace

namespace plugins {
void pass_at(MetricBook& book) {
  book.add("pass_at",
           {.summary = "pass@k: probability that one of k drawn answers is right, unbiased, from n samples",
            .source = "Evaluating Large Language Models Trained on Code, arXiv 2107.03374, section 2.1, equation 1",
            .unit = "points",
            .better = "more",
            .make = make_pass_at});
}
}  // namespace plugins
}  // namespace touchstone
