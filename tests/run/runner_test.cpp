// Plans on a backend without tensors: what is run, what is stored, and what happens when something goes wrong.
#include "harness/run/runner.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <functional>
#include <set>
#include <sstream>

#include "harness/base/json.hpp"
#include "harness/compare/drop.hpp"
#include "tests/run/fake_backend.hpp"
#include "tests/store/fixture.hpp"
#include "tests/support/support.hpp"

namespace touchstone {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::SizeIs;

/// `count` sums, of which the answer is one digit.
std::vector<Example> digits(const std::string& task, int count) {
  std::vector<Example> all;
  for (int i = 0; i < count; ++i) {
    Example example;
    example.id = task + "/" + std::to_string(i);
    example.question = "What is " + std::to_string(i) + "?";
    example.targets = {std::to_string(i % 10)};
    example.choices = {"even", "odd"};
    example.gold = {i % 2};
    all.push_back(std::move(example));
  }
  return all;
}

/// Two choices a question.
Task choice_task(const std::string& name, int count) {
  Task task;
  task.name = name;
  task.version = "1";
  task.format.shots_fixed = true;
  task.metrics = {{.name = "acc,none"}};
  task.load = [name, count](Split, const DataFolders&) { return digits(name, count); };
  task.ask = [](const Example& example, const std::string& context, const AskSettings&) {
    std::vector<Request> requests;
    for (const auto& choice : example.choices) requests.emplace_back(Likelihood{context, " " + choice});
    return requests;
  };
  task.judge = [](const Example& example, std::span<const Response> responses, const AskSettings&) {
    Verdict verdict;
    const int best = responses[1].logp_nats > responses[0].logp_nats ? 1 : 0;
    verdict.correct = best == example.gold.front();
    verdict.score = verdict.correct ? 1.0 : 0.0;
    verdict.values["acc,none"] = verdict.score;
    return verdict;
  };
  return task;
}

/// A digit that is written.
Task written_task(const std::string& name, int count) {
  auto task = choice_task(name, count);
  task.ask = [](const Example&, const std::string& context, const AskSettings&) -> std::vector<Request> {
    return {Generation{.context = context, .max_new_tokens = 5}};
  };
  task.judge = [](const Example& example, std::span<const Response> responses, const AskSettings&) {
    Verdict verdict;
    verdict.extracted = responses.front().generated.front().text;
    verdict.correct = verdict.extracted == example.targets.front();
    verdict.score = verdict.correct ? 1.0 : 0.0;
    verdict.values["acc,none"] = verdict.score;
    return verdict;
  };
  return task;
}

class RunnerTest : public ::testing::Test {
 protected:
  RunnerTest() {
    tasks_.tasks.add("choices", choice_task("choices", 6));
    tasks_.tasks.add("written", written_task("written", 4));
    tasks_.tasks.add("lessons", written_task("lessons", 9));
    write("models/base/weights", "base weights");
    write("configs/methods/plain.json", R"({"method": "plain", "paper": "none",
      "stages": [{"use": "load", "from": "$train_on"}, {"use": "train", "rate": 0.1}]})");
    write("configs/methods/other.json", R"({"method": "other", "paper": "none",
      "stages": [{"use": "load", "from": "$train_on"}, {"use": "distil", "rate": 0.1}]})");
  }

  void write(const std::string& name, const std::string& text) {
    const auto path = folder_.path() / name;
    std::filesystem::create_directories(path.parent_path());
    write_file_atomically(path, text);
  }

  /// The plan of these tests, with `changes` merged into it.
  CheckedPlan checked(const std::string& changes = "{}") {
    Json json = Json::parse(R"({"name": "toy", "models": ["base"], "methods": ["plain", "other"],
      "train_on": ["lessons"], "seeds": [1, 2], "jobs": 2,
      "measure_on": [{"tasks": ["choices"], "shots": 0}, {"tasks": ["written"], "shots": 0}]})");
    json.update(Json::parse(changes));
    write("plan.json", json.dump());
    return check_plan(read_plan(folder_.path() / "plan.json"), tools(), work());
  }

  RunTools tools() {
    RunTools tools;
    tools.tasks = &tasks_;
    tools.data = &data_;
    tools.resources = &resources_;
    tools.backend = &backend_;
    tools.environment = testing::environment();
    tools.log = &log_;
    tools.progress = &progress_;
    tools.cancel = &cancel_;
    return tools;
  }

  RunOutcome run(const CheckedPlan& plan) { return run_plan(plan, store_, work(), tools()); }
  std::filesystem::path work() const { return folder_.path() / "work"; }

  std::string message_of(const std::string& changes) {
    try {
      checked(changes);
    } catch (const Error& error) {
      return error.what();
    }
    return "no error";
  }

  std::vector<std::string> keys(const std::string& changes = "{}") {
    std::vector<std::string> all;
    for (const auto& cell : checked(changes).cells) all.push_back(cell.key);
    return all;
  }

  testing::TemporaryFolder folder_;
  TaskBook tasks_;
  DataFolders data_;
  Resources resources_{folder_.path()};
  testing::FakeBackend backend_;
  std::ostringstream said_;
  Log log_{said_};
  Progress progress_{said_, false};
  CancelFlag cancel_;
  Store store_{folder_.path() / "results.sqlite"};
};

