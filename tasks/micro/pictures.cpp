#include "tasks/micro/pictures.hpp"

#include "tasks/micro/chart.hpp"
#include "tasks/micro/draw_chart.hpp"
#include "tasks/micro/maze.hpp"

namespace touchstone::micro {
namespace {

constexpr std::uint64_t kMazePercent = 35;

/// What is asked, then every line of what there is to see: the answers are the picture's own, nothing can be copied.
std::string joined(const std::string& asking, const std::string& telling) {
  return asking.empty() ? telling : asking + "\n\n" + telling;
}

PictureDocument maze_document(bool asked, Draws& draws) {
  const auto maze = draw_maze({}, Part::corpus, draws);
  return {.kind = "maze",
          .picture = maze_picture(maze, kPicturePx),
          .text = joined(asked ? "Maze:\nMoves:" + spaced(shortest_path(maze)) : "", "Maze:\n" + maze_lines(maze))};
}

PictureDocument chart_document(bool asked, Draws& draws) {
  const auto drawn = draw_asked_chart({}, Part::corpus, draws);
  const auto line = [](const ChartQuestion& question) {
    return "Question: " + question.text + "\nAnswer: " + question.answer;
  };
  auto questions = line(drawn.question);
  // Drawing and looking cost more than asking.
  for (int more = between(1, 3, draws); more > 0; --more) {
    if (const auto next = ask_chart(drawn.chart, draw_family(true, draws), draws)) questions += "\n\n" + line(*next);
  }
  return {.kind = "chart",
          .picture = draw_chart(drawn.chart, kPicturePx, kPicturePx),
          .text = joined(asked ? questions : "", chart_table(drawn.chart))};
}

}  // namespace

PictureDocument picture_document(std::uint64_t seed, std::uint64_t index, bool asked) {
  Draws draws(seed + index * 0x9e3779b97f4a7c15ULL, asked ? "asked picture" : "told picture");
  return chance(kMazePercent, draws) ? maze_document(asked, draws) : chart_document(asked, draws);
}

}  // namespace touchstone::micro
