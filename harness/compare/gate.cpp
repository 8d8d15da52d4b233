#include "harness/compare/gate.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "harness/base/error.hpp"
#include "harness/base/json.hpp"
#include "harness/base/json_values.hpp"
#include "harness/base/object_reader.hpp"
#include "harness/base/text.hpp"

namespace touchstone {
namespace {

constexpr double usual_margin_points = 1.0;
constexpr double wanted_power_of_all = 0.80;

/// Counts of changed items converted to independent items: clustered items count less, by the ratio of the
/// variances.
struct Effective {
  double items = 0.0;
  double worse = 0.0;
  double better = 0.0;
};

Effective effective_counts(const TaskChange& change) {
  const auto& paired = change.paired;
  const auto n = static_cast<double>(paired.items);
  double worse = static_cast<double>(paired.lost);
  double better = static_cast<double>(paired.gained);
  if (!change.higher_is_better) std::swap(worse, better);
  const double mean = (worse - better) / n;
  const double plain = ((worse + better) / n - mean * mean) / (n - 1.0);
  double ratio = 1.0;
  if (paired.clusters > 0 && plain > 0.0) ratio = std::max(1.0, paired.stderror * paired.stderror / plain);
  // Without a change there is no variance to compare: a cluster then counts as one item, as in paired().
  if (paired.clusters > 0 && paired.lost + paired.gained == 0) ratio = n / static_cast<double>(paired.clusters);
  return {n / ratio, worse / ratio, better / ratio};
}

/// How many independent items show a margin with 80 % power when nothing dropped, given the share of items that change.
/// Source: Nam, Biometrics 53 (1997), 1422: (z_alpha sqrt(V0) + z_beta sqrt(V1))^2 / margin^2, with V0 the variance
/// at the margin and V1 the variance at no drop.
double binary_items(double share, double margin, double alpha, double power) {
  const double at_margin = paired_score_variance(share / 2.0, share / 2.0, 1.0, -margin);
  const double reach = normal_quantile(1.0 - alpha) * std::sqrt(at_margin) + normal_quantile(power) * std::sqrt(share);
  return reach * reach / (margin * margin);
}

/// Finds the smallest margin that the sample can show, and the number of items that the wanted margin needs.
void plan_binary(GateTask& task, double alpha, double power) {
  const auto counts = effective_counts(task.change);
  // Counts one more changed item than seen (half an observation in each cell). Otherwise a sample without any change
  // would promise that there is none.
  const double share = std::min(1.0, (counts.worse + counts.better + 1.0) / (counts.items + 2.0));
  const double ratio = static_cast<double>(task.change.paired.items) / counts.items;
  if (task.margin > 0.0) {
    task.items_needed = static_cast<std::int64_t>(std::ceil(ratio * binary_items(share, task.margin, alpha, power)));
  }
  double low = 1e-9;
  double high = 1.0;
  for (int step = 0; step < 60; ++step) {
    const double middle = 0.5 * (low + high);
    (binary_items(share, middle, alpha, power) > counts.items ? low : high) = middle;
  }
  task.detectable = high;
}

void plan_mean(GateTask& task, double alpha, double power) {
  const double error = task.change.paired.planning_error;
  task.detectable = (normal_quantile(1.0 - alpha) + normal_quantile(power)) * error;
  const double ratio = task.margin > 0.0 ? task.detectable / task.margin : 0.0;
  task.items_needed =
      static_cast<std::int64_t>(std::ceil(ratio * ratio * static_cast<double>(task.change.paired.items)));
}

void judge_binary(GateTask& task, double alpha) {
  const auto counts = effective_counts(task.change);
  const double degrees = task.change.paired.clusters > 0 ? task.change.paired.degrees : 0.0;
  // paired_score() is about after - before.
  const double z = paired_score(counts.worse, counts.better, counts.items, -task.margin);
  task.p_within = t_or_normal_cdf(-z, degrees);
  task.p_beyond = t_or_normal_cdf(z, degrees);
  const auto bounds =
      paired_score_interval(counts.worse, counts.better, counts.items, t_or_normal_quantile(1.0 - alpha, degrees));
  task.at_least = -bounds.high;
  task.at_most = -bounds.low;
}

void judge_mean(GateTask& task, double alpha) {
  const auto& paired = task.change.paired;
  const double error = paired.planning_error;
  const double t = (task.margin - task.change.drop) / error;
  task.p_within = t_or_normal_cdf(-t, paired.degrees);
  task.p_beyond = t_or_normal_cdf(t, paired.degrees);
  const double half = t_or_normal_quantile(1.0 - alpha, paired.degrees) * error;
  task.at_least = task.change.drop - half;
  task.at_most = task.change.drop + half;
}

/// `power`: with which the task alone should pass when nothing dropped.
GateTask judge(const TaskChange& change, double margin, double alpha, double power) {
  require(change.paired.items >= 2, Fault::config, [&] {
    return change.task + ": " + std::to_string(change.paired.items) +
           " items were asked of both models in the same words, expected at least 2";
  });
  require(change.left_out == 0, Fault::config, [&] {
    return change.task + ": " + std::to_string(change.left_out) +
           " items were asked of one model only, or of both in different words: measure both models with the same "
           "settings and data";
  });
  GateTask task;
  task.change = change;
  task.margin = margin;
  if (change.paired.binary) {
    judge_binary(task, alpha);
    plan_binary(task, alpha, power);
  } else {
    judge_mean(task, alpha);
    plan_mean(task, alpha, power);
  }
  return task;
}

/// Judges every task that has a margin, in the order compared.
void judge_all(const std::vector<TaskChange>& changes, const GateOptions& options, GateResult& result) {
  auto fallback = options.default_max_drop;
  if (!fallback && (options.max_drop.empty() || options.every_task)) fallback = usual_margin_points;
  std::vector<std::pair<const TaskChange*, double>> judged;
  for (const auto& change : changes) {
    const auto named = options.max_drop.find(change.task);
    if (named == options.max_drop.end() && (!fallback || !change.unit.in_points())) {
      if (change.unit.in_points()) {
        result.not_judged.push_back(change.task);
      } else {
        result.other_units.push_back(change.task + " (" + change.unit.name + ")");
      }
      continue;
    }
    const double margin = named == options.max_drop.end() ? *fallback : named->second;
    judged.emplace_back(&change, margin / change.unit.scale);
  }
  // A gate passes when every task does, so each needs more power than all together.
  const double power =
      judged.empty() ? wanted_power_of_all : std::pow(wanted_power_of_all, 1.0 / static_cast<double>(judged.size()));
  for (const auto& [change, margin] : judged) result.tasks.push_back(judge(*change, margin, options.alpha, power));
  require(!result.tasks.empty(), Fault::config, [&] {
    return "no task is scored in points, which alone have a usual margin: found " + join(result.other_units, ", ") +
           "; give a task's margin in its own unit, as in --max-drop " + changes.front().task + "=0.01";
  });
}

std::string with_metric(const GateOptions& options) {
  return options.metric.empty() ? "" : " that has the metric '" + options.metric + "'";
}

template <class T>
bool among(const std::vector<T>& all, const T& one) {
  return std::find(all.begin(), all.end(), one) != all.end();
}

/// The measures of `side` that may be compared, without tasks that were not asked for.
ModelMeasures asked_of(const std::vector<MeasureRow>& measures, const ModelMeasures& side, const GateOptions& options) {
  if (options.tasks.empty()) return side;
  ModelMeasures asked{side.model, std::vector<std::int64_t>()};
  for (const auto& row : measures) {
    if (row.model != side.model || !among(options.tasks, row.task)) continue;
    if (!side.only || among(*side.only, row.id)) asked.only->push_back(row.id);
  }
  return asked;
}

/// Every task asked for must be compared: a gate never passes on a task that was not measured.
void require_asked(const std::vector<MeasureRow>& measures, const std::vector<TaskChange>& changes,
                   const GateOptions& options) {
  std::vector<std::string> compared;
  for (const auto& change : changes) {
    for (const auto id : change.before_measures) {
      const auto row = std::find_if(measures.begin(), measures.end(), [&](const auto& one) { return one.id == id; });
      if (row != measures.end()) compared.push_back(row->task);
    }
  }
  for (const auto& task : options.tasks) {
    require(among(compared, task), Fault::config, [&] {
      return "--tasks: baseline and candidate were not both measured on " + task + " with equal settings" +
             with_metric(options);
    });
  }
}

void require_measured(const std::vector<TaskChange>& changes, const GateOptions& options) {
  std::vector<std::string> compared;
  for (const auto& change : changes) compared.push_back(change.task);
  require(!compared.empty(), Fault::config, [&] {
    return "nothing to compare: baseline and candidate share no task measured with equal settings" +
           with_metric(options);
  });
  for (const auto& entry : options.max_drop) {
    require(among(compared, entry.first), Fault::config, [&] {
      return "--max-drop " + entry.first +
             ": baseline and candidate were not both measured on it with equal settings; " + "compared are " +
             join(compared, ", ");
    });
  }
}

void decide(GateResult& result) {
  std::vector<double> beyond;
  for (const auto& task : result.tasks) beyond.push_back(task.p_beyond);
  const auto adjusted = holm(beyond);
  result.verdict = GateVerdict::pass;
  if (result.same_weights) {
    for (auto& task : result.tasks) task.verdict = GateVerdict::pass;
    return;
  }
  for (std::size_t at = 0; at < result.tasks.size(); ++at) {
    auto& task = result.tasks[at];
    task.p_beyond = adjusted[at];
    if (task.p_within < result.alpha) task.verdict = GateVerdict::pass;
    if (task.p_beyond < result.alpha) task.verdict = GateVerdict::regressed;
    if (task.verdict == GateVerdict::regressed) result.verdict = GateVerdict::regressed;
    if (task.verdict == GateVerdict::undecided && result.verdict == GateVerdict::pass) {
      result.verdict = GateVerdict::undecided;
    }
  }
}

std::string label_of(const Store& store, std::int64_t model) {
  for (const auto& row : store.models()) {
    if (row.id == model) return row.label.empty() ? row.hash.substr(0, 12) : row.label;
  }
  throw Error(Fault::config, "there is no model with id " + std::to_string(model));
}

}  // namespace

const char* verdict_name(GateVerdict verdict) {
  switch (verdict) {
    case GateVerdict::pass:
      return "pass";
    case GateVerdict::regressed:
      return "regressed";
    case GateVerdict::undecided:
      return "undecided";
  }
  return "";
}

int GateResult::exit_code() const {
  switch (verdict) {
    case GateVerdict::pass:
      return 0;
    case GateVerdict::regressed:
      return 1;
    case GateVerdict::undecided:
      return 3;
  }
  return 3;
}

GateResult gate(const Store& store, const ModelMeasures& baseline, const ModelMeasures& candidate,
                const GateOptions& options) {
  require(options.alpha > 0.0 && options.alpha <= 0.5, Fault::usage,
          [&] { return "--alpha " + shown_json(options.alpha) + ": expected a number above 0 and at most 0.5"; });
  GateResult result;
  result.baseline = label_of(store, baseline.model);
  result.candidate = label_of(store, candidate.model);
  result.alpha = options.alpha;
  result.same_weights = baseline.model == candidate.model;
  const auto measures = store.measures();
  const auto changes = compare_models(store, asked_of(measures, baseline, options),
                                      asked_of(measures, candidate, options), options.metric);
  require_asked(measures, changes, options);
  require_measured(changes, options);
  judge_all(changes, options, result);
  decide(result);
  return result;
}

void add_max_drop(GateOptions& options, const std::string& text) {
  const auto equals = text.find('=');
  const std::string task = equals == std::string::npos ? "" : text.substr(0, equals);
  const std::string number = equals == std::string::npos ? text : text.substr(equals + 1);
  std::size_t used = 0;
  double points = -1.0;
  try {
    points = std::stod(number, &used);
  } catch (const std::exception&) {
    used = 0;
  }
  require(used > 0 && used == number.size() && points >= 0.0 && points <= 100.0 && equals != 0, Fault::usage, [&] {
    return "--max-drop '" + text +
           "': expected TASK=POINTS or POINTS, in percentage points from 0 to 100, for instance mmlu=0.5";
  });
  if (equals == std::string::npos) {
    options.default_max_drop = points;
  } else {
    options.max_drop[task] = points;
  }
}

namespace {

constexpr std::size_t shortest_hash = 6;

std::string cell_name(const CellRow& cell) {
  return cell.method + ":" + cell.trained_on + ":" + std::to_string(cell.seed);
}

/// The only id among those found; otherwise an error that lists them.
std::int64_t only(const std::string& name, const std::vector<std::int64_t>& ids, std::vector<std::string> names,
                  const std::string& kind) {
  if (ids.size() == 1) return ids.front();
  constexpr std::size_t shown = 12;
  const auto all = names.size();
  if (all > shown) names.resize(shown);
  throw Error(Fault::config, "'" + name + "' names " + (ids.empty() ? "no " : std::to_string(ids.size()) + " ") + kind +
                                 ", expected one; there are " + (names.empty() ? "none" : join(names, ", ")) +
                                 (all > shown ? ", ..." : ""));
}

/// The latest run of that name, or for "runN" the one with id N.
const RunRow* find_run(const std::vector<RunRow>& runs, const std::string& name) {
  for (auto run = runs.rbegin(); run != runs.rend(); ++run) {
    if (run->name == name) return &*run;
  }
  for (const auto& run : runs) {
    if (name == "run" + std::to_string(run.id)) return &run;
  }
  return nullptr;
}

/// Whether "METHOD", "METHOD:SEED" or "METHOD:TASK:SEED" (without the run's name) names a cell.
bool names_cell(const std::vector<std::string>& words, const CellRow& cell) {
  const auto seed = std::to_string(cell.seed);
  switch (words.size()) {
    case 0:
      return true;
    case 1:
      return words[0] == cell.method;
    case 2:
      return words[0] == cell.method && (words[1] == seed || words[1] == cell.trained_on);
    case 3:
      return words[0] == cell.method && words[1] == cell.trained_on && words[2] == seed;
    default:
      return false;
  }
}

ModelMeasures model_of_run(const Store& store, const RunRow& run, const std::string& name,
                           const std::vector<std::string>& words) {
  std::vector<std::int64_t> ids;
  std::int64_t found = 0;  // base models' measures stand under no cell
  std::vector<std::string> names;
  const bool base = words.size() == 1 && words[0] == "base";
  for (const auto& cell : store.cells(run.id)) {
    if (cell.state != CellState::done) continue;
    names.push_back(run.name + ":" + cell_name(cell));
    if (base) {
      if (std::find(ids.begin(), ids.end(), cell.base_model) == ids.end()) ids.push_back(cell.base_model);
    } else if (names_cell(words, cell)) {
      ids.push_back(cell.result_model);
      found = cell.id;
    }
  }
  if (!base) names.insert(names.begin(), run.name + ":base");
  const auto model = only(name, ids, names, base ? "base model of the run" : "finished cell of the run");
  const auto measures = store.run_measures(run.id);
  const auto linked = measures.find(found);
  return {model, linked == measures.end() ? std::vector<std::int64_t>() : linked->second};
}

}  // namespace

ModelMeasures find_model(const Store& store, const std::string& name) {
  const auto models = store.models();
  std::vector<std::int64_t> ids;
  std::vector<std::string> names;
  for (const auto& model : models) {
    names.push_back(model.label.empty() ? model.hash.substr(0, 12) : model.label);
    const bool hash = name.size() >= shortest_hash && model.hash.compare(0, name.size(), name) == 0;
    if (model.label == name || hash) ids.push_back(model.id);
  }
  if (!ids.empty()) return {only(name, ids, names, "models")};
  auto words = split(name, ':');
  const auto runs = store.runs();
  for (const auto& run : runs) names.push_back("run " + run.name);
  const auto* run = words.empty() ? nullptr : find_run(runs, words.front());
  if (run == nullptr) return {only(name, ids, names, "model or run")};
  words.erase(words.begin());
  return model_of_run(store, *run, name, words);
}

namespace {

/// A value in its unit: with one digit in points, with four in any other unit.
std::string shown(const MetricUnit& unit, double value) {
  const int digits = unit.in_points() ? 1 : 4;
  const double number = value * unit.scale;
  return fmt::format("{:.{}f}", std::abs(number) < 0.5 * std::pow(10.0, -digits) ? 0.0 : number, digits);
}

std::string margin_text(const GateTask& task) { return fmt::format("{:g}", task.margin * task.change.unit.scale); }

std::string confidence(const GateResult& result) { return fmt::format("{:g} %", 100.0 * (1.0 - result.alpha)); }

/// A count with commas: 12,345.
std::string grouped(std::int64_t count) {
  std::string text = std::to_string(count);
  for (auto at = static_cast<std::ptrdiff_t>(text.size()) - 3; at > 0; at -= 3) {
    text.insert(static_cast<std::size_t>(at), ",");
  }
  return text;
}

/// The reason for the verdict, in one sentence.
std::string why(const GateTask& task, const GateResult& result) {
  if (result.same_weights) return "baseline and candidate are the same weights, so nothing can have dropped";
  const auto& unit = task.change.unit;
  const auto margin = margin_text(task);
  const auto drop = fmt::format("drop {} {}", shown(unit, task.change.drop), unit.name);
  if (task.verdict == GateVerdict::pass) {
    return fmt::format("{}, at most {} with {} confidence: within the {} allowed", drop, shown(unit, task.at_most),
                       confidence(result), margin);
  }
  if (task.verdict == GateVerdict::regressed) {
    return fmt::format("{}, more than the {} allowed (p = {:.2g} after Holm's correction over {} task{})", drop, margin,
                       task.p_beyond, result.tasks.size(), result.tasks.size() == 1 ? "" : "s");
  }
  const auto found = fmt::format(
      "{}, between {} and {} (each bound with {} confidence): {} items cannot tell whether it is within {}; ", drop,
      shown(unit, task.at_least), shown(unit, task.at_most), confidence(result), grouped(task.change.paired.items),
      margin);
  if (task.margin == 0.0) return found + "a margin of 0 is kept by an improvement alone";
  return found + fmt::format(
                     "so many can show a margin of {}, and a margin of {} needs about {} items (with 80 % power "
                     "of passing on {}, when nothing dropped)",
                     shown(unit, task.detectable), margin, grouped(task.items_needed),
                     result.tasks.size() == 1 ? "it" : "every task");
}

std::string summary(const GateResult& result) {
  switch (result.verdict) {
    case GateVerdict::pass:
      return result.same_weights ? "passes: baseline and candidate are the same weights; is that meant?"
                                 : "passes: no task dropped by more than its margin";
    case GateVerdict::regressed:
      return "regressed: at least one task dropped by more than its margin";
    case GateVerdict::undecided:
      return "cannot be decided: the sample is too small for at least one margin";
  }
  return "";
}

/// Escaped for XML 1.0 text and attributes; characters that XML cannot hold become U+FFFD.
std::string xml(const std::string& text) {
  std::string out;
  for (const char letter : to_utf8(text)) {
    const auto byte = static_cast<unsigned char>(letter);
    if (letter == '&') {
      out += "&amp;";
    } else if (letter == '<') {
      out += "&lt;";
    } else if (letter == '>') {
      out += "&gt;";
    } else if (letter == '"') {
      out += "&quot;";
    } else if (letter == '\n' || letter == '\t') {
      out += fmt::format("&#{};", static_cast<int>(byte));
    } else if (byte < 0x20) {
      out += "\xEF\xBF\xBD";
    } else {
      out += letter;
    }
  }
  return out;
}

}  // namespace

std::string gate_table(const GateResult& result) {
  std::string out =
      fmt::format("candidate {} against baseline {}, alpha {:g}\n\n", result.candidate, result.baseline, result.alpha);
  std::size_t widest = 4;
  for (const auto& task : result.tasks) widest = std::max(widest, task.change.task.size());
  out += fmt::format("{:<{}}  {:>7}  {:>7}  {:>7}  {:>6}  {:>8}  {:>7}  {:>7}  {}\n", "task", widest, "items", "before",
                     "after", "drop", "at least", "at most", "allowed", "verdict");
  for (const auto& task : result.tasks) {
    const auto& change = task.change;
    out += fmt::format("{:<{}}  {:>7}  {:>7}  {:>7}  {:>6}  {:>8}  {:>7}  {:>7}  {}\n", change.task, widest,
                       change.paired.items, shown(change.unit, change.before), shown(change.unit, change.after),
                       shown(change.unit, change.drop), shown(change.unit, task.at_least),
                       shown(change.unit, task.at_most), margin_text(task), verdict_name(task.verdict));
  }
  out += "\n";
  for (const auto& task : result.tasks) out += fmt::format("{}: {}\n", task.change.task, why(task, result));
  if (!result.not_judged.empty()) {
    out += "not judged, since --max-drop gives them no margin: " + join(result.not_judged, ", ") + "\n";
  }
  if (!result.other_units.empty()) {
    out += "not judged, since no margin in points fits them: " + join(result.other_units, ", ") + "\n";
  }
  return out + "\n" + summary(result) + "\n";
}

std::string gate_json(const GateResult& result) {
  Json json;
  json["baseline"] = to_utf8(result.baseline);
  json["candidate"] = to_utf8(result.candidate);
  json["alpha"] = result.alpha;
  json["verdict"] = verdict_name(result.verdict);
  json["same_weights"] = result.same_weights;
  json["tasks"] = Json::array();
  for (const auto& task : result.tasks) {
    const auto& change = task.change;
    Json row;
    row["task"] = change.task;
    row["metric"] = change.metric;
    row["unit"] = change.unit.name;
    row["scale"] = change.unit.scale;
    row["higher_is_better"] = change.higher_is_better;
    row["items"] = change.paired.items;
    row["before"] = number_or_null(change.before);
    row["after"] = number_or_null(change.after);
    row["drop"] = number_or_null(change.drop);
    row["stderr"] = number_or_null(change.paired.stderror);
    row["at_least"] = number_or_null(task.at_least);
    row["at_most"] = number_or_null(task.at_most);
    row["max_drop"] = task.margin;
    row["p_within"] = number_or_null(task.p_within);
    row["p_beyond"] = number_or_null(task.p_beyond);
    row["detectable"] = number_or_null(task.detectable);
    row["items_needed"] = task.items_needed == 0 ? Json(nullptr) : Json(task.items_needed);
    row["lost"] = change.paired.lost;
    row["gained"] = change.paired.gained;
    row["verdict"] = verdict_name(task.verdict);
    row["why"] = why(task, result);
    json["tasks"].push_back(std::move(row));
  }
  json["not_judged"] = result.not_judged;
  json["other_units"] = result.other_units;
  return json.dump(2) + "\n";
}

std::string gate_junit(const GateResult& result) {
  int failures = 0;
  int skipped = 0;
  std::string cases;
  for (const auto& task : result.tasks) {
    const auto name = xml(task.change.task);
    const auto text = xml(why(task, result));
    cases += fmt::format("    <testcase classname=\"touchstone.gate\" name=\"{}\" time=\"0\"", name);
    switch (task.verdict) {
      case GateVerdict::pass:
        cases += fmt::format(">\n      <system-out>{}</system-out>\n    </testcase>\n", text);
        break;
      case GateVerdict::regressed:
        ++failures;
        cases += fmt::format(">\n      <failure type=\"regressed\" message=\"{}\"/>\n    </testcase>\n", text);
        break;
      case GateVerdict::undecided:
        ++skipped;
        cases += fmt::format(">\n      <skipped message=\"undecided: {}\"/>\n    </testcase>\n", text);
        break;
    }
  }
  const auto counts = fmt::format("tests=\"{}\" failures=\"{}\" errors=\"0\"", result.tasks.size(), failures);
  // The outer element of the format has no count of skipped cases.
  return fmt::format(
      "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites {0} time=\"0\">\n  <testsuite name=\"{1}\" {0} "
      "skipped=\"{2}\" time=\"0\">\n{3}  </testsuite>\n</testsuites>\n",
      counts, xml("touchstone gate: " + result.candidate + " against " + result.baseline), skipped, cases);
}

}  // namespace touchstone