// 6 examples of two requests, 4 of one: 16 requests a model, and five models.
TEST_F(RunnerTest, RunsEveryCellAndMeasuresTheBaseOnce) {
  const auto outcome = run(checked());
  EXPECT_EQ(outcome.done, 4);
  EXPECT_EQ(outcome.stored, 0);
  EXPECT_EQ(outcome.failed, 0);
  EXPECT_EQ(backend_.asked, 5 * 16);
  EXPECT_EQ(backend_.opened, 5);
  const auto runs = store_.runs();
  ASSERT_THAT(runs, SizeIs(1));
  EXPECT_EQ(runs[0].state, "done");
  EXPECT_THAT(store_.models(), SizeIs(5));
  const auto cells = store_.cells(outcome.run);
  ASSERT_THAT(cells, SizeIs(4));
  auto linked = store_.run_measures(outcome.run);
  EXPECT_THAT(linked[0], SizeIs(2));
  for (const auto& cell : cells) {
    EXPECT_EQ(cell.state, CellState::done);
    EXPECT_EQ(cell.steps, 3);
    EXPECT_EQ(cell.tokens, 30);
    EXPECT_EQ(cell.attempts, 1);
    EXPECT_NE(cell.result_model, 0);
    EXPECT_THAT(linked[cell.id], SizeIs(2));
    const auto curve = store_.curve(cell.id);
    ASSERT_THAT(curve, SizeIs(3));
    EXPECT_EQ(curve[1].loss, 0.5);
    EXPECT_THAT(store_.stages(cell.id), SizeIs(1));
  }
  EXPECT_TRUE(store_.problems().empty());
}

