// A plan's methods with settings of their own, and what the plan's "set" reaches.
#include <gtest/gtest.h>

#include "harness/base/files.hpp"
#include "harness/base/json.hpp"
#include "harness/cli/program.hpp"
#include "harness/cli/verdict_record.hpp"
#include "harness/store/store.hpp"
#include "tests/cli/command.hpp"
#include "tests/support/support.hpp"

namespace touchstone {
namespace {

using testing::touchstone_command;

const Json variants = {{"name", "variants"},
                       {"models", {"stories260k"}},
                       {"methods",
                        {"sft",
                         {{"method", "lora"}, {"name", "lora-r2"}, {"set", {{"adapt.r", 2}, {"train.max_steps", 2}}}},
                         {{"method", "lora"}}}},
                       {"train_on", {"gsm8k"}},
                       {"seeds", {1}},
                       {"measure_on", {{{"tasks", {"truthfulqa_mc1"}}, {"limit", 2}}}},
                       {"set", {{"load.limit", 4}, {"train.max_steps", 1}, {"adapt.r", 4}}}};

std::string write_plan(const testing::TemporaryFolder& folder, const Json& plan) {
  const auto path = folder.path() / "plan.json";
  write_file_atomically(path, plan.dump());
  return path.string();
}

TEST(PlanMethods, SayWhatASettingDoesNotConcern) {
  const testing::TemporaryFolder folder;
  const auto result = touchstone_command(
      {"run", write_plan(folder, variants), "--db", (folder.path() / "r.sqlite").string(), "--dry-run"});
  ASSERT_EQ(result.code, 0) << result.err;
  EXPECT_NE((result.out + result.err).find("set 'adapt.r' does not concern sft"), std::string::npos) << result.err;
}

TEST(PlanMethods, AreStoredAsTheyRan) {
  const testing::TemporaryFolder folder;
  const auto database = folder.path() / "r.sqlite";
  const auto result = touchstone_command({"run", write_plan(folder, variants), "--db", database.string(), "--quiet"});
  ASSERT_EQ(result.code, 0) << result.err;
  std::map<std::string, CellRow> cells;
  for (const auto& cell : Store(database, Store::Open::read_only).cells(1)) cells[cell.method] = cell;
  ASSERT_EQ(cells.size(), 3U);
  EXPECT_EQ(cells.at("sft").steps, 1);
  EXPECT_EQ(cells.at("lora-r2").steps, 2);
  EXPECT_EQ(cells.at("lora").steps, 1);
  const auto rank = [&](const std::string& method) {
    const auto recipe = parse_json(cells.at(method).recipe_json, "recipe");
    for (const auto& stage : recipe["stages"]) {
      if (stage["use"] == "adapt") return stage["r"].get<int>();
    }
    return 0;
  };
  EXPECT_EQ(rank("sft"), 0);
  EXPECT_EQ(rank("lora-r2"), 2);
  EXPECT_EQ(rank("lora"), 4);
}

/// A plan with two methods, a claim and a tuning: five values, three seeds each, grids that may not grow.
Json tuned_variants() {
  auto plan = variants;
  plan["methods"] = {"sft", {{"method", "lora"}, {"tune", {{"key", "adapt.r"}, {"values", {2, 8}}}}}};
  plan["seeds"] = {1, 2};
  plan["measure_on"] = {{{"tasks", {"gsm8k", "truthfulqa_mc1"}}, {"limit", 4}}};
  plan["about"] = "lora";
  plan["claims"] = {
      {{"text", "Less is lost."}, {"arm", "lora"}, {"against", "sft"}, {"of", "drop"}, {"expect", "lower"}}};
  plan["tune"] = {{"values", {0.001, 0.002, 0.004}},
                  {"seed", 9},
                  {"grow", 0},
                  {"measure_on", {{{"tasks", {"gsm8k"}}, {"limit", 2}}}}};
  return plan;
}

// Fifteen tuning cells, then four of the plan, which says what became of its claims.
TEST(PlanMethods, TunedComparedAndJudged) {
  const testing::TemporaryFolder folder;
  const auto file = write_plan(folder, tuned_variants());
  const auto database = (folder.path() / "r.sqlite").string();
  const auto tuned = touchstone_command({"run", file, "--db", database, "--quiet", "--tune"});
  ASSERT_EQ(tuned.code, 0) << tuned.err;
  EXPECT_NE(tuned.out.find("15 cells done"), std::string::npos) << tuned.out;
  EXPECT_NE(
      tuned.out.find("tuned on the gain on the training task, 3 seeds: sft: train.learning_rate 0.001 of 0.001 ("),
      std::string::npos)
      << tuned.out;
  EXPECT_NE(tuned.out.find("lora: adapt.r 2 of 2 ("), std::string::npos) << tuned.out;
  EXPECT_NE(tuned.out.find("the best is the lowest value tried"), std::string::npos) << tuned.out;
  const auto told = touchstone_command({"run", file, "--db", database, "--quiet", "--tune", "--json"});
  const auto tried = Json::parse(told.out);
  EXPECT_EQ(tried["stored"], 15);
  EXPECT_EQ(tried["grown"], 0);
  ASSERT_EQ(tried["methods"].size(), 2U) << told.out;
  EXPECT_EQ(tried["methods"][0]["method"], "sft");
  EXPECT_EQ(tried["methods"][0]["best"], 0.001);  // two questions of which none is answered: all gain alike
  EXPECT_EQ(tried["methods"][0]["edge"], true);
  EXPECT_EQ(tried["methods"][0]["tried"].size(), 3U);
  EXPECT_EQ(tried["methods"][1]["key"], "adapt.r");
  EXPECT_EQ(tried["methods"][1]["tried"][1]["seeds"].size(), 3U) << told.out;
  const auto run = touchstone_command({"run", file, "--db", database, "--quiet"});
  ASSERT_EQ(run.code, 0) << run.err;
  EXPECT_NE(run.out.find("mean drop elsewhere, lora - sft: lower"), std::string::npos) << run.out;
  EXPECT_NE(run.out.find("cannot be recorded: sft: its best train.learning_rate, 0.001, is the lowest value tried"),
            std::string::npos)
      << run.out;
  const auto judged = Json::parse(touchstone_command({"run", file, "--db", database, "--quiet", "--json"}).out);
  EXPECT_EQ(judged["verdict"]["verdict"], "not shown");
  EXPECT_EQ(judged["verdict"]["claims"].size(), 1U);
  EXPECT_EQ(judged["verdict"]["tuning"]["methods"].size(), 2U);
  const auto none = touchstone_command({"verdict", "--db", database, "--run", "variants-tune"});
  EXPECT_EQ(none.code, 2);
  EXPECT_NE(none.err.find("no claims to judge"), std::string::npos) << none.err;
}

// All values of the grid gain alike, so the lowest is taken: half of it is tried, twice.
TEST(PlanMethods, GridsGrowWhereTheBestLiesAtAnEnd) {
  const testing::TemporaryFolder folder;
  auto plan = tuned_variants();
  plan["methods"] = {"sft"};
  plan["set"].erase("adapt.r");
  plan.erase("claims");
  plan["tune"]["values"] = {0.001};
  plan["tune"]["grow"] = 2;
  const auto told = touchstone_command(
      {"run", write_plan(folder, plan), "--db", (folder.path() / "r.sqlite").string(), "--quiet", "--tune", "--json"});
  ASSERT_EQ(told.code, 0) << told.err;
  const auto tried = Json::parse(told.out);
  EXPECT_EQ(tried["grown"], 2);
  EXPECT_EQ(tried["done"], 15);
  EXPECT_EQ(tried["methods"][0]["tried"].size(), 5U);
  EXPECT_EQ(tried["methods"][0]["tried"][0]["value"], 0.000125);
  EXPECT_EQ(tried["stopped"], "the grids grew 2 times, as often as they may");
}

// A plan without "tune" has nothing that could lie at an edge. A verdict is recorded of a clean commit only: whether
// this build is one decides what must happen.
TEST(PlanMethods, VerdictsAreRecordedOfCleanCommits) {
  const testing::TemporaryFolder folder;
  auto plan = tuned_variants();
  plan.erase("tune");
  plan["methods"] = {"sft", "lora"};
  const auto database = (folder.path() / "r.sqlite").string();
  const auto run = touchstone_command({"run", write_plan(folder, plan), "--db", database, "--quiet"});
  ASSERT_EQ(run.code, 0) << run.err;
  const auto record = (folder.path() / "verdicts.json").string();
  const auto page = (folder.path() / "methods.md").string();
  EXPECT_EQ(touchstone_command({"verdict", "--db", database}).code, 3);  // four questions show nothing; reading is free
  const auto verdict = touchstone_command({"verdict", "--db", database, "--record", record, "--table", page});
  if (!commit_objection(code_version()).empty()) {
    EXPECT_EQ(verdict.code, 2);
    EXPECT_NE(verdict.err.find("its verdict cannot be recorded: it was run by " + code_version()), std::string::npos)
        << verdict.err;
    EXPECT_FALSE(std::filesystem::exists(record));
    return;
  }
  EXPECT_EQ(verdict.code, 3) << verdict.out << verdict.err;
  const auto recorded = read_json(record);
  EXPECT_EQ(recorded["lora"]["verdict"], "not shown");
  EXPECT_EQ(recorded["lora"]["claims"][0]["cells"], 2);
  EXPECT_EQ(recorded["lora"]["version"], code_version());
  EXPECT_EQ(recorded["lora"]["judged_by"], code_version());
  EXPECT_NE(read_file(page).find("| `lora` | not shown |"), std::string::npos);
  touchstone_command({"verdict", "--db", database, "--record", record, "--table", page});
  EXPECT_EQ(read_json(record), recorded);
}

TEST(VerdictRecord, NamesACommitWithoutChanges) {
  EXPECT_EQ(commit_objection("0.1.0+1a2b3c4d5e6f"), "");
  EXPECT_EQ(commit_objection("0.1.0+1a2b3c4d5e6f-dirty"),
            "0.1.0+1a2b3c4d5e6f-dirty, which has changes that no commit holds");
  EXPECT_EQ(commit_objection("0.1.0"), "0.1.0, which names no commit");
}

// The page of a record that is there, without a database; entries from before there was a main claim stay readable.
TEST(VerdictRecord, GivesItsPageByItself) {
  const testing::TemporaryFolder folder;
  const auto record = (folder.path() / "verdicts.json").string();
  const auto page = (folder.path() / "methods.md").string();
  write_file_atomically(record, R"page({
    "asft": {"plan": "papers/asft", "verdict": "not shown", "text": "drop, asft - sft: +1.3", "version": "0.1.0+abc",
             "claims": [{"claim": "Less | lost.", "compared": "drop, asft - sft", "expected": "lower", "found": "+1.3",
                         "verdict": "not shown"}], "note": "A note."},
    "otr": {"plan": "papers/otr", "verdict": "contradicted", "text": "", "version": "0.1.0+abc", "judged_by": "0.1.0+def",
            "claims": [{"claim": "c", "main": true, "compared": "drop, otr - sft", "expected": "lower", "found": "+9",
                        "verdict": "contradicted", "words": "contradicted (p 1)"}],
            "tuning": {"judged_on": "gain on the training task", "seeds": 3, "methods": [{"words": "sft: 1 of 1, 2"}]}}})page");
  const auto written = touchstone_command({"verdict", "--record", record, "--table", page});
  ASSERT_EQ(written.code, 0) << written.err;
  const auto text = read_file(page);
  for (const char* part :
       {"| `asft` | not shown | drop, asft - sft: +1.3 |", "| `otr` | contradicted | drop, otr - sft: +9 |",
        "| Less \\| lost. (drop, asft - sft) | lower | +1.3 | not shown |",
        "How its options were chosen is not recorded",
        "| **Main:** c (drop, otr - sft) | lower | +9 | contradicted (p 1) |",
        "Made by 0.1.0+abc, judged by 0.1.0+def.", "Tuned on the gain on the training task, 3 seeds",
        "- sft: 1 of 1, 2", "\nA note.\n"}) {
    EXPECT_NE(text.find(part), std::string::npos) << part << '\n' << text;
  }
  const auto nothing = touchstone_command({"verdict", "--table", page});
  EXPECT_EQ(nothing.code, 2);
  EXPECT_NE(nothing.err.find("without --db"), std::string::npos) << nothing.err;
  EXPECT_EQ(touchstone_command({"verdict", "--record", record + "x", "--table", page}).code, 2);
}

TEST(PlanMethods, AreTheSameWhateverTheirPageSays) {
  const testing::TemporaryFolder folder;
  const auto recipe = folder.path() / "own.json";
  auto own = Json::parse(R"({"method": "own", "paper": "none", "stages": [{"use": "load", "task": "$train_on"},
    {"use": "train", "objective": "sft"}]})");
  auto plan = variants;
  plan["methods"] = {{{"method", recipe.string()}}};
  plan["set"] = {{"load.limit", 4}, {"train.max_steps", 1}};
  const auto done = [&] {
    write_file_atomically(recipe, own.dump());
    const auto result = touchstone_command(
        {"run", write_plan(folder, plan), "--db", (folder.path() / "r.sqlite").string(), "--quiet", "--json"});
    EXPECT_EQ(result.code, 0) << result.err;
    return Json::parse(result.out)["done"].get<int>();
  };
  EXPECT_EQ(done(), 1);
  own["summary"] = "now with a page";
  own["formula"] = "L = -log p";
  EXPECT_EQ(done(), 0);
  own["stages"][1]["learning_rate"] = 1e-3;
  EXPECT_EQ(done(), 1);
}

