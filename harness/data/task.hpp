#pragma once
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "harness/base/registry.hpp"
#include "harness/data/example.hpp"
#include "harness/data/request.hpp"

namespace touchstone {

enum class Split : std::uint8_t { train, validation, test, dev };
const char* split_name(Split split);

/// `compat` scores as lm-evaluation-harness does, with its quirks; `fixed` corrects its errors. Stored with every
/// result.
enum class Mode : std::uint8_t { compat, fixed };

/// One file of a benchmark's data: its possible places below a data folder, and its expected hash.
struct DataFile {
  Split split = Split::test;
  std::vector<std::string>
      paths;           ///< relative to the data folder, tried in order: "gsm8k/test.jsonl", "gsm8k/test.jsonl.gz"
  std::string sha256;  ///< of the first published form; empty when unknown. A mismatch is reported, not hidden
  std::string licence;
  std::string
      origin;  ///< what to tell a user who lacks it: "openai/grade-school-math, grade_school_math/data/test.jsonl"
};

/// Where a data file was found.
struct FoundFile {
  std::filesystem::path folder;    ///< the data folder
  std::filesystem::path relative;  ///< below it
  std::filesystem::path path() const { return folder / relative; }
};

/// The data folder(s) in which tasks find their files: --data, then $TOUCHSTONE_DATA, then the user's cache folder,
/// then the samples that come with the program. Which one served a file is part of every result.
class DataFolders {
 public:
  DataFolders() = default;
  /// `first_named`: a user named the first folder (--data), and is told when a file comes from another folder.
  explicit DataFolders(std::vector<std::filesystem::path> folders, bool first_named = false)
      : folders_(std::move(folders)), first_named_(first_named && !folders_.empty()) {}
  /// The first path that is there. Throws Fault::data naming every place looked at, the file's origin and how to get
  /// it.
  std::filesystem::path find(const std::string& task, const DataFile& file) const;
  /// The same, but gives none when the file is missing.
  std::optional<FoundFile> look_for(const DataFile& file) const;
  /// Whether find() would succeed.
  bool has(const DataFile& file) const { return look_for(file).has_value(); }
  const std::vector<std::filesystem::path>& folders() const { return folders_; }
  /// The folder that a user named, if the file was found in another one; else none.
  std::optional<std::filesystem::path> passed_over(const FoundFile& found) const {
    if (!first_named_ || found.folder == folders_.front()) return std::nullopt;
    return folders_.front();
  }

