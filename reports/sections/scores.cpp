#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "harness/report/section.hpp"
#include "reports/html.hpp"
#include "reports/numbers.hpp"
#include "reports/text.hpp"

namespace touchstone {
namespace reports {
namespace {

/// The measures of one model that one benchmark pools, all of one setting.
struct Pool {
  std::string name;
  std::vector<const MeasureRow*> leaves;
};

std::vector<Pool> pools_of(const ReportInput& input, std::int64_t model) {
  std::vector<Pool> pools;
  for (const auto& measure : input.measures) {
    if (measure.model != model || measure.scores.empty()) continue;
    const auto& name = measure.benchmark.empty() ? measure.task : measure.benchmark;
    Pool* found = nullptr;
    for (auto& pool : pools) {
      const auto* first = pool.leaves.front();
      const bool same = pool.name == name && first->settings_json == measure.settings_json &&
                        first->scores[0].metric == measure.scores[0].metric && first->mode == measure.mode &&
                        first->dtype == measure.dtype && first->device == measure.device;
      if (same) found = &pool;
    }
    if (found == nullptr) found = &pools.emplace_back(Pool{name, {}});
    found->leaves.push_back(&measure);
  }
  return pools;
}

SampleCounts counts_of(const ReportInput& input, const std::vector<const MeasureRow*>& leaves) {
  SampleCounts sum;
  for (const auto* measure : leaves) {
    const auto found = input.counts.find(measure->id);
    if (found == input.counts.end()) continue;
    sum.items += found->second.items;
    sum.right += found->second.right;
    sum.unparsed += found->second.unparsed;
    sum.truncated += found->second.truncated;
    sum.unfinished += found->second.unfinished;
  }
  return sum;
}

/// The main score over all leaves, weighted by items, as the reference pools a group.
Score pooled(const std::vector<const MeasureRow*>& leaves) {
  Score score = leaves.front()->scores[0];
  if (leaves.size() == 1) return score;
  std::vector<double> errors;
  std::vector<std::int64_t> sizes;
  double sum = 0;
  double chance = 0;
  double items = 0;
  for (const auto* leaf : leaves) {
    const auto weight = static_cast<double>(leaf->items);
    sum += leaf->scores[0].value * weight;
    chance += leaf->scores[0].chance * weight;
    items += weight;
    errors.push_back(leaf->scores[0].stderror);
    sizes.push_back(leaf->items);
  }
  score.value = sum / items;
  score.chance = chance / items;
  score.stderror = pooled_error(errors, sizes);
  return score;
}

// Wilson's interval where the score is a share of right items, otherwise the normal one.
Interval interval_of(const Score& score, const SampleCounts& counts) {
  if (counts.items > 0 &&
      std::fabs(static_cast<double>(counts.right) / static_cast<double>(counts.items) - score.value) < 1e-9) {
    return wilson(counts.right, counts.items);
  }
  const double reach = normal_quantile(0.975) * score.stderror;
  return {score.value - reach, score.value + reach};
}

Cell share_cell(std::int64_t part, std::int64_t all) {
  if (all == 0) return html_cell("–", "n");
  const double share = static_cast<double>(part) / static_cast<double>(all);
  return number_cell(share,
                     part == 0 ? "0" : fmt::format("{} <small>({} %)</small>", count(part), fixed(share * 100, 1)));
}

std::string other_metrics(const MeasureRow& measure) {
  std::string out;
  for (std::size_t i = 1; i < measure.scores.size(); ++i) {
    const auto& score = measure.scores[i];
    const auto& unit = score.unit;
    out += fmt::format("{}<span class=\"nb\">{} {}{}</span>", i > 1 ? "; " : "", html(score.metric),
                       points(score.value, unit),
                       std::isfinite(score.stderror) ? " ± " + points(score.stderror, unit) : "");
  }
  return out.empty() ? "–" : out;
}

Row row_of(const ReportInput& input, const std::string& name, const std::vector<const MeasureRow*>& leaves) {
  const auto counts = counts_of(input, leaves);
  const auto score = pooled(leaves);
  const auto& unit = score.unit;
  std::int64_t items = 0;
  for (const auto* leaf : leaves) items += leaf->items;
  return {head_cell(name),
          text_cell(score.metric),
          number_cell(leaves.front()->shots, count(leaves.front()->shots)),
          number_cell(static_cast<double>(items), count(items)),
          number_cell(score.value, "<b>" + points(score.value, unit) + "</b>"),
          number_cell(score.stderror, points(score.stderror, unit)),
          html_cell(interval_points(interval_of(score, counts), false, unit), "n"),
          number_cell(score.chance, points(score.chance, unit)),
          share_cell(counts.unparsed, counts.items),
          share_cell(counts.truncated, counts.items),
          share_cell(counts.unfinished, counts.items),
          html_cell(leaves.size() == 1 ? other_metrics(*leaves.front()) : "–")};
}

Table empty_table(std::string caption) {
  Table table;
  table.caption = std::move(caption);
  Row head = {head_cell("Benchmark"), head_cell("Metric")};
  for (const auto* name :
       {"Shots", "Items", "Score", "Error", "95 % interval", "Chance", "Unread", "Cut prompts", "Cut answers"}) {
    head.push_back(head_cell(name, 1, "n"));
  }
  head.push_back(head_cell("Other metrics"));
  table.head = {head};
  table.groups.push_back({});
  return table;
}

std::string pool_name(const Pool& pool) {
  return pool.leaves.size() > 1 ? fmt::format("{} ({} tasks)", pool.name, pool.leaves.size())
                                : pool.leaves.front()->task;
}

// One table for all the models given, a group of rows each. The leaves of a benchmark follow in folds when asked for.
std::string block(const ReportInput& input, const std::vector<const ModelRow*>& models, const std::string& caption,
                  bool with_leaves) {
  auto table = empty_table(caption);
  table.groups.clear();
  std::string leaves;
  for (const auto* model : models) {
    RowGroup group{model->label, {}};
    for (const auto& pool : pools_of(input, model->id)) {
      group.rows.push_back(row_of(input, pool_name(pool), pool.leaves));
      if (!with_leaves || pool.leaves.size() < 2) continue;
      auto parts = empty_table(pool.name + " by task, " + model->label);
      for (const auto* leaf : pool.leaves) parts.groups[0].rows.push_back(row_of(input, leaf->task, {leaf}));
      leaves += details(html(model->label + ", " + pool_name(pool)), render(parts));
    }
    if (!group.rows.empty()) table.groups.push_back(std::move(group));
  }
  return table.groups.empty() ? std::string() : render(table) + leaves;
}

std::string page(const ReportInput& input) {
  std::vector<const ModelRow*> given;
  std::vector<const ModelRow*> trained;
  for (const auto& model : input.models) {
    const bool made = std::any_of(input.cells.begin(), input.cells.end(),
                                  [&](const CellRow& cell) { return cell.result_model == model.id; });
    (made ? trained : given).push_back(&model);
  }
  std::string out = block(input, given, "Scores of the models as they were given", true);
  const auto after = block(input, trained, "Scores after training", false);
  if (!after.empty())
    out += details("After training: " + counted(static_cast<std::int64_t>(trained.size()), "model"), after);
  if (out.empty()) return {};
  return out + note(
                   "Every set of weights that was measured. Scores in percent unless the metric is not a share. The "
                   "interval is Wilson's "
                   "where the score is a share of right items. <b>Unread</b>: no answer could be read. <b>Cut "
                   "prompts</b>: the prompt was "
                   "longer than the model takes and lost its beginning. <b>Cut answers</b>: generation ran into its "
                   "length limit.");
}

}  // namespace
}  // namespace reports

namespace plugins {
void scores(SectionBook& book) {
  book.add("scores", {.title = "Scores", .order = 55, .html = reports::page, .markdown = {}});
}
}  // namespace plugins
}  // namespace touchstone