// Models that a recipe reads are part of what its cells are made of, wherever they lie.
TEST(PlanMethods, AreMadeAgainWhenAModelThatTheyLoadHasChanged) {
  const testing::TemporaryFolder folder;
  const auto other = folder.path() / "other";
  std::filesystem::copy(std::filesystem::path(TOUCHSTONE_SOURCE_DIR) / "models" / "stories260k", other);
  std::filesystem::permissions(other / "model.safetensors", std::filesystem::perms::owner_write,
                               std::filesystem::perm_options::add);
  const auto recipe = folder.path() / "own.json";
  const Json own = {{"method", "own"},
                    {"paper", "none"},
                    {"stages",
                     {{{"use", "load_model"}, {"from", other.string()}, {"as", "teacher"}},
                      {{"use", "load"}, {"task", "$train_on"}},
                      {{"use", "train"}, {"objective", "sft"}}}}};
  write_file_atomically(recipe, own.dump());
  auto plan = variants;
  plan["methods"] = {{{"method", recipe.string()}}};
  plan["set"] = {{"load.limit", 4}, {"train.max_steps", 1}};
  const auto done = [&] {
    const auto result = touchstone_command(
        {"run", write_plan(folder, plan), "--db", (folder.path() / "r.sqlite").string(), "--quiet", "--json"});
    EXPECT_EQ(result.code, 0) << result.err;
    return Json::parse(result.out)["done"].get<int>();
  };
  EXPECT_EQ(done(), 1);
  EXPECT_EQ(done(), 0);
  auto bytes = read_file(other / "model.safetensors");
  bytes[bytes.size() - 4] = static_cast<char>(bytes[bytes.size() - 4] ^ 1);  // the last bit of a weight
  write_file_atomically(other / "model.safetensors", bytes);
  EXPECT_EQ(done(), 1);
}

}  // namespace
}  // namespace touchstone
