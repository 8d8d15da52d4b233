#include "harness/compare/verdict.hpp"

#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "harness/base/error.hpp"
#include "harness/base/json.hpp"
#include "tests/measure/results.hpp"

namespace touchstone {
namespace {

using namespace touchstone::testing;  // NOLINT(google-build-using-namespace): the fixture's builders
using ::testing::HasSubstr;

constexpr int items = 200;

/// One run of methods "new" and "plain", trained on gsm8k with three seeds.
class VerdictTest : public ResultsTest {
 protected:
  /// A seed's cells: how many of the items each gets right, on the training task and on another one.
  struct Right {
    int trained = 0;
    int other = 0;
  };

  void add_pair(std::uint64_t seed, Right fresh, Right plain) {
    for (const auto& [method, right] : {std::pair{"new", fresh}, std::pair{"plain", plain}}) {
      const auto model = add_model(method + std::to_string(seed));
      const auto cell = add_cell(method, "gsm8k", seed, model);
      measure(model, cell, "gsm8k", items, below(right.trained));
      measure(model, cell, "toy", items, below(right.other));
      store_.stage(cell, {.stage = 1,
                          .name = "train",
                          .options = "{}",
                          .seconds = 1.0,
                          .values = {{"last_loss", method == std::string("new") ? 0.5 : 0.4}}});
    }
  }

  PlanVerdict judge(const std::string& claims, const std::string& state = "done") {
    RunRow run;
    run.id = run_;
    run.name = "papers/new";
    run.state = state;
    run.plan_json = R"({"about": "new", "claims": )" + claims + "}";
    return judge_run(store_, run);
  }

