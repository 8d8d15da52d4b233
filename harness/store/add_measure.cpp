#include <algorithm>
#include <cmath>

#include "harness/base/error.hpp"
#include "harness/base/hash.hpp"
#include "harness/store/flat_json.hpp"
#include "harness/store/impl.hpp"

namespace touchstone {
namespace {

std::optional<std::int64_t> find_key(SQLite::Database& database, const std::string& key) {
  SQLite::Statement find(database, "SELECT id FROM measure WHERE key = ?");
  Binder(find).add(key);
  if (!find.executeStep()) return std::nullopt;
  return find.getColumn(0).getInt64();
}

/// Writes the samples of one measure. Documents and prompts that are already stored are found, not repeated.
class SampleWriter {
 public:
  SampleWriter(SQLite::Database& database, const std::string& task, std::int64_t measure)
      : database_(&database), task_(&task), measure_(measure) {}

  void write(const Sample& sample) {
    const auto logp = numbers_json(sample.choice_logp);
    const auto greedy = flags_json(sample.choice_greedy);
    const auto probability = numbers_json(sample.verdict.choice_probability);
    const auto metrics = object_json(sample.verdict.values);
    const auto responses = texts_json(sample.responses);
    const auto item = item_id(sample);
    const auto prompt = prompt_id(sample);
    Binder binder(insert_);
    binder.add(measure_).add(item).add(prompt).add(sample.verdict.correct).add(sample.verdict.score);
    if (sample.verdict.confidence) {
      binder.add(*sample.verdict.confidence);
    } else {
      binder.null();
    }
    binder.add(sample.verdict.parsed)
        .add(sample.finished)
        .add(sample.prompt_tokens)
        .add(sample.truncated_tokens)
        .add(sample.generated_tokens)
        .add(logp)
        .add(greedy)
        .add(probability)
        .add(metrics)
        .add(sample.verdict.extracted)
        .add(sample.verdict.detail)
        .add(responses)
        .run();
    if (!sample.drawn.empty()) write_drawn(sample, database_->getLastInsertRowid());
  }

 private:
  void write_drawn(const Sample& sample, std::int64_t id) {
    int number = 0;
    for (const auto& answer : sample.drawn) {
      Binder(add_drawn_)
          .add(id)
          .add(number++)
          .add(answer.drawing)
          .add(answer.text)
          .add(answer.extracted)
          .add(answer.parsed)
          .add(answer.correct)
          .add(answer.score)
          .add(answer.tokens)
          .add(answer.finished)
          .run();
    }
  }

  std::int64_t item_id(const Sample& sample) {
    Binder(find_item_)
        .add(*task_)
        .add(sample.example_id)
        .add(sample.doc_hash)
        .add(sample.target_hash)
        .add(sample.cluster);
    if (const auto found = first(find_item_)) return *found;
    const auto gold = integers_json(sample.gold);
    Binder(add_item_)
        .add(*task_)
        .add(sample.example_id)
        .add(sample.doc_hash)
        .add(sample.target_hash)
        .add(sample.cluster)
        .add(sample.target)
        .add(gold)
        .run();
    return database_->getLastInsertRowid();
  }

  std::int64_t prompt_id(const Sample& sample) {
    const auto hash = sample.prompt_hash.empty() ? sha256(sample.prompt) : sample.prompt_hash;
    Binder(find_prompt_).add(hash);
    if (const auto found = first(find_prompt_)) return *found;
    Binder(add_prompt_).add(hash).add(sample.prompt).run();
    return database_->getLastInsertRowid();
  }

  static std::optional<std::int64_t> first(SQLite::Statement& find) {
    std::optional<std::int64_t> id;
    if (find.executeStep()) id = find.getColumn(0).getInt64();
    find.reset();
    return id;
  }

