#include <set>

#include "tasks/micro/items.hpp"
#include "tasks/micro/maze_form.hpp"
#include "tasks/micro/pictures.hpp"

namespace touchstone {
namespace {

using micro::Trace;

constexpr std::size_t maze_train = 2000;

/// One edition of the benchmark.
struct MazeEdition {
  std::string name;
  std::string summary;
  Trace trace = Trace::none;
  bool shifted = false;
  bool picture = false;
};

/// Mazes of one part, without repetition. All editions with the same shift share them.
std::vector<Example> mazes(const MazeEdition& edition, const micro::ItemSet& items) {
  const bool moved = edition.shifted && !items.train();
  const auto range = moved ? micro::MazeRange{.side_first = 5, .side_last = 6, .length_first = 4, .length_last = 16}
                           : micro::MazeRange{};
  auto draws = items.draws("maze", moved);
  std::vector<micro::Maze> drawn;
  std::set<std::string> seen;
  while (drawn.size() < micro::items_of(items.split, maze_train)) {
    auto maze = draw_maze(range, micro::part_for(items.split), draws);
    if (seen.insert(micro::maze_lines(maze)).second) drawn.push_back(std::move(maze));
  }
  shuffle(drawn, draws);  // small mazes are soon all there: without it the first items would be easier than the last
  std::vector<Example> examples;
  for (const auto& maze : drawn) {
    examples.push_back(maze_example(maze, items.id(edition.name, examples.size()), edition.trace,
                                    edition.picture ? micro::picture_side_px : 0));
    if (moved) examples.back().facts["shift"] = "size";
  }
  return examples;
}

void add_maze(TaskBook& book, const MazeEdition& edition) {
  Task task = maze_task(edition.trace);
  task.name = edition.name;
  task.family = "maze";
  task.summary = edition.summary;
  micro::belongs_to_world(task);
  task.format.shots_from = Split::train;
  task.format.shots_fixed = edition.picture;  // a request brings only the pictures of its own example
  micro::draws_items(task, [edition](const micro::ItemSet& items) { return mazes(edition, items); });
  book.tasks.add(edition.name, std::move(task));
}

}  // namespace

namespace plugins {

void micro_maze(TaskBook& book) {
  add_maze(book,
           {.name = "maze", .summary = "mazes of 3 and 4 cells a side; the answer is the moves, which are walked"});
  add_maze(book, {.name = "maze-ood", .summary = "mazes of 5 and 6 cells a side", .shifted = true});
  add_maze(book, {.name = "maze-short", .summary = "mazes answered with a word a step first", .trace = Trace::brief});
  add_maze(book, {.name = "maze-long",
                  .summary = "mazes answered cell by cell first, wrong branches taken back",
                  .trace = Trace::detailed});
  add_maze(
      book,
      {.name = "maze-marks", .summary = "mazes answered by marking the way in the maze first", .trace = Trace::marks});
  add_maze(book, {.name = "maze-picture", .summary = "mazes as pictures", .picture = true});
  add_maze(book, {.name = "maze-picture-ood",
                  .summary = "pictures of mazes of 5 and 6 cells a side",
                  .shifted = true,
                  .picture = true});
}

}  // namespace plugins
}  // namespace touchstone