  static std::string claim(const std::string& rest) {
    return R"([{"text": "As the paper says.", "arm": "new", "against": "plain", )" + rest + "}]";
  }
};

// new keeps 20 more of the 200 other items than plain in every seed (and all that plain keeps), and solves two fewer of
// the training task.
TEST_F(VerdictTest, ReproducedWhenTheIntervalLiesWhereThePaperSays) {
  for (std::uint64_t seed = 1; seed <= 3; ++seed) add_pair(seed, {98, 120}, {100, 100});
  const auto verdict = judge(claim(R"("of": "drop", "expect": "lower")"));
  EXPECT_EQ(verdict.method, "new");
  ASSERT_EQ(verdict.claims.size(), 1U);
  const auto& found = verdict.claims[0];
  EXPECT_EQ(found.cells, 3U);
  EXPECT_NEAR(found.estimate.mean, -0.1, 1e-12);
  // No difference between the seeds: the items' error alone, sqrt(0.1 * 0.9 / 199).
  EXPECT_NEAR(found.estimate.stderror, std::sqrt(0.09 / 199), 1e-9);
  EXPECT_EQ(found.verdict, ClaimVerdict::reproduced);
  EXPECT_EQ(verdict.verdict, ClaimVerdict::reproduced);
  EXPECT_THAT(verdict_lines(verdict), HasSubstr("papers/new: direction reproduced"));
  EXPECT_THAT(verdict_sentence(verdict), HasSubstr("mean drop elsewhere, new - plain: -10.0 points [-14.2, -5.8]"));
}

TEST_F(VerdictTest, ContradictedWhenItLiesElsewhere) {
  for (std::uint64_t seed = 1; seed <= 3; ++seed) add_pair(seed, {98, 120}, {100, 100});
  const auto verdict = judge(claim(R"("of": "drop", "expect": "higher")"));
  EXPECT_EQ(verdict.claims[0].verdict, ClaimVerdict::contradicted);
  EXPECT_EQ(verdict.verdict, ClaimVerdict::contradicted);
}

TEST_F(VerdictTest, NotShownWithTheEffectThatCouldHaveBeen) {
  for (std::uint64_t seed = 1; seed <= 3; ++seed) add_pair(seed, {98, 120}, {100, 100});
  const auto verdict = judge(claim(R"("of": "score", "expect": "higher")"));
  const auto& found = verdict.claims[0];
  EXPECT_NEAR(found.estimate.mean, -0.01, 1e-12);
  EXPECT_EQ(found.verdict, ClaimVerdict::not_shown);
  EXPECT_NEAR(found.detectable, 2.80 * found.estimate.stderror, 0.01 * found.detectable);
  EXPECT_THAT(verdict_sentence(verdict), HasSubstr("smallest detectable effect: 2.0 points"));
  // A margin turns "not lower" into something that can be shown.
  EXPECT_EQ(judge(claim(R"("of": "score", "expect": "not_lower", "margin": 5)")).verdict, ClaimVerdict::reproduced);
  EXPECT_EQ(judge(claim(R"("of": "score", "expect": "same", "margin": 5)")).verdict, ClaimVerdict::reproduced);
  EXPECT_EQ(judge(claim(R"("of": "score", "task": "toy", "expect": "higher", "margin": 20)")).verdict,
            ClaimVerdict::contradicted);
}

// Both answer alike: an interval of one point to each side is close to none, which is more than "not shown".
TEST_F(VerdictTest, NoDifferenceIsAFindingOfItsOwn) {
  for (std::uint64_t seed = 1; seed <= 3; ++seed) add_pair(seed, {100, 100}, {100, 100});
  const auto verdict = judge(claim(R"("of": "score", "expect": "higher")"));
  EXPECT_EQ(verdict.claims[0].verdict, ClaimVerdict::no_difference);
  EXPECT_EQ(verdict.verdict, ClaimVerdict::no_difference);
  EXPECT_THAT(verdict_lines(verdict), HasSubstr("no difference of 2 points"));
}

// Seeds differ by 10 points, so that 2 points need many of them, and more items help little.
TEST_F(VerdictTest, WhatClaimsCouldShowIsToldByStoredCells) {
  RunRow run;
  run.id = run_;
  run.plan_json = "{}";
  const auto claims = read_claims(Json{{"claims", Json::parse(claim(R"("of": "score", "expect": "higher")"))}}, "plan");
  const auto outlook = [&](std::size_t seeds) {
    return claim_outlooks(claims, stored_cells(store_, run), {seeds, 0.05}).at(0);
  };
  const auto lines = [&](const ClaimOutlook& one) { return outlook_lines(claims, {one}); };
  EXPECT_THAT(lines(outlook(3)), HasSubstr("no pair of stored cells"));
  add_pair(1, {90, 120}, {100, 100});
  const auto one = outlook(3);
  EXPECT_FALSE(one.seeds_differ);
  EXPECT_THAT(lines(one), HasSubstr("one stored seed says nothing"));
  add_pair(2, {110, 120}, {100, 100});
  add_pair(3, {130, 120}, {100, 100});
  const auto three = outlook(3);
  const auto ten = outlook(10);
  EXPECT_EQ(three.cells, 3U);
  EXPECT_TRUE(three.seeds_differ);
  EXPECT_GT(three.detectable, one.detectable);
  EXPECT_LT(ten.detectable, three.detectable / 1.8);
  EXPECT_EQ(three.seeds_for_2, 0);
  // With as many seeds as are stored it is what the verdict says.
  const auto judged = judge(claim(R"("of": "score", "expect": "higher")"));
  EXPECT_NEAR(three.detectable, judged.claims[0].detectable, 0.1 * three.detectable);
}

// Of a plan that cannot show its claim; one that can is let through.
TEST_F(VerdictTest, AMarginBelowWhatCanBeSeenIsRefused) {
  RunRow run;
  run.id = run_;
  run.plan_json = "{}";
  for (std::uint64_t seed = 1; seed <= 3; ++seed) add_pair(seed, {80 + 10 * static_cast<int>(seed), 120}, {100, 100});
  const auto refusal = [&](const std::string& margin) -> std::string {
    const auto entry = claim(R"("of": "score", "expect": "not_lower", "margin": )" + margin);
    const auto claims = read_claims(Json{{"claims", Json::parse(entry)}}, "plan");
    try {
      require_hope(claims, claim_outlooks(claims, stored_cells(store_, run), {3, 0.05}), "plan.json");
    } catch (const Error& error) {
      return error.what();
    }
    return "";
  };
  EXPECT_THAT(refusal("3"), HasSubstr("plan.json: key 'claims', entry 0 (score on the training task, new - plain): the "
                                      "plan cannot show it: its margin of 3.0 points is not above "));
  EXPECT_EQ(refusal("90"), "");
}

// One seed is stored, of which 10 of 200 answers differ: 2.8 errors are 4.4 points, whatever the seeds, where all of
// them ask the same; with questions of their own sixteen seeds see a quarter of that.
TEST_F(VerdictTest, FreshQuestionsArePlannedWithTheSeeds) {
  add_pair(1, {110, 120}, {100, 100});
  const auto outlook = [&](const std::string& of, const std::string& measure_on, std::size_t seeds) {
    RunRow run;
    run.id = run_;
    run.plan_json = R"({"measure_on": )" + measure_on + "}";
    const auto claims =
        read_claims(Json{{"claims", Json::parse(claim(of + R"("expect": "not_lower", "margin": 2)"))}}, "plan");
    return claim_outlooks(claims, stored_cells(store_, run), {seeds, 0.05}).at(0);
  };
  const std::string score = R"("of": "score", )";
  const std::string shared = R"([{"tasks": ["gsm8k", "toy"]}])";
  const std::string fresh = R"([{"tasks": ["toy"]}, {"tasks": ["gsm8k"], "fresh": true}])";
  const double once = outlook(score, shared, 1).detectable;
  EXPECT_NEAR(outlook(score, shared, 16).detectable, once, 1e-9);
  EXPECT_NE(outlook(score, shared, 16).hopeless, "");
  EXPECT_NEAR(outlook(score, fresh, 16).detectable, once / 4.0, 0.01 * once);
  EXPECT_EQ(outlook(score, fresh, 16).hopeless, "");
  EXPECT_GT(outlook(score, fresh, 16).seeds_for_2, 1);
  // What is lost on the other task, whose questions all seeds share.
  const std::string drop = R"("of": "drop", )";
  EXPECT_EQ(outlook(drop, fresh, 16).detectable, outlook(drop, shared, 16).detectable);
}

// plain needs 0.02 bits a byte more than new on each of its texts: new is better, and the claim speaks of bits.
TEST_F(VerdictTest, AClaimIsJudgedInTheMetricsUnitAndDirection) {
  for (std::uint64_t seed = 1; seed <= 3; ++seed) {
    for (const auto& [method, more] : {std::pair{"new", 0.0}, std::pair{"plain", 0.02}}) {
      const auto model = add_model(method + std::to_string(seed));
      const auto cell = add_cell(method, "gsm8k", seed, model);
      measure_bits(model, cell, "corpus", {0.30 + more, 0.31 + more * 1.2, 0.32 + more * 0.8, 0.33 + more});
    }
  }
  const auto verdict = judge(claim(R"("of": "score", "task": "corpus", "expect": "higher", "margin": 0.01)"));
  const auto& found = verdict.claims.at(0);
  EXPECT_NEAR(found.estimate.mean, 0.02, 1e-12);
  EXPECT_EQ(found.verdict, ClaimVerdict::reproduced);
  EXPECT_THAT(verdict_lines(verdict), HasSubstr("lower, by more than 0.01 bits/byte"));
  EXPECT_THAT(verdict_lines(verdict), HasSubstr("found 0.020 bits/byte lower ["));
  EXPECT_EQ(judge(claim(R"("of": "score", "task": "corpus", "expect": "lower")")).claims.at(0).verdict,
            ClaimVerdict::contradicted);
}

// Of 200 items plain gets 60 wrong and new 20 of them: a better score by 20 points, though less is better.
TEST_F(VerdictTest, AMetricOtherThanTheMainOne) {
  for (std::uint64_t seed = 1; seed <= 3; ++seed) {
    for (const auto& [method, wrong] : {std::pair{"new", 20}, std::pair{"plain", 60}}) {
      auto made = task_measure("gsm8k", items, below(100));
      for (int at = 0; at < items; ++at) {
        made.samples[static_cast<std::size_t>(at)].verdict.values["wrong,none"] = at < wrong ? 1.0 : 0.0;
      }
      made.scores.push_back({"wrong,none", static_cast<double>(wrong) / items, 0.01, false, 0.0});
      const auto model = add_model(method + std::to_string(seed));
      const auto cell = add_cell(method, "gsm8k", seed, model);
      const auto key = "gsm8k of " + std::to_string(model);
      store_.link_measure(run_, cell, store_.add_measure(key, model, environment_, made, settings_, engine(), 0.5));
    }
  }
  const auto verdict = judge(claim(R"("of": "score", "metric": "wrong,none", "expect": "higher", "margin": 10)"));
  EXPECT_NEAR(verdict.claims[0].estimate.mean, 0.2, 1e-12);
  EXPECT_EQ(verdict.verdict, ClaimVerdict::reproduced);
  EXPECT_THAT(verdict_sentence(verdict), HasSubstr("wrong on the training task, new - plain: 20.0 points lower ["));
  EXPECT_NEAR(judge(claim(R"("of": "score", "expect": "higher")")).claims[0].estimate.mean, 0.0, 1e-12);
  EXPECT_EQ(judge(claim(R"("of": "score", "metric": "right,none", "expect": "higher")")).verdict,
            ClaimVerdict::unmeasured);
}

TEST_F(VerdictTest, SeedsThatDisagreeWidenTheInterval) {
  add_pair(1, {100, 130}, {100, 100});
  add_pair(2, {100, 100}, {100, 100});
  add_pair(3, {100, 110}, {100, 100});
  const auto verdict = judge(claim(R"("of": "drop", "expect": "lower")"));
  EXPECT_NEAR(verdict.claims[0].estimate.between_sd, std::sqrt(7.0 / 3.0) / 20, 1e-9);  // of 0.15, 0, 0.05
  EXPECT_EQ(verdict.verdict, ClaimVerdict::not_shown);
}

TEST_F(VerdictTest, AgainstTheBaseModel) {
  measure(base_, 0, "gsm8k", items, below(40));
  measure(base_, 0, "toy", items, below(150));
  for (std::uint64_t seed = 1; seed <= 3; ++seed) add_pair(seed, {98, 120}, {100, 100});
  const auto verdict = judge(
      R"([{"text": "Learns.", "arm": "new", "against": "base", "of": "score", "expect": "higher"},
          {"text": "Forgets.", "arm": "new", "against": "base", "of": "drop", "expect": "higher"}])");
  EXPECT_NEAR(verdict.claims[0].estimate.mean, 58.0 / 200, 1e-12);
  EXPECT_NEAR(verdict.claims[1].estimate.mean, 30.0 / 200, 1e-12);
  EXPECT_EQ(verdict.verdict, ClaimVerdict::reproduced);
}

TEST_F(VerdictTest, LoggedValuesAndTheirRatio) {
  for (std::uint64_t seed = 1; seed <= 3; ++seed) add_pair(seed, {98, 120}, {100, 100});
  const auto plain = judge(claim(R"("of": "logged", "key": "train.last_loss", "expect": "higher")"));
  EXPECT_NEAR(plain.claims[0].estimate.mean, 0.1, 1e-12);
  EXPECT_EQ(plain.verdict, ClaimVerdict::reproduced);
  const auto ratio =
      judge(claim(R"("of": "logged", "key": "train.last_loss", "ratio": true, "expect": "higher", "margin": 0.3)"));
  EXPECT_NEAR(std::exp(ratio.claims[0].estimate.mean), 1.25, 1e-12);
  EXPECT_EQ(ratio.verdict, ClaimVerdict::contradicted);
  EXPECT_THAT(verdict_sentence(ratio), HasSubstr("train.last_loss, new / plain: x 1.25"));
}

// Five methods pool the variance of a score over four comparisons, and judge it at those looks; what is logged has its
// own variance, whose first look is at four seeds.
TEST_F(VerdictTest, TheMainClaimChoosesTheLooks) {
  for (std::uint64_t seed = 1; seed <= 4; ++seed) add_pair(seed, {98, 120}, {100, 100});
  const auto level = [&](const std::string& of) {
    RunRow run;
    run.id = run_;
    run.state = "done";
    run.plan_json = R"({"until_decided": true, "methods": ["new", "plain", "a", "b", "c"], "seeds": [1, 2, 3, 4],
                        "claims": )" +
                    claim(of + R"("expect": "higher")") + "}";
    return judge_run(store_, run).look.alpha;
  };
  EXPECT_EQ(level(R"("of": "score", )"), 0.0076);
  EXPECT_EQ(level(R"("of": "logged", "key": "train.last_loss", )"), 0.0102);
}

