#pragma once
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "harness/compare/drop.hpp"
#include "harness/store/store.hpp"

namespace touchstone {

struct GateOptions {
  /// By benchmark, in percentage points, or for a metric that is no share in its own unit: {"mmlu", 0.5}.
  std::map<std::string, double> max_drop;
  /// The margin of the benchmarks in points that both were measured on and that `max_drop` does not name.
  /// None: 1 point if `every_task` is set or `max_drop` is empty; otherwise only the tasks of `max_drop` are judged.
  std::optional<double> default_max_drop;
  bool every_task = false;
  std::vector<std::string> tasks;  ///< leaf tasks that are compared; empty: all that both were measured on
  double alpha = 0.05;
  std::string metric;  ///< replaces each task's main metric
};

enum class GateVerdict : std::uint8_t { pass, regressed, undecided };
const char* verdict_name(GateVerdict verdict);

/// One benchmark judged: H0 "the drop equals the margin" is tested on both sides, one-sided at alpha each.
struct GateTask {
  TaskChange change;
  double margin = 0.0;    ///< largest drop allowed; like all numbers here in the metric's own values
  double at_least = 0.0;  ///< the drop's lower and upper bound, each with confidence 1 - alpha
  double at_most = 0.0;
  double p_within = 1.0;          ///< H0: the drop is not within the margin
  double p_beyond = 1.0;          ///< H0: the drop is within the margin; Holm-adjusted over the tasks
  double detectable = 0.0;        ///< smallest margin that this sample can show with 80 % power when nothing dropped
  std::int64_t items_needed = 0;  ///< needed for the margin, likewise; 0: no number suffices, because the margin is 0
  GateVerdict verdict = GateVerdict::undecided;
};

struct GateResult {
  std::string baseline;  ///< labels
  std::string candidate;
  double alpha = 0.05;
  bool same_weights = false;  ///< baseline and candidate are one model: nothing can have dropped
  std::vector<GateTask> tasks;
  std::vector<std::string> not_judged;  ///< measured on both sides, but without a margin
  std::vector<std::string>
      other_units;  ///< the same, in a unit for which a margin in points makes no sense: "micro-corpus (bits/byte)"
  /// Regressed when any task is; else undecided when any task is; else pass.
  GateVerdict verdict = GateVerdict::undecided;
  int exit_code() const;  ///< 0 pass, 1 regressed, 3 undecided
};

/// Judges a candidate by non-inferiority on the items that both models answered, paired. A task passes when its drop is
/// shown to lie below the margin, regresses when it is shown to lie above, and is undecided otherwise. A sample that
/// is too small never passes. Passing requires every task to pass, so it needs no correction for several tasks (an
/// intersection-union test: Berger, Technometrics 24 (1982), 295). One regression is enough to fail, so those p-values
/// are Holm-adjusted, and a good candidate is refused with probability alpha at most. 0/1 scores are tested by the
/// paired score test (Tango, sound also when few items changed; effective counts where items are clustered: Rao and
/// Scott, Biometrics 48 (1992), 577), others by Student's t. Throws Fault::config for a task that both were not
/// measured on with equal settings, for items whose prompts differ, and when no task has a margin. One model on both
/// sides passes, and the result says so.
GateResult gate(const Store& store, const ModelMeasures& baseline, const ModelMeasures& candidate,
                const GateOptions& options);

/// For a person: a table, and for each task one line that says why.
std::string gate_table(const GateResult& result);

/// For machines.
std::string gate_json(const GateResult& result);

/// JUnit XML for CI: one test case a task. A regressed task is a failure; an undecided one is skipped, since it did not
/// pass. Whether that stops a build is up to the exit code and its reader.
std::string gate_junit(const GateResult& result);

/// Adds "mmlu=0.5" to the margins, or "0.5" as the default. Throws Fault::usage, naming what is wrong.
void add_max_drop(GateOptions& options, const std::string& text);

/// The model that a name means; for a run, also the measures that the run asked for. A name is a hash or the first 6 or
/// more digits of one; a label; or, with a run (its name, or "run7" for id 7): "RUN" when it has one finished cell,
/// "RUN:base", "RUN:METHOD", "RUN:METHOD:SEED", "RUN:METHOD:TASK:SEED". Throws Fault::config when nothing or more than
/// one model fits, and lists those there are.
ModelMeasures find_model(const Store& store, const std::string& name);

}  // namespace touchstone