 private:
  std::vector<std::filesystem::path> folders_;
  bool first_named_ = false;
};

/// How the prompts of a task are put together (in the terms of lm-evaluation-harness's task fields).
struct PromptFormat {
  std::string description;             ///< goes before everything; brings its own line breaks
  std::string target_delimiter = " ";  ///< between question and answer
  std::string fewshot_delimiter = "\n\n";
  std::string gen_prefix;    ///< start of the answer, given to the model
  int shots = 0;             ///< number of shots when the user says nothing
  bool shots_fixed = false;  ///< the task says 0 itself, so the user's number is ignored
  enum class Sampler : std::uint8_t { random, first_n } sampler = Sampler::random;
  std::optional<Split> shots_from;  ///< where shots are drawn; none: fixed `shot_examples`
  /// The reference draws one more shot and drops the evaluated document when both splits have the same NAME, "none"
  /// included.
  bool draw_one_more = false;
  std::vector<Example> shot_examples;  ///< fixed shots written in the task itself
};

/// The verdict on one example. Calibration is computed from (confidence, correct).
struct Verdict {
  bool correct = false;
  double score = 0.0;                      ///< in [0, 1], more is better: the main metric, where that is a share
  std::optional<double> confidence;        ///< in [0, 1]; absent when the task has none
  std::vector<double> choice_probability;  ///< softmax over the choices; empty unless multiple choice
  std::string extracted;                   ///< the answer that was read out of the response, or the choice taken
  bool parsed = true;                      ///< false: no answer could be read (shown in a column of its own)
  std::map<std::string, double>
      values;          ///< every metric of the item by "metric,filter": "acc,none", "exact_match,strict-match"
  std::string detail;  ///< one line for a reader: "timeout", "wrong answer", the exception's name
};

/// The unit of a metric's values. A task states it; nothing is guessed from the metric's name.
struct MetricUnit {
  double scale = 100.0;         ///< factor from a value to what is shown: 100 for a share in [0, 1]
  std::string name = "points";  ///< of the value shown: "points" (per cent), "bits/byte"
  /// Only points can be averaged over benchmarks, and compared with a margin in points.
  bool in_points() const { return name == "points"; }
};

/// For a value that is already in per cent: BLEU as sacrebleu prints it.
inline MetricUnit given_in_points() { return {.scale = 1.0}; }

/// A metric that a task reports.
struct MetricSpec {
  std::string name;  ///< "metric,filter"
  bool higher_is_better = true;
  double chance = 0.0;  ///< score of guessing
  MetricUnit unit{};
  /// Over all items of the task; empty: the mean, with the standard error of a mean. Gives {value, standard error or
  /// nan}.
  struct Value {
    double value = 0.0;
    double stderror = 0.0;
  };
  std::function<Value(std::span<const Verdict>)> aggregate{};
};

/// Settings of one measurement that a task may read.
struct AskSettings {
  Mode mode = Mode::compat;
  bool chat = false;  ///< a chat template is applied: multiple-choice continuations lose the target delimiter
  std::uint64_t seed = 1234;
};

/// A benchmark: load, ask, judge. It is a value, not a base class.
struct Task {
  std::string name;  ///< "gsm8k", "mmlu_anatomy"
  /// Tasks of one family ask for the same skill: training on one trains for all, and their errors are correlated.
  /// Empty: the task is a family of its own.
  std::string family;
  std::string version;  ///< part of every result's key: raise it when a prompt or a rule changes
  std::string summary;  ///< one line for `touchstone list`
  std::string source;   ///< paper and repository
  PromptFormat format;
  std::vector<MetricSpec> metrics;  ///< the first is the main one
  std::vector<DataFile> files;      ///< empty: the program makes the examples itself
  std::string cluster_fact;  ///< the fact whose equal values make items dependent ("subject"); empty: all independent
  Split evaluated = Split::test;  ///< the split that is scored
  Split trained = Split::train;   ///< the split that `train --on` takes; a task without a training split names another

  std::function<std::vector<Example>(Split, const DataFolders&)> load;
  /// As many other examples of a split, drawn with a seed of at least 1, which their ids tell. Empty: the task has no
  /// others.
  std::function<std::vector<Example>(Split, std::uint64_t seed)> draw;
  /// For a task whose training split has no end: examples first to first + count - 1 of the sequence that `seed` gives.
  /// `load` gives a sample of them. Empty: `load` gives all there are.
  std::function<std::vector<Example>(std::uint64_t seed, std::uint64_t first, std::uint64_t count)> stream;
  /// The requests of one example; `context` is the prompt with its shots, as text, already through the chat template.
  std::function<std::vector<Request>(const Example&, const std::string& context, const AskSettings&)> ask;
  std::function<Verdict(const Example&, std::span<const Response>, const AskSettings&)> judge;
};

/// Several tasks reported as one number: "mmlu" over "mmlu_stem", ...; aggregation reads the leaves.
struct TaskGroup {
  std::string name;
  std::string summary;
  std::vector<std::string> members;  ///< names of tasks or groups, in reporting order
  bool weight_by_size = true;
  std::vector<std::string> metrics = {"acc,none"};
};

/// Everything that the files of tasks/ contribute.
struct TaskBook {
  Registry<Task> tasks{"task"};
  Registry<TaskGroup> groups{"task group"};
  /// The leaf tasks behind a name, in the reference's order. Throws Fault::config with the nearest name.
  std::vector<std::string> expand(const std::string& name) const;
  /// The name under which reports pool a leaf task: the group with the most leaves among those that contain it and
  /// have metrics; the task itself when there is none. It does not depend on what a user asked for.
  std::string benchmark(const std::string& leaf) const;
  /// The family of a task, or of the leaves of a group. Any other name (data of one's own), and a group
  /// over several families, is a family of its own.
  std::string family(const std::string& name) const;
};

}  // namespace touchstone
