#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "harness/measure/direction.hpp"
#include "harness/report/section.hpp"
#include "reports/blocks.hpp"
#include "reports/numbers.hpp"
#include "reports/pools.hpp"
#include "reports/text.hpp"

namespace touchstone {
namespace reports {
namespace {

Cell share_cell(std::int64_t part, std::int64_t all) {
  if (all == 0) return among_numbers("–");
  const double share = static_cast<double>(part) / static_cast<double>(all);
  return number_cell(
      share, part == 0 ? RichText("0") : RichText(count(part) + " ") + small("(" + fixed(share * 100, 1) + " %)"));
}

std::string metric_label(const Score& score) {
  const auto note = direction_note(score.higher_is_better);
  return score.metric + (note.empty() ? "" : " (" + note + ")");
}

// Of one task, be it with the questions of several seeds.
RichText other_metrics(const std::vector<const MeasureRow*>& leaves) {
  RichText out;
  for (std::size_t i = 1; i < leaves.front()->scores.size(); ++i) {
    const auto alike = [&](const MeasureRow* leaf) {
      return i < leaf->scores.size() && leaf->scores[i].metric == leaves.front()->scores[i].metric;
    };
    if (!std::all_of(leaves.begin(), leaves.end(), alike)) break;
    const auto score = pooled(leaves, i);
    const auto& unit = score.unit;
    if (i > 1) out += "; ";
    out += Piece{fmt::format("{} {}{}", metric_label(score), points(score.value, unit),
                             std::isfinite(score.stderror) ? " ± " + points(score.stderror, unit) : ""),
                 Look::together};
  }
  return out.pieces.empty() ? RichText("–") : out;
}

TableRow row_of(const ReportInput& input, const std::string& name, const std::vector<const MeasureRow*>& leaves) {
  const auto counts = counts_of(input, leaves);
  const auto score = pooled(leaves);
  const auto& unit = score.unit;
  std::int64_t items = 0;
  for (const auto* leaf : leaves) items += leaf->items;
  return {head_cell(name),
          text_cell(metric_label(score)),
          number_cell(leaves.front()->shots, count(leaves.front()->shots)),
          number_cell(static_cast<double>(items), count(items)),
          number_cell(score.value, strong(points(score.value, unit))),
          number_cell(score.stderror, points(score.stderror, unit)),
          among_numbers(interval_points(interval_of(score, counts), false, unit)),
          number_cell(score.chance, points(score.chance, unit)),
          share_cell(counts.unparsed, counts.items),
          share_cell(counts.truncated, counts.items),
          share_cell(counts.unfinished, counts.items),
          text_cell(by_task(leaves).size() == 1 ? other_metrics(leaves) : RichText("–"))};
}

ReportTable empty_table(std::string caption) {
  ReportTable table;
  table.classes = "dense";
  table.caption = std::move(caption);
  TableRow head = {head_cell("Benchmark"), head_cell("Metric")};
  for (const auto* name :
       {"Shots", "Items", "Score", "Error", "95 % interval", "Chance", "Unread", "Cut prompts", "Cut answers"}) {
    head.push_back(head_cell(name, 1, "n"));
  }
  head.push_back(head_cell("Other metrics"));
  table.head = {head};
  table.groups.push_back({});
  return table;
}

// One table for all given models, a group of rows each. On request the leaves of a benchmark follow in folds.
Blocks scores_of(const ReportInput& input, const std::vector<const ModelRow*>& models, const std::string& caption,
                 bool with_leaves) {
  auto table = empty_table(caption);
  table.groups.clear();
  Blocks leaves;
  for (const auto* model : models) {
    RowGroup group{model->label, {}};
    for (const auto& pool : pools_of(input, model->id)) {
      group.rows.push_back(row_of(input, pool_name(pool), pool.leaves));
      const auto tasks = by_task(pool.leaves);
      if (!with_leaves || tasks.size() < 2) continue;
      auto parts = empty_table(pool.name + " by task, " + model->label);
      for (const auto& task : tasks) parts.groups[0].rows.push_back(row_of(input, task.front()->task, task));
      leaves.push_back(Fold{model->label + ", " + pool_name(pool), {std::move(parts)}});
    }
    if (!group.rows.empty()) table.groups.push_back(std::move(group));
  }
  if (table.groups.empty()) return {};
  Blocks out = {std::move(table)};
  for (auto& one : leaves) out.push_back(std::move(one));
  return out;
}

Blocks scores_blocks(const ReportInput& input) {
  std::vector<const ModelRow*> given;
  std::vector<const ModelRow*> trained;
  for (const auto& model : input.models) {
    const bool made = std::any_of(input.cells.begin(), input.cells.end(),
                                  [&](const CellRow& cell) { return cell.result_model == model.id; });
    (made ? trained : given).push_back(&model);
  }
  auto out = scores_of(input, given, "Scores of the models as they were given", true);
  auto after = scores_of(input, trained, "Scores after training", false);
  if (!after.empty()) {
    out.push_back(
        Fold{"After training: " + counted(static_cast<std::int64_t>(trained.size()), "model"), std::move(after)});
  }
  if (out.empty()) return {};
  out.push_back(
      note("Every set of weights that was measured. Scores in percent unless the metric is not a share. The "
           "interval is Wilson's "
           "where the score is a share of right items. **Unread**: no answer could be read. **Cut "
           "prompts**: the prompt was "
           "longer than the model takes and lost its beginning. **Cut answers**: generation ran into its "
           "length limit."));
  return out;
}

}  // namespace
}  // namespace reports

namespace plugins {
void scores(SectionBook& book) {
  book.add({.name = "scores", .title = "Scores", .order = 55, .blocks = reports::scores_blocks});
}
}  // namespace plugins
}  // namespace touchstone
