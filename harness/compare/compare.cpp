#include "harness/compare/compare.hpp"

#include <algorithm>
#include <cmath>
#include <set>
#include <unordered_map>

#include "harness/base/seed.hpp"

namespace touchstone {
namespace {

const Score* score_of(const MeasureRow& row, const std::string& metric) {
  if (metric.empty()) return row.scores.empty() ? nullptr : &row.scores.front();
  for (const auto& score : row.scores) {
    if (score.metric == metric) return &score;
  }
  return nullptr;
}

/// Mean over leaves, weighted by items.
template <class Value>
double pooled(std::span<const MeasureRow* const> rows, const std::string& metric, const Value& value) {
  double sum = 0.0;
  double items = 0.0;
  for (const auto* row : rows) {
    sum += static_cast<double>(row->items) * value(*score_of(*row, metric));
    items += static_cast<double>(row->items);
  }
  return sum / items;
}

bool is_binary(const std::vector<double>& values) {
  return std::all_of(values.begin(), values.end(), [](double value) { return value == 0.0 || value == 1.0; });
}

std::vector<double> compared_values(const std::vector<const ItemRow*>& rows, bool by_score) {
  std::vector<double> values;
  values.reserve(rows.size());
  for (const auto* row : rows) values.push_back(by_score ? row->score : row->value);
  return values;
}

bool is_main(const MeasureRow& row, const std::string& metric) {
  return !row.scores.empty() && row.scores.front().metric == metric;
}

/// Whether no item has a value of the task's main metric.
bool without_values(const Comparable& pair, ItemReader& reader) {
  const auto lacks = [&](const MeasureRow* row) {
    const auto& items = reader.items(row->id, pair.metric);
    return is_main(*row, pair.metric) &&
           std::all_of(items.begin(), items.end(), [](const ItemRow& item) { return std::isnan(item.value); });
  };
  return std::all_of(pair.before.begin(), pair.before.end(), lacks) &&
         std::all_of(pair.after.begin(), pair.after.end(), lacks);
}

CalibrationItem calibration_item(const ItemRow& row) {
  return {.confidence = *row.confidence,
          .correct = row.correct,
          .choice_probability = row.choice_probability,
          .gold = row.gold.size() == 1 ? row.gold.front() : -1};
}

void compare_calibration(const Matched& items, TaskChange& change) {
  std::vector<CalibrationItem> before;
  std::vector<CalibrationItem> after;
  std::vector<std::uint64_t> units;
  std::vector<std::uint32_t> strata;
  for (std::size_t at = 0; at < items.before.size(); ++at) {
    if (!items.before[at]->confidence || !items.after[at]->confidence) continue;
    before.push_back(calibration_item(*items.before[at]));
    after.push_back(calibration_item(*items.after[at]));
    units.push_back(items.units[at]);
    strata.push_back(items.strata[at]);
  }
  if (before.empty()) return;
  change.calibration_before = calibration(before);
  change.calibration_after = calibration(after);
  change.calibration = calibration_change(before, after, {units, strata});
}

/// The unit of an item without a cluster is its prompt, so that tasks which ask the same questions share units. A
/// prompt that one task asks twice is another unit the second time.
std::uint64_t unit_of(const ItemRow& row, const std::string& leaf, std::set<std::uint64_t>& seen) {
  if (!row.cluster.empty()) return derive_seed(0, leaf + "/" + row.cluster);
  const auto prompt = splitmix64_mix(2 * static_cast<std::uint64_t>(row.prompt));
  return seen.insert(prompt).second ? prompt : splitmix64_mix(2 * static_cast<std::uint64_t>(row.item) + 1);
}

}  // namespace

bool equal_settings(const MeasureRow& one, const MeasureRow& two) {
  return one.task == two.task && one.version == two.version && one.data_hash == two.data_hash &&
         one.settings_json == two.settings_json && one.mode == two.mode && one.shots == two.shots &&
         one.dtype == two.dtype && one.device == two.device && one.kernels == two.kernels;
}

const std::vector<ItemRow>& ItemReader::items(std::int64_t measure, const std::string& metric) {
  const auto key = std::make_pair(measure, metric);
  const auto found = read_.find(key);
  if (found != read_.end()) return found->second;
  return read_.emplace(key, store_->items(measure, metric)).first->second;
}

std::vector<Comparable> comparable(std::span<const MeasureRow* const> before, std::span<const MeasureRow* const> after,
                                   const std::string& metric) {
  std::vector<Comparable> found;
  for (const auto* one : before) {
    const auto two =
        std::find_if(after.begin(), after.end(), [&](const MeasureRow* row) { return equal_settings(*one, *row); });
    if (two == after.end()) continue;
    const auto* score = score_of(*one, metric);
    if (score == nullptr || score_of(**two, score->metric) == nullptr) continue;
    const auto same = std::find_if(found.begin(), found.end(), [&](const Comparable& pair) {
      const auto& first = *pair.before.front();
      return pair.benchmark == one->benchmark && pair.metric == score->metric &&
             first.settings_json == one->settings_json && first.dtype == one->dtype && first.device == one->device &&
             first.kernels == one->kernels;
    });
    auto& pair = same == found.end() ? found.emplace_back(Comparable{one->benchmark, score->metric, {}, {}}) : *same;
    pair.before.push_back(one);
    pair.after.push_back(*two);
  }
  return found;
}

Matched match(const Comparable& pair, ItemReader& reader) {
  Matched matched;
  matched.by_score = without_values(pair, reader);
  std::set<std::uint64_t> seen;
  for (std::size_t at = 0; at < pair.before.size(); ++at) {
    const auto& before = reader.items(pair.before[at]->id, pair.metric);
    const auto& after = reader.items(pair.after[at]->id, pair.metric);
    std::unordered_map<std::int64_t, const ItemRow*> by_item;
    by_item.reserve(after.size());
    for (const auto& row : after) by_item.emplace(row.item, &row);
    std::size_t both = 0;
    for (const auto& row : before) {
      const auto other = by_item.find(row.item);
      if (other == by_item.end() || other->second->prompt != row.prompt) continue;
      if (!matched.by_score && (std::isnan(row.value) || std::isnan(other->second->value))) continue;
      ++both;
      matched.before.push_back(&row);
      matched.after.push_back(other->second);
      const auto& leaf = pair.before[at]->task;
      matched.units.push_back(unit_of(row, leaf, seen));
      matched.strata.push_back(static_cast<std::uint32_t>(at));
    }
    matched.left_out += static_cast<std::int64_t>(std::max(before.size(), after.size()) - both);
  }
  return matched;
}

TaskChange compare(const Comparable& pair, const Matched& items) {
  TaskChange change;
  change.task = pair.benchmark;
  change.metric = pair.metric;
  change.shots = pair.before.front()->shots;
  change.settings_json = pair.before.front()->settings_json;
  change.family = pair.before.front()->family;
  const auto& spec = *score_of(*pair.before.front(), pair.metric);
  if (!items.by_score) {  // a score in [0, 1] is a share, and more is better
    change.higher_is_better = spec.higher_is_better;
    change.unit = spec.unit;
  }
  change.left_out = items.left_out;
  for (const auto* row : pair.before) change.before_measures.push_back(row->id);
  for (const auto* row : pair.after) change.after_measures.push_back(row->id);
  const auto value = [](const Score& score) { return score.value; };
  change.before = pooled(pair.before, pair.metric, value);
  change.after = pooled(pair.after, pair.metric, value);
  change.chance = pooled(pair.before, pair.metric, [](const Score& score) { return score.chance; });
  const auto before = compared_values(items.before, items.by_score);
  const auto after = compared_values(items.after, items.by_score);
  if (items.by_score || items.left_out > 0) {  // otherwise the scores of the measures are those of these items
    change.before = mean_error(before).mean;
    change.after = mean_error(after).mean;
  }
  const double whole = change.unit.in_points() ? 100.0 / change.unit.scale : 1.0;
  change.paired = paired(before, after, {items.units, items.strata}, is_binary(before) && is_binary(after), whole);
  change.drop = change.higher_is_better ? 0.0 - change.paired.difference : change.paired.difference;  // no minus zero
  compare_calibration(items, change);
  return change;
}

}  // namespace touchstone
