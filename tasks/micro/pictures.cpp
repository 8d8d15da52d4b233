#include "tasks/micro/pictures.hpp"

#include "tasks/micro/chart.hpp"
#include "tasks/micro/draw_chart.hpp"
#include "tasks/micro/maze.hpp"

namespace touchstone::micro {
namespace {

constexpr std::uint64_t kMazePercent = 45;
constexpr std::uint64_t kToldPercent = 40;  ///< telling trains every line of a picture, asking a single answer

PictureDocument maze_document(bool told, Draws& draws) {
  const auto maze = draw_maze({}, Part::corpus, draws);
  const auto question = told ? asked_maze(maze) : std::string("Maze:\nMoves:");
  return {.kind = told ? "maze-told" : "maze",
          .picture = maze_picture(maze, kPicturePx),
          .text = question + spaced(shortest_path(maze))};
}

PictureDocument chart_document(bool told, Draws& draws) {
  const auto asked = draw_asked_chart({}, Part::corpus, draws);
  std::string text = told ? chart_table(asked.chart) : std::string();
  text += "Question: " + asked.question.text + "\nAnswer: " + asked.question.answer;
  // Drawing and looking cost more than asking.
  for (int more = told ? between(0, 1, draws) : between(2, 4, draws); more > 0; --more) {
    if (const auto next = ask_chart(asked.chart, draw_family(true, draws), draws)) {
      text += "\n\nQuestion: " + next->text + "\nAnswer: " + next->answer;
    }
  }
  return {.kind = told ? "chart-told" : "chart",
          .picture = draw_chart(asked.chart, kPicturePx, kPicturePx),
          .text = std::move(text)};
}

}  // namespace

PictureDocument picture_document(std::uint64_t seed, std::uint64_t index) {
  Draws draws(seed + index * 0x9e3779b97f4a7c15ULL, "picture document");
  const bool maze = chance(kMazePercent, draws);
  const bool told = chance(kToldPercent, draws);
  return maze ? maze_document(told, draws) : chart_document(told, draws);
}

}  // namespace touchstone::micro
