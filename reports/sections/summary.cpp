#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "harness/report/section.hpp"
#include "reports/html.hpp"
#include "reports/numbers.hpp"
#include "reports/text.hpp"
#include "reports/words.hpp"

namespace touchstone {
namespace reports {
namespace {

struct Tally {
  std::int64_t done = 0;
  std::int64_t failed = 0;
  std::int64_t unfinished = 0;
  std::array<std::int64_t, 3> findings{};  // by Finding
};

Tally tally(const ReportInput& input) {
  Tally all;
  for (const auto& cell : input.cells) {
    if (cell.state == CellState::done) ++all.done;
    if (cell.state == CellState::failed) ++all.failed;
    if (cell.state == CellState::running) ++all.unfinished;
  }
  for (const auto& arm : input.arms) ++all.findings[static_cast<std::size_t>(arm.finding)];
  return all;
}

std::string tile(std::int64_t value, std::string_view label) {
  return fmt::format("<li><b data-v=\"{}\">{}</b>{}</li>\n", value, count(value), label);
}

std::string tiles(const ReportInput& input, const Tally& all) {
  std::string out = "<ul class=\"tiles\">\n";
  if (!input.arms.empty()) {
    out += tile(all.findings[static_cast<std::size_t>(Finding::better)], "better");
    out += tile(all.findings[static_cast<std::size_t>(Finding::worse)], "worse");
    out += tile(all.findings[static_cast<std::size_t>(Finding::inconclusive)], "inconclusive");
  }
  if (!input.cells.empty()) out += tile(all.done, all.done == 1 ? "cell finished" : "cells finished");
  if (all.failed > 0) out += tile(all.failed, all.failed == 1 ? "cell failed" : "cells failed");
  if (all.unfinished > 0) out += tile(all.unfinished, "not finished");
  std::int64_t samples = 0;
  for (const auto& measure : input.measures) samples += measure.items;
  out += tile(static_cast<std::int64_t>(input.tasks.size()), input.tasks.size() == 1 ? "benchmark" : "benchmarks");
  out += tile(samples, "samples stored");
  return out + "</ul>\n";
}

std::string alert(const ReportInput& input, const Tally& all) {
  const auto remark = first_remark(input, html);
  if (all.failed == 0 && all.unfinished == 0 && remark.empty()) return {};
  std::string out = "<div class=\"alert\">";
  if (all.failed > 0) {
    out += fmt::format(
        "<p><strong>{} failed</strong> and {} not in the numbers below; <a href=\"#failures\">what went wrong</a>.</p>",
        counted(all.failed, "cell"), all.failed == 1 ? "is" : "are");
  }
  if (all.unfinished > 0) {
    out += fmt::format(
        "<p><strong>{} not finished</strong>: this report is of what the database held when it was written.</p>",
        counted(all.unfinished, "cell"));
  }
  if (!remark.empty()) out += "<p>" + remark + " (<a href=\"#provenance\">provenance</a>).</p>";
  return out + "</div>\n";
}

bool several_models(const ReportInput& input) {
  return std::any_of(input.arms.begin(), input.arms.end(),
                     [&](const Arm& arm) { return arm.base_model != input.arms[0].base_model; });
}

std::string card(const Arm& arm, bool name_model) {
  std::string out = fmt::format("<article class=\"verdict {0}\"><h3>{1} <span class=\"tag {0}\">{0}</span></h3>\n",
                                word(arm.finding), html(arm_name(arm)));
  if (name_model) out += "<p class=\"note\">" + html(arm.model) + "</p>";
  for (const auto& sentence : verdict(arm, html)) out += "<p>" + sentence + "</p>\n";
  return out + "</article>\n";
}

std::size_t fewest_seeds(const ReportInput& input) {
  std::size_t fewest = SIZE_MAX;
  for (const auto& arm : input.arms) fewest = std::min(fewest, arm.changes.size());
  return fewest;
}

std::string how_to_read(const ReportInput& input) {
  std::string out =
      "A drop is the score before minus the score after, on a benchmark that was not trained on. Intervals are 95 %, "
      "paired by "
      "item. Worse: a drop, or a loss on the task trained on, is shown at p &lt; 0.05 after Holm's correction. Better: "
      "a gain is "
      "shown and no drop is. Inconclusive: neither, which is not the same as no change.";
  if (fewest_seeds(input) < 3) {
    out +=
        " Where a method has one seed, the interval covers the choice of items alone; where it has two, it also covers "
        "the choice of seeds, of which two say little. A claim about a method needs three seeds or more.";
  }
  return out;
}

std::string page(const ReportInput& input) {
  const auto all = tally(input);
  std::string out = alert(input, all) + tiles(input, all);
  if (input.arms.empty()) {
    out += input.measures.empty() ? "<p>The database holds no measurement yet: <code>touchstone eval</code> or "
                                    "<code>touchstone run</code> makes some.</p>\n"
                                  : "<p>Nothing was trained and measured both before and after, so there are scores "
                                    "and no changes to report.</p>\n";
    return out;
  }
  out += "<div class=\"verdicts\">\n";
  const bool name_model = several_models(input);
  for (const auto& arm : input.arms) out += card(arm, name_model);
  return out + "</div>\n" + note(how_to_read(input));
}

std::string text(const ReportInput& input) {
  const auto all = tally(input);
  std::string out;
  if (all.failed > 0) out += fmt::format("**{} failed.**\n\n", counted(all.failed, "cell"));
  if (all.unfinished > 0) out += fmt::format("**{} not finished.**\n\n", counted(all.unfinished, "cell"));
  if (const auto remark = first_remark(input, markdown); !remark.empty()) out += "Note: " + remark + ".\n\n";
  if (input.arms.empty()) return out + "No changes to report.\n";
  const bool name_model = several_models(input);
  for (const auto& arm : input.arms) {
    out += fmt::format("- **{}{}: {}.**", markdown(arm_name(arm)), name_model ? " (" + markdown(arm.model) + ")" : "",
                       word(arm.finding));
    for (const auto& sentence : verdict(arm, markdown)) out += " " + sentence;
    out += "\n";
  }
  return out + "\n" + how_to_read(input) + "\n";
}

}  // namespace
}  // namespace reports

namespace plugins {
void summary(SectionBook& book) {
  book.add("summary", {.title = "Summary", .order = 10, .html = reports::page, .markdown = reports::text});
}
}  // namespace plugins
}  // namespace touchstone
