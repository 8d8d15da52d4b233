#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "harness/report/section.hpp"
#include "reports/blocks.hpp"
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
  std::array<std::int64_t, findings> counts{};  // by Finding
};

Tally summary_tally(const ReportInput& input) {
  Tally all;
  for (const auto& cell : input.cells) {
    if (cell.state == CellState::done) ++all.done;
    if (cell.state == CellState::failed) ++all.failed;
    if (cell.state == CellState::running) ++all.unfinished;
  }
  for (const auto& arm : input.arms) ++all.counts[static_cast<std::size_t>(arm.finding)];
  return all;
}

Tiles tiles(const ReportInput& input, const Tally& all) {
  Tiles out;
  const auto add = [&](std::int64_t value, std::string label) { out.all.push_back({value, std::move(label)}); };
  if (!input.arms.empty()) {
    for (std::size_t at = 0; at < findings; ++at) {
      const auto finding = static_cast<Finding>(at);
      if (all.counts[at] == 0 && (finding == Finding::one_seed || finding == Finding::trade)) continue;
      add(all.counts[at], std::string(word(finding)));
    }
  }
  if (!input.cells.empty()) add(all.done, all.done == 1 ? "cell finished" : "cells finished");
  if (all.failed > 0) add(all.failed, all.failed == 1 ? "cell failed" : "cells failed");
  if (all.unfinished > 0) add(all.unfinished, "not finished");
  std::int64_t samples = 0;
  for (const auto& measure : input.measures) samples += measure.items;
  add(static_cast<std::int64_t>(input.tasks.size()), input.tasks.size() == 1 ? "benchmark" : "benchmarks");
  add(samples, "samples stored");
  return out;
}

bool several_models(const ReportInput& input) {
  return std::any_of(input.arms.begin(), input.arms.end(),
                     [&](const Arm& arm) { return arm.base_model != input.arms[0].base_model; });
}

Card summary_card(const Arm& arm, bool name_model) {
  Card out{arm_name(arm) + (name_model ? " (" + arm.model + ")" : ""), arm.finding, {}};
  for (auto& sentence : verdict(arm)) out.lines.emplace_back(std::move(sentence));
  return out;
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
      "item; over several seeds they cover the choice of seeds and of items, the variance between seeds being that of "
      "all methods of the report together. Shown: p < 0.05 after Holm's correction, and the interval leaves out 0. "
      "Corrected together are each method's benchmarks that were not trained on (a drop where there is none is shown "
      "for "
      "at most 5 % of methods), and the gains of all methods (at most 5 % of reports show one that is none). Worse: a "
      "drop, or a loss on the task trained on, is shown. Trade: a gain on the task trained on and a drop are. Better: "
      "a "
      "gain is and no drop is. Inconclusive: neither, which is not the same as no change.";
  if (fewest_seeds(input) < 3) {
    out +=
        " Where a method has one seed, the interval covers the choice of items alone, and there is no verdict: what it "
        "shows is of one set of weights. A claim about a method needs three seeds or more.";
  }
  return out;
}

Blocks summary_blocks(const ReportInput& input) {
  const auto all = summary_tally(input);
  Blocks out;
  if (input.arms.empty()) {
    out.push_back(tiles(input, all));
    out.push_back(Paragraph{
        input.measures.empty()
            ? prose("The database holds no measurement yet: `touchstone eval` or `touchstone run` makes some.")
            : RichText("Nothing was trained and measured both before and after, so there are scores and no changes to "
                       "report.")});
    return out;
  }
  Lines lines;
  for (auto& line : short_lines(input)) lines.all.emplace_back(std::move(line));
  out.push_back(std::move(lines));
  out.push_back(tiles(input, all));
  Cards cards;
  const bool name_model = several_models(input);
  for (const auto& arm : input.arms) cards.all.push_back(summary_card(arm, name_model));
  const auto many = static_cast<std::int64_t>(cards.all.size());
  out.push_back(Fold{"What each method did, in words: " + counted(many, "verdict"),
                     {std::move(cards), note(how_to_read(input))}});
  return out;
}

}  // namespace
}  // namespace reports

namespace plugins {
void summary(SectionBook& book) {
  book.add({.name = "summary", .title = "Summary", .order = 25, .blocks = reports::summary_blocks});
}
}  // namespace plugins
}  // namespace touchstone
