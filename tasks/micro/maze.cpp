#include "tasks/micro/maze.hpp"

#include <algorithm>
#include <deque>

namespace touchstone::micro {
namespace {

constexpr std::array<std::string_view, 4> move_words = {"up", "right", "down", "left"};
constexpr int marks_most = 4;  ///< pictures or mazes in one worked answer

std::size_t index(const Maze& maze, Place place) {
  return static_cast<std::size_t>(place.row) * static_cast<std::size_t>(maze.side) +
         static_cast<std::size_t>(place.column);
}

std::string told(Place place) { return "(" + std::to_string(place.row) + "," + std::to_string(place.column) + ")"; }

int way_of(char move) { return static_cast<int>(way_letters.find(move)); }

std::string brief_trace(std::string_view path) {
  std::string text;
  for (const char move : path) text += (text.empty() ? "" : ", ") + std::string(move_words[way_letters.find(move)]);
  return text + ".";
}

/// Walks into a side branch of the path, one to three cells, and back.
std::string wrong_branch(const Maze& maze, Place from, int way, Draws& draws) {
  std::string text;
  auto at = from;
  int next = way;
  for (int left = between(1, 3, draws); left > 0 && next >= 0; --left) {
    const auto to = step(at, next);
    text += " From " + told(at) + " go " + std::string(move_words[static_cast<std::size_t>(next)]) + " to " + told(to) +
            ".";
    at = to;
    const int back = (next + 2) % 4;
    next = -1;
    for (int one = 0; one < 4; ++one) {
      if (one != back && maze.is_open(at, one)) next = one;
    }
  }
  return text + (next < 0 ? " Blocked," : " Wrong way,") + " back to " + told(from) + ".";
}

std::string detailed_trace(const Maze& maze, std::string_view path) {
  Draws draws(0, "maze.branch|" + maze_lines(maze));
  std::string text;
  auto at = maze.start;
  int came = -1;
  for (const char move : path) {
    const int way = way_of(move);
    for (int other = 0; other < 4; ++other) {
      if (other == way || other == came || !maze.is_open(at, other) || !chance(30, draws)) continue;
      text += wrong_branch(maze, at, other, draws);
      break;
    }
    const auto to = step(at, way);
    text +=
        " From " + told(at) + " go " + std::string(move_words[static_cast<std::size_t>(way)]) + " to " + told(to) + ".";
    at = to;
    came = (way + 2) % 4;
  }
  return text.substr(1);
}

std::string marked_trace(const Maze& maze, std::string_view path) {
  const auto length = static_cast<int>(path.size());
  const int times = std::min(marks_most, length - 1);
  std::string text;
  std::set<Place> marked = {maze.start};
  auto at = maze.start;
  int drawn = 0;
  for (int done = 1; done <= length; ++done) {
    at = step(at, way_of(path[static_cast<std::size_t>(done - 1)]));
    marked.insert(at);
    if (done * (times + 1) / (length + 1) <= drawn || drawn == times) continue;
    ++drawn;
    text += "Marked:\n" + maze_lines(maze, marked) + "\n";
  }
  return text;
}

void fill_square(Image& image, int left, int top, int right, int bottom, std::array<std::uint8_t, 3> colour) {
  for (int y = std::max(top, 0); y < std::min(bottom, image.height_px); ++y) {
    for (int x = std::max(left, 0); x < std::min(right, image.width_px); ++x) {
      std::copy(colour.begin(), colour.end(), image.rgb.begin() + (std::ptrdiff_t{y} * image.width_px + x) * 3);
    }
  }
}

}  // namespace

Place step(Place from, int way) {
  switch (way) {
    case 0:
      return {from.row - 1, from.column};
    case 1:
      return {from.row, from.column + 1};
    case 2:
      return {from.row + 1, from.column};
    default:
      return {from.row, from.column - 1};
  }
}

bool Maze::inside(Place place) const {
  return place.row >= 0 && place.row < side && place.column >= 0 && place.column < side;
}

bool Maze::is_open(Place from, int way) const { return (open[index(*this, from)] >> way & 1) != 0; }

std::vector<std::uint8_t> spanning_tree(int side, const std::function<std::uint64_t(std::uint64_t)>& below) {
  Maze maze{
      .side = side, .open = std::vector<std::uint8_t>(static_cast<std::size_t>(side * side)), .start = {}, .end = {}};
  std::vector<Place> stack = {{0, 0}};
  std::vector<bool> seen(maze.open.size());
  seen[0] = true;
  while (!stack.empty()) {
    const auto at = stack.back();
    std::vector<int> ways;
    for (int way = 0; way < 4; ++way) {
      const auto to = step(at, way);
      if (maze.inside(to) && !seen[index(maze, to)]) ways.push_back(way);
    }
    if (ways.empty()) {
      stack.pop_back();
      continue;
    }
    const int way = ways[below(ways.size())];
    const auto to = step(at, way);
    maze.open[index(maze, at)] |= static_cast<std::uint8_t>(1 << way);
    maze.open[index(maze, to)] |= static_cast<std::uint8_t>(1 << (way + 2) % 4);
    seen[index(maze, to)] = true;
    stack.push_back(to);
  }
  return maze.open;
}

std::string shortest_path(const Maze& maze) {
  std::vector<int> came(maze.open.size(), -1);
  std::deque<Place> next = {maze.start};
  while (!next.empty()) {
    const auto at = next.front();
    next.pop_front();
    for (int way = 0; way < 4; ++way) {
      if (!maze.is_open(at, way)) continue;
      const auto to = step(at, way);
      if (to == maze.start || came[index(maze, to)] >= 0) continue;
      came[index(maze, to)] = way;
      next.push_back(to);
    }
  }
  std::string path;
  for (auto at = maze.end; at != maze.start; at = step(at, (way_of(path.back()) + 2) % 4)) {
    const int way = came[index(maze, at)];
    if (way < 0) return {};
    path += way_letters[static_cast<std::size_t>(way)];
  }
  std::reverse(path.begin(), path.end());
  return path;
}

Walk walk(const Maze& maze, std::string_view moves) {
  auto at = maze.start;
  for (const char move : moves) {
    const auto way = way_letters.find(move);
    if (way == std::string_view::npos || !maze.is_open(at, static_cast<int>(way))) return {.legal = false};
    at = step(at, static_cast<int>(way));
  }
  return {.legal = true, .arrived = at == maze.end};
}

Maze draw_maze(const MazeRange& range, Draws& draws) {
  Maze maze;
  maze.side = between(range.side_first, range.side_last, draws);
  const auto place = [&] { return Place{between(0, maze.side - 1, draws), between(0, maze.side - 1, draws)}; };
  maze.open = spanning_tree(maze.side, [&](std::uint64_t count) { return draws.below(count); });
  while (true) {
    maze.start = place();
    maze.end = place();
    const auto length = static_cast<int>(shortest_path(maze).size());
    if (length >= range.length_first && length <= range.length_last) return maze;
  }
}

Maze draw_maze(const MazeRange& range, Part part, Draws& draws) {
  while (true) {
    auto maze = draw_maze(range, draws);
    if (part_of("maze|" + maze_lines(maze), {60, 20, 5}) == part) return maze;
  }
}

std::string maze_lines(const Maze& maze, const std::set<Place>& marked) {
  const int signs = 2 * maze.side - 1;
  std::string text;
  for (int i = 0; i < signs; ++i) {
    if (i > 0) text += '\n';
    for (int j = 0; j < signs; ++j) {
      const Place cell{i / 2, j / 2};
      char sign = '#';
      if (i % 2 == 0 && j % 2 == 0) {
        sign = cell == maze.start ? 'S' : cell == maze.end ? 'E' : marked.count(cell) > 0 ? '*' : '.';
      } else if (i % 2 == 0 || j % 2 == 0) {
        if (maze.is_open(cell, i % 2 == 0 ? 1 : 2)) sign = '.';
      }
      text += {' ', sign};
    }
  }
  return text;
}

std::string asked_maze(const Maze& maze, std::string_view last) {
  return "Maze:\n" + maze_lines(maze) + "\n" + std::string(last);
}

std::string spaced(std::string_view moves) {
  std::string text;
  for (const char move : moves) text += {' ', move};
  return text;
}

std::string trace_name(Trace trace) {
  static constexpr std::array<const char*, 4> fixed_names = {"none", "short", "long", "marks"};
  return fixed_names[static_cast<std::size_t>(trace)];
}

std::string traced(const Maze& maze, Trace trace) {
  const auto path = shortest_path(maze);
  const auto moves = "Moves:" + spaced(path);
  switch (trace) {
    case Trace::none:
      return spaced(path).substr(1);
    case Trace::brief:
      return brief_trace(path) + "\n" + moves;
    case Trace::detailed:
      return detailed_trace(maze, path) + "\n" + moves;
    case Trace::marks:
      return marked_trace(maze, path) + moves;
  }
  return {};
}

Image maze_picture(const Maze& maze, int side_px) {
  Image image{.width_px = side_px, .height_px = side_px, .rgb = {}};
  image.rgb.assign(static_cast<std::size_t>(side_px) * static_cast<std::size_t>(side_px) * 3, 255);
  const int wall = std::max(1, side_px / (16 * maze.side));
  const auto edge = [&](int cells) { return cells * (side_px - wall) / maze.side; };
  const auto mark = [&](Place place, std::array<std::uint8_t, 3> colour) {
    fill_square(image, edge(place.column), edge(place.row), edge(place.column + 1), edge(place.row + 1), colour);
  };
  mark(maze.start, {0, 160, 0});
  mark(maze.end, {220, 0, 0});
  for (int row = 0; row < maze.side; ++row) {
    for (int column = 0; column < maze.side; ++column) {
      const int x = edge(column), y = edge(row), right = edge(column + 1), below = edge(row + 1);
      constexpr std::array<std::uint8_t, 3> dark = {20, 20, 20};
      const Place at{row, column};
      if (!maze.is_open(at, 0)) fill_square(image, x, y, right + wall, y + wall, dark);
      if (!maze.is_open(at, 1)) fill_square(image, right, y, right + wall, below + wall, dark);
      if (!maze.is_open(at, 2)) fill_square(image, x, below, right + wall, below + wall, dark);
      if (!maze.is_open(at, 3)) fill_square(image, x, y, x + wall, below + wall, dark);
    }
  }
  return image;
}

std::string mazes(Draws& draws) {
  const auto maze = draw_maze({}, Part::corpus, draws);
  return asked_maze(maze) + spaced(shortest_path(maze));
}

}  // namespace touchstone::micro
