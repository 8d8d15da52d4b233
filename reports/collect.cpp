#include <algorithm>
#include <cmath>
#include <map>
#include <set>
#include <tuple>
#include <utility>

#include "harness/base/json.hpp"
#include "harness/base/utf8.hpp"
#include "reports/arms.hpp"
#include "reports/render.hpp"
#include "reports/text.hpp"

namespace touchstone {
namespace reports {
namespace {

constexpr std::size_t most_flips = 240;  // a report's maximum, so that it opens quickly however large the database is

// Keeps the measures that the run asked for, or all.
void choose_measures(ReportInput& input, const Store& store, const ReportSettings& settings) {
  input.measures = store.measures();
  if (!settings.run) return;
  std::set<std::int64_t> wanted;
  for (const auto& [cell, measures] : store.run_measures(*settings.run))
    wanted.insert(measures.begin(), measures.end());
  std::erase_if(input.measures, [&](const MeasureRow& measure) { return wanted.count(measure.id) == 0; });
}

void choose_runs(ReportInput& input, const Store& store, const ReportSettings& settings) {
  input.runs = store.runs();
  if (!settings.run) return;
  std::erase_if(input.runs, [&](const RunRow& run) { return run.id != *settings.run; });
  require(!input.runs.empty(), Fault::usage, [&] {
    const auto all = store.runs();
    return "--run: found no run " + std::to_string(*settings.run) + ", " +
           (all.empty() ? "nor any other"
                        : "expected one of " + std::to_string(all.front().id) + " to " + std::to_string(all.back().id));
  });
}

void choose_models(ReportInput& input, const Store& store) {
  std::set<std::int64_t> used;
  std::set<std::int64_t> environments;
  for (const auto& measure : input.measures) {
    used.insert(measure.model);
    environments.insert(measure.environment);
  }
  for (const auto& cell : input.cells) used.insert({cell.base_model, cell.result_model});
  for (const auto& run : input.runs) environments.insert(run.environment);
  for (const auto& model : store.models()) {
    if (used.count(model.id) != 0) input.models.push_back(model);
  }
  const auto all = store.environments();
  for (std::size_t at = 0; at < all.size(); ++at) {
    if (environments.count(static_cast<std::int64_t>(at) + 1) != 0) input.environments.push_back(all[at]);
  }
}

// The benchmarks for the columns: those compared, or those measured when nothing was compared.
void choose_tasks(ReportInput& input) {
  const auto add = [&](const std::string& name) {
    if (std::find(input.tasks.begin(), input.tasks.end(), name) == input.tasks.end()) input.tasks.push_back(name);
  };
  for (const auto& arm : input.arms) {
    for (const auto& task : arm.tasks) add(task.task);
  }
  if (!input.tasks.empty()) return;
  for (const auto& measure : input.measures) add(measure.benchmark.empty() ? measure.task : measure.benchmark);
}

/// The same item in two measures.
struct Twin {
  std::int64_t before_measure = 0;
  std::int64_t after_measure = 0;
  std::int64_t item = 0;
};

// About `wanted` of them, spread evenly over the list.
std::vector<Twin> spread(const std::vector<Twin>& all, std::size_t wanted) {
  std::vector<Twin> some;
  const auto count = std::min(wanted, all.size());
  for (std::size_t i = 0; i < count; ++i) some.push_back(all[i * all.size() / count]);
  return some;
}

/// The positions of a plan's methods in its list of names or of objects that name a recipe or a variant.
void add_planned(const std::string& plan_json, std::map<std::string, std::size_t>& places) {
  const auto plan = Json::parse(plan_json, nullptr, false);
  if (!plan.is_object() || !plan.contains("methods") || !plan["methods"].is_array()) return;
  for (const auto& method : plan["methods"]) {
    for (const char* key : {"name", "recipe", "method"}) {
      if (method.is_object() && method.contains(key) && method[key].is_string()) {
        places.try_emplace(method[key].get<std::string>(), places.size());
        break;
      }
    }
    if (method.is_string()) places.try_emplace(method.get<std::string>(), places.size());
  }
}

/// Sorts cells and changes in the plan's order, not in the order in which cells ended: models and training tasks by
/// first appearance, methods as the plan lists them (the same in every group), then seeds.
void order_as_planned(ReportInput& input, std::vector<CellChange>& changes) {
  std::map<std::string, std::size_t> methods;
  for (const auto& run : input.runs) add_planned(run.plan_json, methods);
  std::map<std::pair<std::int64_t, std::string>, std::size_t> groups;
  for (const auto& cell : input.cells) {
    methods.try_emplace(cell.method, methods.size());
    groups.try_emplace({cell.base_model, cell.trained_on}, groups.size());
  }
  const auto before = [&](const CellRow& a, const CellRow& b) {
    const auto place = [&](const CellRow& cell) {
      return std::make_tuple(groups.at({cell.base_model, cell.trained_on}), methods.at(cell.method), cell.seed);
    };
    return place(a) < place(b);
  };
  std::stable_sort(input.cells.begin(), input.cells.end(), before);
  std::stable_sort(changes.begin(), changes.end(),
                   [&](const CellChange& a, const CellChange& b) { return before(a.cell, b.cell); });
}

/// The metrics beside the benchmarks' own, each compared over all cells.
void collect_further(ReportInput& input, const Store& store, const ReportSettings& settings) {
  for (const auto& measure : input.measures) {
    for (const auto& score : measure.scores) {
      const bool known = std::any_of(input.further.begin(), input.further.end(),
                                     [&](const FurtherMetric& other) { return other.name == score.metric; });
      if (score.further.empty() || known) continue;
      input.further.push_back({score.metric, score.further, score.higher_is_better, score.unit, {}, {}});
    }
  }
  for (auto& metric : input.further) {
    metric.changes = cell_changes(store, settings.run, metric.name);
    std::erase_if(metric.changes, [](const CellChange& change) { return change.tasks.empty(); });
    order_as_planned(input, metric.changes);
    metric.arms = build_arms(metric.changes, input.models);
  }
}

// The part of a response that a reader should see: the chosen choice, or the first generated text.
std::string response_of(const Sample& sample) {
  if (sample.choice_logp.size() == sample.responses.size() && !sample.choice_logp.empty()) {
    const auto best =
        std::max_element(sample.choice_logp.begin(), sample.choice_logp.end()) - sample.choice_logp.begin();
    return sample.responses[static_cast<std::size_t>(best)];
  }
  return sample.responses.empty() ? std::string() : sample.responses.front();
}

Excerpt head_of(const std::string& text, std::size_t bytes) {
  auto part = shortened(text, bytes);
  return {std::move(part.text), 0, part.cut};
}

// The end of a prompt, from the start of a line where one is near.
Excerpt tail_of(const std::string& text, std::size_t bytes) {
  if (text.size() <= bytes) return {text, 0, 0};
  std::size_t start = text.size() - bytes;
  const auto line = text.find('\n', start);
  if (line != std::string::npos && line - start < bytes / 2) start = line + 1;
  while (start < text.size() && is_continuation(text[start])) ++start;
  return {text.substr(start), start, 0};
}

FlipAnswer answer_of(const Sample& sample, std::size_t bytes) {
  FlipAnswer answer;
  const auto response = response_of(sample);
  answer.correct = sample.verdict.correct;
  answer.response = head_of(response, bytes);
  if (sample.verdict.extracted != response) answer.extracted = shortened(sample.verdict.extracted, bytes).text;
  answer.detail = shortened(sample.verdict.detail, bytes).text;
  answer.confidence = sample.verdict.confidence;
  return answer;
}

std::vector<Flip> read_flips(const Store& store, const std::vector<Twin>& twins, std::size_t bytes) {
  std::vector<Flip> flips;
  for (const auto& twin : twins) {
    const auto before = store.samples(twin.before_measure, {twin.item});
    const auto after = store.samples(twin.after_measure, {twin.item});
    if (before.empty() || after.empty()) continue;
    flips.push_back({before[0].example_id, tail_of(before[0].prompt, bytes), head_of(before[0].target, bytes),
                     answer_of(before[0], bytes), answer_of(after[0], bytes)});
  }
  return flips;
}

/// Items of measures, read once even if many cells share them.
class Items {
 public:
  explicit Items(const Store& store) : store_(&store) {}
  const std::vector<ItemRow>& of(std::int64_t measure) {
    const auto found = read_.find(measure);
    return found != read_.end() ? found->second : read_.emplace(measure, store_->items(measure)).first->second;
  }

