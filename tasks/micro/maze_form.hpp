#pragma once
#include <string>

#include "harness/data/task.hpp"
#include "tasks/micro/maze.hpp"

namespace touchstone {

/// A maze as an example: asked in text or, with `picture_px` over 0, as a picture of so many pixels a side.
Example maze_example(const micro::Maze& maze, const std::string& id, micro::Trace trace, int picture_px);

/// How mazes are asked and judged: the judge walks the moves after the last "Moves:" of the answer. The caller supplies
/// data, name and source.
Task maze_task(micro::Trace trace);

}  // namespace touchstone
