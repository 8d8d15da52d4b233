// Metrics beside the benchmarks' own, and drop against divergence.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "harness/base/json.hpp"
#include "tests/reports/page.hpp"

namespace touchstone {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

TaskChange task_change(const std::string& task, const std::string& metric, bool trained, double before, double after) {
  TaskChange change;
  change.task = task;
  change.metric = metric;
  change.settings_json = "{}";
  change.family = task;
  change.trained_on = trained;
  std::vector<double> one;
  std::vector<double> two;
  for (int item = 0; item < 40; ++item) {
    const double apart = 0.02 * (item % 5 - 2);
    one.push_back(before == 0.0 ? 0.0 : before + apart);
    two.push_back(after - 2.0 * apart);
  }
  change.before = before;
  change.after = after;
  change.paired = paired(one, two, {}, false);
  change.drop = -change.paired.difference;
  return change;
}

CellChange cell_of(std::int64_t id, const std::string& method, std::uint64_t seed) {
  CellChange change;
  change.cell.id = id;
  change.cell.base_model = 1;
  change.cell.result_model = id + 1;
  change.cell.method = method;
  change.cell.recipe_json = R"({"method":")" + method + R"(","stages":[]})";
  change.cell.trained_on = "gsm8k";
  change.cell.seed = seed;
  change.cell.state = CellState::done;
  return change;
}

/// Cells of so many methods, two seeds each: the mean drop is a quarter of the divergence, and a little more or less.
ReportInput drifted(int methods) {
  ReportInput input;
  auto& model = input.models.emplace_back();
  model.id = 1;
  model.hash = "h";
  model.label = "micro-text";
  model.family = "llama";
  FurtherMetric metric{.name = "kl_forward",
                       .book = "kl_forward",
                       .higher_is_better = false,
                       .unit = {.scale = 1.0, .name = "nats/token"},
                       .changes = {},
                       .arms = {}};
  std::int64_t id = 0;
  for (int method = 0; method < methods; ++method) {
    for (std::uint64_t seed = 1; seed <= 2; ++seed) {
      const double kl = 0.1 * (method + 1) + 0.01 * static_cast<double>(seed);
      const double drop = 0.25 * kl + (seed == 1 ? 0.002 : -0.001) + 0.001 * (method % 2);
      auto change = cell_of(++id, "method" + std::to_string(method), seed);
      input.cells.push_back(change.cell);
      auto own = change;
      own.tasks = {task_change("gsm8k", "kl_forward", true, 0.0, kl),
                   task_change("corpus", "kl_forward", false, 0.0, kl / 2)};
      for (auto& task : own.tasks) {
        task.unit = metric.unit;
        task.higher_is_better = false;
      }
      metric.changes.push_back(own);
      change.tasks = {task_change("mmlu", "acc,none", false, 0.7, 0.7 - drop)};
      change.mean_drop = drop;
      change.drop = change.tasks[0].paired.mean;
      input.changes.push_back(std::move(change));
    }
  }
  input.further.push_back(std::move(metric));
  return testing::with_arms(std::move(input));
}

std::string csv_of(const ReportInput& input, const std::string& section) {
  return render_section_csv(input, testing::all_sections(), {section});
}

TEST(FurtherMetrics, StandAsTheyAreWhicheverDirectionIsBetter) {
  const auto text = render_markdown(drifted(3), testing::all_sections(), {"metrics"});
  EXPECT_THAT(text, HasSubstr("micro-text trained on gsm8k"));
  // KL of the first method: 0.11 and 0.12, from 0. Less is better, and the change is still a rise.
  EXPECT_THAT(text, HasSubstr("+0.115"));
  EXPECT_THAT(text, HasSubstr("nats/token"));
  EXPECT_THAT(text, HasSubstr("corpus"));
  EXPECT_THAT(render_markdown(ReportInput(), testing::all_sections(), {"metrics"}), Not(HasSubstr("kl_forward")));
}

TEST(Forgetting, FitsTheLineOverAllCells) {
  const auto json = Json::parse(render_section_json(drifted(4), testing::all_sections(), {"forgetting"}));
  const auto csv = csv_of(drifted(4), "forgetting");
  EXPECT_THAT(csv, HasSubstr("the training task"));
  EXPECT_THAT(csv, HasSubstr("corpus"));
  EXPECT_FALSE(json.empty());
  // The slope on the training task is a quarter of the scale of points: 25 a nat, and on the text twice that.
  const auto page = render_html(drifted(4), testing::all_sections(), {"forgetting"});
  EXPECT_THAT(page, HasSubstr("<svg"));
  EXPECT_THAT(page, HasSubstr("points of drop a nat"));
  const auto text = render_markdown(drifted(4), testing::all_sections(), {"forgetting"});
  EXPECT_THAT(text, ::testing::ContainsRegex("the training task[^\n]*\\+2[45]\\.[0-9]"));
  EXPECT_THAT(text, ::testing::ContainsRegex("corpus[^\n]*\\+(49|50)\\.[0-9]"));
}

TEST(Forgetting, SaysWhenThereAreTooFewMethods) {
  const auto text = render_markdown(drifted(2), testing::all_sections(), {"forgetting"});
  EXPECT_THAT(text, HasSubstr("2 methods: cells of one method are not independent"));
  EXPECT_THAT(render_markdown(drifted(1), testing::all_sections(), {"forgetting"}), HasSubstr("2 cells and too few"));
  EXPECT_THAT(render_markdown(ReportInput(), testing::all_sections(), {"forgetting"}), Not(HasSubstr("Slope")));
}

}  // namespace
}  // namespace touchstone
