// What the worked answers of mazes tell is true of the maze, and their pictures show every wall.
#include <gmock/gmock.h>

#include <algorithm>
#include <bit>
#include <set>

#include "harness/base/regex.hpp"
#include "harness/base/text.hpp"
#include "harness/data/prompt.hpp"
#include "harness/pictures/picture.hpp"
#include "tasks/micro/maze.hpp"
#include "tests/micro/world_support.hpp"

namespace touchstone {
namespace {

using micro::Maze;
using micro::Place;
using testing::World;

/// The maze that an example's facts describe.
Maze maze_of(const Example& example) {
  const auto place = [&](const char* key) {
    const auto numbers = split(example.facts.at(key), ',');
    return Place{std::stoi(numbers[0]), std::stoi(numbers[1])};
  };
  Maze maze{.side = std::stoi(example.facts.at("size")), .open = {}, .start = place("start"), .end = place("end")};
  for (const char digit : example.facts.at("cells")) {
    maze.open.push_back(static_cast<std::uint8_t>(std::stoi(std::string(1, digit), nullptr, 16)));
  }
  return maze;
}

int way_of(const std::string& word) {
  static const std::vector<std::string> word_pool = {"up", "right", "down", "left"};
  return static_cast<int>(std::find(word_pool.begin(), word_pool.end(), word) - word_pool.begin());
}

TEST_F(World, ShortTracesNameThePath) {
  for (const auto& example : examples("maze-short", Split::test)) {
    std::string moves;
    const auto text = example.targets.front().substr(0, example.targets.front().find('\n'));
    for (const auto& match : Regex(R"((up|right|down|left))").find_all(text)) {
      moves += micro::way_letters[static_cast<std::size_t>(way_of(*match.groups[0]))];
    }
    EXPECT_EQ(moves, example.facts.at("path")) << text;
  }
}

/// How many branches of a trace were taken back; each sentence is held against the maze. What is not taken back must
/// be the path.
int check_long_trace(const Example& example) {
  const auto maze = maze_of(example);
  const Regex sentence(
      R"(From \((\d),(\d)\) go (up|right|down|left) to \((\d),(\d)\)\.|(Blocked|Wrong way), back to \((\d),(\d)\)\.)");
  std::vector<Place> line = {maze.start};
  std::string moves;
  int branches = 0;
  std::size_t told = 0;
  const auto text = example.targets.front().substr(0, example.targets.front().find('\n'));
  for (const auto& match : sentence.find_all(text)) {
    const auto at = [&](std::size_t group) {
      return Place{std::stoi(*match.groups[group]), std::stoi(*match.groups[group + 1])};
    };
    told += match.last - match.first;
    if (!match.groups[5]) {
      const int way = way_of(*match.groups[2]);
      EXPECT_EQ(at(0), line.back()) << text;
      EXPECT_TRUE(maze.is_open(at(0), way)) << text;
      EXPECT_EQ(at(3), micro::step(at(0), way)) << text;
      line.push_back(at(3));
      moves += micro::way_letters[static_cast<std::size_t>(way)];
      continue;
    }
    ++branches;
    const int ways =
        std::popcount(maze.open[static_cast<std::size_t>(line.back().row * maze.side + line.back().column)]);
    EXPECT_EQ(ways == 1, *match.groups[5] == "Blocked") << text;
    const auto steps = moves.size();
    while (line.size() > 1 && line.back() != at(6)) {
      line.pop_back();
      moves.pop_back();
    }
    EXPECT_EQ(line.back(), at(6)) << text;
    EXPECT_THAT(steps - moves.size(), ::testing::AllOf(::testing::Ge(1U), ::testing::Le(3U))) << text;
  }
  EXPECT_EQ(moves, example.facts.at("path")) << text;
  const auto spaces = static_cast<std::size_t>(std::count(text.begin(), text.end(), '.')) - 1;  // between sentences
  EXPECT_EQ(told + spaces, text.size()) << text;
  return branches;
}

TEST_F(World, LongTracesWalkOpenWaysAndComeBack) {
  int branches = 0;
  int junctions = 0;
  for (const auto& example : examples("maze-long", Split::train)) {
    branches += check_long_trace(example);
    const auto maze = maze_of(example);
    auto at = maze.start;
    int came = 0;
    for (const char move : example.facts.at("path")) {
      const auto ways = std::popcount(maze.open[static_cast<std::size_t>(at.row * maze.side + at.column)]);
      junctions += ways - came > 1 ? 1 : 0;
      at = micro::step(at, static_cast<int>(micro::way_letters.find(move)));
      came = 1;
    }
  }
  EXPECT_NEAR(static_cast<double>(branches) / junctions, 0.3, 0.05);
}

TEST_F(World, MarksGrowAlongThePath) {
  for (const auto& example : examples("maze-marks", Split::test)) {
    const auto maze = maze_of(example);
    const auto& text = example.targets.front();
    std::vector<std::string> drawn;
    for (std::size_t from = 0, at = 0; (at = text.find("Marked:\n", from)) != std::string::npos; from = at + 1) {
      const auto last = std::min(text.find("\nMarked:", at), text.find("\nMoves:", at));
      drawn.push_back(text.substr(at + 8, last - at - 8));
    }
    EXPECT_THAT(drawn.size(), ::testing::AllOf(::testing::Ge(1U), ::testing::Le(4U))) << text;
    std::set<Place> walked = {maze.start};
    auto at = maze.start;
    std::size_t found = 0;
    for (const char move : example.facts.at("path")) {
      at = micro::step(at, static_cast<int>(micro::way_letters.find(move)));
      walked.insert(at);
      if (found < drawn.size() && drawn[found] == micro::maze_lines(maze, walked)) ++found;
    }
    EXPECT_EQ(found, drawn.size()) << text;
  }
}

/// Whether the pixel at these parts of the picture's sides is dark.
bool dark(const Image& image, double down, double right) {
  const auto y = static_cast<std::size_t>(down * (image.height_px - 1) + 0.5);
  const auto x = static_cast<std::size_t>(right * (image.width_px - 1) + 0.5);
  const auto* pixel = &image.rgb[(y * static_cast<std::size_t>(image.width_px) + x) * 3];
  return pixel[0] < 64 && pixel[1] < 64 && pixel[2] < 64;
}

TEST_F(World, PicturesAreDarkWhereWallsAre) {
  for (const char* name : {"maze-picture", "maze-picture-ood"}) {
    for (const auto& example : examples(name, Split::test)) {
      const auto maze = maze_of(example);
      const auto& image = std::get<Image>(example.media.front());
      for (int row = 0; row < maze.side; ++row) {
        for (int column = 0; column < maze.side; ++column) {
          const Place cell{row, column};
          // From the middle of the cell to that of the neighbour: dark somewhere on the way, or nowhere.
          for (int way = 0; way < 4; ++way) {
            const auto to = micro::step(cell, way);
            bool crossed = false;
            for (int part = 0; part <= 100; ++part) {
              const double down = row + 0.5 + (to.row - row) * part / 100.0;
              const double right = column + 0.5 + (to.column - column) * part / 100.0;
              if (down < 0 || right < 0 || down > maze.side || right > maze.side) continue;
              crossed = crossed || dark(image, down / maze.side, right / maze.side);
            }
            ASSERT_EQ(crossed, !maze.is_open(cell, way)) << example.id << " " << row << "," << column << " " << way;
          }
        }
      }
    }
  }
}

// Shots show no pictures of their own: a prompt that names more than it brings would be refused.
TEST_F(World, PromptsNameAsManyPicturesAsTheyBring) {
  for (const char* name : {"maze-picture", "maze-picture-ood"}) {
    const auto& task = book().tasks.get(name);
    const auto test = examples(name, Split::test);
    const auto train = examples(name, Split::train);
    PromptSettings settings;
    settings.shots = 2;
    const auto contexts = build_contexts(task, test, train, settings);
    for (std::size_t i = 0; i < test.size(); ++i) {
      EXPECT_EQ(split(replace_all(contexts[i], picture_placeholder, "\x1e"), '\x1e').size() - 1, test[i].media.size());
    }
  }
}

}  // namespace
}  // namespace touchstone