// 6 examples of two requests, of each seed: a base is asked all, a cell those of its seed.
TEST_F(RunnerTest, EachSeedAsksQuestionsOfItsOwn) {
  auto drawn = choice_task("drawn", 6);
  drawn.draw = [](Split, std::uint64_t seed) { return digits("drawn." + std::to_string(seed), 6); };
  tasks_.tasks.add("drawn", drawn);
  const auto* plan = R"({"measure_on": [{"tasks": ["drawn"], "shots": 0, "fresh": true}]})";
  const auto outcome = run(checked(plan));
  EXPECT_EQ(outcome.failed, 0);
  EXPECT_EQ(backend_.asked, 2 * 12 + 4 * 12);
  auto linked = store_.run_measures(outcome.run);
  EXPECT_THAT(linked[0], SizeIs(2));
  const auto rows = store_.measures();
  const auto asked = [&](std::int64_t cell) {
    std::set<std::string> data;
    for (const auto& row : rows) {
      if (std::find(linked[cell].begin(), linked[cell].end(), row.id) != linked[cell].end()) data.insert(row.data_hash);
    }
    return data;
  };
  std::map<std::uint64_t, std::set<std::string>> by_seed;
  for (const auto& cell : store_.cells(outcome.run)) {
    EXPECT_THAT(asked(cell.id), SizeIs(1));
    by_seed[cell.seed].merge(asked(cell.id));
  }
  EXPECT_THAT(by_seed[1], SizeIs(1));
  EXPECT_THAT(by_seed[2], SizeIs(1));
  EXPECT_NE(by_seed[1], by_seed[2]);
  EXPECT_EQ(store_.samples(linked[0][1]).front().example_id, "drawn.2/0");
  for (const auto& change : cell_changes(store_, outcome.run)) {
    EXPECT_THAT(change.tasks, SizeIs(1));
    EXPECT_THAT(change.notes, SizeIs(0));
  }
  EXPECT_EQ(run(checked(plan)).stored, 4);
  EXPECT_EQ(backend_.asked, 2 * 12 + 4 * 12);
}

// Stopped while its model is measured, a cell goes on there.
TEST_F(RunnerTest, ATrainedCellIsNotTrainedAgain) {
  auto stopping = written_task("stopping", 4);
  std::atomic<int> judged{0};
  stopping.judge = [judge = stopping.judge, &judged](const Example& example, std::span<const Response> responses,
                                                     const AskSettings& settings) {
    if (++judged == 6) throw Cancelled();  // four of the base's, then the first cell's second
    return judge(example, responses, settings);
  };
  tasks_.tasks.add("stopping", stopping);
  const auto* plan = R"({"measure_on": [{"tasks": ["stopping"], "shots": 0}], "jobs": 1})";
  EXPECT_THROW(run(checked(plan)), Cancelled);
  EXPECT_THAT(backend_.trained(), SizeIs(1));
  EXPECT_EQ(run(checked(plan)).done, 4);
  EXPECT_THAT(backend_.trained(), SizeIs(4));
  for (const auto& cell : store_.cells()) {
    EXPECT_EQ(cell.steps, 3);
    EXPECT_EQ(cell.tokens, 30);
  }
  for (const auto& entry : std::filesystem::recursive_directory_iterator(work())) {
    EXPECT_NE(entry.path().filename(), "trained.json") << entry.path();
  }
}

// A base is measured anew on another machine; cells that were measured on the first could not be compared with it.
TEST_F(RunnerTest, CellsOfOtherKernelsAreComputedAgain) {
  run(checked());
  backend_.kernels = "others";
  const auto outcome = run(checked(R"({"name": "more", "seeds": [1, 2, 3]})"));
  EXPECT_EQ(outcome.stored, 0);
  EXPECT_EQ(outcome.done, 6);
  for (const auto& change : cell_changes(store_, outcome.run)) EXPECT_THAT(change.tasks, SizeIs(2));
  EXPECT_EQ(run(checked(R"({"name": "more", "seeds": [1, 2, 3]})")).stored, 6);
}

TEST_F(RunnerTest, ClaimsNameWhatResultsAreStoredUnder) {
  tasks_.groups.add("both", {.name = "both", .summary = {}, .members = {"choices", "written"}});
  const auto claim = [](const std::string& measured, const std::string& task) {
    return R"({"measure_on": )" + measured + R"(, "claims": [{"text": "more", "arm": "plain", "against": "other",
      "of": "score", "expect": "higher", "task": ")" +
           task + R"("}]})";
  };
  const std::string group = R"([{"tasks": ["both"]}])";
  EXPECT_EQ(message_of(claim(group, "both")), "no error");
  EXPECT_THAT(message_of(claim(group, "choices")), HasSubstr("unknown measured benchmark of the plan 'choices'"));
  EXPECT_THAT(message_of(claim(R"([{"tasks": ["lessons"]}, {"tasks": ["lessons"], "limit": 2}])", "lessons")),
              HasSubstr("'lessons' is measured by 2 entries of measure_on"));
}

