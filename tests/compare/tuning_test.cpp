#include "harness/compare/tuning.hpp"

#include <gmock/gmock.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "harness/base/json.hpp"
#include "harness/compare/verdict.hpp"
#include "tests/measure/results.hpp"

namespace touchstone {
namespace {

using namespace touchstone::testing;  // NOLINT(google-build-using-namespace): the fixture's builders
using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr int items = 200;

Json tuned_plan_json() {
  return Json::parse(R"({"name": "papers/new", "about": "new", "models": ["base"], "train_on": ["gsm8k"],
    "methods": [{"method": "new", "set": {"train.learning_rate": 0.002}}, {"method": "plain", "tune": false}],
    "seeds": [1, 2],
    "claims": [{"text": "t", "arm": "new", "against": "plain", "of": "score", "expect": "higher"}],
    "tune": {"values": [0.001, 0.002, 0.004], "seed": 100, "measure_on": [{"tasks": ["gsm8k"]}]}})");
}

/// The stored tuning of that plan: method "new" at three rates, with three seeds.
class TuningTest : public ResultsTest {
 protected:
  void SetUp() override {
    RunRow run;
    run.name = "papers/new-tune";
    auto plan = tuned_plan_json();
    plan["tuned_settings"] = tuned_settings(plan);
    plan["seeds"] = {100, 101, 102};
    plan["tried"] =
        Json::parse(R"([{"method": "new", "key": "train.learning_rate", "values": [0.001, 0.002, 0.004]}])");
    plan.erase("claims");
    run.plan_json = plan.dump();
    run_ = store_.begin_run(run, environment_);
  }

  /// How many of the items each rate gets right; each seed two more than the one before.
  void tune(const std::vector<int>& right) {
    measure(base_, 0, "gsm8k", items, below(40));
    measure(base_, 0, "toy", items, below(100));
    const std::vector<std::string> values = {"0.001", "0.002", "0.004"};
    for (std::size_t at = 0; at < right.size(); ++at) {
      for (std::uint64_t seed = 100; seed < 103; ++seed) {
        const auto method = tried_name("new", values[at]);
        const auto model = add_model(method + std::to_string(seed));
        const auto cell = add_cell(method, "gsm8k", seed, model);
        measure(model, cell, "gsm8k", items, below(right[at] + 2 * static_cast<int>(seed - 100)));
        measure(model, cell, "toy", items, below(90));
      }
    }
    store_.end_run(run_, "done", 1.0);
  }

