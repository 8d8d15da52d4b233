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

/// Told alone: half by their outline, since heights are learnt where each sign of the text has its place in the
/// picture, else by how far the values reach or by the values, the rows in any order, so that a value is found by its
/// label, as questions want it, and not by its turn. Half have two labels: few things in a picture are learnt first.
PictureDocument told_chart(Draws& draws) {
  ChartRange range{.value_step = kDrawnStep};
  if (chance(50, draws)) range.labels_first = range.labels_last = 2;
  const auto chart = draw_asked_chart(range, Part::corpus, draws).chart;
  const auto told = in_any_order(chart, draws);
  const bool outlined = chance(50, draws) && chart.type != ChartType::pie;
  return {.kind = "chart",
          .picture = draw_chart(chart, kPicturePx, kPicturePx),
          .text = outlined            ? chart_outline(chart)
                  : chance(50, draws) ? chart_sketch(told)
                                      : chart_table(told)};
}

/// Asked many times, since drawing and looking cost more than asking, and then told.
PictureDocument asked_chart(Draws& draws) {
  const auto drawn = draw_asked_chart({.value_step = kDrawnStep}, Part::corpus, draws);
  return {.kind = "chart",
          .picture = draw_chart(drawn.chart, kPicturePx, kPicturePx),
          .text = ask_again(drawn, between(5, 7, draws), draws) + "\n\n" + chart_table(drawn.chart)};
}

}  // namespace

PictureDocument picture_document(std::uint64_t seed, std::uint64_t index, bool asked) {
  Draws draws(seed + index * 0x9e3779b97f4a7c15ULL, asked ? "asked picture" : "told picture");
  if (chance(kMazePercent, draws)) return maze_document(asked, draws);
  return asked ? asked_chart(draws) : told_chart(draws);
}

}  // namespace touchstone::micro
