#include "harness/base/hash.hpp"
#include "harness/store/flat_json.hpp"
#include "harness/store/impl.hpp"

namespace touchstone {
namespace {

/// The content of each table. Ids are replaced by the keys they stand for, and rows are in the order of those keys.
constexpr const char* contents[] = {
    "SELECT 'model', hash, label, family, parameters, config_hash, tokenizer_hash, template_hash FROM model "
    "ORDER BY hash, config_hash, tokenizer_hash, template_hash",

    // Each start of a plan is a run of its own. The last one tells how the plan ended; all together tell what it holds.
    "SELECT 'run', name, plan_hash, state FROM run WHERE id IN (SELECT max(id) FROM run GROUP BY name, plan_hash) "
    "ORDER BY name, plan_hash",

    "SELECT 'cell', cell.key, base.hash, result.hash, method, recipe_json, trained_on, trained_family, seed, state, "
    "error, "
    "steps, tokens FROM cell JOIN model AS base ON base.id = base_model LEFT JOIN model AS result ON result.id = "
    "result_model "
    "ORDER BY cell.key",

    "SELECT DISTINCT 'run_cell', run.name, run.plan_hash, cell.key FROM run_cell JOIN run ON run.id = run "
    "JOIN cell ON cell.id = cell ORDER BY 2, 3, 4",

    "SELECT 'stage', cell.key, stage, name, options FROM stage JOIN cell ON cell.id = cell ORDER BY cell.key, stage",

    "SELECT 'record_file', cell.key, stage, name, file, rows, answers, written, bytes, sha256 FROM record_file "
    "JOIN cell ON cell.id = cell ORDER BY cell.key, stage",

    "SELECT 'step', cell.key, stage, step, step.steps, loss, learning_rate, gradient_norm, step.tokens, trained_tokens "
    "FROM step JOIN cell ON cell.id = cell ORDER BY cell.key, stage, step",

    "SELECT 'measure', key, hash, task, benchmark, measure.family, version, data_hash, data_origin, settings_json, "
    "mode, shots, "
    "device, "
    "dtype, kernels, max_length, documents, items FROM measure JOIN model ON model.id = model ORDER BY key",

    "SELECT DISTINCT 'run_measure', run.name, run.plan_hash, cell.key, measure.key FROM run_measure JOIN run ON run.id "
    "= run "
    "LEFT JOIN cell ON cell.id = cell JOIN measure ON measure.id = measure ORDER BY 2, 3, 4, 5",

    "SELECT 'score', key, metric, value, stderror, higher_is_better, chance, scale, unit, further FROM score "
    "JOIN measure ON measure.id = measure ORDER BY key, position",

    "SELECT 'work', key, procedure, forward_tokens FROM work JOIN measure ON measure.id = measure "
    "ORDER BY key",

    "SELECT 'warning', key, position, kind, text FROM warning JOIN measure ON measure.id = measure "
    "ORDER BY key, position",

    "SELECT 'sample', key, example, doc_hash, target_hash, cluster, target, gold, prompt.hash, text, correct, score, "
    "confidence, parsed, finished, prompt_tokens, truncated_tokens, generated_tokens, choice_logp, choice_greedy, "
    "choice_probability, metrics, extracted, detail, responses FROM sample JOIN measure ON measure.id = measure "
    "JOIN item ON item.id = item JOIN prompt ON prompt.id = prompt ORDER BY key, sample.id",

    "SELECT 'drawn', key, example, doc_hash, number, drawing, drawn.text, drawn.extracted, drawn.parsed, "
    "drawn.correct, "
    "drawn.score, drawn.tokens, drawn.finished FROM drawn JOIN sample ON sample.id = sample "
    "JOIN measure ON measure.id = measure JOIN item ON item.id = item ORDER BY key, sample.id, number",

    "SELECT 'confidence', key, confidence.items, accuracy, confidence, ece, ece_equal_mass, mce, brier, nll, auroc, "
    "selective_accuracy_10, risk_coverage_area FROM confidence JOIN measure ON measure.id = measure ORDER BY key",
};

/// Whether a logged value may differ between two runs of the same plan.
bool depends_on_machine(const std::string& key) {
  for (const char* word : {"second", "bytes", "per_s", "time", "resumed"}) {
    if (key.find(word) != std::string::npos) return true;
  }
  return false;
}

std::string lasting(const std::string& logged) {
  auto values = object_from(logged);
  std::erase_if(values, [](const auto& entry) { return depends_on_machine(entry.first); });
  return object_json(values);
}

/// The length comes first, so that no two different rows write the same bytes.
void add(Sha256& digest, const std::string& field) { digest.add(std::to_string(field.size()) + ":").add(field); }

void add_rows(Sha256& digest, SQLite::Statement& query) {
  while (query.executeStep()) {
    for (int at = 0; at < query.getColumnCount(); ++at) {
      const auto column = query.getColumn(at);
      // A number is written as the shortest text that reads back as the same bits: SQLite's own text has 15 digits.
      add(digest, column.isFloat()  ? numbers_json({column.getDouble()})
                  : column.isNull() ? "null"
                                    : column.getString());
    }
    digest.add("\n");
  }
}

void add_logged(Sha256& digest, SQLite::Database& database, const std::string& table, const std::string& order) {
  SQLite::Statement query(database,
                          "SELECT key, logged FROM " + table + " JOIN cell ON cell.id = cell ORDER BY key, " + order);
  while (query.executeStep()) {
    add(digest, query.getColumn(0).getString());
    add(digest, lasting(query.getColumn(1).getString()));
  }
}

}  // namespace

std::string Store::content_digest() const {
  return impl_->connection.read([&](SQLite::Database& database) {
    Sha256 digest;
    for (const char* content : contents) {
      SQLite::Statement query(database, content);
      add_rows(digest, query);
    }
    add_logged(digest, database, "stage", "stage");
    add_logged(digest, database, "step", "stage, step");
    return digest.hex();
  });
}

}  // namespace touchstone
