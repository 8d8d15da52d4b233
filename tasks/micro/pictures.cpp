#include "tasks/micro/pictures.hpp"

#include "tasks/micro/chart.hpp"
#include "tasks/micro/draw_chart.hpp"
#include "tasks/micro/maze.hpp"

namespace touchstone::micro {
namespace {

constexpr std::uint64_t kMazePercent = 35;

PictureDocument maze_document(bool asked, Draws& draws) {
  const auto maze = draw_maze({}, Part::corpus, draws);
  const auto question = asked ? "Maze:\nMoves:" + spaced(shortest_path(maze)) + "\n\n" : std::string();
  return {.kind = "maze", .picture = maze_picture(maze, kPicturePx), .text = question + "Maze:\n" + maze_lines(maze)};
}

PictureDocument chart_document(bool asked, Draws& draws) {
  const auto drawn = draw_asked_chart({}, Part::corpus, draws);
  auto questions = asked ? asked_and_answered(drawn.question) + "\n\n" : std::string();
  // Drawing and looking cost more than asking.
  for (int more = asked ? between(1, 3, draws) : 0; more > 0; --more) {
    if (const auto next = ask_chart(drawn.chart, draw_family(true, draws), draws)) {
      questions += asked_and_answered(*next) + "\n\n";
    }
  }
  return {.kind = "chart",
          .picture = draw_chart(drawn.chart, kPicturePx, kPicturePx),
          .text = questions + chart_table(drawn.chart)};
}

}  // namespace

PictureDocument picture_document(std::uint64_t seed, std::uint64_t index, bool asked) {
  Draws draws(seed + index * 0x9e3779b97f4a7c15ULL, asked ? "asked picture" : "told picture");
  return chance(kMazePercent, draws) ? maze_document(asked, draws) : chart_document(asked, draws);
}

}  // namespace touchstone::micro
