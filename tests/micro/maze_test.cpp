// Mazes against the vectors of their specification, walking, worked answers and pictures.
#include "tasks/micro/maze.hpp"

#include <gmock/gmock.h>

#include "tests/micro/world_support.hpp"

namespace touchstone {
namespace {

using micro::Maze;
using micro::Trace;
using testing::World;

/// The generator that the vectors were made with: SplitMix64, remainders.
std::function<std::uint64_t(std::uint64_t)> split_mix(std::uint64_t seed) {
  return [state = seed](std::uint64_t count) mutable {
    state += 0x9E3779B97F4A7C15ULL;
    std::uint64_t z = state;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ULL;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBULL;
    return (z ^ (z >> 31)) % count;
  };
}

Maze corner_to_corner(int side, std::uint64_t seed) {
  return {
      .side = side, .open = micro::spanning_tree(side, split_mix(seed)), .start = {0, 0}, .end = {side - 1, side - 1}};
}

TEST(Maze, IsTheOneOfTheSpecification) {
  const auto maze = corner_to_corner(4, 1);
  EXPECT_THAT(maze.open, ::testing::ElementsAre(4, 4, 6, 12, 5, 3, 13, 5, 3, 12, 1, 5, 2, 11, 10, 9));
  EXPECT_EQ(micro::shortest_path(maze), "DDRDRR");
  EXPECT_EQ(micro::shortest_path(corner_to_corner(4, 2)), "RRDRDLDR");
  EXPECT_EQ(micro::shortest_path(corner_to_corner(6, 1)), "DDRDRDRUURURDDDLDR");
}

TEST(Maze, PathsAreAsLongAsTheSpecificationSays) {
  for (const auto& [side, mean] : {std::pair{4, 8.7}, {6, 19.0}, {8, 31.3}}) {
    double sum = 0;
    for (std::uint64_t seed = 1; seed <= 300; ++seed) {
      sum += static_cast<double>(micro::shortest_path(corner_to_corner(side, seed)).size());
    }
    EXPECT_NEAR(sum / 300, mean, 0.05 * mean) << side;
  }
}

TEST(Maze, AnyMoveTurnedRoundIsWrong) {
  const auto maze = corner_to_corner(4, 1);
  const auto path = micro::shortest_path(maze);
  EXPECT_TRUE(micro::walk(maze, path).arrived);
  for (std::size_t i = 0; i < path.size(); ++i) {
    for (const char other : micro::way_letters) {
      if (other == path[i]) continue;
      auto wrong = path;
      wrong[i] = other;
      EXPECT_FALSE(micro::walk(maze, wrong).arrived) << wrong;
    }
  }
  EXPECT_TRUE(micro::walk(maze, "DU" + path).arrived);  // a detour is a legal walk
  EXPECT_FALSE(micro::walk(maze, path.substr(1)).arrived);
  EXPECT_FALSE(micro::walk(maze, "").arrived);
}

TEST(Maze, AMazeWithoutAPathHasNone) {
  Maze closed{.side = 2, .open = {0, 0, 0, 0}, .start = {0, 0}, .end = {1, 1}};
  EXPECT_EQ(micro::shortest_path(closed), "");
}

TEST(Maze, TextShowsEveryWall) {
  EXPECT_EQ(micro::asked_maze(corner_to_corner(4, 1)),
            "Maze:\n S # . # . . .\n . # . # . # .\n . # . . . # .\n . # # # . # .\n"
            " . . . # . # .\n # # . # # # .\n . . . . . . E\nMoves:");
}

std::size_t moves_in(const std::string& text) {
  return static_cast<std::size_t>(std::count(text.begin(), text.end(), 'o'));
}

TEST_F(World, LongerTracesOfOneMazeSayMore) {
  const auto plain = examples("maze", Split::train);
  const auto brief = examples("maze-short", Split::train);
  const auto detailed = examples("maze-long", Split::train);
  const auto marks = examples("maze-marks", Split::train);
  ASSERT_EQ(plain.size(), brief.size());
  bool took_back = false;
  for (std::size_t i = 0; i < plain.size(); ++i) {
    ASSERT_EQ(plain[i].facts.at("cells"), marks[i].facts.at("cells"));
    const auto length = [](const Example& example) { return example.targets.front().size(); };
    EXPECT_LT(length(plain[i]), length(brief[i]));
    EXPECT_LT(length(brief[i]), length(detailed[i]));
    for (const auto* one : {&brief[i], &detailed[i], &marks[i]}) {
      EXPECT_THAT(one->targets.front(), ::testing::EndsWith("Moves: " + plain[i].targets.front()));
    }
    took_back = took_back || detailed[i].targets.front().find("back to") != std::string::npos;
  }
  EXPECT_TRUE(took_back);
  EXPECT_GT(moves_in(detailed[0].targets.front()), 0U);
}

Response written(const std::string& text) {
  Response response;
  response.generated.push_back({.text = text, .logp_nats = {-1.0}, .finished = true});
  return response;
}

TEST_F(World, MovesAreWalked) {
  for (const char* name : {"maze", "maze-long", "maze-marks", "maze-ood", "maze-picture"}) {
    const auto& task = book().tasks.get(name);
    for (const auto& example : examples(name, Split::test)) {
      const auto verdict = [&](const std::string& text) {
        const auto response = written(text);
        return task.judge(example, {&response, 1}, {});
      };
      EXPECT_TRUE(verdict(" " + example.targets.front()).correct) << example.id;
      EXPECT_FALSE(verdict(" " + example.targets.front() + " U L D R R").correct) << example.id;
      EXPECT_FALSE(verdict("no idea").parsed);
      EXPECT_FALSE(verdict("").correct);
      const auto half = verdict("Moves: " + example.facts.at("path").substr(0, 1));
      EXPECT_NEAR(half.values.at("progress,none"), 1.0 / std::stod(example.facts.at("length")), 1e-12);
    }
  }
}

TEST_F(World, PicturesOfMazesShowStartEndAndWalls) {
  for (const char* name : {"maze-picture", "maze-picture-ood"}) {
    for (const auto& example : examples(name, Split::test)) {
      ASSERT_EQ(example.media.size(), 1U);
      const auto& image = std::get<Image>(example.media.front());
      ASSERT_EQ(image.rgb.size(), 128U * 128U * 3U);
      const int side = std::stoi(example.facts.at("size"));
      const auto colour = [&](const char* fact) {
        const auto& place = example.facts.at(fact);
        const int row = place[0] - '0', column = place[2] - '0';
        const int y = (2 * row + 1) * 128 / (2 * side), x = (2 * column + 1) * 128 / (2 * side);
        const auto at = static_cast<std::size_t>((y * 128 + x) * 3);
        return std::pair{image.rgb[at], image.rgb[at + 1]};
      };
      EXPECT_LT(colour("start").first, colour("start").second);
      EXPECT_GT(colour("end").first, colour("end").second);
    }
  }
}

}  // namespace
}  // namespace touchstone
