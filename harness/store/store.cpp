#include "harness/store/store.hpp"

#include "harness/base/error.hpp"
#include "harness/store/flat_json.hpp"
#include "harness/store/impl.hpp"

namespace touchstone {
namespace {

const std::string& or_empty_object(const std::string& json) {
  static const std::string empty = "{}";
  return json.empty() ? empty : json;
}

/// The id of the row just inserted.
std::int64_t inserted(SQLite::Database& database) { return database.getLastInsertRowid(); }

void link_cell_row(SQLite::Database& database, std::int64_t run, std::int64_t cell) {
  SQLite::Statement link(database, "INSERT INTO run_cell (run, cell) VALUES (?, ?) ON CONFLICT DO NOTHING");
  Binder(link).add(run).add(cell).run();
}

/// Two hashes, one stored and one new, agree when they are equal or either is unknown.
constexpr const char* same_model =
    "SELECT id FROM model WHERE hash = ?1 AND (config_hash = ?2 OR config_hash = '' OR ?2 = '') AND "
    "(tokenizer_hash = ?3 OR tokenizer_hash = '' OR ?3 = '') AND "
    "(template_hash = ?4 OR template_hash = '' OR ?4 = '') ORDER BY id LIMIT 1";

/// Fills in from the new row what the stored one lacks.
constexpr const char* fill_model =
    "UPDATE model SET config_hash = iif(config_hash = '', ?2, config_hash), "
    "tokenizer_hash = iif(tokenizer_hash = '', ?3, tokenizer_hash), "
    "template_hash = iif(template_hash = '', ?4, template_hash), label = iif(label = '', ?5, label), "
    "family = iif(family = '', ?6, family), parameters = iif(parameters = 0, ?7, parameters) WHERE id = ?1";

void step_row(SQLite::Statement& statement, std::int64_t cell, const StepReport& point) {
  const auto logged = object_json(point.values);
  Binder(statement)
      .add(cell)
      .add(point.stage)
      .add(point.step)
      .add(point.steps)
      .add(point.loss)
      .add(point.learning_rate)
      .add(point.gradient_norm)
      .add(point.tokens)
      .add(point.trained_tokens)
      .add(point.seconds)
      .add(logged)
      .run();
}

}  // namespace

std::string portable_name(const std::string& path) {
  if (path.empty() || path.front() != '/') return path;
  const auto normal = std::filesystem::path(path).lexically_normal();
  return normal.has_filename() ? normal.filename().string() : normal.parent_path().filename().string();
}

const char* cell_state_name(CellState state) {
  switch (state) {
    case CellState::running:
      return "running";
    case CellState::done:
      return "done";
    case CellState::failed:
      return "failed";
  }
  return "";
}

Store::Store(const std::filesystem::path& path, Open open)
    : impl_(new Impl{Connection(path, open == Open::read_only)}) {}
void Store::check(const std::filesystem::path& path) { Connection::check(path); }
Store::~Store() = default;
Store::Store(Store&&) noexcept = default;
Store& Store::operator=(Store&&) noexcept = default;

std::int64_t Store::environment(const Environment& row) {
  return impl_->connection.write([&](SQLite::Database& database) {
    SQLite::Statement insert(database,
                             "INSERT INTO environment (code_version, libtorch, compiler, cpu, cores, system) "
                             "VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING");
    const auto bind = [&](SQLite::Statement& statement) {
      return Binder(statement)
          .add(row.code_version)
          .add(row.libtorch)
          .add(row.compiler)
          .add(row.cpu)
          .add(row.cores)
          .add(row.system);
    };
    bind(insert).run();
    SQLite::Statement find(database,
                           "SELECT id FROM environment WHERE code_version = ? AND libtorch = ? AND compiler = ? AND "
                           "cpu = ? AND cores = ? AND system = ?");
    bind(find);
    find.executeStep();
    return find.getColumn(0).getInt64();
  });
}

std::int64_t Store::model(const ModelRow& row) {
  const auto label = portable_name(row.label);
  return impl_->connection.write([&](SQLite::Database& database) -> std::int64_t {
    SQLite::Statement find(database, same_model);
    Binder(find).add(row.hash).add(row.config_hash).add(row.tokenizer_hash).add(row.template_hash);
    if (find.executeStep()) {
      const auto id = find.getColumn(0).getInt64();
      find.reset();
      SQLite::Statement fill(database, fill_model);
      Binder(fill)
          .add(id)
          .add(row.config_hash)
          .add(row.tokenizer_hash)
          .add(row.template_hash)
          .add(label)
          .add(row.family)
          .add(row.parameters)
          .run();
      return id;
    }
    SQLite::Statement insert(database,
                             "INSERT INTO model (hash, label, family, parameters, config_hash, tokenizer_hash, "
                             "template_hash) VALUES (?, ?, ?, ?, ?, ?, ?)");
    Binder(insert)
        .add(row.hash)
        .add(label)
        .add(row.family)
        .add(row.parameters)
        .add(row.config_hash)
        .add(row.tokenizer_hash)
        .add(row.template_hash)
        .run();
    return inserted(database);
  });
}

std::int64_t Store::begin_run(const RunRow& row, std::int64_t environment) {
  const auto started = row.started_utc.empty() ? utc_now() : row.started_utc;
  const auto& plan = or_empty_object(row.plan_json);
  return impl_->connection.write([&](SQLite::Database& database) {
    SQLite::Statement insert(database,
                             "INSERT INTO run (name, plan_json, plan_hash, environment, started_utc, state) "
                             "VALUES (?, ?, ?, ?, ?, 'running')");
    Binder(insert).add(row.name).add(plan).add(row.plan_hash).add(environment).add(started).run();
    return inserted(database);
  });
}

void Store::resume_run(std::int64_t run) {
  impl_->connection.write([&](SQLite::Database& database) {
    SQLite::Statement update(database, "UPDATE run SET state = 'running', finished_utc = '' WHERE id = ?");
    Binder(update).add(run).run();
  });
}

void Store::end_run(std::int64_t run, const std::string& state, double seconds) {
  const auto finished = utc_now();
  impl_->connection.write([&](SQLite::Database& database) {
    SQLite::Statement update(database,
                             "UPDATE run SET state = ?, finished_utc = ?, seconds = seconds + ? WHERE id = ?");
    Binder(update).add(state).add(finished).add(seconds).add(run).run();
  });
}

std::int64_t Store::begin_cell(std::int64_t run, const CellRow& row) {
  const auto& recipe = or_empty_object(row.recipe_json);
  return impl_->connection.write([&](SQLite::Database& database) {
    SQLite::Statement insert(
        database,
        "INSERT INTO cell (key, base_model, method, recipe_json, trained_on, trained_family, seed, state) "
        "VALUES (?, ?, ?, ?, ?, ?, ?, 'running') ON CONFLICT (key) DO UPDATE SET "
        "attempts = attempts + 1, state = 'running', error = '' WHERE state <> 'done'");
    Binder(insert)
        .add(row.key)
        .add(row.base_model)
        .add(row.method)
        .add(recipe)
        .add(row.trained_on)
        .add(row.trained_family.empty() ? row.trained_on : row.trained_family)
        .add(static_cast<std::int64_t>(row.seed))
        .run();
    SQLite::Statement find(database, "SELECT id FROM cell WHERE key = ?");
    Binder(find).add(row.key);
    find.executeStep();
    const auto id = find.getColumn(0).getInt64();
    link_cell_row(database, run, id);
    return id;
  });
}

void Store::link_cell(std::int64_t run, std::int64_t cell) {
  impl_->connection.write([&](SQLite::Database& database) { link_cell_row(database, run, cell); });
}

void Store::stage(std::int64_t cell, const StageReport& report) {
  const auto logged = object_json(report.values);
  const auto& options = or_empty_object(report.options);
  impl_->connection.write([&](SQLite::Database& database) {
    SQLite::Statement insert(
        database,
        "INSERT INTO stage (cell, stage, name, options, seconds, logged) VALUES (?, ?, ?, ?, ?, ?) "
        "ON CONFLICT (cell, stage) DO UPDATE SET name = excluded.name, options = excluded.options, "
        "seconds = excluded.seconds, logged = excluded.logged");
    Binder(insert).add(cell).add(report.stage).add(report.name).add(options).add(report.seconds).add(logged).run();
  });
}

void Store::steps(std::int64_t cell, const std::vector<StepReport>& points) {
  impl_->connection.write([&](SQLite::Database& database) {
    // A curve's stage gets a row with its first point; stage() completes it at the end.
    SQLite::Statement stage(database, "INSERT INTO stage (cell, stage, name) VALUES (?, ?, ?) ON CONFLICT DO NOTHING");
    SQLite::Statement insert(database,
                             "INSERT OR REPLACE INTO step (cell, stage, step, steps, loss, learning_rate, "
                             "gradient_norm, tokens, trained_tokens, seconds, logged) "
                             "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)");
    int last_stage = -1;
    for (const auto& point : points) {
      if (point.stage != last_stage) Binder(stage).add(cell).add(point.stage).add(point.stage_name).run();
      last_stage = point.stage;
      step_row(insert, cell, point);
    }
  });
}

void Store::records(std::int64_t cell, const std::vector<RecordFile>& files) {
  impl_->connection.write([&](SQLite::Database& database) {
    SQLite::Statement clear(database, "DELETE FROM record_file WHERE cell = ?");
    Binder(clear).add(cell).run();
    SQLite::Statement insert(database,
                             "INSERT INTO record_file (cell, stage, name, file, rows, answers, written, bytes, sha256) "
                             "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)");
    for (const auto& file : files) {
      Binder(insert)
          .add(cell)
          .add(file.stage)
          .add(file.name)
          .add(file.file)
          .add(file.rows)
          .add(file.answers)
          .add(file.written)
          .add(file.bytes)
          .add(file.sha256)
          .run();
    }
  });
}

void Store::finish_cell(std::int64_t cell, const CellRow& row) {
  require(row.state != CellState::running, Fault::internal, "finish_cell with the state 'running'");
  const std::string state = cell_state_name(row.state);
  impl_->connection.write([&](SQLite::Database& database) {
    SQLite::Statement update(database,
                             "UPDATE cell SET state = ?, result_model = ?, error = ?, seconds = ?, steps = ?, "
                             "tokens = ?, peak_bytes = ? WHERE id = ?");
    Binder(update)
        .add(state)
        .reference(row.result_model)
        .add(row.error)
        .add(row.seconds)
        .add(row.steps)
        .add(row.tokens)
        .add(row.peak_bytes)
        .add(cell)
        .run();
  });
}

void Store::link_measure(std::int64_t run, std::int64_t cell, std::int64_t measure) {
  impl_->connection.write([&](SQLite::Database& database) {
    SQLite::Statement link(database,
                           "INSERT INTO run_measure (run, cell, measure) VALUES (?, ?, ?) ON CONFLICT DO NOTHING");
    Binder(link).add(run).reference(cell).add(measure).run();
  });
}

}  // namespace touchstone
