// A plan's methods with settings of their own, and what the plan's "set" reaches.
#include <gtest/gtest.h>

#include "harness/base/files.hpp"
#include "harness/base/json.hpp"
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

// Six tuning cells, then three of the plan, which says what became of its claims; the verdict says it again and records
// it.
TEST(PlanMethods, TunedComparedAndJudged) {
  const testing::TemporaryFolder folder;
  auto plan = variants;
  plan["methods"] = {"sft", {{"method", "lora"}, {"tune", {{"key", "adapt.r"}, {"values", {2, 8}}}}}};
  plan["seeds"] = {1, 2};
  plan["measure_on"] = {{{"tasks", {"gsm8k", "truthfulqa_mc1"}}, {"limit", 4}}};
  plan["about"] = "lora";
  plan["claims"] = {
      {{"text", "Less is lost."}, {"arm", "lora"}, {"against", "sft"}, {"of", "drop"}, {"expect", "lower"}}};
  plan["tune"] = {
      {"values", {0.001, 0.002, 0.004}}, {"seed", 9}, {"measure_on", {{{"tasks", {"gsm8k"}}, {"limit", 2}}}}};
  const auto file = write_plan(folder, plan);
  const auto database = (folder.path() / "r.sqlite").string();
  const auto tuned = touchstone_command({"run", file, "--db", database, "--quiet", "--tune"});
  ASSERT_EQ(tuned.code, 0) << tuned.err;
  EXPECT_NE(tuned.out.find("5 cells done"), std::string::npos) << tuned.out;
  EXPECT_NE(tuned.out.find("\"train.learning_rate\": 0.001"), std::string::npos) << tuned.out;
  EXPECT_NE(tuned.out.find("\"adapt.r\": "), std::string::npos) << tuned.out;
  const auto told = touchstone_command({"run", file, "--db", database, "--quiet", "--tune", "--json"});
  const auto tried = Json::parse(told.out);
  EXPECT_EQ(tried["stored"], 5);
  ASSERT_EQ(tried["tuned"].size(), 2U) << told.out;
  EXPECT_EQ(tried["tuned"][0]["method"], "sft");
  EXPECT_EQ(tried["tuned"][0]["best"], 0.001);  // two questions of which none is answered: all gain alike
  EXPECT_EQ(tried["tuned"][0]["tried"].size(), 3U);
  EXPECT_EQ(tried["tuned"][1]["key"], "adapt.r");
  EXPECT_TRUE(tried["tuned"][1]["tried"][1]["gain"].is_number()) << told.out;
  EXPECT_FALSE(tried.contains("verdict"));
  const auto run = touchstone_command({"run", file, "--db", database, "--quiet"});
  ASSERT_EQ(run.code, 0) << run.err;
  EXPECT_NE(run.out.find("mean drop elsewhere, lora - sft: lower"), std::string::npos) << run.out;
  const auto judged = Json::parse(touchstone_command({"run", file, "--db", database, "--quiet", "--json"}).out);
  EXPECT_EQ(judged["verdict"]["verdict"], "not shown");
  EXPECT_EQ(judged["verdict"]["claims"].size(), 1U);
  const auto record = (folder.path() / "verdicts.json").string();
  const auto page = (folder.path() / "methods.md").string();
  const auto verdict = touchstone_command({"verdict", "--db", database, "--record", record, "--table", page});
  EXPECT_EQ(verdict.code, 3) << verdict.out << verdict.err;  // four questions show nothing
  const auto recorded = read_json(record);
  EXPECT_EQ(recorded["lora"]["verdict"], "not shown");
  EXPECT_EQ(recorded["lora"]["claims"][0]["cells"], 2);
  EXPECT_NE(read_file(page).find("| `lora` | not shown |"), std::string::npos);
  const auto again = touchstone_command({"verdict", "--db", database, "--record", record, "--table", page});
  EXPECT_EQ(read_json(record), recorded);
  const auto none = touchstone_command({"verdict", "--db", database, "--run", "variants-tune"});
  EXPECT_EQ(none.code, 2);
  EXPECT_NE(none.err.find("no claims to judge"), std::string::npos) << none.err;
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