TEST_F(RunnerTest, TuningSeesWhatIsTrained) {
  const std::string tune =
      R"({"methods": ["plain"], "tune": {"key": "train.rate", "values": [1, 2, 4], "seed": 100, "measure_on": [{"tasks": [")";
  EXPECT_THAT(message_of(tune + R"(choices"]}]}})"),
              HasSubstr("key 'tune': its measure_on holds nothing of 'lessons'"));
  EXPECT_EQ(message_of(tune + R"(lessons"]}]}})"), "no error");
  EXPECT_THAT(message_of(R"({"tune": {"key": "train.rate", "values": [1, 1], "seed": 100, "measure_on":
    [{"tasks": ["lessons"]}]}})"),
              HasSubstr("found 1 twice, expected different values to try"));
}

TEST_F(RunnerTest, SeedZeroStandsForATasksOwnQuestions) {
  EXPECT_THAT(message_of(R"({"seeds": [0, 1], "measure_on": [{"tasks": ["choices"], "fresh": true}]})"),
              HasSubstr("key 'seeds': found 0, expected seeds of at least 1"));
}

TEST_F(RunnerTest, AnotherModelMakesAnotherPlan) {
  const auto plan = checked().plan;
  const auto other = with_model(plan, "tuned");
  EXPECT_NE(other.hash, plan.hash);
  EXPECT_EQ(Json::parse(other.json)["models"], Json::array({"tuned"}));
}

TEST_F(RunnerTest, ATaskWithItsOwnQuestionsAloneHasNoFreshOnes) {
  EXPECT_THAT(message_of(R"({"measure_on": [{"tasks": ["choices"], "fresh": true}]})"),
              HasSubstr("measure_on 0: choices has its own questions alone"));
}

TEST_F(RunnerTest, StoresWhatTheModelsAnswered) {
  const auto outcome = run(checked());
  std::atomic<int> ignored{0};
  testing::FakeEngine base("base weights", ignored);
  for (const auto id : store_.run_measures(outcome.run)[0]) {
    const auto samples = store_.samples(id);
    const auto written = samples.size() == 4;
    for (const auto& sample : samples) {
      const auto request =
          written ? Request(Generation{.context = sample.prompt}) : Request(Likelihood{sample.prompt, " even"});
      const auto answer = base.answer({&request, 1}, {}, nullptr).front();
      if (written) {
        EXPECT_THAT(sample.responses, ElementsAre(answer.generated.front().text));
      } else {
        EXPECT_EQ(sample.choice_logp.front(), answer.logp_nats);
      }
    }
  }
}

TEST_F(RunnerTest, ASecondRunComputesNothing) {
  run(checked());
  const auto before = store_.content_digest();
  const int asked = backend_.asked;
  const auto outcome = run(checked());
  EXPECT_EQ(outcome.done, 0);
  EXPECT_EQ(outcome.stored, 4);
  EXPECT_EQ(backend_.asked, asked);
  EXPECT_THAT(backend_.trained(), SizeIs(4));
  EXPECT_EQ(store_.content_digest(), before);
  EXPECT_THAT(store_.runs(), SizeIs(1));
}

TEST_F(RunnerTest, AnotherPlanTakesTheCellsThatAreThere) {
  run(checked());
  const auto outcome = run(checked(R"({"name": "more", "seeds": [1, 2, 3]})"));
  EXPECT_EQ(outcome.stored, 4);
  EXPECT_EQ(outcome.done, 2);
  EXPECT_THAT(store_.runs(), SizeIs(2));
  EXPECT_THAT(store_.cells(outcome.run), SizeIs(6));
  EXPECT_THAT(store_.cells(), SizeIs(6));
}

