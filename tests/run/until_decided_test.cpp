// Plans whose seeds are added until the claims are decided, on a backend without tensors.
#include "harness/run/until_decided.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>

#include "harness/base/json.hpp"
#include "tests/run/fake_backend.hpp"
#include "tests/store/fixture.hpp"
#include "tests/support/support.hpp"

namespace touchstone {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::SizeIs;

/// Questions whose answer is always yes.
Task yes_task(int count) {
  Task task;
  task.name = "yes";
  task.version = "1";
  task.format.shots_fixed = true;
  task.metrics = {{.name = "acc,none"}};
  task.load = [count](Split, const DataFolders&) {
    std::vector<Example> all;
    for (int at = 0; at < count; ++at) {
      Example example;
      example.id = "yes/" + std::to_string(at);
      example.question = "Is " + std::to_string(at) + " a number?";
      example.choices = {"yes", "no"};
      example.gold = {0};
      all.push_back(std::move(example));
    }
    return all;
  };
  task.ask = [](const Example& example, const std::string& context, const AskSettings&) {
    std::vector<Request> requests;
    for (const auto& choice : example.choices) requests.emplace_back(Likelihood{context, " " + choice});
    return requests;
  };
  task.judge = [](const Example&, std::span<const Response> responses, const AskSettings&) {
    Verdict verdict;
    verdict.correct = responses[0].logp_nats > responses[1].logp_nats;
    verdict.score = verdict.correct ? 1.0 : 0.0;
    verdict.values["acc,none"] = verdict.score;
    return verdict;
  };
  return task;
}

class UntilDecidedTest : public ::testing::Test {
 protected:
  UntilDecidedTest() {
    tasks_.tasks.add("yes", yes_task(100));
    write("models/base/weights", "knows 0.5 base");
    for (const std::string name : {"plain", "other"}) {
      write("configs/methods/" + name + ".json", R"({"method": ")" + name + R"(", "paper": "none",
        "stages": [{"use": "load", "from": "$train_on"}, {"use": "train", "rate": 0.1}]})");
    }
  }

  void write(const std::string& name, const std::string& text) {
    const auto path = folder_.path() / name;
    std::filesystem::create_directories(path.parent_path());
    write_file_atomically(path, text);
  }

  Plan plan(const std::string& changes = "{}") {
    Json json = Json::parse(R"({"name": "toy", "models": ["base"], "methods": ["plain", "other"],
      "train_on": ["yes"], "seeds": [1, 7], "measure_on": [{"tasks": ["yes"], "shots": 0}],
      "claims": [{"text": "It does better.", "arm": "other", "against": "plain", "of": "score", "expect": "higher"}]})");
    json.update(Json::parse(changes));
    write("plan.json", json.dump());
    return read_plan(folder_.path() / "plan.json");
  }

  RunTools tools(const CancelFlag& cancel) {
    RunTools tools;
    tools.tasks = &tasks_;
    tools.data = &data_;
    tools.resources = &resources_;
    tools.backend = &backend_;
    tools.environment = testing::environment();
    tools.log = &log_;
    tools.progress = &progress_;
    tools.cancel = &cancel;
    return tools;
  }

  /// What each method's trained models know.
  void knows(double plain, double other) {
    backend_.knows = [=](const TrainJob& job) { return job.recipe.stem() == "other" ? other : plain; };
  }

  DecidedRun run(const Plan& plan) {
    const CancelFlag never;
    return run_until_decided(plan, store_, folder_.path() / "work", tools(never));
  }

  testing::TemporaryFolder folder_;
  TaskBook tasks_;
  DataFolders data_;
  Resources resources_{folder_.path()};
  testing::FakeBackend backend_;
  std::ostringstream said_;
  Log log_{said_};
  Progress progress_{said_, false};
  Store store_{folder_.path() / "results.sqlite"};
};

TEST_F(UntilDecidedTest, StopsAtTheFirstLookThatDecides) {
  knows(0.3, 0.9);
  const auto found = run(plan());
  EXPECT_EQ(found.seeds, 4U);
  EXPECT_EQ(found.outcome.done, 8);
  EXPECT_EQ(found.outcome.failed, 0);
  EXPECT_EQ(found.verdict.verdict, ClaimVerdict::reproduced);
  EXPECT_EQ(found.verdict.look.seeds, 4U);
  EXPECT_EQ(found.verdict.look.alpha, 0.0102);
  EXPECT_THAT(verdict_lines(found.verdict), HasSubstr("4 so far, intervals of this look hold 98.98 %"));
  EXPECT_THAT(said_.str(), HasSubstr("toy after 4 seeds, at level 0.0102: direction reproduced"));
  // The plan's own seeds come first, then those after its largest one.
  std::vector<std::uint64_t> seeds;
  for (const auto& cell : store_.cells()) {
    if (cell.method == "plain") seeds.push_back(cell.seed);
  }
  std::sort(seeds.begin(), seeds.end());
  EXPECT_THAT(seeds, ElementsAre(1, 7, 8, 9));
}