TEST_F(VerdictTest, HalfAPlanProvesNothing) {
  for (std::uint64_t seed = 1; seed <= 3; ++seed) add_pair(seed, {98, 120}, {100, 100});
  add_cell("new", "gsm8k", 4, add_model("unmeasured"));
  const auto verdict = judge(claim(R"("of": "drop", "expect": "lower")"));
  EXPECT_EQ(verdict.verdict, ClaimVerdict::unmeasured);
  EXPECT_THAT(verdict_lines(verdict), HasSubstr("3 of 4 cells of new can be compared with plain"));
  EXPECT_THAT(verdict_lines(judge(claim(R"("of": "drop", "expect": "lower")"), "running")),
              HasSubstr("the run has not ended"));
}

// The main claim holds, and one beside it is contradicted.
TEST_F(VerdictTest, TheMainClaimGivesTheVerdict) {
  for (std::uint64_t seed = 1; seed <= 3; ++seed) add_pair(seed, {97, 120}, {100, 100});
  const auto claims = [](const std::string& first, const std::string& second) {
    return "[{" + first + R"("text": "c", "arm": "new", "against": "plain", "of": "drop", "expect": "higher"}, {)" +
           second + R"("text": "a", "arm": "new", "against": "plain", "of": "drop", "expect": "lower"},
             {"text": "b", "arm": "new", "against": "plain", "of": "score", "expect": "not_lower", "margin": 5}])";
  };
  const auto verdict = judge(claims("", R"("main": true, )"));
  EXPECT_EQ(verdict.verdict, ClaimVerdict::reproduced);
  EXPECT_EQ(verdict.claims[0].verdict, ClaimVerdict::contradicted);
  EXPECT_EQ(verdict.claims[1].p_holm, verdict.claims[1].p_value);
  EXPECT_NEAR(verdict.claims[2].p_holm, 2.0 * verdict.claims[2].p_value, 1e-15);
  // The p of a contradicted claim is that of the contradiction; that of showing it is 1.
  const auto& wrong = verdict.claims[0];
  EXPECT_EQ(wrong.p_value, 1.0);
  EXPECT_LT(wrong.p_against, 1e-5);
  EXPECT_NEAR(wrong.p_against_holm, 4.0 * wrong.p_against, 1e-15);
  EXPECT_THAT(verdict_lines(verdict), HasSubstr("contradicted (p "));
  EXPECT_THAT(verdict_lines(verdict), ::testing::Not(HasSubstr("contradicted (p 1,")));
  EXPECT_NEAR(verdict_json(verdict)["claims"][1]["p_against"].get<double>(), 2.0 * wrong.p_against, 1e-15);
  EXPECT_THAT(verdict_lines(verdict), HasSubstr("papers/new: direction reproduced\n  main claim: a\n"));
  EXPECT_THAT(verdict_lines(verdict), HasSubstr("after Holm's correction over the 2 claims beside the main one"));
  EXPECT_THAT(verdict_sentence(verdict), ::testing::StartsWith("mean drop elsewhere, new - plain: -10.0 points"));
  const auto json = verdict_json(verdict);
  EXPECT_EQ(json["claims"][0]["claim"], "a");
  EXPECT_EQ(json["claims"][0]["main"], true);
  EXPECT_EQ(judge(claims(R"("main": true, )", "")).verdict, ClaimVerdict::contradicted);
}