  SQLite::Database* database_;
  const std::string* task_;
  std::int64_t measure_;
  SQLite::Statement find_item_{*database_,
                               "SELECT id FROM item WHERE task = ? AND example = ? AND doc_hash = ? AND "
                               "target_hash = ? AND cluster = ?"};
  SQLite::Statement add_item_{*database_,
                              "INSERT INTO item (task, example, doc_hash, target_hash, cluster, target, gold) "
                              "VALUES (?, ?, ?, ?, ?, ?, ?)"};
  SQLite::Statement find_prompt_{*database_, "SELECT id FROM prompt WHERE hash = ?"};
  SQLite::Statement add_prompt_{*database_, "INSERT INTO prompt (hash, text) VALUES (?, ?)"};
  SQLite::Statement add_drawn_{*database_,
                               "INSERT INTO drawn (sample, number, drawing, text, extracted, parsed, correct, score, "
                               "tokens, finished) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"};
  SQLite::Statement insert_{
      *database_,
      "INSERT INTO sample (measure, item, prompt, correct, score, confidence, parsed, finished, prompt_tokens, "
      "truncated_tokens, generated_tokens, choice_logp, choice_greedy, choice_probability, metrics, extracted, detail, "
      "responses) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"};
};

void write_scores(SQLite::Database& database, std::int64_t measure, const std::vector<Score>& scores) {
  SQLite::Statement insert(
      database,
      "INSERT INTO score (measure, position, metric, value, stderror, higher_is_better, chance, scale, "
      "unit, further) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)");
  int position = 0;
  for (const auto& score : scores) {
    Binder(insert)
        .add(measure)
        .add(position++)
        .add(score.metric)
        .add(score.value)
        .add(score.stderror)
        .add(score.higher_is_better)
        .add(score.chance)
        .add(score.unit.scale)
        .add(score.unit.name)
        .add(score.further)
        .run();
  }
}

void write_warnings(SQLite::Database& database, std::int64_t measure, const std::vector<Warning>& warnings) {
  SQLite::Statement insert(database, "INSERT INTO warning (measure, position, kind, text) VALUES (?, ?, ?, ?)");
  int position = 0;
  for (const auto& warning : warnings) {
    const std::string kind = warning_kind_name(warning.kind);
    Binder(insert).add(measure).add(position++).add(kind).add(warning.text).run();
  }
}

void write_work(SQLite::Database& database, std::int64_t measure, const std::string& procedure,
                const std::vector<Sample>& samples) {
  std::int64_t tokens = 0;
  std::int64_t most = 0;
  for (const auto& sample : samples) {
    tokens += sample.forward_tokens;
    most = std::max(most, sample.cache_bytes);
  }
  SQLite::Statement insert(database,
                           "INSERT INTO work (measure, procedure, forward_tokens, cache_bytes) VALUES (?, ?, ?, ?)");
  Binder(insert).add(measure).add(procedure).add(tokens).add(most).run();
}

Calibration calibration_of(const std::vector<Sample>& samples) {
  std::vector<CalibrationItem> items;
  for (const auto& sample : samples) {
    if (!sample.verdict.confidence) continue;
    items.push_back({.confidence = *sample.verdict.confidence,
                     .correct = sample.verdict.correct,
                     .choice_probability = sample.verdict.choice_probability,
                     .gold = sample.gold.size() == 1 ? sample.gold.front() : -1});
  }
  return calibration(items);
}

void write_calibration(SQLite::Database& database, std::int64_t measure, const Calibration& found) {
  SQLite::Statement insert(database,
                           "INSERT INTO confidence (measure, items, accuracy, confidence, ece, ece_equal_mass, mce, "
                           "brier, nll, auroc, selective_accuracy_10, risk_coverage_area) "
                           "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)");
  Binder(insert)
      .add(measure)
      .add(found.items)
      .add(found.accuracy)
      .add(found.confidence)
      .add(found.ece)
      .add(found.ece_equal_mass)
      .add(found.mce)
      .add(found.brier)
      .add(found.nll)
      .add(found.auroc)
      .add(found.selective_accuracy_10)
      .add(found.risk_coverage_area)
      .run();
  SQLite::Statement bin_row(database,
                            "INSERT INTO reliability (measure, bin, low, high, items, confidence, accuracy) "
                            "VALUES (?, ?, ?, ?, ?, ?, ?)");
  int position = 0;
  for (const auto& bin : found.bins) {
    Binder(bin_row)
        .add(measure)
        .add(position++)
        .add(bin.low)
        .add(bin.high)
        .add(bin.items)
        .add(bin.confidence)
        .add(bin.accuracy)
        .run();
  }
}

/// The row of `measure` itself.
struct Header {
  const std::string& key;
  std::int64_t model;
  std::int64_t environment;
  const TaskMeasure& measure;
  const MeasureSettings& settings;
  const EngineInfo& engine;
  double seconds;
};

std::int64_t write_header(SQLite::Database& database, const Header& header) {
  const auto& measure = header.measure;
  const auto origin = portable_name(measure.data_origin);
  const auto settings = settings_json(header.settings);
  const std::string mode = header.settings.mode == Mode::compat ? "compat" : "fixed";
  const auto now = utc_now();
  SQLite::Statement insert(database,
                           "INSERT INTO measure (key, model, environment, task, benchmark, family, version, data_hash, "
                           "data_origin, settings_json, mode, shots, device, dtype, kernels, threads, max_length, "
                           "documents, items, seconds, measured_utc) "
                           "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)");
  Binder(insert)
      .add(header.key)
      .add(header.model)
      .add(header.environment)
      .add(measure.task)
      .add(measure.benchmark.empty() ? measure.task : measure.benchmark)
      .add(measure.family.empty() ? measure.task : measure.family)
      .add(measure.version)
      .add(measure.data_hash)
      .add(origin)
      .add(settings)
      .add(mode)
      .add(measure.shots)
      .add(header.engine.device)
      .add(header.engine.dtype)
      .add(header.engine.kernels)
      .add(header.engine.threads)
      .add(header.engine.max_length)
      .add(measure.documents)
      .add(static_cast<std::int64_t>(measure.samples.size()))
      .add(header.seconds)
      .add(now)
      .run();
  return database.getLastInsertRowid();
}

}  // namespace

std::optional<std::int64_t> Store::find_measure(const std::string& key) const {
  return impl_->connection.read([&](SQLite::Database& database) { return find_key(database, key); });
}

std::int64_t Store::add_measure(const std::string& key, std::int64_t model, std::int64_t environment,
                                const TaskMeasure& measure, const MeasureSettings& settings, const EngineInfo& engine,
                                double seconds) {
  const auto found = calibration_of(measure.samples);  // before the transaction: other writers wait while it runs
  return impl_->connection.write([&](SQLite::Database& database) {
    if (const auto there = find_key(database, key)) return *there;
    const auto id = write_header(database, {key, model, environment, measure, settings, engine, seconds});
    write_scores(database, id, measure.scores);
    write_warnings(database, id, measure.warnings);
    write_work(database, id, engine.procedure, measure.samples);
    SampleWriter writer(database, measure.task, id);
    for (const auto& sample : measure.samples) writer.write(sample);
    if (found.items > 0) write_calibration(database, id, found);
    return id;
  });
}

}  // namespace touchstone
