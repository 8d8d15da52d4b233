#include "harness/run/gate.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "harness/base/error.hpp"
#include "harness/base/text.hpp"

namespace touchstone {
namespace {

constexpr double percent = 100.0;
constexpr double usual_margin_points = 1.0;
constexpr double power = 0.80;
constexpr double power_factor = 2.80;  // by which Paired::detectable exceeds the standard error

/// Counts of changed items as independent items would show them: clustered ones count less, by the ratio of the
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
  return {n / ratio, worse / ratio, better / ratio};
}

/// How many independent items show a margin with 80 % power when nothing dropped, given the share of items that change.
/// Source: Nam, Biometrics 53 (1997), 1422: (z_alpha sqrt(V0) + z_beta sqrt(V1))^2 / margin^2, where V0 is the variance
/// at the margin and V1 that of no drop.
double binary_items(double share, double margin, double alpha) {
  const double at_margin = paired_score_variance(share / 2.0, share / 2.0, 1.0, -margin);
  const double reach = normal_quantile(1.0 - alpha) * std::sqrt(at_margin) + normal_quantile(power) * std::sqrt(share);
  return reach * reach / (margin * margin);
}

/// What the sample can show, and how many items the margin needs.
void plan_binary(GateTask& task, double alpha) {
  const auto counts = effective_counts(task.change);
  // One more changed item than seen (half an observation in each cell), so that a sample without any change does not
  // promise that there is none.
  const double share = std::min(1.0, (counts.worse + counts.better + 1.0) / (counts.items + 2.0));
  const double ratio = static_cast<double>(task.change.paired.items) / counts.items;
  if (task.margin > 0.0) {
    task.items_needed = static_cast<std::int64_t>(std::ceil(ratio * binary_items(share, task.margin, alpha)));
  }
  double low = 1e-9;
  double high = 1.0;
  for (int step = 0; step < 60; ++step) {
    const double middle = 0.5 * (low + high);
    (binary_items(share, middle, alpha) > counts.items ? low : high) = middle;
  }
  task.detectable = high;
}

void plan_mean(GateTask& task, double alpha) {
  const double error = task.change.paired.detectable / power_factor;
  task.detectable = (normal_quantile(1.0 - alpha) + normal_quantile(power)) * error;
  const double ratio = task.margin > 0.0 ? task.detectable / task.margin : 0.0;
  task.items_needed =
      static_cast<std::int64_t>(std::ceil(ratio * ratio * static_cast<double>(task.change.paired.items)));
}

void judge_binary(GateTask& task, double alpha) {
  const auto counts = effective_counts(task.change);
  const double degrees = task.change.paired.clusters > 0 ? task.change.paired.degrees : 0.0;
  // paired_score() speaks of after - before.
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
  const double error = paired.detectable / power_factor;
  const double t = (task.margin - task.change.drop) / error;
  task.p_within = t_or_normal_cdf(-t, paired.degrees);
  task.p_beyond = t_or_normal_cdf(t, paired.degrees);
  const double half = t_or_normal_quantile(1.0 - alpha, paired.degrees) * error;
  task.at_least = task.change.drop - half;
  task.at_most = task.change.drop + half;
}

GateTask judge(const TaskChange& change, double margin, double alpha) {
  require(change.paired.items >= 2, Fault::config, [&] {
    return change.task + ": " + std::to_string(change.paired.items) +
           " items were asked in the same words of both models; at least 2 are needed";
  });
  require(change.left_out == 0, Fault::config, [&] {
    return change.task + ": " + std::to_string(change.left_out) +
           " items were asked of one model only, or in other words; both must be measured alike";
  });
  GateTask task;
  task.change = change;
  task.margin = margin;
  if (change.paired.binary) {
    judge_binary(task, alpha);
    plan_binary(task, alpha);
  } else {
    judge_mean(task, alpha);
    plan_mean(task, alpha);
  }
  return task;
}

/// Judges what has a margin, in the order compared.
void judge_all(const std::vector<TaskChange>& changes, const GateOptions& options, GateResult& result) {
  auto fallback = options.default_max_drop;
  if (!fallback && (options.max_drop.empty() || options.every_task)) fallback = usual_margin_points;
  for (const auto& change : changes) {
    const auto named = options.max_drop.find(change.task);
    if (named == options.max_drop.end() && !fallback) {
      result.not_judged.push_back(change.task);
      continue;
    }
    const double points = named == options.max_drop.end() ? *fallback : named->second;
    result.tasks.push_back(judge(change, points / percent, options.alpha));
  }
}

std::string with_metric(const GateOptions& options) {
  return options.metric.empty() ? "" : " that has the metric '" + options.metric + "'";
}

template <class T>
bool among(const std::vector<T>& all, const T& one) {
  return std::find(all.begin(), all.end(), one) != all.end();
}

/// What `side` may be compared by, without tasks that were not asked for.
ModelMeasures asked_of(const std::vector<MeasureRow>& measures, const ModelMeasures& side, const GateOptions& options) {
  if (options.tasks.empty()) return side;
  ModelMeasures asked{side.model, std::vector<std::int64_t>()};
  for (const auto& row : measures) {
    if (row.model != side.model || !among(options.tasks, row.task)) continue;
    if (!side.only || among(*side.only, row.id)) asked.only->push_back(row.id);
  }
  return asked;
}

/// Every task asked for is compared: a gate never passes on one that was not measured.
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
          [&] { return "--alpha " + std::to_string(options.alpha) + ": wanted a number above 0, at most 0.5"; });
  GateResult result;
  result.baseline = label_of(store, baseline.model);
  result.candidate = label_of(store, candidate.model);
  result.alpha = options.alpha;
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
  require(used > 0 && used == number.size() && points >= 0.0 && points <= percent && equals != 0, Fault::usage, [&] {
    return "--max-drop '" + text +
           "': wanted TASK=POINTS or POINTS, with percentage points from 0 to 100, as in mmlu=0.5";
  });
  if (equals == std::string::npos) {
    options.default_max_drop = points;
  } else {
    options.max_drop[task] = points;
  }
}

}  // namespace touchstone