  std::optional<TunedPlan> found(const Json& plan = tuned_plan_json()) {
    RunRow run;
    run.name = "papers/new";
    run.plan_json = plan.dump();
    return tuning_of(store_, run);
  }
};

TEST_F(TuningTest, TheBestValueIsThatOfTheMainClaimsScore) {
  tune({60, 80, 70});
  const auto tuned = found();
  ASSERT_TRUE(tuned.has_value());
  ASSERT_EQ(tuned->methods.size(), 1U);
  const auto& method = tuned->methods[0];
  EXPECT_EQ(tuned->seeds, 3U);
  EXPECT_EQ(method.tried[method.best].value, "0.002");
  EXPECT_EQ(method.edge, GridEdge::none);
  EXPECT_THAT(method.tried[1].seeds, ElementsAre(0.2, 0.21, 0.22));
  EXPECT_NEAR(method.tried[1].change, 0.21, 1e-12);
  EXPECT_NEAR(method.tried[1].drop, 0.05, 1e-12);
  EXPECT_EQ(method.regret, 0.0);  // 10 and 20 of 200 fewer, in every seed
  EXPECT_THAT(tuning_lines(*tuned), HasSubstr("tuned on the score on the training task, 3 seeds: new: "
                                              "train.learning_rate 0.002 of 0.001 (+11.0 points, drop +5.0), "
                                              "0.002 (+21.0 points, drop +5.0), 0.004 (+16.0 points, drop +5.0); "
                                              "another of them could be up to 0.0 points better"));
  EXPECT_THAT(tuning_objections(tuned_plan_json(), tuned), ElementsAre());
}

// Two values that differ by one question of 200, another one in each of the three seeds: the other value may well be
// the better. 2.26 is the 98.75 % point of Student's t with 199 degrees: there are two other values.
TEST_F(TuningTest, TheErrorOfTheChoiceIsStated) {
  tune({60, 80, 79});
  const double error = std::sqrt(3.0) / 3.0 / 200.0;
  EXPECT_NEAR(found()->methods[0].regret, -0.005 + 2.26 * error, 1e-4);
}

TEST_F(TuningTest, ABestAtTheEdgeIsNoVerdict) {
  tune({60, 70, 80});
  const auto tuned = found();
  EXPECT_EQ(tuned->methods[0].edge, GridEdge::high);
  EXPECT_THAT(tuning_lines(*tuned), HasSubstr("the best is the highest value tried"));
  EXPECT_THAT(tuning_objections(tuned_plan_json(), tuned),
              ElementsAre("new: its best train.learning_rate, 0.004, is the highest value tried",
                          "new runs with train.learning_rate 0.002, and 0.004 was the best of those tried"));
  TriedGrid grid{.method = "new", .key = "train.learning_rate", .values = {"0.001", "0.002", "0.004"}};
  EXPECT_TRUE(grow_grid(grid, tuned->methods[0]));
  EXPECT_THAT(grid.values, ElementsAre("0.001", "0.002", "0.004", "0.008"));
}

TEST_F(TuningTest, OtherSettingsAreNotTuned) {
  tune({60, 80, 70});
  auto plan = tuned_plan_json();
  plan["set"] = {{"train.max_steps", 200}};
  EXPECT_THAT(tuning_objections(plan, found(plan)), ElementsAre(HasSubstr("tuned with other settings")));
  // What is tuned may change, and so may methods that are not.
  auto other = tuned_plan_json();
  other["methods"][0]["set"]["train.learning_rate"] = 0.001;
  other["methods"].push_back({{"method", "third"}, {"tune", false}});
  EXPECT_THAT(tuning_objections(other, found(other)),
              ElementsAre("new runs with train.learning_rate 0.001, and 0.002 was the best of those tried"));
  EXPECT_THAT(tuning_objections(tuned_plan_json(), std::nullopt), ElementsAre(HasSubstr("holds no tuning")));
  plan.erase("tune");
  EXPECT_THAT(tuning_objections(plan, std::nullopt), ElementsAre());
}

TEST_F(TuningTest, AHalfTunedMethodHasNoBestValue) {
  tune({60, 80});
  const auto tuned = found();
  EXPECT_FALSE(tuned->methods[0].measured);
  EXPECT_THAT(tuning_objections(tuned_plan_json(), tuned), ElementsAre("new: its tuning is not whole"));
  EXPECT_EQ(tuning_json(*tuned)["methods"][0]["best"], nullptr);
}

TEST(TriedGrid, GrowsByAFactorOfTwo) {
  TriedGrid one{.method = "m", .key = "k", .values = {"0.0005"}};
  complete_grid(one);
  EXPECT_THAT(one.values, ElementsAre("0.00025", "0.0005", "0.001"));
  TriedGrid ranks{.method = "m", .key = "adapt.r", .values = {"8", "1"}};
  complete_grid(ranks);
  EXPECT_THAT(ranks.values, ElementsAre("1", "8"));
  TunedMethod lowest;
  lowest.edge = GridEdge::low;
  EXPECT_FALSE(grow_grid(ranks, lowest));  // there is no half of a rank
  lowest.edge = GridEdge::high;
  EXPECT_TRUE(grow_grid(ranks, lowest));
  EXPECT_THAT(ranks.values, ElementsAre("1", "8", "16"));
  TriedGrid words{.method = "m", .key = "k", .values = {"\"cosine\"", "\"linear\""}};
  complete_grid(words);
  EXPECT_FALSE(grow_grid(words, {}));
}

TEST(TuningQuantity, IsTheMainClaimsWhereItIsOfTheTrainingTask) {
  const auto quantity = [](const std::string& keys) {
    const auto plan = R"({"claims": [{"text": "t", "arm": "a", "against": "b", "expect": "lower", )" + keys + "}]}";
    return tuning_quantity(read_claims(parse_json(plan, "p"), "p"));
  };
  EXPECT_EQ(quantity(R"("of": "score", "metric": "x,none")").metric, "x,none");
  for (const std::string metric : {"kl_forward", "kl_reverse", "deviation", "token_entropy"}) {
    EXPECT_EQ(quantity(R"("of": "score", "metric": ")" + metric + '"').of, Quantity::Of::gain) << metric;
  }
  EXPECT_EQ(quantity(R"("of": "drop")").of, Quantity::Of::gain);
  EXPECT_EQ(quantity(R"("of": "score", "task": "other")").of, Quantity::Of::gain);
  EXPECT_EQ(quantity(R"("of": "drop", "train_on": "t")").train_on, "t");
  EXPECT_EQ(tuning_quantity({}).of, Quantity::Of::gain);
}

}  // namespace
}  // namespace touchstone