TEST_F(RunnerTest, ACellThatFailsIsStoredAndTheOthersFinish) {
  backend_.before_training = [](const TrainJob& job) {
    if (job.seed == 2 && job.recipe.stem() == "other") throw Error(Fault::numeric, "loss is nan");
  };
  const auto outcome = run(checked());
  EXPECT_EQ(outcome.done, 3);
  EXPECT_EQ(outcome.failed, 1);
  EXPECT_EQ(store_.runs()[0].state, "failed");
  int failed = 0;
  for (const auto& cell : store_.cells(outcome.run)) {
    if (cell.state == CellState::done) continue;
    ++failed;
    EXPECT_EQ(cell.state, CellState::failed);
    EXPECT_EQ(cell.method, "other");
    EXPECT_EQ(cell.seed, 2U);
    EXPECT_EQ(cell.error, "loss is nan");
    EXPECT_EQ(cell.result_model, 0);
  }
  EXPECT_EQ(failed, 1);
  EXPECT_THAT(said_.str(), HasSubstr("other on lessons, seed 2: failed: loss is nan"));
  // The same plan again tries that cell alone.
  backend_.before_training = [](const TrainJob&) {};
  const auto again = run(checked());
  EXPECT_EQ(again.run, outcome.run);
  EXPECT_EQ(again.done, 1);
  EXPECT_EQ(again.stored, 3);
  EXPECT_EQ(store_.runs()[0].state, "done");
  for (const auto& cell : store_.cells()) {
    EXPECT_EQ(cell.attempts, cell.method == "other" && cell.seed == 2 ? 2 : 1);
    EXPECT_EQ(cell.error, "");
  }
}

TEST_F(RunnerTest, ADiskThatTakesNothingMoreEndsTheRun) {
  backend_.before_training = [](const TrainJob&) { throw Error(Fault::store, "no space left"); };
  EXPECT_THROW(run(checked(R"({"jobs": 1})")), Error);
  EXPECT_THAT(backend_.trained(), SizeIs(1));
  EXPECT_EQ(store_.runs()[0].state, "failed");
}

TEST_F(RunnerTest, ABugEndsTheRun) {
  backend_.before_training = [](const TrainJob&) { throw std::logic_error("a bug"); };
  EXPECT_THROW(run(checked(R"({"jobs": 1})")), std::logic_error);
  EXPECT_THAT(backend_.trained(), SizeIs(1));
  EXPECT_EQ(store_.runs()[0].state, "failed");
}

TEST_F(RunnerTest, AStopIsTakenUpWhereItCame) {
  const auto plan = checked(R"({"jobs": 1})");
  backend_.before_training = [&](const TrainJob&) {
    if (backend_.trained().size() == 2) cancel_.set();
  };
  EXPECT_THROW(run(plan), Cancelled);
  EXPECT_EQ(store_.runs()[0].state, "stopped");
  EXPECT_THAT(backend_.trained(), SizeIs(2));
  testing::TemporaryFolder other;
  // A flag cannot be taken back: the next program has its own.
  CancelFlag fresh;
  auto again = tools();
  again.cancel = &fresh;
  const auto outcome = run_plan(plan, store_, work(), again);
  EXPECT_EQ(outcome.stored, 1);
  EXPECT_EQ(outcome.done, 3);
  EXPECT_EQ(store_.runs()[0].state, "done");
  // What is stored is what a run that nobody stopped stores.
  Store undisturbed(other.path() / "results.sqlite");
  run_plan(plan, undisturbed, other.path() / "work", again);
  EXPECT_EQ(store_.content_digest(), undisturbed.content_digest());
}

/// Of the task `choices`, the share of right answers of a fake model, in points.
double choices_points(const std::string& weights) {
  std::atomic<int> ignored{0};
  testing::FakeEngine engine(weights, ignored);
  int right = 0;
  for (const auto& example : digits("choices", 6)) {
    const std::vector<Request> requests = {Likelihood{example.question, " even"}, Likelihood{example.question, " odd"}};
    const auto answers = engine.answer(requests, {}, nullptr);
    right += (answers[1].logp_nats > answers[0].logp_nats ? 1 : 0) == example.gold.front() ? 1 : 0;
  }
  return 100.0 * right / 6;
}

