// The benchmarks of the micro world as tasks: they need no file, their prompts end at token boundaries, their own
// answers are judged right by the code that judges the real benchmarks.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <map>
#include <set>
#include <span>

#include "harness/base/error.hpp"
#include "harness/base/regex.hpp"
#include "harness/base/text.hpp"
#include "harness/data/prompt.hpp"
#include "harness/data/tool_call.hpp"
#include "harness/measure/measure.hpp"
#include "tasks/book.hpp"
#include "tasks/micro/common.hpp"
#include "tests/micro/world_support.hpp"
#include "tests/support/hash_engine.hpp"
#include "tests/support/support.hpp"
#include "tests/tasks/sandbox_support.hpp"

namespace touchstone {
namespace {

using testing::World;

Response written(const std::string& text) {
  Response response;
  response.generated.push_back({.text = text, .logp_nats = {-1.0}, .finished = true});
  return response;
}

/// The benchmarks whose items are drawn: any number of them could be.
std::vector<std::string> drawn_tasks() {
  std::vector<std::string> names;
  for (const char* name :
       {"micro-gsm8k", "micro-humaneval", "micro-tool", "maze", "maze-picture", "chart", "chart-picture"}) {
    names.emplace_back(name);
    names.push_back(name + std::string("-ood"));
  }
  for (const char* name : {"maze-short", "maze-long", "maze-marks"}) names.emplace_back(name);
  return names;
}

TEST_F(World, DrawnTasksHaveTheItemsOfTheirSplits) {
  for (const auto& name : drawn_tasks()) {
    EXPECT_EQ(examples(name, Split::test).size(), 2500U) << name;
    EXPECT_EQ(examples(name, Split::validation).size(), 500U) << name;
    EXPECT_GE(examples(name, Split::train).size(), 2000U) << name;
  }
}

TEST_F(World, SeedsDrawOtherItemsOfTheSameKind) {
  for (const auto& name : drawn_tasks()) {
    const auto& task = book().tasks.get(name);
    const auto own = examples(name, Split::test);
    const auto one = task.draw(Split::test, 1);
    const auto two = task.draw(Split::test, 2);
    EXPECT_EQ(one.size(), own.size()) << name;
    EXPECT_EQ(one.front().id, name + "/test.1/0");
    EXPECT_EQ(task.draw(Split::test, 1).back().doc_hash, one.back().doc_hash) << name;
    const auto documents = [](const std::vector<Example>& items) {
      std::set<std::string> all;
      for (const auto& item : items) all.insert(item.doc_hash);
      return all;
    };
    const auto train = documents(examples(name, Split::train));
    const auto first = documents(own);
    std::size_t again = 0;
    for (const auto& item : one) {
      EXPECT_EQ(train.count(item.doc_hash), 0U) << item.id;
      again += first.count(item.doc_hash);
    }
    EXPECT_LT(again, own.size() / 2) << name;  // small mazes are soon all there
    EXPECT_NE(documents(one), documents(two)) << name;
  }
  for (const char* name : {"micro-facts", "micro-truthfulqa-mc1"}) EXPECT_FALSE(book().tasks.get(name).draw) << name;
}

TEST_F(World, TasksOfFactsAreLargeEnough) {
  struct Least {
    const char* name;
    std::size_t train;
    std::size_t tuning;
    std::size_t test;
  };
  for (const auto& least : {Least{"micro-mmlu", 900, 200, 1200}, Least{"micro-mmlu-letters", 900, 200, 1200},
                            Least{"micro-mmlu-ood", 900, 100, 900}, Least{"micro-facts", 900, 200, 1200},
                            Least{"micro-facts-b", 900, 200, 1200}, Least{"micro-truthfulqa-mc1", 200, 60, 500},
                            Least{"micro-truthfulqa-mc2", 200, 60, 500}, Least{"micro-truthfulqa-ood", 200, 60, 500}}) {
    EXPECT_GE(examples(least.name, Split::train).size(), least.train) << least.name;
    EXPECT_GE(examples(least.name, Split::validation).size(), least.tuning) << least.name;
    EXPECT_GE(examples(least.name, Split::test).size(), least.test) << least.name;
  }
}

// A plan that limits its items takes the first: they must not be easier than the others.
TEST_F(World, TheFirstItemsAreAsHardAsAll) {
  const auto mean = [](std::span<const Example> items) {
    double sum = 0;
    for (const auto& item : items) sum += std::stod(item.facts.at("level"));
    return sum / static_cast<double>(items.size());
  };
  for (const char* name : {"micro-gsm8k", "micro-humaneval", "maze", "chart", "maze-ood", "chart-ood"}) {
    const auto all = examples(name, Split::test);
    double variance = 0;
    for (const auto& item : all) variance += std::pow(std::stod(item.facts.at("level")) - mean(all), 2);
    variance /= static_cast<double>(all.size());
    const std::size_t first = 300;
    EXPECT_NEAR(mean(std::span(all).first(first)), mean(all), 3.5 * std::sqrt(variance / first)) << name;
  }
}

// A line break merged with the indent behind it was once never seen by the model at the end of a prompt.
TEST_F(World, EveryPromptEndsAtATokenBoundary) {
  const Regex pieces(R"(\n|'(?:[sdmt]|ll|ve|re)| ?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+|[^\S\n]+)");
  const auto ends = [&](const std::string& text, std::size_t before) {
    std::vector<std::size_t> found;
    for (const auto& match : pieces.find_all(text)) {
      if (match.last <= before) found.push_back(match.last);
    }
    return found;
  };
  for (const auto& name : leaves()) {
    const auto& task = book().tasks.get(name);
    std::vector<Example> all;
    for (const auto split : {Split::train, Split::validation, Split::test}) {
      for (auto& example : examples(name, split)) all.push_back(std::move(example));
    }
    const auto contexts = build_contexts(task, all, {}, PromptSettings());
    for (std::size_t i = 0; i < all.size(); i += 7) {
      if (contexts[i].empty()) continue;  // documents of the corpus
      auto answers = all[i].choices;
      answers.push_back(all[i].targets.front());
      for (const auto& answer : answers) {
        const auto whole = contexts[i] + task.format.target_delimiter + answer;
        const auto within = ends(whole, contexts[i].size());
        ASSERT_EQ(within, ends(contexts[i], contexts[i].size())) << name << "\n" << whole;
        ASSERT_EQ(within.back(), contexts[i].size()) << name << "\n" << whole;
        // Training and likelihoods move white space at the prompt's end to the answer.
        const auto kept = rstrip(contexts[i]).size();
        ASSERT_EQ(ends(whole, kept).back(), kept) << name << "\n" << whole;
      }
    }
  }
}

TEST_F(World, MeasuringNeedsNoFile) {
  testing::HashEngine engine(testing::thinking_text);
  MeasureSettings settings;
  settings.tasks = {"micro-mmlu",
                    "micro-mmlu-letters",
                    "micro-mmlu-ood",
                    "micro-gsm8k",
                    "micro-corpus",
                    "micro-truthfulqa-ood",
                    "micro-truthfulqa",
                    "micro-gsm8k-ood",
                    "maze",
                    "maze-marks",
                    "chart",
                    "chart-ood",
                    "micro-pictures",
                    "micro-pictures-told",
                    "micro-bars-told",
                    "micro-facts",
                    "micro-facts-b"};
  settings.limit = 20;
  const auto result = measure(settings, book(), DataFolders(), engine);
  EXPECT_EQ(result.groups.size(), 3U);
  EXPECT_EQ(result.groups.front().items, 100);
  for (const auto& task : result.tasks) {
    EXPECT_EQ(task.samples.size(), 20U) << task.task;
    EXPECT_EQ(task.data_hash.size(), 64U) << task.task;
    EXPECT_EQ(task.warnings.size(), 0U) << task.task;
  }
}

TEST_F(World, ATaskKnowsOnlyItsThreeSplits) {
  for (const auto& name : leaves()) {
    if (book().tasks.get(name).stream) continue;
    EXPECT_THROW(examples(name, Split::dev), Error) << name;
  }
}

// Carried models have learnt these very items: whoever changes one must raise world_version and train them again.
TEST_F(World, ItemsAreThoseOfTheWorldsVersion) {
  std::string text;
  for (const auto& name : leaves()) {
    const auto& task = book().tasks.get(name);
    if (task.stream) continue;
    text += name + " " + task.version + " " + data_identity(task, DataFolders()).hash + "\n";
  }
  testing::expect_snapshot("micro_world.txt", text);
}

TEST_F(World, WorkedSolutionsAreRight) {
  const Regex step(R"(^(\d+)([-+*/])(\d+)=<<(\d+)([-+*/])(\d+)=(\d+)>>(\d+)$)");
  for (const char* name : {"micro-gsm8k", "micro-gsm8k-ood"}) {
    const auto& task = book().tasks.get(name);
    for (const auto& example : examples(name, Split::test)) {
      auto lines = split(example.targets.front(), '\n');
      const auto last = lines.back();
      lines.pop_back();
      EXPECT_EQ(std::to_string(lines.size()), example.facts.at("level"));
      std::string result;
      for (const auto& line : lines) {
        const auto match = step.find(line);
        ASSERT_TRUE(match.has_value()) << line;
        const auto number = [&](std::size_t group) { return std::stoi(*match->groups[group]); };
        const char sign = (*match->groups[1])[0];
        const int a = number(0);
        const int b = number(2);
        if (sign == '/') {
          ASSERT_EQ(a % b, 0) << line;
        }
        EXPECT_EQ(number(6), sign == '+' ? a + b : sign == '-' ? a - b : sign == '*' ? a * b : a / b) << line;
        EXPECT_GE(number(6), 1);
        result = *match->groups[7];
      }
      EXPECT_EQ(last, "#### " + result);
      const auto response = written(" " + example.targets.front());
      EXPECT_TRUE(task.judge(example, {&response, 1}, {}).correct) << example.question;
      const auto wrong = written(" #### 0");
      EXPECT_FALSE(task.judge(example, {&wrong, 1}, {}).correct);
    }
  }
}

TEST_F(World, CallsOfToolsAreJudgedByNameAndArguments) {
  const auto& task = book().tasks.get("micro-tool");
  const auto judge = [&](const Example& example, const std::string& text) {
    const auto response = written(text);
    return task.judge(example, {&response, 1}, {}).values;
  };
  for (const char* name : {"micro-tool", "micro-tool-ood"}) {
    for (const auto& example : examples(name, Split::test)) {
      const auto& gold = example.targets.front();
      const auto tools = listed_tools(example.question);
      const auto call = first_call(gold, CallForm::extended);
      ASSERT_TRUE(call.has_value()) << gold;
      ASSERT_EQ(tools.count(call->name), 1U) << example.question;
      for (const auto& [argument, value] : call->arguments) ASSERT_EQ(tools.at(call->name).count(argument), 1U) << gold;
      EXPECT_GE(tools.size(), 3U);
      EXPECT_LE(tools.size(), std::string(name) == "micro-tool" ? 6U : 9U);
      EXPECT_EQ(judge(example, " " + gold).at("exact_call,none"), 1.0) << gold;
    }
  }
  const auto example = examples("micro-tool", Split::test).front();
  const auto& gold = example.targets.front();
  const auto tool = gold.substr(0, gold.find('('));
  auto found = judge(example, " " + tool + "(name='nobody')");
  EXPECT_EQ(found.at("exact_call,none"), 0.0);
  EXPECT_EQ(found.at("tool_name,none"), 1.0);
  EXPECT_EQ(found.at("hallucinated_tool,none"), 0.0);
  found = judge(example, " " + tool + "s(name='nobody')");
  EXPECT_EQ(found.at("tool_name,none"), 0.0);
  EXPECT_EQ(found.at("hallucinated_tool,none"), 1.0);
  found = judge(example, " I do not know");
  EXPECT_EQ(found.at("hallucinated_tool,none"), 0.0);
}

TEST_F(World, AFifthOfTheTrainingCallsFollowAnError) {
  std::size_t errors = 0;
  std::size_t followed = 0;
  const auto train = examples("micro-tool", Split::train);
  for (const auto& example : train) {
    if (example.history.empty()) continue;
    const bool error = text_of(example.history[2]).find("error") != std::string::npos;
    ++(error ? errors : followed);
    // The tools that were called before are the training part's, too: nothing of the test is shown.
    const auto call = first_call(text_of(example.history[1]), CallForm::extended);
    ASSERT_TRUE(call.has_value());
    if (!error) {
      EXPECT_EQ(micro::part_of(call->name, {.train = 70, .tuning = 10}), micro::Part::train) << call->name;
    }
  }
  const auto share = [&](std::size_t count) { return static_cast<double>(count) / static_cast<double>(train.size()); };
  EXPECT_NEAR(share(errors), 0.2, 0.03);
  EXPECT_NEAR(share(followed), 0.2, 0.03);
  for (const auto& example : examples("micro-tool", Split::test)) EXPECT_TRUE(example.history.empty());
}

/// The same with a sandbox.
class WorldFunctions : public testing::SandboxTest {};

TEST_F(WorldFunctions, SolutionsPassTheirTestsAndAnEmptyOneDoesNot) {
  TaskBook book;
  add_tasks(book);
  for (const char* name : {"micro-humaneval", "micro-humaneval-ood"}) {
    const auto& task = book.tasks.get(name);
    const auto all = task.load(Split::test, {});
    const std::size_t every = std::getenv("TOUCHSTONE_ALL") != nullptr ? 1 : 25;
    for (std::size_t i = 0; i < all.size(); i += every) {
      const auto right = written(all[i].targets.front());
      const auto verdict = task.judge(all[i], {&right, 1}, {});
      ASSERT_TRUE(verdict.correct) << all[i].question << all[i].targets.front() << verdict.detail;
    }
    const auto wrong = written("    return None\n");
    EXPECT_FALSE(task.judge(all.front(), {&wrong, 1}, {}).correct);
  }
}

}  // namespace
}  // namespace touchstone
