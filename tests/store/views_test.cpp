// What the views say by hand is what the program says, and a database of an older version says what it said before.
#include <SQLiteCpp/SQLiteCpp.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sqlite3.h>

#include <map>

#include "harness/compare/drop.hpp"
#include "harness/store/schema.hpp"
#include "tests/store/fixture.hpp"
#include "tests/support/demo_store.hpp"
#include "tests/support/support.hpp"

namespace touchstone {
namespace {

using ::testing::ElementsAre;

/// The rows of a query, their columns joined by '|'.
std::vector<std::string> rows(SQLite::Database& database, const std::string& sql) {
  std::vector<std::string> all;
  SQLite::Statement query(database, sql);
  while (query.executeStep()) {
    std::string row;
    for (int at = 0; at < query.getColumnCount(); ++at) row += (at > 0 ? "|" : "") + query.getColumn(at).getString();
    all.push_back(row);
  }
  return all;
}

// Whatever the names are: the program and the view read the same column.
TEST(Views, AFamilyIsTheOneThatTheTaskNames) {
  const testing::TemporaryFolder folder;
  const auto path = folder.path() / "results.sqlite";
  std::map<std::string, bool> trained;
  {
    Store store(path);
    const auto environment = store.environment(testing::environment());
    const auto run = store.begin_run({}, environment);
    const auto base = store.model(testing::model_row("base", "base"));
    const auto tuned = store.model(testing::model_row("tuned", "tuned"));
    auto cell = testing::cell_row("cell", base);
    cell.trained_on = "math_word";
    cell.trained_family = "word problems";
    cell.id = store.begin_cell(run, cell);
    cell.state = CellState::done;
    cell.result_model = tuned;
    store.finish_cell(cell.id, cell);
    for (const auto& [task, family] : {std::pair{"gsm8k", "word problems"}, std::pair{"math_hard", "proofs"}}) {
      for (const auto model : {base, tuned}) {
        auto made = testing::task_measure(task, 10, [](int number) { return number < 5; });
        made.family = family;
        store.add_measure(task + std::to_string(model), model, environment, made, {}, testing::engine(), 0.5);
      }
    }
    for (const auto& change : cell_changes(store)) {
      for (const auto& task : change.tasks) trained[task.task] = task.trained_on;
    }
  }
  EXPECT_TRUE(trained.at("gsm8k"));
  EXPECT_FALSE(trained.at("math_hard"));
  SQLite::Database database(path.string());
  EXPECT_THAT(rows(database, "SELECT benchmark, trained FROM \"drop\" ORDER BY 1"),
              ElementsAre("gsm8k|1", "math_hard|0"));
}

TEST(Views, TheDropOfWhatShouldBeLowIsItsRise) {
  const testing::TemporaryFolder folder;
  const auto path = folder.path() / "results.sqlite";
  {
    Store store(path);
    const auto environment = store.environment(testing::environment());
    const auto run = store.begin_run({}, environment);
    const auto base = store.model(testing::model_row("base", "base"));
    const auto tuned = store.model(testing::model_row("tuned", "tuned"));
    auto cell = testing::cell_row("cell", base);
    cell.id = store.begin_cell(run, cell);
    cell.state = CellState::done;
    cell.result_model = tuned;
    store.finish_cell(cell.id, cell);
    for (const auto& [model, value] : {std::pair{base, 0.25}, std::pair{tuned, 0.375}}) {
      auto made = testing::task_measure("corpus", 2, [](int) { return false; });
      made.scores = {{"bits_per_byte,none", value, 0.01, false, 0.0, {.scale = 1.0, .name = "bits/byte"}}};
      store.add_measure("corpus" + std::to_string(model), model, environment, made, {}, testing::engine(), 0.5);
    }
  }
  SQLite::Database database(path.string());
  EXPECT_THAT(rows(database, "SELECT benchmark, before, after, \"drop\", unit, scale FROM \"drop\""),
              ElementsAre("corpus|0.25|0.375|0.125|bits/byte|1.0"));
  EXPECT_THAT(rows(database, "SELECT DISTINCT unit, scale, higher_is_better FROM scores"),
              ElementsAre("bits/byte|1.0|0"));
}

/// A database as version 2 wrote it: a base model and two cells, each measured on tasks of several families.
void write_version_2(SQLite::Database& database) {
  migrate(database, migrations().first(2), "old.sqlite");
  database.exec(R"sql(
INSERT INTO environment VALUES (1, '0.1.0', '2.13.0', 'g++', 'cpu', 2, 'Linux');
INSERT INTO model VALUES (1, 'h1', 'base', 'llama', 10, 'c', 't', ''), (2, 'h2', 'a', 'llama', 10, 'c', 't', ''),
                         (3, 'h3', 'b', 'llama', 10, 'c', 't', '');
INSERT INTO cell (id, key, base_model, result_model, method, recipe_json, trained_on, seed, state)
VALUES (1, 'k1', 1, 2, 'sft', '{}', 'micro-mmlu', 1, 'done'), (2, 'k2', 1, 3, 'sft', '{}', 'truthfulqa_mc1', 1, 'done');
)sql");
  int id = 0;
  for (const int model : {1, 2, 3}) {
    for (const auto& [task, metric] :
         std::vector<std::pair<std::string, std::string>>{{"micro-mmlu-ood-botany", "acc,none"},
                                                          {"micro-gsm8k", "exact_match,strict-match"},
                                                          {"mmlu_anatomy", "acc,none"},
                                                          {"truthfulqa_gen", "bleu_max,none"},
                                                          {"opencqa", "rougeL,none"},
                                                          {"micro-corpus", "bits_per_byte,none"}}) {
      ++id;
      const auto number = std::to_string(id);
      const bool bits = metric == "bits_per_byte,none";
      database.exec("INSERT INTO measure VALUES (" + number + ", 'm" + number + "', " + std::to_string(model) +
                    ", 1, '" + task + "', '" + task +
                    "', '1', 'd', 'data', '{}', 'compat', 0, 'cpu', 'float32', 'operators', 1, 512, 10, 4, 0.5, "
                    "'2026-01-01T00:00:00Z', '[\"" +
                    task +
                    ": 1 of 4 prompts are longer than the model''s context and "
                    "were cut on the left\",\"" +
                    task + ": x is a sample\"]')");
      database.exec("INSERT INTO score VALUES (" + number + ", 0, '" + metric + "', 0." + number + ", 0.1, " +
                    (bits ? "0" : "1") + ", 0.0)");
      for (int item = 1; item <= 2; ++item) {
        database.exec("INSERT OR IGNORE INTO item VALUES (" + std::to_string(100 * (id % 6) + item) + ", '" + task +
                      "', 'e" + std::to_string(item) + "', 'd', 't', '', 'A', '[0]')");
        database.exec("INSERT OR IGNORE INTO prompt VALUES (" + std::to_string(item) + ", 'p" + std::to_string(item) +
                      "', 'Question?')");
        database.exec(
            "INSERT INTO sample (measure, item, prompt, correct, score, parsed, finished, prompt_tokens, "
            "truncated_tokens, generated_tokens, choice_logp, choice_greedy, choice_probability, metrics, "
            "extracted, detail, responses) VALUES (" +
            number + ", " + std::to_string(100 * (id % 6) + item) + ", " + std::to_string(item) + ", " +
            ((7 * id + item) % 5 < 2 ? "1, 1.0" : "0, 0.0") +
            ", 1, 1, 3, 0, 1, '[]', '[]', '[]', '{}', 'A', '', '[\"A\"]')");
      }
    }
  }
}

const std::vector<std::string> old_queries = {
    "SELECT measure, model, model_hash, method, trained_on, seed, benchmark, task, shots, mode, items, metric, value, "
    "stderror, chance, main FROM scores ORDER BY 1, 4, 5",
    "SELECT * FROM before_after ORDER BY 1, 8, 9",
    "SELECT cell, model, method, trained_on, seed, benchmark, metric, trained, items, before, after, \"drop\" FROM "
    "\"drop\" ORDER BY 1, 6",
    "SELECT * FROM calibration ORDER BY 1", "SELECT * FROM flips ORDER BY 1, 5, 6"};

TEST(Migration, AnOlderDatabaseGivesTheSameRows) {
  const testing::TemporaryFolder folder;
  const auto path = folder.path() / "old.sqlite";
  std::vector<std::vector<std::string>> before;
  {
    SQLite::Database database(path.string(), SQLite::OPEN_READWRITE | SQLite::OPEN_CREATE);
    write_version_2(database);
    for (const auto& query : old_queries) before.push_back(rows(database, query));
  }
  EXPECT_EQ(before[2].size(), 12U);
  EXPECT_GT(before[4].size(), 3U);
  const Store store(path);
  SQLite::Database database(path.string());
  for (std::size_t at = 0; at < old_queries.size(); ++at) EXPECT_EQ(rows(database, old_queries[at]), before[at]);
  EXPECT_THAT(rows(database, "SELECT DISTINCT task, family FROM measure ORDER BY 1"),
              ElementsAre("micro-corpus|micro-corpus", "micro-gsm8k|micro-gsm8k", "micro-mmlu-ood-botany|micro-mmlu",
                          "mmlu_anatomy|mmlu", "opencqa|opencqa", "truthfulqa_gen|truthfulqa"));
  EXPECT_THAT(rows(database, "SELECT trained_on, trained_family FROM cell ORDER BY id"),
              ElementsAre("micro-mmlu|micro-mmlu", "truthfulqa_mc1|truthfulqa"));
  EXPECT_THAT(rows(database, "SELECT DISTINCT metric, unit, scale FROM score ORDER BY 1"),
              ElementsAre("acc,none|points|100.0", "bits_per_byte,none|bits/byte|1.0", "bleu_max,none|points|1.0",
                          "exact_match,strict-match|points|100.0", "rougeL,none|points|100.0"));
  EXPECT_THAT(rows(database, "SELECT DISTINCT further FROM scores"), ElementsAre(""));
  const auto measures = store.measures();
  ASSERT_EQ(measures.at(0).warnings.size(), 2U);
  EXPECT_EQ(measures[0].warnings[0].kind, Warning::Kind::cut_prompts);
  EXPECT_EQ(measures[0].warnings[1], (Warning{Warning::Kind::data, "micro-mmlu-ood-botany: x is a sample"}));
  EXPECT_TRUE(store.problems().empty());
}

}  // namespace
}  // namespace touchstone
