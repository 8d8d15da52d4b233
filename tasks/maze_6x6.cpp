#include "harness/base/error.hpp"
#include "harness/base/object_reader.hpp"
#include "tasks/micro/maze_form.hpp"
#include "tasks/parts/rows.hpp"

namespace touchstone {
namespace {

using micro::Maze;
using micro::Place;

constexpr const char* maze6x6_name = "maze-6x6";
constexpr int largest = 32;
constexpr std::int64_t mazes = 10000;

std::vector<DataFile> maze_6x6_files() {
  std::vector<DataFile> all;
  for (const auto split : {Split::test, Split::validation, Split::train}) {
    all.push_back({.split = split,
                   .paths = {"maze/maze6x6_dfs_10k.jsonl.gz", "maze/maze6x6_dfs_10k.jsonl"},
                   .sha256 = {},
                   .licence = "LGPL-3.0",
                   .origin = "understanding-search/maze-dataset, docs/examples/datasets, as JSON lines"});
  }
  return all;
}

/// Opens the passages listed by one of the two tables: bit (r, c) joins the cell with its neighbour in that direction.
void open_passages(Maze& maze, const DataRow& row, const std::string& key, int way) {
  const auto lines = row.texts(key);
  const auto side = static_cast<std::size_t>(maze.side);
  bool fits = lines.size() == side;
  for (const auto& line : lines)
    fits = fits && line.size() == side && line.find_first_not_of("01") == std::string::npos;
  require(fits, Fault::data, [&] {
    return row.where + ": key '" + key + "': found " + shown_json(row.at(key)) + ", expected " + std::to_string(side) +
           " texts of " + std::to_string(side) + " digits 0 or 1";
  });
  for (std::size_t at = 0; at < side * side; ++at) {
    if (lines[at / side][at % side] == '0') continue;
    const auto to = micro::step({static_cast<int>(at / side), static_cast<int>(at % side)}, way);
    require(maze.inside(to), Fault::data,
            [&] { return row.where + ": key '" + key + "': found a passage that leads out of the maze"; });
    maze.open[at] |= static_cast<std::uint8_t>(1 << way);
    maze.open[static_cast<std::size_t>(to.row) * static_cast<std::size_t>(maze.side) +
              static_cast<std::size_t>(to.column)] |= static_cast<std::uint8_t>(1 << (way + 2) % 4);
  }
}

Place place(const Maze& maze, const DataRow& row, const std::string& key) {
  const auto& found = row.at(key);
  const bool two =
      found.is_array() && found.size() == 2 && found[0].is_number_integer() && found[1].is_number_integer();
  const auto within = [&](const Json& value) {
    return value.get<std::int64_t>() >= 0 && value.get<std::int64_t>() < maze.side;
  };
  require(two && within(found[0]) && within(found[1]), Fault::data, [&] {
    return row.where + ": key '" + key + "': found " + shown_json(row.at(key)) +
           ", expected [row, column], each from 0 to " + std::to_string(maze.side - 1);
  });
  return {found[0].get<int>(), found[1].get<int>()};
}

Maze maze_of(const DataRow& row) {
  const auto side = row.integer("n");
  require(side >= 2 && side <= largest, Fault::data, [&] {
    return row.where + ": key 'n': found " + std::to_string(side) + ", expected 2 to " + std::to_string(largest);
  });
  Maze maze{.side = static_cast<int>(side), .open = {}, .start = {}, .end = {}};
  maze.open.resize(static_cast<std::size_t>(side * side));
  open_passages(maze, row, "right", 1);
  open_passages(maze, row, "down", 2);
  maze.start = place(maze, row, "start");
  maze.end = place(maze, row, "end");
  require(!micro::shortest_path(maze).empty(), Fault::data,
          [&] { return row.where + ": no path leads from 'start' to 'end', or the two are one cell"; });
  return maze;
}

/// The file's own path must be the shortest path through its passages.
void check_path(const Maze& maze, const DataRow& row) {
  Json wanted = Json::array({{maze.start.row, maze.start.column}});
  auto at = maze.start;
  for (const char move : micro::shortest_path(maze)) {
    at = micro::step(at, static_cast<int>(micro::way_letters.find(move)));
    wanted.push_back({at.row, at.column});
  }
  require(row.at("path") == wanted, Fault::data, [&] {
    return row.where + ": key 'path': found " + shown_json(row.at("path")) +
           ", expected the shortest path from 'start' to 'end', " + wanted.dump();
  });
}

/// The split of a maze, by its number: of every ten mazes, eight for training, one for validation, one for testing.
Split split_of(std::int64_t id) { return id < 8000 ? Split::train : id < 9000 ? Split::validation : Split::test; }

std::vector<Example> load_maze_6x6(Split split, const DataFolders& folders) {
  std::vector<Example> examples;
  for (const auto& row : read_rows(folders.find(maze6x6_name, file_of(maze6x6_name, maze_6x6_files(), split)))) {
    const auto id = row.integer("id");
    require(id >= 0 && id < mazes, Fault::data, [&] {
      return row.where + ": key 'id': found " + std::to_string(id) + ", expected 0 to " + std::to_string(mazes - 1);
    });
    const auto maze = maze_of(row);
    check_path(maze, row);
    if (split_of(id) != split) continue;
    examples.push_back(maze_example(
        maze, std::string(maze6x6_name) + "/" + split_name(split) + "/" + std::to_string(id), micro::Trace::none, 0));
  }
  return examples;
}

}  // namespace

namespace plugins {

void maze_6x6(TaskBook& book) {
  Task task = maze_task(micro::Trace::none);
  task.name = maze6x6_name;
  task.family = "maze";  // as for the micro world's mazes: the same skill
  task.version = "1.0";
  task.summary = "10,000 mazes of 6 x 6 cells, in the form of task maze; ids from 9,000 are the test";
  task.source = "A Configurable Library for Generating and Manipulating Maze Datasets, arXiv 2309.10498";
  task.format.shots_from = Split::train;
  task.files = maze_6x6_files();
  task.load = load_maze_6x6;
  book.tasks.add(maze6x6_name, std::move(task));
}

}  // namespace plugins
}  // namespace touchstone
