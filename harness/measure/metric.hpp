#pragma once
// Metrics that can be measured beside a benchmark's own: the contract of the files in harness/metrics.
#include <functional>
#include <map>
#include <nlohmann/json_fwd.hpp>
#include <span>
#include <string>
#include <vector>

#include "harness/base/options.hpp"
#include "harness/base/registry.hpp"
#include "harness/data/reading.hpp"
#include "harness/data/task.hpp"
#include "harness/measure/measure.hpp"

namespace touchstone {

/// How several answers to one question are drawn.
struct Drawing {
  int samples = 8;
  double temperature = 1.0;
  double top_p = 1.0;
  std::uint64_t seed = 1234;  ///< each item has draws of its own from it
  bool operator==(const Drawing&) const = default;
};
/// Reads the keys "samples", "temperature", "top_p" and "seed".
Drawing read_drawing(Options& options);

/// Whose answers are read token by token, behind the prompts of a task that asks for generated ones. A task that scores
/// given texts has the same tokens for all three: those of the right choice, or of the whole text.
enum class TextOf : std::uint8_t {
  model,      ///< one answer an item that the measured model draws at temperature 1
  reference,  ///< one that the reference draws
  gold,       ///< the task's first right answer, without an end token
};

/// One item, asked and judged.
struct MetricItem {
  const Example* example = nullptr;
  std::span<const Request> requests;
  std::span<const Response> responses;
  const Verdict* verdict = nullptr;
};

/// What a metric works with: the items of one task, and further answers and readings, which several metrics share.
class MetricDesk {
 public:
  virtual ~MetricDesk() = default;
  virtual const Task& task() const = 0;
  virtual std::span<const MetricItem> items() const = 0;
  /// The answers drawn for each of the first `count` items, judged as the task judges.
  virtual const std::vector<std::vector<DrawnAnswer>>& drawn(const Drawing& drawing, std::size_t count) = 0;
  /// The readings of each of the first `count` items; compared with the reference where the measure has one.
  virtual const std::vector<std::vector<TokenReading>>& readings(TextOf text, std::size_t count) = 0;
};

/// The values of one item by MetricSpec::name; a value that an item does not have is left out.
using MetricValues = std::map<std::string, double>;

/// A metric with its options read.
struct Metric {
  /// The values that it gives for a task. Where neither direction is better, `higher_is_better` is true: claims then
  /// mean what they say.
  std::function<std::vector<MetricSpec>(const Task&, std::span<const Example>)> specs;
  /// Why a task cannot have it, judged by its examples and the requests of one; empty or unset: it can.
  std::function<std::string(const Task&, std::span<const Example>, std::span<const Request>)> declines{};
  /// The values of the first `count` items.
  std::function<std::vector<MetricValues>(MetricDesk&, std::size_t count)> measure;
  /// Answers of its own that it asks for, an item; they come without the procedure of a model that has one.
  int draws = 0;
};

/// An entry of the book.
struct MetricEntry {
  std::string summary;
  std::string source;      ///< paper and equation
  std::string unit;        ///< of the values shown
  std::string better;      ///< "more", "less", "neither"
  bool reference = false;  ///< it compares with a reference model: the one from which a cell was trained
  std::function<Metric(Options&)> make;
};
using MetricBook = Registry<MetricEntry>;

/// Adds every metric of harness/metrics to the book (the build writes the function).
void add_metrics(MetricBook& book);
/// The book with all of them.
const MetricBook& metric_book();

/// The entries of a key "metrics": names, or {"use": NAME, OPTION: VALUE}. Options that are not given are filled in, so
/// that equal settings give equal text whatever was written. Throws Fault::config naming place, key, found and
/// expected.
std::vector<MetricUse> read_metrics(Options& options);
/// The same of a list on the command line: "kl_forward,pass_at", or JSON: '[{"use": "pass_at", "k": [1, 4]}]'.
std::vector<MetricUse> parse_metrics(const std::string& text);

/// Whether one of the metrics compares with a reference model.
bool compares(const MeasureSettings& settings);

/// The metrics' specs for a task, each with the name of its entry. Throws Fault::config when a metric declines, with
/// the reason.
struct NamedSpec {
  std::string metric;  ///< in the book
  MetricSpec spec;
};
std::vector<NamedSpec> metric_specs(const MeasureSettings& settings, const Task& task,
                                    std::span<const Example> examples, std::span<const Request> requests);

/// Answers that the metrics draw for a task with so many measured items, at most: equal draws of two are made once.
std::int64_t answers_drawn(const MeasureSettings& settings, std::int64_t items);

/// What measuring the metrics of one task needs.
struct MetricTools {
  Engine& engine;
  Engine* reference = nullptr;
  const MeasureSettings& settings;
  AskSettings asking;
  const CancelFlag* cancel = nullptr;
};
/// Measures all metrics of the settings on one task, all of whose items were judged: adds values and drawn answers to
/// the samples, and the scores behind the task's own.
void measure_metrics(const Task& task, std::span<const Example> examples, std::span<const MetricItem> items,
                     const MetricTools& tools, TaskMeasure& result);

// Pieces of metrics.

/// Declines a task that asks for no generated answer.
std::string declines_without_generation(const Task& task, std::span<const Example>, std::span<const Request> requests);
/// A metric that is the mean of a value of each token that is read.
Metric mean_over_tokens(const MetricSpec& spec, TextOf text, std::function<double(const TokenReading&)> value);
/// Nats for each token; neither direction is better.
MetricSpec nats_per_token(const std::string& name);

}  // namespace touchstone
