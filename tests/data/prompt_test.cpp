#include "harness/data/prompt.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "harness/base/error.hpp"

namespace touchstone {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

Example example(const std::string& id, const std::string& question, const std::string& target) {
  Example made;
  made.id = id;
  made.question = question;
  made.targets = {target};
  made.doc_hash = id;
  return made;
}

/// A pool whose example i is asked "i" and answered "a".
std::vector<Example> numbered(std::size_t count) {
  std::vector<Example> pool;
  for (std::size_t i = 0; i < count; ++i) pool.push_back(example("pool/" + std::to_string(i), std::to_string(i), "a"));
  return pool;
}

Task plain_task() {
  Task task;
  task.name = "t";
  task.format.shots_from = Split::train;
  return task;
}

std::vector<std::string> contexts(const Task& task, const std::vector<Example>& examples,
                                  const std::vector<Example>& pool, int shots, PromptSettings settings = {}) {
  settings.shots = shots;
  return build_contexts(task, examples, pool, settings);
}

/// The numbers of the shots in a context of numbered() examples.
std::vector<std::string> shots_in(const std::string& context) {
  std::vector<std::string> shots;
  std::size_t from = 0;
  for (auto end = context.find(" a\n\n"); end != std::string::npos; end = context.find(" a\n\n", from)) {
    shots.push_back(context.substr(from, end - from));
    from = end + 4;
  }
  return shots;
}

TEST(Prompt, JoinsShotsByTheirDelimiters) {
  Task task = plain_task();
  task.format.sampler = PromptFormat::Sampler::first_n;
  task.format.description = "D\n\n";
  task.format.target_delimiter = "->";
  task.format.fewshot_delimiter = ";";
  EXPECT_THAT(contexts(task, {example("x", "X", "y")}, numbered(3), 2), ElementsAre("D\n\n0->a;1->a;X"));
}

TEST(Prompt, SystemTextMeetsTheDescriptionByTheFewShotDelimiter) {
  Task task = plain_task();
  PromptSettings settings;
  settings.system_instruction = "S";
  task.format.description = "D ";
  EXPECT_THAT(contexts(task, {example("x", "X", "y")}, {}, 0, settings), ElementsAre("S\n\nD X"));
  task.format.description = "\nD";  // white space at the seam: no delimiter
  EXPECT_THAT(contexts(task, {example("x", "X", "y")}, {}, 0, settings), ElementsAre("S\nDX"));
  task.format.description.clear();
  EXPECT_THAT(contexts(task, {example("x", "X", "y")}, {}, 0, settings), ElementsAre("SX"));
}

TEST(Prompt, AnswerPrefixStandsInShotsAndAtTheEnd) {
  Task task = plain_task();
  task.format.sampler = PromptFormat::Sampler::first_n;
  task.format.gen_prefix = "It is";
  EXPECT_THAT(contexts(task, {example("x", "X", "y")}, numbered(1), 1), ElementsAre("0 It is a\n\nX It is"));
  // No delimiter where the question ends in white space, nor before an answer where the prefix does.
  task.format.gen_prefix = "It is\n";
  EXPECT_THAT(contexts(task, {example("x", "X\n", "y")}, numbered(1), 1), ElementsAre("0 It is\na\n\nX\nIt is\n"));
}

TEST(Prompt, AnExamplesOwnPrefixGoesFirst) {
  Task task = plain_task();
  auto own = example("x", "X\n", "y");
  own.facts["gen_prefix"] = "Here:\n";
  EXPECT_THAT(contexts(task, {own}, {}, 0), ElementsAre("X\nHere:\n"));
}

TEST(Prompt, ChoicesAreShownByTheirText) {
  Task task = plain_task();
  task.format.sampler = PromptFormat::Sampler::first_n;
  Example shot = example("s", "S", "");
  shot.targets.clear();
  shot.choices = {"no", "yes"};
  shot.gold = {1};
  EXPECT_THAT(contexts(task, {example("x", "X", "y")}, {shot}, 1), ElementsAre("S yes\n\nX"));
  shot.gold = {2};
  EXPECT_THROW(contexts(task, {example("x", "X", "y")}, {shot}, 1), Error);
}

// BoolQ's five shots for its first two documents as the reference draws them from 9,427 rows: six drawn, five kept.
TEST(Prompt, DrawsGoOnFromDocumentToDocument) {
  Task task = plain_task();
  task.format.draw_one_more = true;
  const auto drawn = contexts(task, {example("x", "X", "y"), example("z", "Z", "y")}, numbered(9427), 5);
  EXPECT_THAT(shots_in(drawn[0]), ElementsAre("7220", "1914", "122", "1485", "572"));
  EXPECT_THAT(shots_in(drawn[1]), ElementsAre("1612", "5810", "3879", "285", "504"));
}

TEST(Prompt, TheEvaluatedDocumentIsDropped) {
  Task task = plain_task();
  task.format.draw_one_more = true;
  const auto pool = numbered(9427);
  const auto drawn = contexts(task, {pool[122]}, pool, 5);
  EXPECT_THAT(shots_in(drawn[0]), ElementsAre("7220", "1914", "1485", "572", "1375"));
  task.format.sampler = PromptFormat::Sampler::first_n;
  EXPECT_THAT(shots_in(contexts(task, {pool[1]}, pool, 2)[0]), ElementsAre("0", "2"));
}

TEST(Prompt, InFixedModeDrawsDependOnTheDocumentAlone) {
  const Task task = plain_task();
  const auto pool = numbered(50);
  PromptSettings settings;
  settings.mode = Mode::fixed;
  const auto both = contexts(task, {pool[3], pool[4]}, pool, 49, settings);
  EXPECT_EQ(both[1], contexts(task, {pool[4]}, pool, 49, settings)[0]);
  for (const auto& shot : shots_in(both[0])) EXPECT_NE(shot, "3");
  EXPECT_EQ(shots_in(both[0]).size(), 49U);
}

TEST(Prompt, RefusesMoreShotsThanThereAre) {
  EXPECT_THROW(contexts(plain_task(), {example("x", "X", "y")}, numbered(3), 4), Error);
  PromptSettings fixed;
  fixed.mode = Mode::fixed;
  const auto pool = numbered(3);
  EXPECT_THROW(contexts(plain_task(), {pool[0]}, pool, 3, fixed), Error);
}

TEST(Prompt, OwnNumberOfShots) {
  Task task = plain_task();
  task.format.shots = 5;
  EXPECT_EQ(shots_of(task, -1), 5);
  EXPECT_EQ(shots_of(task, 0), 0);
  task.format.shots_fixed = true;
  EXPECT_EQ(shots_of(task, 3), 5);
}

std::string tagged(const Dialog& dialog, bool add_generation_prompt) {
  std::string text;
  for (const auto& turn : dialog) text += std::string("[") + role_name(turn.role) + ":" + text_of(turn) + "]";
  return add_generation_prompt ? text + "[assistant:" : text;
}

TEST(ChatPrompt, AnOpenAnswerIsLeftOpen) {
  Task task = plain_task();
  task.format.gen_prefix = "It is ";
  PromptSettings settings;
  settings.chat = tagged;
  EXPECT_THAT(contexts(task, {example("x", "X", "y")}, {}, 0, settings), ElementsAre("[user:X][assistant:It is "));
}

TEST(ChatPrompt, ATemplateThatStripsKeepsTheOpenAnswerStripped) {
  Task task = plain_task();
  task.format.gen_prefix = "It is ";
  PromptSettings settings;
  settings.chat = [](const Dialog&, bool) { return std::string("<u>X<a>It is</a>"); };
  EXPECT_THAT(contexts(task, {example("x", "X", "y")}, {}, 0, settings), ElementsAre("<u>X<a>It is"));
}

TEST(ChatPrompt, OneTurnHoldsAllShots) {
  Task task = plain_task();
  task.format.sampler = PromptFormat::Sampler::first_n;
  task.format.description = "D";
  PromptSettings settings;
  settings.chat = tagged;
  settings.multiturn = false;
  EXPECT_THAT(contexts(task, {example("x", "X", "y")}, numbered(1), 1, settings),
              ElementsAre("[system:D][user:0 a\n\nX][assistant:"));
  task.format.gen_prefix = "P";
  EXPECT_THAT(contexts(task, {example("x", "X", "y")}, {}, 0, settings), ElementsAre("[system:D][user:X][assistant:P"));
}

class RefusedSystem : public ::testing::TestWithParam<Mode> {};

TEST_P(RefusedSystem, IsDroppedInCompatAndMergedInFixed) {
  Task task = plain_task();
  task.format.description = "D\n\n";
  std::vector<std::string> warnings;
  PromptSettings settings;
  settings.mode = GetParam();
  settings.warn = [&](const std::string& line) { warnings.push_back(line); };
  settings.chat = [](const Dialog& dialog, bool add) {
    if (dialog.front().role == Role::system) throw Error(Fault::checkpoint, "no system role");
    return tagged(dialog, add);
  };
  const auto written = contexts(task, {example("x", "X", "y"), example("z", "Z", "y")}, {}, 0, settings);
  const std::string merged = GetParam() == Mode::fixed ? "D\n\n" : "";
  EXPECT_THAT(written, ElementsAre("[user:" + merged + "X][assistant:", "[user:" + merged + "Z][assistant:"));
  EXPECT_THAT(warnings, ElementsAre(HasSubstr("no system role")));
}

INSTANTIATE_TEST_SUITE_P(Modes, RefusedSystem, ::testing::Values(Mode::compat, Mode::fixed));

TEST(ChatPrompt, AnotherFaultOfTheTemplateIsNotSwallowed) {
  Task task = plain_task();
  task.format.description = "D";
  PromptSettings settings;
  settings.chat = [](const Dialog&, bool) -> std::string { throw Error(Fault::checkpoint, "broken"); };
  EXPECT_THROW(contexts(task, {example("x", "X", "y")}, {}, 0, settings), Error);
}

TEST(PlainText, APictureIsWrittenAsItsPlaceholder) {
  const Image image{.width_px = 1, .height_px = 1, .rgb = {1, 2, 3}};
  const Dialog dialog = {{.role = Role::user, .parts = {image, "what?"}, .delimiter = "\n"}};
  EXPECT_EQ(plain_text(dialog), "<image>what?\n");
}

TEST(TrainingPair, IsAShotWithoutItsAnswer) {
  Task task = plain_task();
  task.format.description = "D\n\n";
  auto pair = training_pair(task, example("x", "X", "y"));
  EXPECT_EQ(plain_text(pair.prompt) + pair.answer, "D\n\nX y");
  task.format.gen_prefix = "P";
  pair = training_pair(task, example("x", "X", "y"));
  EXPECT_EQ(plain_text(pair.prompt) + pair.answer, "D\n\nX P y");
}

}  // namespace
}  // namespace touchstone