 private:
  const Store* store_;
  std::map<std::int64_t, std::vector<ItemRow>> read_;
};

struct Sorted {
  Flips flips;
  std::vector<Twin> lost;
  std::vector<Twin> gained;
};

Sorted sort_items(Items& items, const CellChange& change, const TaskChange& task) {
  Sorted out;
  out.flips.cell = change.cell.id;
  out.flips.task = task.task;
  for (std::size_t leaf = 0; leaf < task.before_measures.size(); ++leaf) {
    const auto one = task.before_measures[leaf];
    const auto two = task.after_measures[leaf];
    std::map<std::pair<std::int64_t, std::int64_t>, bool> was;
    for (const auto& item : items.of(one)) was[{item.item, item.prompt}] = item.correct;
    for (const auto& item : items.of(two)) {
      const auto found = was.find({item.item, item.prompt});
      if (found == was.end()) continue;
      auto& number = found->second ? (item.correct ? out.flips.both_right : out.flips.lost)
                                   : (item.correct ? out.flips.gained : out.flips.both_wrong);
      ++number;
      if (found->second != item.correct) (item.correct ? out.gained : out.lost).push_back({one, two, item.item});
    }
  }
  out.flips.p_mcnemar = mcnemar(out.flips.lost, out.flips.gained);
  return out;
}

// For each arm the first seed, for each benchmark some items.
void collect_flips(ReportInput& input, const Store& store, const ReportSettings& settings) {
  constexpr std::size_t usual = 6;
  if (settings.flips_shown == 0) return;
  std::size_t pairs = 0;
  for (const auto& arm : input.arms) pairs += input.changes[arm.changes.front()].tasks.size();
  if (pairs == 0) return;
  // A number that the user asked for is kept, however large the page gets.
  const auto wanted = settings.flips_shown ? static_cast<std::size_t>(*settings.flips_shown)
                                           : std::max<std::size_t>(1, std::min(usual, most_flips / pairs));
  Items items(store);
  std::size_t left = settings.flips_shown ? SIZE_MAX : most_flips;
  for (const auto& arm : input.arms) {
    const auto& change = input.changes[arm.changes.front()];
    for (const auto& task : change.tasks) {
      auto sorted = sort_items(items, change, task);
      if (sorted.lost.empty() && sorted.gained.empty()) continue;
      // Half of each kind; where one has fewer, more of the other.
      const auto lost =
          std::min(sorted.lost.size(), std::max((wanted + 1) / 2, wanted - std::min(wanted, sorted.gained.size())));
      auto twins = spread(sorted.lost, lost);
      const auto gained = spread(sorted.gained, wanted - lost);
      twins.insert(twins.end(), gained.begin(), gained.end());
      if (twins.size() > left) twins.resize(left);
      left -= twins.size();
      sorted.flips.shown = read_flips(store, twins, settings.text_bytes);
      input.flips.push_back(std::move(sorted.flips));
    }
  }
}

}  // namespace
}  // namespace reports

ReportInput collect(const Store& store, const ReportSettings& settings) {
  ReportInput input;
  reports::choose_runs(input, store, settings);
  reports::choose_measures(input, store, settings);
  input.cells = store.cells(settings.run);
  input.changes = cell_changes(store, settings.run);
  reports::order_as_planned(input, input.changes);
  reports::choose_models(input, store);
  input.arms = reports::build_arms(input.changes, input.models);
  input.methods = reports::method_drops(input.changes, input.arms);
  reports::collect_further(input, store, settings);
  reports::choose_tasks(input);
  for (const auto& cell : input.cells) {
    auto curve = store.curve(cell.id);
    if (!curve.empty()) input.curves.emplace(cell.id, std::move(curve));
    auto stages = store.stages(cell.id);
    if (!stages.empty()) input.stages.emplace(cell.id, std::move(stages));
  }
  input.counts = store.sample_counts();
  reports::collect_flips(input, store, settings);
  if (!input.environments.empty()) input.version = input.environments.back().code_version;
  return input;
}

}  // namespace touchstone
