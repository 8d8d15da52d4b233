#pragma once
#include <cstdint>
#include <functional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "harness/data/example.hpp"
#include "tasks/micro/common.hpp"

// Mazes as in Revisiting the Necessity of Lengthy Chain-of-Thought in Vision-centric Reasoning Generalization
// (arXiv 2511.22586): walls stand between cells. The passages are a spanning tree, so one path alone is shortest.
namespace touchstone::micro {

struct Place {
  int row = 0;  ///< from the top
  int column = 0;
  auto operator<=>(const Place&) const = default;
};

/// The four directions out of a cell. Bit `way` of a cell's mask means that the passage is open.
inline constexpr std::string_view way_letters = "URDL";
Place step(Place from, int way);

struct Maze {
  int side = 0;
  std::vector<std::uint8_t> open;  ///< [side * side] masks
  Place start;
  Place end;

  bool inside(Place place) const;
  bool is_open(Place from, int way) const;
};

/// Masks of a random spanning tree of side x side cells, by recursive backtracking from the top left cell: of the
/// neighbours not yet visited, in the order up, right, down, left, one is taken. `below(n)` draws from [0, n).
std::vector<std::uint8_t> spanning_tree(int side, const std::function<std::uint64_t(std::uint64_t)>& below);

/// The moves of a shortest path from start to end, letters of way_letters; empty when there is none.
std::string shortest_path(const Maze& maze);

/// The result of some moves.
struct Walk {
  bool legal = true;     ///< no move ran into a wall
  bool arrived = false;  ///< legal, and the last one ended on the end cell
};
Walk walk(const Maze& maze, std::string_view moves);

/// The settings for drawing random mazes.
struct MazeRange {
  int side_first = 3;
  int side_last = 4;
  int length_first = 2;
  int length_last = 8;
};
Maze draw_maze(const MazeRange& range, Draws& draws);
/// Draws until the maze lies in `part`.
Maze draw_maze(const MazeRange& range, Part part, Draws& draws);

/// The maze as lines of (2 side - 1) signs, each with a space before it: " ." open, " #" wall, " S", " E", " *" a cell
/// that is marked.
std::string maze_lines(const Maze& maze, const std::set<Place>& marked = {});

/// "Maze:\n...\nMoves:", and the answer " R D D".
std::string asked_maze(const Maze& maze, std::string_view last = "Moves:");
std::string spaced(std::string_view moves);

/// How a worked answer describes the path (section 3 of the paper).
enum class Trace : std::uint8_t {
  none,      ///< the moves alone
  brief,     ///< language: one word a step
  detailed,  ///< each step with its cells, and sometimes a wrong branch that is taken back
  marks      ///< the maze again, with the cells walked so far marked, four times at most
};
std::string trace_name(Trace trace);

/// The worked answer; it ends in "Moves:" and the moves, unless there is no trace. Wrong branches are drawn from the
/// maze's own content.
std::string traced(const Maze& maze, Trace trace);

/// Seen from above, side_px wide and high: dark walls, the start green, the end red.
Image maze_picture(const Maze& maze, int side_px);

/// Document of the corpus.
std::string mazes(Draws& draws);

}  // namespace touchstone::micro