// Plans that were stored before there was a main claim. Two claims hold and one does not: one of three must be far off
// to contradict the plan.
TEST_F(VerdictTest, SeveralClaimsWithoutAMainOneAreJudgedTogether) {
  for (std::uint64_t seed = 1; seed <= 3; ++seed) add_pair(seed, {97, 120}, {100, 100});
  const std::string drop = R"({"text": "a", "arm": "new", "against": "plain", "of": "drop", "expect": "lower"})";
  const std::string level = R"({"text": "b", "arm": "new", "against": "plain", "of": "score", "expect": "not_lower"})";
  EXPECT_EQ(judge("[" + level + "]").verdict, ClaimVerdict::not_shown);
  EXPECT_EQ(judge("[" + drop + "," + level + "]").verdict, ClaimVerdict::not_shown);
  const auto wrong = R"({"text": "c", "arm": "new", "against": "plain", "of": "drop", "expect": "higher"})";
  EXPECT_EQ(judge("[" + drop + "," + level + "," + wrong + "]").verdict, ClaimVerdict::contradicted);
}

TEST_F(VerdictTest, WrongClaimsAreRefused) {
  const auto complaint = [&](const std::string& claims) {
    try {
      read_claims(parse_json(R"({"claims": )" + claims + "}", "plan.json"), "plan.json");
    } catch (const Error& error) {
      return std::string(error.what());
    }
    return std::string();
  };
  EXPECT_THAT(complaint(claim(R"("of": "scores", "expect": "lower")")), HasSubstr("claims 0: key 'of'"));
  EXPECT_THAT(complaint(claim(R"("of": "drop", "expect": "less")")), HasSubstr("key 'expect'"));
  EXPECT_THAT(complaint(claim(R"("of": "drop", "expect": "same")")),
              HasSubstr("key 'margin': found 0.0, expected a number above 0"));
  EXPECT_THAT(complaint(claim(R"("of": "logged", "key": "loss", "expect": "lower")")), HasSubstr("STAGE.KEY"));
  EXPECT_THAT(complaint(claim(R"("of": "drop", "expect": "lower", "marign": 1)")), HasSubstr("marign"));
  EXPECT_THAT(complaint("3"), HasSubstr("a list"));
  EXPECT_EQ(complaint("[]"), "");
}

}  // namespace
}  // namespace touchstone
