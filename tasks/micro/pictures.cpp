#include "tasks/micro/pictures.hpp"

#include <array>

#include "harness/base/seed.hpp"
#include "tasks/micro/chart.hpp"
#include "tasks/micro/draw_chart.hpp"
#include "tasks/micro/maze.hpp"

namespace touchstone::micro {
namespace {

constexpr std::uint64_t maze_percent = 35;

constexpr std::array<const char*, 3> streams = {"told picture", "told bars", "asked picture"};

PictureDocument maze_document(bool asked, Draws& draws) {
  const auto maze = draw_maze({}, Part::corpus, draws);
  const auto question = asked ? "Maze:\nMoves:" + spaced(shortest_path(maze)) + "\n\n" : std::string();
  return {
      .kind = "maze", .picture = maze_picture(maze, picture_side_px), .text = question + "Maze:\n" + maze_lines(maze)};
}

PictureDocument told_chart(bool bars_alone, Draws& draws) {
  const auto chart = draw_asked_chart({.bars_alone = bars_alone, .value_step = drawn_step}, Part::corpus, draws).chart;
  return {.kind = "chart",
          .picture = draw_chart(chart, picture_side_px, picture_side_px),
          .text = chart_table(in_any_order(chart, draws))};
}

/// Each picture is asked about many times, because drawing and encoding cost more than asking.
PictureDocument asked_chart(Draws& draws) {
  const auto drawn = draw_asked_chart({.value_step = drawn_step}, Part::corpus, draws);
  return {.kind = "chart",
          .picture = draw_chart(drawn.chart, picture_side_px, picture_side_px),
          .text = ask_again(drawn, between(5, 7, draws), draws) + "\n\n" + chart_table(drawn.chart)};
}

}  // namespace

PictureDocument picture_document(std::uint64_t seed, std::uint64_t index, PictureLesson lesson) {
  Draws draws(seed + index * splitmix64_step, streams[static_cast<std::size_t>(lesson)]);
  if (lesson == PictureLesson::bars_told) return told_chart(true, draws);
  const bool asked = lesson == PictureLesson::asked;
  if (chance(maze_percent, draws)) return maze_document(asked, draws);
  return asked ? asked_chart(draws) : told_chart(false, draws);
}

}  // namespace touchstone::micro