/// Weights that score as `fits` asks.
std::string weights_where(const std::function<bool(double)>& fits) {
  for (int i = 0;; ++i) {
    auto weights = "kept " + std::to_string(i);
    if (fits(choices_points(weights))) return weights;
  }
}

class ChoosingTest : public RunnerTest {
 protected:
  /// Training that keeps these weights on its way, at the steps 1, 2, ...
  void keep(const std::vector<std::string>& weights) {
    backend_.before_training = [weights](const TrainJob& job) {
      for (std::size_t i = 0; i < weights.size(); ++i) {
        const auto folder = job.work / "kept" / ("step-0000000" + std::to_string(i + 1));
        std::filesystem::create_directories(folder);
        write_file_atomically(folder / "weights", weights[i]);
      }
    };
  }
  static std::string with_band(double low, double high) {
    return R"({"methods": ["plain"], "seeds": [1], "jobs": 1, "keep_models": true, "choose": {"measure_on":
      [{"tasks": ["choices"], "split": "validation"}], "bands": {"choices": [)" +
           std::to_string(low) + ", " + std::to_string(high) + "]}}}";
  }
  double trained_points() {
    run(checked(R"({"methods": ["plain"], "seeds": [1], "jobs": 1, "keep_models": true})"));
    const auto cell = checked(R"({"methods": ["plain"], "seeds": [1]})").cells.front();
    return choices_points(read_file(model_folder(cell_folder(work(), cell)) / "weights"));
  }
};

TEST_F(ChoosingTest, TheLastCheckpointInTheBandsIsTheModel) {
  const double last = trained_points();
  const auto good = weights_where([&](double points) { return points != last; });
  const double wanted = choices_points(good);
  const auto bad = weights_where([&](double points) { return points != wanted; });
  keep({bad, good, bad});
  const auto plan = checked(with_band(wanted - 1, wanted + 1));
  const auto outcome = run(plan);
  ASSERT_EQ(outcome.done, 1);
  const auto cell = store_.cells(outcome.run).front();
  EXPECT_EQ(cell.steps, 2);
  EXPECT_EQ(read_file(model_folder(cell_folder(work(), plan.cells.front())) / "weights"), good);
  // The results are of the chosen model, on the items that choose nothing.
  for (const auto id : store_.run_measures(outcome.run)[cell.id]) {
    for (const auto& row : store_.measures(cell.result_model)) {
      EXPECT_TRUE(row.id != id || row.settings_json.find("validation") == std::string::npos);
    }
  }
  EXPECT_THAT(said_.str(), HasSubstr("at step 2: choices"));
  EXPECT_THAT(said_.str(), ::testing::Not(HasSubstr("at step 1: choices")));
}

TEST_F(ChoosingTest, TheTrainedModelComesFirst) {
  const double last = trained_points();
  keep({"one", "two"});
  const auto outcome = run(checked(with_band(last - 1, last + 1)));
  EXPECT_EQ(outcome.done, 1);
  EXPECT_EQ(store_.cells(outcome.run).front().steps, 3);
  EXPECT_THAT(said_.str(), ::testing::Not(HasSubstr("at step 2: choices")));
}

TEST_F(ChoosingTest, WhereNoneFitsTheCellFailsAndSaysTheScores) {
  keep({"one"});
  const auto outcome = run(checked(with_band(101, 102)));
  EXPECT_EQ(outcome.failed, 1);
  EXPECT_THAT(store_.cells(outcome.run).front().error,
              ::testing::AllOf(HasSubstr("of 2 checkpoints none"), HasSubstr("(wanted 101 to 102)")));
}

TEST_F(ChoosingTest, BandsArePartOfACellsKey) {
  EXPECT_NE(keys(with_band(10, 20)), keys(with_band(10, 21)));
  EXPECT_NE(keys(with_band(10, 20)), keys(R"({"methods": ["plain"], "seeds": [1]})"));
  EXPECT_THAT(message_of(R"({"choose": {"measure_on": [{"tasks": ["choices"]}], "bands": {"choices": [20, 10]}}})"),
              HasSubstr("'choices': found [20,10], expected the lowest and the highest score"));
  EXPECT_THAT(
      message_of(
          R"({"choose": {"measure_on": [{"tasks": ["choices"], "split": "dev"}], "bands": {"written": [10, 20]}}})"),
      HasSubstr("'written' is not measured"));
  EXPECT_THAT(message_of(R"({"choose": {"measure_on": [{"tasks": ["choices"]}], "bands": {"choices": [10, 20]}}})"),
              HasSubstr("found the test split of 'choices', on which results are measured, too"));
  EXPECT_THAT(message_of(R"({"choose": {"measure_on": [{"tasks": ["choice"]}], "bands": {"choices": [10, 20]}}})"),
              HasSubstr("choices"));
}

TEST_F(RunnerTest, TrainedModelsAreKeptOnlyWhereThePlanSaysSo) {
  const auto gone = checked();
  run(gone);
  for (const auto& cell : gone.cells) EXPECT_FALSE(std::filesystem::exists(cell_folder(work(), cell)));
  const auto kept = checked(R"({"name": "kept", "seeds": [3], "keep_models": true})");
  run(kept);
  for (const auto& cell : kept.cells) {
    EXPECT_TRUE(std::filesystem::exists(model_folder(cell_folder(work(), cell)) / "weights"));
  }
}

TEST_F(RunnerTest, TwoProgramsDoNotWorkInOneFolder) {
  const auto plan = checked();
  const FolderLock lock(work());
  EXPECT_THROW(run(plan), Error);
}

TEST_F(RunnerTest, KeysFollowFromAllThatDecidesACell) {
  const auto before = keys();
  ASSERT_THAT(before, SizeIs(4));
  EXPECT_THAT(std::set<std::string>(before.begin(), before.end()), SizeIs(4));
  const auto differs = [&](const std::string& changes) { return keys(changes).front() != before.front(); };
  EXPECT_FALSE(differs(R"({"name": "other", "jobs": 1, "seeds": [1], "batch_tokens": 8, "keep_models": true})"));
  EXPECT_FALSE(differs(R"({"measure_on": [{"tasks": ["written"], "shots": 0}]})"));
  EXPECT_FALSE(differs(R"({"set": {"distil.rate": 0.2}})"));  // a stage of the other method
  EXPECT_TRUE(differs(R"({"set": {"train.rate": 0.2}})"));
  EXPECT_TRUE(differs(R"({"seeds": [7]})"));
  EXPECT_TRUE(differs(R"({"train_on": ["written"]})"));
  EXPECT_TRUE(differs(R"({"dtype": "bfloat16"})"));
  EXPECT_TRUE(differs(R"({"save_dtype": "float16"})"));
  EXPECT_TRUE(differs(R"({"threads": 2})"));
  EXPECT_TRUE(differs(R"({"device": "cpu"})"));
  EXPECT_TRUE(differs(R"({"measure_on": [{"tasks": ["written"], "shots": 0, "chat": true}]})"));
  // What a recipe says of its paper decides nothing, an option of a stage does.
  write("configs/methods/plain.json", R"({"method": "plain", "paper": "another title",
    "stages": [{"use": "load", "from": "$train_on"}, {"use": "train", "rate": 0.1}]})");
  EXPECT_FALSE(differs("{}"));
  write("configs/methods/plain.json", R"({"method": "plain", "paper": "none",
    "stages": [{"use": "load", "from": "$train_on"}, {"use": "train", "rate": 0.11}]})");
  EXPECT_TRUE(differs("{}"));
  EXPECT_EQ(keys().back(), before.back());  // of the other method
  write("models/base/weights", "other weights");
  EXPECT_NE(keys().back(), before.back());
}

