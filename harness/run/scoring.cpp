#include "harness/run/scoring.hpp"

#include <map>
#include <optional>

#include "harness/base/error.hpp"
#include "harness/base/stopwatch.hpp"
#include "harness/base/text.hpp"
#include "harness/measure/metric.hpp"
#include "harness/run/answer_log.hpp"

namespace touchstone {
namespace {

constexpr double documents_a_batch = 256;

/// Leaf tasks of one settings entry that are not in the store.
struct Wanted {
  std::string task;
  std::string key;
};

/// Number of tasks to answer together: enough to fill batches, but few enough to lose little when stopped.
std::size_t tasks_a_batch(const MeasureSettings& settings) {
  if (settings.limit < 1) return 1;
  return static_cast<std::size_t>(std::max(1.0, documents_a_batch / settings.limit));
}

/// Measures the tasks that are not in the store, and stores them batch by batch.
void measure_missing(OpenModel& open, const MeasureSettings& all, const std::vector<Wanted>& missing,
                     const ScoringTools& tools) {
  if (missing.empty()) return;
  const auto& run = tools.run;
  const std::size_t batch = tasks_a_batch(all);
  std::optional<AnswerLog> log;
  if (!tools.work.empty())
    log.emplace(*open.engine, tools.work / ("answers-" + open.engine->info().model_hash.substr(0, 16)));
  Engine& engine = log ? static_cast<Engine&>(*log) : *open.engine;
  Engine* reference = nullptr;
  if (!all.reference.empty()) {
    // A model that is compared with itself is not opened twice.
    const bool itself = all.reference == open.engine->info().model_hash;
    reference = itself ? open.engine.get() : &tools.reference->engine();
  }
  for (std::size_t first = 0; first < missing.size(); first += batch) {
    const std::size_t last = std::min(missing.size(), first + batch);
    MeasureSettings settings = all;
    settings.tasks.clear();
    std::map<std::string, std::string> keys;
    for (std::size_t i = first; i < last; ++i) {
      settings.tasks.push_back(missing[i].task);
      keys[missing[i].task] = missing[i].key;
    }
    MeasureProgress progress;
    if (run.progress != nullptr) {
      const double before = static_cast<double>(first) / static_cast<double>(missing.size());
      const double share = static_cast<double>(last - first) / static_cast<double>(missing.size());
      progress.requests = [&tools, before, share](std::size_t done, std::size_t count) {
        const double within = count == 0 ? 1.0 : static_cast<double>(done) / static_cast<double>(count);
        tools.run.progress->answering(tools.job, before + share * within);
      };
      progress.task = [&tools](const std::string& task, const Score& score) {
        tools.run.progress->score(tools.job, task, score);
      };
    }
    const Stopwatch watch;
    const auto measurement = measure(settings, *run.tasks, *run.data, engine, progress, run.cancel, reference);
    const double seconds = watch.seconds();
    for (const auto& task : measurement.tasks) {
      const double part = seconds / static_cast<double>(measurement.tasks.size());
      tools.store.add_measure(keys.at(task.task), open.model, tools.environment, task, settings, open.engine->info(),
                              part);
    }
  }
  if (log) log->remove();
}

/// Shows the first of several lines, and how many more there are.
void say_some(const std::vector<std::string>& lines, Log& log) {
  if (lines.empty()) return;
  log.warn(lines.front() + and_more(lines.size()) + (lines.size() == 1 ? "" : " (table warning)"));
}

}  // namespace

MeasureSettings with_reference(MeasureSettings settings, const std::string& hash) {
  if (!compares(settings)) return settings;
  for (const auto& use : settings.metrics) {
    require(!hash.empty() || !metric_book().get(use.name).reference, Fault::config, [&] {
      return "metric '" + use.name +
             "' compares with a reference model, and none is named: eval --reference DIR, or in "
             "a plan, where it is the cell's base";
    });
  }
  settings.reference = hash;
  return settings;
}

OpenModel open_model(const EngineSettings& settings, const RunTools& tools) {
  OpenModel open;
  open.engine = tools.backend->open(settings, *tools.log);
  open.folder = settings.model;
  return open;
}

void add_row(OpenModel& open, const std::string& label, Store& store) {
  const auto& info = open.engine->info();
  ModelRow row;
  row.hash = info.model_hash;
  row.label = label.empty() ? std::filesystem::weakly_canonical(open.folder).filename().string() : label;
  row.family = info.family;
  row.parameters = info.parameters;
  row.config_hash = info.config_hash;
  row.tokenizer_hash = info.tokenizer_hash;
  row.template_hash = info.template_hash;
  open.model = store.model(row);
}

OpenModel open_model(const EngineSettings& settings, const std::string& label, Store& store, const RunTools& tools) {
  auto open = open_model(settings, tools);
  add_row(open, label, store);
  return open;
}

std::vector<std::int64_t> score_model(OpenModel& open, const std::vector<MeasureSettings>& measure_on,
                                      const ScoringTools& tools) {
  const auto& run = tools.run;
  std::vector<std::int64_t> ids;
  for (const auto& wanted_settings : measure_on) {
    const auto settings =
        with_reference(wanted_settings, tools.reference == nullptr ? std::string() : tools.reference->hash());
    require(!settings.chat || open.engine->chat_template() != nullptr, Fault::config, [&] {
      return open.folder.string() + ": --chat needs a chat template, which the checkpoint does not have";
    });
    std::vector<Wanted> all;
    std::vector<Wanted> missing;
    for (const auto& leaf : measured_tasks(settings, *run.tasks, *run.data)) {
      const Task& task = run.tasks->tasks.get(leaf);
      const auto data = task_data_hash(task, *run.data, settings);
      const auto key = measure_key(open.engine->info(), leaf, task.version, data, settings);
      all.push_back({leaf, key});
      if (!tools.store.find_measure(key)) missing.push_back(all.back());
    }
    measure_missing(open, settings, missing, tools);
    for (const auto& wanted : all) {
      if (const auto id = tools.store.find_measure(wanted.key)) ids.push_back(*id);
    }
  }
  return ids;
}

void say_warnings(const std::vector<MeasureRow>& rows, Log& log) {
  // Kinds that repeat for every task of a large benchmark are grouped, so that they do not hide the others.
  std::vector<std::string> cut;
  std::vector<std::string> unfinished;
  std::vector<std::string> others;
  for (const auto& row : rows) {
    for (const auto& warning : row.warnings) {
      auto& lines = warning.kind == Warning::Kind::cut_prompts  ? cut
                    : warning.kind == Warning::Kind::unfinished ? unfinished
                                                                : others;
      lines.push_back(warning.text);
    }
  }
  say_some(cut, log);
  say_some(unfinished, log);
  say_some(others, log);
}

}  // namespace touchstone
