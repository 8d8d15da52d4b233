#include "tasks/micro/pictures.hpp"

#include <gtest/gtest.h>

#include <map>

#include "harness/base/text.hpp"
#include "harness/data/prompt.hpp"
#include "tasks/micro/maze.hpp"
#include "tests/micro/world_support.hpp"

namespace touchstone {
namespace {

using micro::PictureLesson;
using testing::World;

TEST_F(World, PictureDocumentsAreAFunctionOfSeedAndNumber) {
  int same = 0;
  for (std::uint64_t i = 0; i < 40; ++i) {
    for (const auto lesson : {PictureLesson::told, PictureLesson::bars_told, PictureLesson::asked}) {
      const auto one = micro::picture_document(3, i, lesson);
      EXPECT_EQ(one.text, micro::picture_document(3, i, lesson).text);
      EXPECT_EQ(one.picture.rgb, micro::picture_document(3, i, lesson).picture.rgb);
      EXPECT_EQ(one.picture.width_px, micro::picture_side_px);
      same += one.picture.rgb == micro::picture_document(4, i, lesson).picture.rgb ? 1 : 0;
    }
  }
  EXPECT_LT(same, 12);
}

// A document that asks must begin as a benchmark's prompt does, or nothing that it teaches is found again.
TEST_F(World, PicturesAreAskedAsTheBenchmarksAskThemAndThenTold) {
  std::map<std::string, int> kinds;
  for (std::uint64_t i = 0; i < 400; ++i) {
    const auto document = micro::picture_document(5, i, PictureLesson::asked);
    const std::string kind = document.kind;
    ++kinds[kind];
    if (kind == "maze") {
      EXPECT_TRUE(document.text.starts_with("Maze:\nMoves: ")) << document.text;
      EXPECT_NE(document.text.find("\n\nMaze:\n "), std::string::npos) << document.text;
    } else {
      EXPECT_TRUE(document.text.starts_with("Question: ")) << document.text;
      const auto told = document.text.find("\n\nChart: ");
      ASSERT_NE(told, std::string::npos) << document.text;
      EXPECT_LT(document.text.find("\nAnswer: "), told) << document.text;
      EXPECT_EQ(document.text.find("Question:", told), std::string::npos) << document.text;
    }
    EXPECT_EQ(document.text.find("sum of"), std::string::npos) << document.text;  // kept for fine-tuning
    for (const auto lesson : {PictureLesson::told, PictureLesson::bars_told}) {
      const auto told = micro::picture_document(5, i, lesson);
      EXPECT_TRUE(told.text.starts_with(std::string(told.kind) == "maze" ? "Maze:\n " : "Chart: ")) << told.text;
      EXPECT_EQ(told.text.find("Answer"), std::string::npos) << told.text;
      if (lesson == PictureLesson::bars_told) {
        EXPECT_NE(told.text.find(" (bar)\n"), std::string::npos) << told.text;
      }
    }
  }
  for (const char* kind : {"maze", "chart"}) EXPECT_GT(kinds[kind], 100) << kind;
  const auto& maze = book().tasks.get("maze-picture");
  const auto example = examples("maze-picture", Split::test).front();
  EXPECT_EQ(plain_text(training_pair(maze, example).prompt), "<image>Maze:\nMoves: ");
  const auto& chart = book().tasks.get("chart-picture");
  EXPECT_TRUE(plain_text(training_pair(chart, examples("chart-picture", Split::test).front()).prompt)
                  .starts_with("<image>Question: "));
  for (const auto& [name, lesson] :
       {std::pair("micro-pictures-told", PictureLesson::told), std::pair("micro-bars-told", PictureLesson::bars_told),
        std::pair("micro-pictures", PictureLesson::asked)}) {
    const auto& pictures = book().tasks.get(name);
    const auto pair = training_pair(pictures, pictures.stream(5, 0, 1).front());
    EXPECT_EQ(plain_text(pair.prompt), "<image>");
    EXPECT_EQ(pair.answer, micro::picture_document(5, 0, lesson).text);
  }
}

// What is told of a maze leads to the end when it is walked in the picture's own maze.
TEST_F(World, ToldMazesAreThePicturesOwn) {
  int told = 0;
  for (std::uint64_t i = 0; i < 200; ++i) {
    const auto document = micro::picture_document(6, i, PictureLesson::told);
    if (std::string(document.kind) != "maze") continue;
    ++told;
    // Green where S stands, red where E does; cells are equal parts of the picture.
    const auto lines = split(document.text, '\n');
    const int side = (static_cast<int>(lines[1].size()) / 2 + 1) / 2;
    for (int row = 0; row < side; ++row) {
      for (int column = 0; column < side; ++column) {
        const char sign = lines[static_cast<std::size_t>(1 + 2 * row)][static_cast<std::size_t>(4 * column + 1)];
        const int y = (2 * row + 1) * micro::picture_side_px / (2 * side);
        const int x = (2 * column + 1) * micro::picture_side_px / (2 * side);
        const auto* pixel = &document.picture.rgb[static_cast<std::size_t>((y * micro::picture_side_px + x) * 3)];
        EXPECT_EQ(sign == 'S', pixel[0] == 0 && pixel[1] == 160) << document.text;
        EXPECT_EQ(sign == 'E', pixel[0] == 220 && pixel[1] == 0) << document.text;
      }
    }
  }
  EXPECT_GT(told, 20);
}

}  // namespace
}  // namespace touchstone