TEST_F(UntilDecidedTest, ASecondCallComputesNothingAndFindsTheSame) {
  knows(0.3, 0.9);
  const auto first = run(plan());
  const int asked = backend_.asked;
  const auto second = run(plan());
  EXPECT_EQ(backend_.asked, asked);
  EXPECT_EQ(second.outcome.done, 0);
  EXPECT_EQ(second.outcome.stored, 8);
  EXPECT_EQ(second.outcome.run, first.outcome.run);
  EXPECT_EQ(verdict_json(second.verdict), verdict_json(first.verdict));
}

// 100 questions cannot show that nothing differs: all looks are taken, each a run of its own, no cell twice.
TEST_F(UntilDecidedTest, EndsUndecidedAfterTheLastLook) {
  knows(0.5, 0.51);
  const auto found = run(plan());
  EXPECT_EQ(found.seeds, 20U);
  EXPECT_EQ(found.outcome.done, 40);
  EXPECT_EQ(found.outcome.stored, 0);
  EXPECT_EQ(found.verdict.verdict, ClaimVerdict::not_shown);
  EXPECT_EQ(found.verdict.look.alpha, 0.0247);
  EXPECT_THAT(store_.runs(), SizeIs(5));
  EXPECT_THAT(store_.cells(), SizeIs(40));
}

TEST_F(UntilDecidedTest, GoesOnWhereItWasStopped) {
  knows(0.5, 0.51);
  CancelFlag cancel;
  backend_.before_training = [&](const TrainJob&) {
    if (backend_.trained().size() == 15) cancel.set();
  };
  const auto work = folder_.path() / "work";
  EXPECT_THROW(run_until_decided(plan(R"({"jobs": 1})"), store_, work, tools(cancel)), Cancelled);
  const auto stored = static_cast<int>(store_.cells().size()) - 1;
  EXPECT_GE(stored, 8);
  const auto found = run(plan(R"({"jobs": 1})"));
  EXPECT_EQ(found.outcome.stored, stored);
  EXPECT_EQ(found.outcome.done, 40 - stored);
}

// Nobody logs what the claim is about: no further seed would.
TEST_F(UntilDecidedTest, AClaimThatCannotBeMeasuredEndsIt) {
  const auto found = run(plan(R"({"claims": [{"text": "It is quicker.", "arm": "other", "against": "plain",
    "of": "logged", "key": "train.quickness", "expect": "higher"}]})"));
  EXPECT_EQ(found.seeds, 4U);
  EXPECT_EQ(found.verdict.verdict, ClaimVerdict::unmeasured);
}

TEST_F(UntilDecidedTest, AFailedCellEndsIt) {
  knows(0.3, 0.9);
  backend_.before_training = [](const TrainJob& job) {
    if (job.seed == 7) throw Error(Fault::numeric, "loss is nan");
  };
  const auto found = run(plan());
  EXPECT_EQ(found.seeds, 4U);
  EXPECT_EQ(found.outcome.failed, 2);
  EXPECT_EQ(found.verdict.verdict, ClaimVerdict::unmeasured);
}

TEST_F(UntilDecidedTest, FiveMethodsPoolAndLookSooner) {
  const auto many = plan(R"({"methods": ["plain", "other", {"method": "plain", "name": "a"},
    {"method": "plain", "name": "b"}, {"method": "plain", "name": "c"}]})");
  std::vector<std::size_t> seeds;
  for (const auto& look : looks_of(many)) seeds.push_back(look.seeds);
  EXPECT_THAT(seeds, ElementsAre(3, 5, 8, 13, 20));
  // What is logged is compared by its own variance, however many methods the plan has.
  auto logged = many;
  logged.claims = read_claims(parse_json(R"({"claims": [{"text": "It is faster.", "arm": "other", "against": "plain",
                                             "of": "logged", "key": "train.rate", "expect": "higher"}]})",
                                         "plan"),
                              "plan");
  EXPECT_EQ(looks_of(logged).front().seeds, 4U);
  EXPECT_THAT(plan_at_look(many, 3).seeds, ElementsAre(1, 7, 8));
  EXPECT_THAT(plan_at_look(many, 1).seeds, ElementsAre(1));
}

TEST_F(UntilDecidedTest, TuningSeedsAreNotTaken) {
  const auto tuned = plan(R"({"tune": {"values": [1, 2], "seeds": [8, 9, 11], "measure_on": [{"tasks": ["yes"]}]}})");
  EXPECT_THAT(plan_at_look(tuned, 4).seeds, ElementsAre(1, 7, 10, 12));
}

TEST_F(UntilDecidedTest, APlanWithoutClaimsIsRefused) {
  try {
    run(plan(R"({"claims": []})"));
    FAIL();
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), HasSubstr("plan.json: has no key 'claims', so nothing can be decided by more seeds"));
  }
  EXPECT_THROW(plan(R"({"claims": [], "until_decided": true})"), Error);
}

}  // namespace
}  // namespace touchstone