TEST_F(RunnerTest, ACellTrainsWhatItsKeyNamesEvenIfTheFileChangesLater) {
  const auto plan = checked();
  write("configs/methods/plain.json", R"({"method": "plain", "paper": "none", "stages": []})");
  backend_.before_training = [&](const TrainJob& job) { EXPECT_EQ(Json::parse(job.recipe_json)["stages"].size(), 2U); };
  const auto outcome = run(plan);
  EXPECT_EQ(outcome.done, 4);
  EXPECT_THAT(store_.cells()[0].recipe_json, HasSubstr("\"rate\":0.1"));
}

// Weights, gradients, two moments and a reference of 1000 parameters in float32 are 20 kB beside 300 MB of room; on
// disk a job has its weights and up to six times as much of its state.
TEST_F(RunnerTest, SaysWhatAPlanTakes) {
  const auto plan = checked();
  EXPECT_EQ(plan.requests, 6 * 2 + 4);
  EXPECT_EQ(plan.generated_tokens, 4 * 5);
  EXPECT_EQ(plan.memory_bytes, 2 * (1000 * 20 + 300'000'000));
  EXPECT_EQ(plan.disk_bytes, 1000 * 4 * 2 + 1000 * 24 * 2 + 20'000'000);
  EXPECT_EQ(checked(R"({"keep_models": true, "jobs": 1})").disk_bytes, 1000 * 4 * 4 + 1000 * 24 + 20'000'000);
  EXPECT_EQ(checked(R"({"measure_on": [{"tasks": ["choices"], "shots": 0, "limit": 2}]})").requests, 4);
  EXPECT_EQ(checked(R"({"measure_on": [{"tasks": ["choices"], "shots": 0, "limit": 0.5}]})").requests, 6);
  EXPECT_THAT(describe(plan),
              HasSubstr("1 model(s) x 2 method(s) x 1 training task(s) x 2 seed(s) = 4 cells, 2 side by side"));
  EXPECT_THAT(describe(plan), HasSubstr("16 requests"));
}

