#pragma once
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "harness/data/prompt.hpp"
#include "harness/data/task.hpp"
#include "harness/model/engine.hpp"

namespace touchstone {

/// A metric that is measured beside a benchmark's own, by its name in the metric book (harness/measure/metric.hpp).
struct MetricUse {
  std::string name;
  std::string options;  ///< JSON text, whole and with sorted keys
  bool operator==(const MetricUse&) const = default;
};

/// What to measure and how. Everything here is part of a measure's key.
struct MeasureSettings {
  std::vector<std::string> tasks;  ///< tasks or groups, in the order of the report
  int shots = -1;                  ///< -1: each task's own number
  double limit = 0;                ///< 0: all; below 1: that share of the documents; otherwise that many, per task
  std::uint64_t seed = 1234;       ///< few-shot draws and sampling
  Mode mode = Mode::compat;
  bool chat = false;  ///< apply the checkpoint's chat template
  bool multiturn = true;
  std::string system_instruction;
  std::vector<std::string> subjects;  ///< only examples whose task or "subject" fact is one of these; empty: all
  std::string filter;                 ///< PCRE2 pattern that example ids must match; empty: all
  std::vector<MetricUse> metrics{};   ///< beside the benchmarks' own
  std::string reference{};            ///< model_hash of the model that metrics compare with; empty: none does
  std::optional<Split> split{};       ///< none: the one that each task is scored on
  Split split_of(const Task& task) const { return split.value_or(task.evaluated); }
  bool fresh = false;  ///< in a plan: each seed asks questions of its own, so that it takes their luck of the draw too
  /// Of the questions, for tasks that draw them; 0, which no seed of a plan with fresh questions is: each task's own.
  /// Part of the data's identity, not of settings_json: it is the same measurement, on other questions.
  std::uint64_t question_seed = 0;
};

/// What a plan measures with one of its seeds.
std::vector<MeasureSettings> measured_with(std::vector<MeasureSettings> measure_on, std::uint64_t seed);

/// The examples that a measurement asks of, before limit, subjects and filter. Throws Fault::config for a task that
/// cannot draw other questions than its own.
std::vector<Example> examples_of(const Task& task, const MeasureSettings& settings, const DataFolders& data);

/// The settings as canonical JSON, without the task list, for the store: equal settings give equal text.
std::string settings_json(const MeasureSettings& settings);

/// Kinds of warnings for the reader of a result.
struct Warning {
  enum class Kind : std::uint8_t {
    data,         ///< a sample, an import, files of several folders, not the published file
    shots,        ///< another number of shots than was asked for
    prompt,       ///< the prompt is written in another way than was asked for
    cut_prompts,  ///< prompts that were cut because they exceed the model's context length
    procedure,    ///< questions that were answered without the model's procedure
    unfinished,   ///< answers that were cut by the limit of new tokens
  };
  Kind kind = Kind::data;
  std::string text;  ///< one line; begins with the task's name
  bool operator==(const Warning&) const = default;
};
/// "data", "shots", "prompt", "cut_prompts", "procedure", "unfinished": the name in the store.
const char* warning_kind_name(Warning::Kind kind);
/// The kind with that name. Throws Fault::store for an unknown name.
Warning::Kind warning_kind(const std::string& name);

/// Identity of a task's data, known without loading or answering anything.
struct DataIdentity {
  std::string hash;    ///< SHA-256 over the text of all data files that were found, or over the examples the task makes
  std::string origin;  ///< the folders they lie in
  std::vector<Warning> warnings{};  ///< "differs from the published file"
};
/// Of the data that a measurement reads. Throws Fault::data, as DataFolders::find does, when the scored split or that
/// of the shots is missing.
DataIdentity data_identity(const Task& task, const DataFolders& data, const MeasureSettings& settings = {});

/// data_identity(...).hash.
std::string task_data_hash(const Task& task, const DataFolders& data, const MeasureSettings& settings = {});

/// One of several answers that were drawn for an item beside the benchmark's own.
struct DrawnAnswer {
  std::string drawing{};  ///< how it was drawn, as JSON: samples, temperature, top_p, seed
  std::string text{};
  std::string extracted{};
  bool parsed = true;
  bool correct = false;
  double score = 0.0;
  int tokens = 0;
  bool finished = true;
};

/// One example, measured.
struct Sample {
  std::string example_id;
  std::string doc_hash;
  std::string prompt_hash;  ///< SHA-256 of the first request's context
  std::string target_hash;
  std::string prompt;     ///< the context itself
  std::string target;     ///< the right answer, for a reader
  std::vector<int> gold;  ///< indices of the right choices, 0-based; empty unless multiple choice
  std::string cluster;    ///< examples with equal values are dependent; empty: none
  /// Generated texts; for multiple choice the choices' texts. Texts that a procedure considered follow the answer's.
  std::vector<std::string> responses;
  std::vector<double> choice_logp;  ///< log-likelihood in nats of each choice; empty for generation
  std::vector<bool> choice_greedy;
  int prompt_tokens = 0;
  int truncated_tokens = 0;
  int generated_tokens = 0;
  bool finished = true;  ///< generation ended by itself, not at the limit of new tokens
  /// The cost of answering it alone, all requests and rounds of a procedure together.
  std::int64_t forward_tokens = 0;
  std::int64_t cache_bytes = 0;
  Verdict verdict;
  std::vector<DrawnAnswer> drawn{};  ///< for metrics that draw; in the order of drawing
};

/// One metric over the items of a task or a group.
struct Score {
  std::string metric;  ///< "acc,none"
  double value = 0.0;
  double stderror = 0.0;  ///< nan where the reference prints N/A
  bool higher_is_better = true;
  double chance = 0.0;
  MetricUnit unit{};
  std::string further{};  ///< the metric of MeasureSettings::metrics that gave it; empty: the task itself
};

/// One task, measured on one set of weights.
struct TaskMeasure {
  std::string task;
  /// The name under which reports pool it: the topmost group that aggregates it ("mmlu"); empty: the task itself.
  std::string benchmark;
  std::string family;  ///< Task::family; empty: the task itself
  std::string version;
  std::string data_hash;    ///< SHA-256 over the data files read
  std::string data_origin;  ///< which folder they came from
  int shots = 0;
  std::vector<Score> scores;    ///< the first is the main one
  std::vector<Sample> samples;  ///< in document order
  std::int64_t documents = 0;   ///< in the split, before the limit
  std::vector<Warning> warnings;
};

struct GroupMeasure {
  std::string group;
  std::vector<Score> scores;
  std::int64_t items = 0;
};

struct Measurement {
  std::vector<TaskMeasure> tasks;
  std::vector<GroupMeasure> groups;
  double seconds = 0.0;
};

/// Progress of a measurement, for bars: requests answered of all, and the task being judged.
struct MeasureProgress {
  std::function<void(std::size_t done, std::size_t all)> requests;
  std::function<void(const std::string& task, const Score& main)> task;
};

/// The leaf tasks that have an example left after subjects and filter, in order of first mention. Throws Fault::config
/// when no task has one, for a subject that no task has (with the nearest existing one), and for an invalid regular
/// expression as filter.
std::vector<std::string> measured_tasks(const MeasureSettings& settings, const TaskBook& book, const DataFolders& data);

/// Loads, asks, answers, judges, aggregates. Requests of all tasks go to the engine together, then those of
/// `settings.metrics` task by task; `reference` is the model that these compare with. Throws Fault::data for an empty
/// task, Fault::sandbox when a code task has no sandbox, Fault::config for a metric that a task cannot have, Cancelled
/// when asked to stop.
Measurement measure(const MeasureSettings& settings, const TaskBook& book, const DataFolders& data, Engine& engine,
                    const MeasureProgress& progress = {}, const CancelFlag* cancel = nullptr,
                    Engine* reference = nullptr);

/// The key of one task's result: weights, tokenizer, template, task version, data, few-shot settings, dtype and
/// everything else that can change a number. Two checkpoints never share a key.
std::string measure_key(const EngineInfo& engine, const std::string& task, const std::string& task_version,
                        const std::string& data_hash, const MeasureSettings& settings);

}  // namespace touchstone
