#include <set>

#include "harness/base/error.hpp"
#include "harness/store/flat_json.hpp"
#include "harness/store/impl.hpp"

namespace touchstone {
namespace {

using Query = SQLite::Statement;

/// Reads the columns of a row one after the other.
class Columns {
 public:
  explicit Columns(Query& query) : query_(&query) {}
  std::int64_t id() { return next().getInt64(); }
  std::int64_t integer() { return next().getInt64(); }
  int small() { return next().getInt(); }
  bool flag() { return next().getInt() != 0; }
  double number() { return real(next()); }
  std::string text() { return next().getString(); }

 private:
  SQLite::Column next() { return query_->getColumn(at_++); }
  Query* query_;
  int at_ = 0;
};

CellState cell_state(const std::string& name) {
  for (const auto state : {CellState::running, CellState::done, CellState::failed}) {
    if (name == cell_state_name(state)) return state;
  }
  throw Error(Fault::store, "damaged database: cell state '" + name + "'");
}

constexpr const char* cell_columns =
    "SELECT id, key, base_model, result_model, method, recipe_json, trained_on, seed, state, error, attempts, seconds, "
    "steps, tokens, peak_bytes FROM cell ";

CellRow cell_row(Query& query) {
  Columns columns(query);
  CellRow row;
  row.id = columns.id();
  row.key = columns.text();
  row.base_model = columns.id();
  row.result_model = columns.id();  // NULL reads as 0
  row.method = columns.text();
  row.recipe_json = columns.text();
  row.trained_on = columns.text();
  row.seed = static_cast<std::uint64_t>(columns.integer());
  row.state = cell_state(columns.text());
  row.error = columns.text();
  row.attempts = columns.small();
  row.seconds = columns.number();
  row.steps = columns.integer();
  row.tokens = columns.integer();
  row.peak_bytes = columns.integer();
  return row;
}

constexpr const char* run_columns =
    "SELECT id, name, plan_json, plan_hash, started_utc, finished_utc, state, seconds, environment FROM run ";

RunRow run_row(Query& query) {
  Columns columns(query);
  RunRow row;
  row.id = columns.id();
  row.name = columns.text();
  row.plan_json = columns.text();
  row.plan_hash = columns.text();
  row.started_utc = columns.text();
  row.finished_utc = columns.text();
  row.state = columns.text();
  row.seconds = columns.number();
  row.environment = columns.id();
  return row;
}

MeasureRow measure_row(Query& query) {
  Columns columns(query);
  MeasureRow row;
  row.id = columns.id();
  row.key = columns.text();
  row.model = columns.id();
  row.environment = columns.id();
  row.task = columns.text();
  row.benchmark = columns.text();
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

constexpr const char* sample_columns =
    "SELECT item.example, item.doc_hash, prompt.hash, item.target_hash, prompt.text, item.target, item.gold, "
    "item.cluster, responses, choice_logp, choice_greedy, prompt_tokens, truncated_tokens, generated_tokens, finished, "
    "correct, score, confidence, choice_probability, extracted, parsed, metrics, detail "
    "FROM sample JOIN item ON item.id = sample.item JOIN prompt ON prompt.id = sample.prompt ";

Sample sample_row(Query& query) {
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
  return row;
}

template <class Row>
std::vector<Row> all(Query& query, Row (*read)(Query&)) {
  std::vector<Row> rows;
  while (query.executeStep()) rows.push_back(read(query));
  return rows;
}

template <class Row>
std::optional<Row> first(Query& query, Row (*read)(Query&)) {
  if (!query.executeStep()) return std::nullopt;
  return read(query);
}

}  // namespace

std::optional<RunRow> Store::find_run(const std::string& plan_hash) const {
  return impl_->connection.read([&](SQLite::Database& database) {
    Query query(database, std::string(run_columns) + "WHERE plan_hash = ? ORDER BY id DESC LIMIT 1");
    query.bind(1, plan_hash);
    return first(query, run_row);
  });
}

std::vector<RunRow> Store::runs() const {
  return impl_->connection.read([&](SQLite::Database& database) {
    Query query(database, std::string(run_columns) + "ORDER BY id");
    return all(query, run_row);
  });
}

std::optional<CellRow> Store::find_cell(const std::string& key) const {
  return impl_->connection.read([&](SQLite::Database& database) {
    Query query(database, std::string(cell_columns) + "WHERE key = ?");
    query.bind(1, key);
    return first(query, cell_row);
  });
}

std::vector<CellRow> Store::cells(std::optional<std::int64_t> run) const {
  return impl_->connection.read([&](SQLite::Database& database) {
    const std::string which = run ? "WHERE id IN (SELECT cell FROM run_cell WHERE run = ?) " : "";
    Query query(database, cell_columns + which + "ORDER BY id");
    if (run) query.bind(1, *run);
    return all(query, cell_row);
  });
}

std::vector<ModelRow> Store::models() const {
  return impl_->connection.read([&](SQLite::Database& database) {
    Query query(database,
                "SELECT id, hash, label, family, parameters, config_hash, tokenizer_hash, template_hash "
                "FROM model ORDER BY id");
    return all<ModelRow>(query, [](Query& row) {
      Columns columns(row);
      ModelRow model;
      model.id = columns.id();
      model.hash = columns.text();
      model.label = columns.text();
      model.family = columns.text();
      model.parameters = columns.integer();
      model.config_hash = columns.text();
      model.tokenizer_hash = columns.text();
      model.template_hash = columns.text();
      return model;
    });
  });
}

std::vector<Environment> Store::environments() const {
  return impl_->connection.read([&](SQLite::Database& database) {
    Query query(database, "SELECT code_version, libtorch, compiler, cpu, cores, system FROM environment ORDER BY id");
    return all<Environment>(query, [](Query& row) {
      Columns columns(row);
      Environment environment;
      environment.code_version = columns.text();
      environment.libtorch = columns.text();
      environment.compiler = columns.text();
      environment.cpu = columns.text();
      environment.cores = columns.small();
      environment.system = columns.text();
      return environment;
    });
  });
}

std::vector<MeasureRow> Store::measures(std::optional<std::int64_t> model) const {
  return impl_->connection.read([&](SQLite::Database& database) {
    const std::string which = model ? "WHERE model = ? " : "";
    Query query(database,
                "SELECT id, key, model, environment, task, benchmark, version, data_hash, data_origin, settings_json, "
                "mode, shots, device, dtype, kernels, threads, max_length, documents, items, seconds, measured_utc "
                "FROM measure " +
                    which + "ORDER BY id");
    if (model) query.bind(1, *model);
    auto rows = all(query, measure_row);
    Query scores(database,
                 "SELECT metric, value, stderror, higher_is_better, chance FROM score WHERE measure = ? "
                 "ORDER BY position");
    for (auto& row : rows) {
      scores.bind(1, row.id);
      while (scores.executeStep()) {
        Columns columns(scores);
        Score score;
        score.metric = columns.text();
        score.value = columns.number();
        score.stderror = columns.number();
        score.higher_is_better = columns.flag();
        score.chance = columns.number();
        row.scores.push_back(std::move(score));
      }
      scores.reset();
    }
    return rows;
  });
}

std::vector<Sample> Store::samples(std::int64_t measure) const {
  return impl_->connection.read([&](SQLite::Database& database) {
    Query query(database, std::string(sample_columns) + "WHERE measure = ? ORDER BY sample.id");
    query.bind(1, measure);
    return all(query, sample_row);
  });
}

std::vector<Sample> Store::samples(std::int64_t measure, const std::vector<std::int64_t>& items) const {
  return impl_->connection.read([&](SQLite::Database& database) {
    Query query(database, std::string(sample_columns) + "WHERE measure = ? AND sample.item = ?");
    std::vector<Sample> rows;
    for (const auto item : items) {
      query.bind(1, measure);
      query.bind(2, item);
      if (query.executeStep()) rows.push_back(sample_row(query));
      query.reset();
    }
    return rows;
  });
}

std::vector<ItemRow> Store::items(std::int64_t measure) const {
  return impl_->connection.read([&](SQLite::Database& database) {
    Query query(database,
                "SELECT sample.item, sample.prompt, item.cluster, correct, score, confidence, choice_probability, "
                "item.gold FROM sample JOIN item ON item.id = sample.item WHERE measure = ? ORDER BY sample.id");
    query.bind(1, measure);
    return all<ItemRow>(query, [](Query& row) {
      Columns columns(row);
      ItemRow item;
      item.item = columns.id();
      item.prompt = columns.id();
      item.cluster = columns.text();
      item.correct = columns.flag();
      item.score = columns.number();
      if (const double confidence = columns.number(); confidence == confidence) item.confidence = confidence;
      item.choice_probability = numbers_from(columns.text());
      item.gold = integers_from(columns.text());
      return item;
    });
  });
}

std::vector<StepReport> Store::curve(std::int64_t cell) const {
  return impl_->connection.read([&](SQLite::Database& database) {
    Query query(database,
                "SELECT stage, stage.name, step.step, steps, loss, learning_rate, gradient_norm, tokens, "
                "trained_tokens, step.seconds, step.logged FROM step JOIN stage USING (cell, stage) WHERE cell = ? "
                "ORDER BY stage, step.step");
    query.bind(1, cell);
    return all<StepReport>(query, [](Query& row) {
      Columns columns(row);
      StepReport point;
      point.stage = columns.small();
      point.stage_name = columns.text();
      point.step = columns.integer();
      point.steps = columns.integer();
      point.loss = columns.number();
      point.learning_rate = columns.number();
      point.gradient_norm = columns.number();
      point.tokens = columns.integer();
      point.trained_tokens = columns.integer();
      point.seconds = columns.number();
      point.values = object_from(columns.text());
      return point;
    });
  });
}

std::vector<StageReport> Store::stages(std::int64_t cell) const {
  return impl_->connection.read([&](SQLite::Database& database) {
    Query query(database,
                "SELECT stage, name, options, seconds, logged FROM stage WHERE cell = ? AND seconds IS NOT NULL "
                "ORDER BY stage");
    query.bind(1, cell);
    return all<StageReport>(query, [](Query& row) {
      Columns columns(row);
      StageReport stage;
      stage.stage = columns.small();
      stage.name = columns.text();
      stage.options = columns.text();
      stage.seconds = columns.number();
      stage.values = object_from(columns.text());
      return stage;
    });
  });
}

std::map<std::int64_t, std::vector<std::int64_t>> Store::run_measures(std::int64_t run) const {
  return impl_->connection.read([&](SQLite::Database& database) {
    Query query(database, "SELECT ifnull(cell, 0), measure FROM run_measure WHERE run = ? ORDER BY 1, 2");
    query.bind(1, run);
    std::map<std::int64_t, std::vector<std::int64_t>> found;
    while (query.executeStep()) {
      Columns columns(query);
      const auto cell = columns.id();
      found[cell].push_back(columns.id());
    }
    return found;
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
    found.bins = all<ReliabilityBin>(bins, [](Query& row) {
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

std::vector<std::string> Store::problems() const {
  return impl_->connection.read([&](SQLite::Database& database) {
    std::vector<std::string> found;
    Query integrity(database, "PRAGMA integrity_check");
    while (integrity.executeStep()) {
      const auto line = integrity.getColumn(0).getString();
      if (line != "ok") found.push_back(line);
    }
    Query keys(database, "PRAGMA foreign_key_check");
    while (keys.executeStep()) {
      found.push_back("a row of table " + keys.getColumn(0).getString() + " refers to a missing row of " +
                      keys.getColumn(2).getString());
    }
    return found;
  });
}

}  // namespace touchstone
