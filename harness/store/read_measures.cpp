#include <limits>
#include <map>

#include "harness/store/columns.hpp"
#include "harness/store/flat_json.hpp"
#include "harness/store/impl.hpp"

namespace touchstone {
namespace {

MeasureRow measure_row(Query& query) {
  Columns columns(query);
  MeasureRow row;
  row.id = columns.id();
  row.key = columns.text();
  row.model = columns.id();
  row.environment = columns.id();
  row.task = columns.text();
  row.benchmark = columns.text();
  row.family = columns.text();
  row.version = columns.text();
  row.data_hash = columns.text();
  row.data_origin = columns.text();
  row.settings_json = columns.text();
  row.mode = columns.text();
  row.shots = columns.small();
  row.device = columns.text();
  row.dtype = columns.text();
  row.kernels = columns.text();
  row.threads = columns.small();
  row.max_length = columns.small();
  row.documents = columns.integer();
  row.items = columns.integer();
  row.seconds = columns.number();
  row.measured_utc = columns.text();
  return row;
}

std::optional<MeasureWork> work_row(Query& work, std::int64_t measure) {
  std::optional<MeasureWork> found;
  work.bind(1, measure);
  if (work.executeStep()) {
    Columns columns(work);
    found.emplace();
    found->procedure = columns.text();
    found->forward_tokens = columns.integer();
    found->cache_bytes = columns.integer();
  }
  work.reset();
  return found;
}

constexpr const char* sample_columns =
    "SELECT item.example, item.doc_hash, prompt.hash, item.target_hash, prompt.text, item.target, item.gold, "
    "item.cluster, responses, choice_logp, choice_greedy, prompt_tokens, truncated_tokens, generated_tokens, finished, "
    "correct, score, confidence, choice_probability, extracted, parsed, metrics, detail, sample.id "
    "FROM sample JOIN item ON item.id = sample.item JOIN prompt ON prompt.id = sample.prompt ";

/// `drawn` finds the answers that were drawn for a sample.
Sample sample_row(Query& query, Query& drawn) {
  Columns columns(query);
  Sample row;
  row.example_id = columns.text();
  row.doc_hash = columns.text();
  row.prompt_hash = columns.text();
  row.target_hash = columns.text();
  row.prompt = columns.text();
  row.target = columns.text();
  row.gold = integers_from(columns.text());
  row.cluster = columns.text();
  row.responses = texts_from(columns.text());
  row.choice_logp = numbers_from(columns.text());
  row.choice_greedy = flags_from(columns.text());
  row.prompt_tokens = columns.small();
  row.truncated_tokens = columns.small();
  row.generated_tokens = columns.small();
  row.finished = columns.flag();
  row.verdict.correct = columns.flag();
  row.verdict.score = columns.number();
  if (const double confidence = columns.number(); confidence == confidence) row.verdict.confidence = confidence;
  row.verdict.choice_probability = numbers_from(columns.text());
  row.verdict.extracted = columns.text();
  row.verdict.parsed = columns.flag();
  row.verdict.values = object_from(columns.text());
  row.verdict.detail = columns.text();
  const auto id = columns.id();
  drawn.bind(1, id);
  while (drawn.executeStep()) {
    Columns answer(drawn);
    auto& one = row.drawn.emplace_back();
    one.drawing = answer.text();
    one.text = answer.text();
    one.extracted = answer.text();
    one.parsed = answer.flag();
    one.correct = answer.flag();
    one.score = answer.number();
    one.tokens = answer.small();
    one.finished = answer.flag();
  }
  drawn.reset();
  return row;
}

constexpr const char* drawn_columns =
    "SELECT drawing, text, extracted, parsed, correct, score, tokens, finished FROM drawn WHERE sample = ? "
    "ORDER BY number";

}  // namespace

std::vector<MeasureRow> Store::measures(std::optional<std::int64_t> model) const {
  return impl_->connection.read([&](SQLite::Database& database) {
    const std::string which = model ? "WHERE model = ? " : "";
    Query query(database,
                "SELECT id, key, model, environment, task, benchmark, family, version, data_hash, data_origin, "
                "settings_json, mode, shots, device, dtype, kernels, threads, max_length, documents, items, seconds, "
                "measured_utc FROM measure " +
                    which + "ORDER BY id");
    if (model) query.bind(1, *model);
    auto rows = read_all(query, measure_row);
    Query scores(
        database,
        "SELECT metric, value, stderror, higher_is_better, chance, scale, unit, further FROM score WHERE measure = ? "
        "ORDER BY position");
    Query warnings(database, "SELECT kind, text FROM warning WHERE measure = ? ORDER BY position");
    Query work(database, "SELECT procedure, forward_tokens, cache_bytes FROM work WHERE measure = ?");
    for (auto& row : rows) {
      row.work = work_row(work, row.id);
      scores.bind(1, row.id);
      while (scores.executeStep()) {
        Columns columns(scores);
        Score score;
        score.metric = columns.text();
        score.value = columns.number();
        score.stderror = columns.number();
        score.higher_is_better = columns.flag();
        score.chance = columns.number();
        score.unit.scale = columns.number();
        score.unit.name = columns.text();
        score.further = columns.text();
        row.scores.push_back(std::move(score));
      }
      scores.reset();
      warnings.bind(1, row.id);
      while (warnings.executeStep()) {
        Columns columns(warnings);
        const auto kind = warning_kind(columns.text());
        row.warnings.push_back({kind, columns.text()});
      }
      warnings.reset();
    }
    return rows;
  });
}

std::vector<Sample> Store::samples(std::int64_t measure) const {
  return impl_->connection.read([&](SQLite::Database& database) {
    Query query(database, std::string(sample_columns) + "WHERE measure = ? ORDER BY sample.id");
    query.bind(1, measure);
    Query drawn(database, drawn_columns);
    std::vector<Sample> rows;
    while (query.executeStep()) rows.push_back(sample_row(query, drawn));
    return rows;
  });
}

std::vector<Sample> Store::samples(std::int64_t measure, const std::vector<std::int64_t>& items) const {
  return impl_->connection.read([&](SQLite::Database& database) {
    Query query(database, std::string(sample_columns) + "WHERE measure = ? AND sample.item = ?");
    Query drawn(database, drawn_columns);
    std::vector<Sample> rows;
    for (const auto item : items) {
      query.bind(1, measure);
      query.bind(2, item);
      if (query.executeStep()) rows.push_back(sample_row(query, drawn));
      query.reset();
    }
    return rows;
  });
}

std::map<std::int64_t, SampleCounts> Store::sample_counts() const {
  return impl_->connection.read([&](SQLite::Database& database) {
    Query query(database,
                "SELECT measure, count(*), sum(correct), sum(1 - parsed), sum(truncated_tokens > 0), sum(1 - finished) "
                "FROM sample GROUP BY measure");
    std::map<std::int64_t, SampleCounts> counts;
    while (query.executeStep()) {
      Columns columns(query);
      auto& one = counts[columns.id()];
      one.items = columns.integer();
      one.right = columns.integer();
      one.unparsed = columns.integer();
      one.truncated = columns.integer();
      one.unfinished = columns.integer();
    }
    return counts;
  });
}

std::vector<ItemRow> Store::items(std::int64_t measure, const std::string& metric) const {
  return impl_->connection.read([&](SQLite::Database& database) {
    Query query(database,
                "SELECT sample.item, sample.prompt, item.cluster, correct, score, confidence, choice_probability, "
                "item.gold, metrics FROM sample JOIN item ON item.id = sample.item WHERE measure = ? "
                "ORDER BY sample.id");
    query.bind(1, measure);
    std::vector<ItemRow> rows;
    while (query.executeStep()) {
      Columns columns(query);
      auto& row = rows.emplace_back();
      row.item = columns.id();
      row.prompt = columns.id();
      row.cluster = columns.text();
      row.correct = columns.flag();
      row.score = columns.number();
      if (const double confidence = columns.number(); confidence == confidence) row.confidence = confidence;
      row.choice_probability = numbers_from(columns.text());
      row.gold = integers_from(columns.text());
      row.value = std::numeric_limits<double>::quiet_NaN();
      if (metric.empty()) continue;
      const auto values = object_from(columns.text());
      if (const auto found = values.find(metric); found != values.end()) row.value = found->second;
    }
    return rows;
  });
}

std::optional<Calibration> Store::calibration(std::int64_t measure) const {
  return impl_->connection.read([&](SQLite::Database& database) -> std::optional<Calibration> {
    Query query(database,
                "SELECT items, accuracy, confidence, ece, ece_equal_mass, mce, brier, nll, auroc, "
                "selective_accuracy_10, risk_coverage_area FROM confidence WHERE measure = ?");
    query.bind(1, measure);
    if (!query.executeStep()) return std::nullopt;
    Columns columns(query);
    Calibration found;
    found.items = columns.integer();
    for (double* value :
         {&found.accuracy, &found.confidence, &found.ece, &found.ece_equal_mass, &found.mce, &found.brier, &found.nll,
          &found.auroc, &found.selective_accuracy_10, &found.risk_coverage_area}) {
      *value = columns.number();
    }
    Query bins(database,
               "SELECT low, high, items, confidence, accuracy FROM reliability WHERE measure = ? ORDER BY bin");
    bins.bind(1, measure);
    found.bins = read_all<ReliabilityBin>(bins, [](Query& row) {
      Columns bin(row);
      ReliabilityBin read;
      read.low = bin.number();
      read.high = bin.number();
      read.items = bin.integer();
      read.confidence = bin.number();
      read.accuracy = bin.number();
      return read;
    });
    return found;
  });
}

}  // namespace touchstone