TEST_F(RunnerTest, APlanThatDoesNotFitIsRefusedBeforeItBegins) {
  backend_.parameters = 1'000'000'000'000'000;
  EXPECT_THAT(message_of("{}"), HasSubstr("set \"jobs\" lower"));
}

TEST_F(RunnerTest, ChecksEveryNameBeforeTheFirstStep) {
  EXPECT_THAT(message_of(R"({"methods": ["plian"]})"), HasSubstr("did you mean 'plain'?"));
  EXPECT_THAT(message_of(R"({"train_on": ["lesson"]})"), HasSubstr("did you mean 'lessons'?"));
  EXPECT_THAT(message_of(R"({"measure_on": [{"tasks": ["choice"], "shots": 0}]})"),
              HasSubstr("did you mean 'choices'?"));
  EXPECT_THAT(message_of(R"({"models": ["bse"]})"), HasSubstr("did you mean 'base'?"));
  EXPECT_THAT(message_of(R"({"set": {"tain.rate": 1}})"), HasSubstr("did you mean 'train'?"));
  EXPECT_THAT(message_of(R"({"about": "plane"})"), HasSubstr("did you mean 'plain'?"));
  backend_.checking = [](const TrainJob& job) {
    if (job.recipe.stem() == "other") throw Error(Fault::config, "key 'rate': found 0.1");
  };
  EXPECT_THAT(message_of("{}"), HasSubstr("method 'other': key 'rate': found 0.1"));
  EXPECT_EQ(backend_.opened, 0);
}

TEST_F(RunnerTest, AnOverrideThatConcernsOneMethodIsSaid) {
  const auto plan = checked(R"({"set": {"distil.rate": 0.2}})");
  EXPECT_THAT(plan.notes, ElementsAre("set 'distil.rate' does not concern plain, without such a stage"));
  EXPECT_THAT(plan.cells.back().recipe_json, HasSubstr("\"rate\":0.2"));
}

}  // namespace
}  // namespace touchstone
