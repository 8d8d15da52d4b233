#include "harness/base/error.hpp"
#include "harness/store/columns.hpp"
#include "harness/store/flat_json.hpp"
#include "harness/store/impl.hpp"

namespace touchstone {
namespace {

CellState cell_state(const std::string& name) {
  for (const auto state : {CellState::running, CellState::done, CellState::failed}) {
    if (name == cell_state_name(state)) return state;
  }
  throw Error(Fault::store, "damaged database: found the cell state '" + name + "'");
}

constexpr const char* cell_columns =
    "SELECT id, key, base_model, result_model, method, recipe_json, trained_on, trained_family, seed, state, error, "
    "attempts, seconds, "
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
  row.trained_family = columns.text();
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

}  // namespace

std::optional<RunRow> Store::find_run(const std::string& plan_hash) const {
  return impl_->connection.read([&](SQLite::Database& database) {
    Query query(database, std::string(run_columns) + "WHERE plan_hash = ? ORDER BY id DESC LIMIT 1");
    query.bind(1, plan_hash);
    return read_first(query, run_row);
  });
}

std::vector<RunRow> Store::runs() const {
  return impl_->connection.read([&](SQLite::Database& database) {
    Query query(database, std::string(run_columns) + "ORDER BY id");
    return read_all(query, run_row);
  });
}

std::optional<CellRow> Store::find_cell(const std::string& key) const {
  return impl_->connection.read([&](SQLite::Database& database) {
    Query query(database, std::string(cell_columns) + "WHERE key = ?");
    query.bind(1, key);
    return read_first(query, cell_row);
  });
}

std::vector<CellRow> Store::cells(std::optional<std::int64_t> run) const {
  return impl_->connection.read([&](SQLite::Database& database) {
    const std::string which = run ? "WHERE id IN (SELECT cell FROM run_cell WHERE run = ?) " : "";
    Query query(database, cell_columns + which + "ORDER BY id");
    if (run) query.bind(1, *run);
    return read_all(query, cell_row);
  });
}

std::vector<ModelRow> Store::models() const {
  return impl_->connection.read([&](SQLite::Database& database) {
    Query query(database,
                "SELECT id, hash, label, family, parameters, config_hash, tokenizer_hash, template_hash "
                "FROM model ORDER BY id");
    return read_all<ModelRow>(query, [](Query& row) {
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
    return read_all<Environment>(query, [](Query& row) {
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

std::vector<StepReport> Store::curve(std::int64_t cell) const {
  return impl_->connection.read([&](SQLite::Database& database) {
    Query query(database,
                "SELECT stage, stage.name, step.step, steps, loss, learning_rate, gradient_norm, tokens, "
                "trained_tokens, step.seconds, step.logged FROM step JOIN stage USING (cell, stage) WHERE cell = ? "
                "ORDER BY stage, step.step");
    query.bind(1, cell);
    return read_all<StepReport>(query, [](Query& row) {
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
    return read_all<StageReport>(query, [](Query& row) {
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

std::vector<RecordFile> Store::records(std::int64_t cell) const {
  return impl_->connection.read([&](SQLite::Database& database) {
    Query query(database,
                "SELECT stage, name, file, rows, answers, written, bytes, sha256 FROM record_file WHERE cell = ? "
                "ORDER BY stage");
    query.bind(1, cell);
    return read_all<RecordFile>(query, [](Query& row) {
      Columns columns(row);
      RecordFile file;
      file.stage = columns.small();
      file.name = columns.text();
      file.file = columns.text();
      file.rows = columns.integer();
      file.answers = columns.integer();
      file.written = columns.integer();
      file.bytes = columns.integer();
      file.sha256 = columns.text();
      return file;
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
