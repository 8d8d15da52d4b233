// Readers of mazes, tables and charts from files: real data where it is at hand, and what is wrong with files named in
// one line.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>

#include "harness/base/error.hpp"
#include "harness/data/task.hpp"
#include "tasks/book.hpp"
#include "tests/support/support.hpp"

namespace touchstone {

namespace {
namespace fs = std::filesystem;
using ::testing::HasSubstr;

const TaskBook& book() {
  static const TaskBook made = [] {
    TaskBook all;
    add_tasks(all);
    return all;
  }();
  return made;
}

Verdict judged(const std::string& task, const Example& example, const std::string& text) {
  Response response;
  response.generated.push_back({.text = text, .logp_nats = {-1.0}, .finished = true});
  return book().tasks.get(task).judge(example, {&response, 1}, {});
}

/// A data folder with one file.
class Files : public ::testing::Test {
 protected:
  DataFolders put(const std::string& path, const std::string& text) {
    fs::create_directories((folder_.path() / path).parent_path());
    std::ofstream(folder_.path() / path) << text;
    return DataFolders({folder_.path()});
  }
  std::string fault(const std::string& task, const DataFolders& data) {
    try {
      book().tasks.get(task).load(Split::test, data);
    } catch (const Error& error) {
      return error.what();
    }
    return "no fault";
  }
  testing::TemporaryFolder folder_;
};

std::string maze_line(const std::string& n, const std::string& down, const std::string& right, const std::string& end,
                      const std::string& path = "[[0, 0], [1, 0], [1, 1]]") {
  return R"({"id": 9000, "n": )" + n + R"(, "down": )" + down + R"(, "right": )" + right +
         R"(, "start": [0, 0], "end": )" + end + R"(, "path": )" + path + "}\n";
}

TEST_F(Files, MazesAreCheckedLineByLine) {
  const std::string path = "maze/maze6x6_dfs_10k.jsonl";
  const std::string down = R"(["10", "00"])", right = R"(["10", "10"])";
  const auto good = put(path, maze_line("2", down, right, "[1, 1]"));
  const auto examples = book().tasks.get("maze-6x6").load(Split::test, good);
  ASSERT_EQ(examples.size(), 1U);
  EXPECT_EQ(examples[0].targets.front(), "D R");
  EXPECT_THAT(fault("maze-6x6", put(path, maze_line("2", down, R"(["10", "00"])", "[1, 1]"))),
              HasSubstr("line 1: no path"));
  EXPECT_THAT(fault("maze-6x6", put(path, maze_line("33", down, right, "[1, 1]"))),
              HasSubstr("key 'n': found 33, expected 2 to 32"));
  EXPECT_THAT(fault("maze-6x6", put(path, maze_line("2", R"(["1", "0"])", right, "[1, 1]"))), HasSubstr("'down'"));
  EXPECT_THAT(fault("maze-6x6", put(path, maze_line("2", down, R"(["11", "10"])", "[1, 1]"))),
              HasSubstr("out of the maze"));
  EXPECT_THAT(fault("maze-6x6", put(path, maze_line("2", down, right, "[2, 1]"))), HasSubstr("'end'"));
  EXPECT_THAT(fault("maze-6x6", put(path, maze_line("2", down, right, "[1, 1]", "[[0, 0], [0, 1], [1, 1]]"))),
              HasSubstr("expected the shortest path from 'start' to 'end'"));
  EXPECT_THAT(fault("maze-6x6", put(path, "{\"id\": 1, \"n\": ")), HasSubstr("line 1"));
}

TEST_F(Files, PicturesStayInTheirFolder) {
  const auto rows = [](const std::string& name) {
    return R"([{"imgname": ")" + name + R"(", "query": "How many?", "label": "3"}])";
  };
  put("ChartQA Dataset/test/test_augmented.json", "[]");
  const std::string path = "ChartQA Dataset/test/test_human.json";
  EXPECT_THAT(fault("chartqa", put(path, rows("../../secret.png"))), HasSubstr("a file name without a folder"));
  EXPECT_THAT(fault("chartqa", put(path, rows("1.png"))), HasSubstr("png/1.png is missing"));
  put("ChartQA Dataset/test/png/1.png", "GIF89a");
  EXPECT_THAT(fault("chartqa", put(path, rows("1.png"))), HasSubstr("1.png"));
}

TEST(ChartQa, ReadsTheFinalAnswer) {
  Example example;
  example.targets = {"14"};
  EXPECT_TRUE(judged("chartqa", example, "I add them.\nFinal Answer: 14.5").correct);
  EXPECT_TRUE(judged("chartqa", example, "**Final Answer:** 14").correct);
  EXPECT_TRUE(judged("chartqa", example, "FINAL ANSWER:\n\n[14]\nbecause").correct);
  EXPECT_FALSE(judged("chartqa", example, "It is 14.").parsed);
  EXPECT_FALSE(judged("chartqa", example, "Final Answer: 15").correct);
}

// As the reference's utils.py gives them: (answer, gold) -> exact_match, relaxed_accuracy, anywhere_accuracy.
TEST(ChartQa, AllMetricsOfTheReference) {
  struct Case {
    const char* text;
    const char* gold;
    double exact, relaxed, anywhere;
  };
  for (const auto& [text, gold, exact, relaxed, anywhere] : {
           Case{"I add.\nFinal Answer: 14", "14", 1, 1, 1},
           Case{"Final Answer: 14.\n", "14", 1, 1, 1},
           Case{"Final Answer: 14\nbecause", "14", 0, 1, 1},
           Case{"final answer: YES", "Yes", 1, 1, 1},
           Case{"Final Answer: ÉCLAIR", "Éclair", 1, 1, 1},
           Case{"they were ÉCLAIR, it is éclair", "Éclair", 0, 0, 1},
           Case{"Final Answer: 14.5", "14", 0, 1, 1},
           Case{"Final Answer: 15", "14", 0, 0, 0},
           Case{"The sum is 1,250 cars", "1250", 0, 0, 1},
           Case{"The sum is -1234.5", "-1234.5", 0, 0, 1},
           Case{"It is 15", "14", 0, 0, 0},
           Case{"the answer is blue", "Blue", 0, 0, 1},
           Case{"Blue", "Blue", 0, 0, 0},
           Case{"", "Blue", 0, 0, 0},
       }) {
    Example example;
    example.targets = {gold};
    const auto verdict = judged("chartqa", example, text);
    EXPECT_EQ(verdict.values.at("exact_match,none"), exact) << text;
    EXPECT_EQ(verdict.values.at("relaxed_accuracy,none"), relaxed) << text;
    EXPECT_EQ(verdict.values.at("anywhere_accuracy,none"), anywhere) << text;
  }
}

TEST_F(Files, OpenCqaNamesTheChart) {
  const std::string path = "opencqa/test.json";
  EXPECT_THAT(fault("opencqa", put(path, R"({"7": ["7.png", "t", "s", "q", "a", "e"]})")), HasSubstr("'chart_images'"));
  put("opencqa/test/8.png", "GIF89a");
  EXPECT_THAT(fault("opencqa", put(path, R"({"7": ["7.png", "t", 3, "q", "a", "e"]})")), HasSubstr("chart '7': found"));
  EXPECT_THAT(fault("opencqa", put(path, R"({"7": ["7.png", "t", "s", "q", "a", "e"]})")),
              HasSubstr("test/7.png is missing"));
  EXPECT_THAT(fault("opencqa", put(path, R"({"8": ["8.png", "t", "s", "q", "a", "e"]})")), HasSubstr("8.png"));
  EXPECT_THAT(fault("opencqa", put(path, R"({"8": ["../8.png", "t", "s", "q", "a", "e"]})")),
              HasSubstr("a file name without a folder"));
  EXPECT_THAT(fault("opencqa", put(path, "[]")), HasSubstr("expected an object"));
  EXPECT_THAT(fault("opencqa", put(path, "{}")), HasSubstr("no chart"));
}

TEST_F(Files, OpenCqaRealCharts) {
  TOUCHSTONE_SHARED_OR_SKIP(folder, "data/opencqa_charts");
  const auto own = folder_.path() / "opencqa_charts";
  fs::create_directories(own);
  for (const char* name : {"test.json.gz", "val.json.gz", "charts.jsonl"}) fs::copy(folder / name, own / name);
  const auto unpack = "tar -xzf '" + (folder / "charts.tar.gz").string() + "' -C '" + own.string() + "'";
  ASSERT_EQ(std::system(unpack.c_str()), 0);
  std::size_t all = 0;
  for (const auto split : {Split::test, Split::validation}) {
    for (const auto& example : book().tasks.get("opencqa").load(split, DataFolders({folder_.path()}))) {
      ++all;
      ASSERT_EQ(example.media.size(), 1U);
      const auto exact = judged("opencqa", example, " " + example.targets.front());
      EXPECT_DOUBLE_EQ(exact.values.at("rougeL,none"), 1.0) << example.id;
      EXPECT_TRUE(exact.correct);
      EXPECT_DOUBLE_EQ(judged("opencqa", example, "").score, 0.0);
    }
  }
  EXPECT_EQ(all, 400U);
}

TEST(TabMwp, RealProblems) {
  TOUCHSTONE_SHARED_OR_SKIP(folder, "data");
  for (const auto split : {Split::test, Split::validation}) {
    const auto examples = book().tasks.get("tabmwp").load(split, DataFolders({folder}));
    EXPECT_EQ(examples.size(), 1000U);
    for (const auto& example : examples) {
      EXPECT_TRUE(judged("tabmwp", example, " " + example.targets.front()).correct) << example.id;
      EXPECT_FALSE(judged("tabmwp", example, " nothing.").correct);
    }
  }
}

TEST(MazeFile, RealMazes) {
  TOUCHSTONE_SHARED_OR_SKIP(folder, "data");
  std::size_t all = 0;
  for (const auto split : {Split::test, Split::validation, Split::train}) {
    const auto examples = book().tasks.get("maze-6x6").load(split, DataFolders({folder}));
    all += examples.size();
    for (const auto& example : examples) {
      EXPECT_EQ(example.facts.at("size"), "6");
      ASSERT_TRUE(judged("maze-6x6", example, " " + example.targets.front()).correct) << example.id;
    }
  }
  EXPECT_EQ(all, 10000U);
}

}  // namespace
}  // namespace touchstone
