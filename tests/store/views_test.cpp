// What the views say by hand is what the program says.
#include <gtest/gtest.h>
#include <sqlite3.h>

#include <map>

#include "harness/compare/drop.hpp"
#include "tests/support/demo_store.hpp"
#include "tests/support/support.hpp"

namespace touchstone {
namespace {

TEST(Views, AFamilyHasTheTasksThatSameFamilyPutsTogether) {
  const testing::TemporaryFolder folder;
  const auto path = folder.path() / "results.sqlite";
  {
    testing::DemoPlan plan;
    plan.methods = {"sft"};
    plan.train_on = {"gsm8k", "micro-mmlu", "micro-truthfulqa-mc1"};
    plan.seeds = {1};
    plan.benchmarks = {{.name = "micro-mmlu", .leaves = {"micro-mmlu-history", "micro-mmlu-ood-botany"}, .items = 4},
                       {.name = "micro-gsm8k-ood", .leaves = {}, .items = 4},
                       {.name = "micro-truthfulqa-mc2", .leaves = {}, .items = 4},
                       {.name = "gsm8k_cot", .leaves = {}, .items = 4},
                       {.name = "mmlu", .leaves = {"mmlu_anatomy"}, .items = 4}};
    Store store(path);
    testing::write_demo(store, plan);
  }
  std::map<std::string, std::string> families;
  sqlite3* database = nullptr;
  ASSERT_EQ(sqlite3_open(path.c_str(), &database), SQLITE_OK);
  const auto keep = [](void* kept, int, char** values, char**) {
    (*static_cast<std::map<std::string, std::string>*>(kept))[values[0]] = values[1];
    return 0;
  };
  EXPECT_EQ(sqlite3_exec(database, "SELECT name, family FROM family", keep, &families, nullptr), SQLITE_OK)
      << sqlite3_errmsg(database);
  sqlite3_close(database);
  ASSERT_GE(families.size(), 9U);
  for (const auto& [one, its_family] : families) {
    for (const auto& [two, other_family] : families) {
      EXPECT_EQ(its_family == other_family, same_family(one, two)) << one << " " << two;
    }
  }
  EXPECT_EQ(families.at("micro-mmlu-ood-botany"), families.at("micro-mmlu"));
  EXPECT_NE(families.at("micro-gsm8k-ood"), families.at("gsm8k"));
}

}  // namespace
}  // namespace touchstone
