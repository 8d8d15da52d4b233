#include "tests/cli/command.hpp"

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <sstream>

#include "harness/base/files.hpp"
#include "harness/base/json.hpp"
#include "harness/base/text.hpp"
#include "harness/cli/program.hpp"
#include "tasks/book.hpp"
#include "tests/support/support.hpp"

namespace touchstone {
void add_report_book(ReportBook& book);

namespace testing {

/// The same, printing into a stream of the caller's.
int run_command(const std::vector<std::string>& words, std::ostream& out, std::ostream& err) {
  TaskBook tasks;
  ReportBook reports;
  add_tasks(tasks);
  add_report_book(reports);
  std::vector<const char*> argv = {"touchstone"};
  for (const auto& word : words) argv.push_back(word.c_str());
  return run_program(static_cast<int>(argv.size()), argv.data(), tasks, reports, out, err);
}

CommandResult touchstone_command(const std::vector<std::string>& words) {
  std::ostringstream out;
  std::ostringstream err;
  const int code = run_command(words, out, err);
  return {code, out.str(), err.str()};
}

}  // namespace testing
namespace {

using testing::touchstone_command;

TEST(Command, HelpTeachesByExample) {
  const auto help = touchstone_command({"--help"});
  EXPECT_EQ(help.code, 0);
  EXPECT_NE(help.out.find("touchstone eval"), std::string::npos);
  for (const char* command :
       {"run", "eval", "init", "train", "gate", "report", "list", "show", "data", "bench", "objective", "completion"}) {
    const auto own = touchstone_command({command, "--help"});
    EXPECT_EQ(own.code, 0) << command;
    EXPECT_NE(own.out.find("touchstone " + std::string(command)), std::string::npos) << command << " gives no example";
  }
}

TEST(Command, HelpOfACommandThatIsNoneSaysSo) {
  const auto result = touchstone_command({"evla", "--help"});
  EXPECT_EQ(result.code, 2);
  EXPECT_EQ(result.out, "");
  EXPECT_NE(result.err.find("unknown command 'evla': did you mean 'eval'?"), std::string::npos) << result.err;
}

TEST(Command, AFullDiskBehindTheOutputIsNoSuccess) {
  for (const auto& words : std::vector<std::vector<std::string>>{{"list", "tasks"}, {"--help"}, {"--version"}}) {
    std::ofstream full("/dev/full");
    std::ostringstream err;
    EXPECT_EQ(testing::run_command(words, full, err), 2) << words.front();
    EXPECT_NE(err.str().find("standard output: cannot be written whole"), std::string::npos) << err.str();
  }
}

TEST(Command, APlaceThatCannotBeIsNoBugOfOurs) {
  const auto result = touchstone_command({"train", "sft", "--model", "micro-text", "--on", "micro-gsm8k", "--out",
                                          "/proc/nosuch/m", "--set", "load.limit=8", "--quiet"});
  EXPECT_EQ(result.code, 2) << result.err;
  EXPECT_NE(result.err.find("/proc/nosuch"), std::string::npos) << result.err;
  EXPECT_EQ(result.err.find("bug of ours"), std::string::npos) << result.err;
}

// What is left to CLI11 is refused in its words, which name neither what was found nor what is expected.
TEST(Command, EveryNumberSaysItsRange) {
  for (const char* command : {"run", "eval", "init", "train", "gate", "report", "bench"}) {
    const auto help = touchstone_command({command, "--help"}).out;
    for (const char* type : {" INT ", " UINT ", " FLOAT ", " BOOLEAN ", " INT=", " UINT=", " FLOAT="}) {
      EXPECT_EQ(help.find(type), std::string::npos) << command << " has an option of type" << type << "\n" << help;
    }
  }
}

TEST(Command, ListShowsWhatTheBuildHas) {
  const auto tasks = touchstone_command({"list", "tasks"});
  EXPECT_EQ(tasks.code, 0);
  for (const char* name : {"mmlu ", "mmlu_anatomy", "gsm8k ", "humaneval ", "truthfulqa_mc1", "truthfulqa_gen"}) {
    EXPECT_NE(tasks.out.find(name), std::string::npos) << name;
  }
  const auto methods = Json::parse(touchstone_command({"list", "methods", "--json"}).out);
  EXPECT_GE(methods.size(), 4U);
}

TEST(Command, ShowGivesThePageOfAMethod) {
  const auto page = touchstone_command({"show", "methods", "asft"});
  ASSERT_EQ(page.code, 0) << page.err;
  for (const char* part :
       {"\nclaim       Weighting", "\nformula     l_t = -sg(p_t) log p_t + lambda KL", "\npasses      one",
        "\nmemory      a second copy", "\ngeneration  none", "\ninferred    - lambda 0.05", "\nsource      equation 6",
        "\nverdict     ", "\nobjective asft: ", "\nkl_weight "}) {
    EXPECT_NE(page.out.find(part), std::string::npos) << part << '\n' << page.out;
  }
  EXPECT_EQ(page.out.find("stage train: "), page.out.rfind("stage train: "));
  for (const auto& line : split(page.out.substr(0, page.out.find("\nobjective ")), '\n')) {
    EXPECT_LE(code_points(line), 100U) << line;
  }
  const auto json = Json::parse(touchstone_command({"show", "methods", "asft", "--json"}).out);
  EXPECT_FALSE(json["verdict"].get<std::string>().empty());
  EXPECT_FALSE(json.contains("missing"));
}

TEST(Command, CompletionNamesEveryCommand) {
  for (const char* shell : {"bash", "zsh"}) {
    const auto script = touchstone_command({"completion", shell});
    EXPECT_EQ(script.code, 0);
    for (const char* word : {"eval", "--batch-tokens", "--max-drop", "report"}) {
      EXPECT_NE(script.out.find(word), std::string::npos) << word;
    }
  }
}

/// What a shell offers for the words of a command line.
std::string completions(const std::string& shell, const std::string& words) {
  const testing::TemporaryFolder folder;
  const auto script = folder.path() / "completion.sh";
  write_file_atomically(script, touchstone_command({"completion", shell}).out);
  const auto out = folder.path() / "out";
  const auto call = "bash -c 'autoload() { :; }; bashcompinit() { :; }; source " + script.string() +
                    " && COMP_WORDS=(" + words +
                    ") && COMP_CWORD=$((${#COMP_WORDS[@]} - 1)) && { _touchstone; echo "
                    "${COMPREPLY[@]}; }' > " +
                    out.string() + " 2>&1";
  EXPECT_EQ(std::system(call.c_str()), 0) << read_file(out);
  return read_file(out);
}

TEST(Command, CompletionCompletes) {
  for (const char* shell : {"bash", "zsh"}) {
    EXPECT_EQ(completions(shell, "touchstone li"), "list\n");
    EXPECT_EQ(completions(shell, "touchstone eval --batch-t"), "--batch-tokens\n");
    EXPECT_EQ(completions(shell, "touchstone bench d"), "decode\n");
    EXPECT_EQ(completions(shell, "touchstone train sft --dtype b"), "bfloat16\n");
    EXPECT_EQ(completions(shell, "touchstone cat"), "\n");  // the build's own command
  }
}

TEST(Command, UsageErrorsLeaveWithTwo) {
  for (const auto& words :
       std::vector<std::vector<std::string>>{{},
                                             {"evaluate"},
                                             {"eval"},
                                             {"eval", "--model", "stories260k", "--shots", "many"},
                                             {"eval", "--model", "stories260k", "--dtype", "float64"},
                                             {"list", "benchmarks"},
                                             {"report"}}) {
    EXPECT_EQ(touchstone_command(words).code, 2);
  }
}

TEST(Command, BenchTrainGivesTheSameLossesByKernelsAndByOperators) {
  const std::vector<std::string> words = {"bench",   "train", "--model",  "stories260k", "--batch", "2",
                                          "--steps", "4",     "--length", "32",          "--json"};
  const auto fused = touchstone_command(words);
  ASSERT_EQ(fused.code, 0) << fused.err;
  auto plain_words = words;
  plain_words.emplace_back("--plain");
  const auto a = Json::parse(fused.out);
  const auto b = Json::parse(touchstone_command(plain_words).out);
  EXPECT_NE(a["kernels"], b["kernels"]);
  ASSERT_EQ(a["losses"].size(), 4U);
  for (std::size_t step = 0; step < 4; ++step) {
    EXPECT_NEAR(a["losses"][step].get<double>(), b["losses"][step].get<double>(), 1e-4) << step;
  }
  EXPECT_GT(a["tokens_per_second"], 0.0);
}

TEST(Command, InitMakesACheckpointThatTrains) {
  const testing::TemporaryFolder folder;
  const auto model = (folder.path() / "fresh").string();
  const auto config = std::string(TOUCHSTONE_SOURCE_DIR) + "/configs/models/micro-text.json";
  const auto made = touchstone_command({"init", config, "--text", "gsm8k", "--out", model, "--seed", "3", "--json"});
  ASSERT_EQ(made.code, 0) << made.err;
  const auto again = touchstone_command(
      {"init", config, "--text", "gsm8k", "--out", (folder.path() / "again").string(), "--seed", "3", "--json"});
  EXPECT_EQ(Json::parse(made.out)["model_hash"], Json::parse(again.out)["model_hash"]);
  const auto trained =
      touchstone_command({"train", "pretrain", "--model", model, "--on", "gsm8k", "--out",
                          (folder.path() / "out").string(), "--set", "train.max_steps=2", "--quiet", "--json"});
  EXPECT_EQ(trained.code, 0) << trained.err;
  const auto copied = touchstone_command({"init", config, "--tokenizer", "stories260k", "--out", model + "2"});
  EXPECT_EQ(copied.code, 0) << copied.err;  // 512 tokens fit into 1,024 rows
  EXPECT_EQ(touchstone_command({"init", config, "--out", model}).code, 2);
}

TEST(Command, AModelWithEyesIsMadeTrainedAndMeasured) {
  const testing::TemporaryFolder folder;
  const auto model = (folder.path() / "fresh").string();
  const auto trained = (folder.path() / "trained").string();
  const std::string source = TOUCHSTONE_SOURCE_DIR;
  const auto made = touchstone_command(
      {"init", source + "/configs/models/micro-vision.json", "--from", source + "/models/micro-text", "--out", model});
  ASSERT_EQ(made.code, 0) << made.err;
  const std::vector<std::string> train = {"train",        "pretrain-vision",
                                          "--model",      model,
                                          "--on",         "micro-pictures",
                                          "--out",        trained,
                                          "--set",        "load.limit=6",
                                          "--set",        "train.max_steps=2",
                                          "--set",        "train.batch_tokens=0",
                                          "--set",        "train.per_device_train_batch_size=2",
                                          "--save-dtype", "bfloat16",
                                          "--quiet",      "--json"};
  const auto lost = touchstone_command(train);  // the text model does not lie beside this one
  EXPECT_EQ(lost.code, 2);
  EXPECT_NE(lost.err.find("'micro-text' is not a checkpoint folder, neither here nor beside"), std::string::npos)
      << lost.err;
  auto found = train;
  found.insert(found.end(), {"--set", "initialise.from=\"" + source + "/models/micro-text\""});
  const auto ran = touchstone_command(found);
  ASSERT_EQ(ran.code, 0) << ran.err;
  const auto measured = touchstone_command(
      {"eval", "--model", trained, "--tasks", "maze-picture,chart-picture", "--limit", "3", "--quiet", "--json"});
  EXPECT_EQ(measured.code, 0) << measured.err;
  EXPECT_NE(measured.out.find("relaxed_accuracy"), std::string::npos) << measured.out;
}

TEST(Command, BenchTrainSaysWhatIsWrongWithTheIds) {
  const testing::TemporaryFolder folder;
  const auto file = (folder.path() / "ids.json").string();
  for (const auto& [text, expected] :
       std::vector<std::pair<std::string, std::string>>{{"{}", "expected a list"},
                                                        {"[[1, 2, 3, 600]]", "row 1: expected token ids below 512"},
                                                        {"[[1, 2], [3, -4, 5, 6]]", "row 2"},
                                                        {"[[1, 2]]", "no row of 4 tokens"}}) {
    write_file_atomically(file, text);
    const auto result =
        touchstone_command({"bench", "train", "--model", "stories260k", "--length", "4", "--ids", file});
    EXPECT_EQ(result.code, 2) << text;
    EXPECT_NE(result.err.find(expected), std::string::npos) << result.err;
  }
}

TEST(Command, TrainLeavesWhatItFindsInTheWorkFolder) {
  const testing::TemporaryFolder folder;
  const auto work = folder.path() / "work";
  std::filesystem::create_directories(work);
  write_file_atomically(work / "mine.txt", "mine");
  const auto out = (folder.path() / "out").string();
  const auto result =
      touchstone_command({"train", "sft", "--model", "stories260k", "--on", "gsm8k", "--out", out, "--work",
                          work.string(), "--set", "train.max_steps=2", "--set", "load.limit=4", "--quiet"});
  ASSERT_EQ(result.code, 0) << result.err;
  EXPECT_EQ(read_file(work / "mine.txt"), "mine");
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(work), {}), 1) << "checkpoints were left behind";
}

}  // namespace
}  // namespace touchstone
