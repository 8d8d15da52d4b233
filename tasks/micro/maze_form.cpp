#include "tasks/micro/maze_form.hpp"

#include <algorithm>

#include "harness/base/hash.hpp"
#include "harness/base/text.hpp"
#include "harness/pictures/picture.hpp"
#include "tasks/parts/filters.hpp"

namespace touchstone {
namespace {

constexpr std::string_view answer_mark = "Moves:";

/// Cells as hexadecimal digits, row by row: the judge walks on them.
std::string cells_of(const micro::Maze& maze) {
  std::string text;
  for (const auto mask : maze.open) text += "0123456789abcdef"[mask];
  return text;
}

micro::Maze maze_of(const Example& example) {
  const auto place = [&](const char* key) {
    const auto both = split(example.facts.at(key), ',');
    return micro::Place{std::stoi(both[0]), std::stoi(both[1])};
  };
  micro::Maze maze{
      .side = std::stoi(example.facts.at("size")), .open = {}, .start = place("start"), .end = place("end")};
  for (const char digit : example.facts.at("cells")) {
    maze.open.push_back(static_cast<std::uint8_t>(digit <= '9' ? digit - '0' : digit - 'a' + 10));
  }
  return maze;
}

std::string text_of(micro::Place place) { return std::to_string(place.row) + "," + std::to_string(place.column); }

/// The letters of the line after the last mark; false when the line contains anything else.
bool read_moves(std::string_view text, std::string& moves) {
  if (const auto mark = text.rfind(answer_mark); mark != std::string_view::npos)
    text.remove_prefix(mark + answer_mark.size());
  text = strip(text.substr(0, text.find('\n', text.size() - lstrip(text).size())));
  for (const char sign : text) {
    if (sign == ' ') continue;
    if (micro::way_letters.find(sign) == std::string_view::npos) return false;
    moves += sign;
  }
  return !moves.empty();
}

Verdict judge_maze_form(const Example& example, const Response& response) {
  const auto maze = maze_of(example);
  const auto& path = example.facts.at("path");
  Verdict verdict;
  std::string moves;
  verdict.parsed = read_moves(first_text(response), moves);
  const auto walked = micro::walk(maze, moves);
  verdict.correct = verdict.parsed && walked.arrived;
  verdict.score = verdict.correct ? 1.0 : 0.0;
  const auto common = std::mismatch(path.begin(), path.end(), moves.begin(), moves.end()).first - path.begin();
  verdict.values = {
      {"acc,none", verdict.score},
      {"progress,none", verdict.parsed ? static_cast<double>(common) / static_cast<double>(path.size()) : 0.0}};
  verdict.extracted = moves;
  verdict.detail = !verdict.parsed   ? "no moves in the answer"
                   : !walked.legal   ? "through a wall"
                   : verdict.correct ? ""
                                     : "not at the end";
  verdict.confidence = answer_confidence(response);
  return verdict;
}

}  // namespace

Example maze_example(const micro::Maze& maze, const std::string& id, micro::Trace trace, int picture_px) {
  const auto path = micro::shortest_path(maze);
  Example example;
  example.id = id;
  const std::string_view last = trace == micro::Trace::none ? answer_mark : "Trace:";
  example.question = micro::asked_maze(maze, last);
  example.targets = {micro::traced(maze, trace)};
  example.doc_hash = sha256(example.question + example.targets.front());
  if (picture_px > 0) {
    example.question = "Maze:\n" + std::string(last);  // prompts put the picture before the question
    example.media = {micro::maze_picture(maze, picture_px)};
    example.doc_hash = sha256(example.question + example.targets.front() + media_hash(example.media.front()));
  }
  example.facts = {{"maze", "Maze:\n" + micro::maze_lines(maze)},
                   {"size", std::to_string(maze.side)},
                   {"cells", cells_of(maze)},
                   {"start", text_of(maze.start)},
                   {"end", text_of(maze.end)},
                   {"path", path},
                   {"length", std::to_string(path.size())},
                   {"level", path.size() <= 3   ? "1"
                             : path.size() <= 5 ? "2"
                                                : "3"}};
  return example;
}

Task maze_task(micro::Trace trace) {
  const bool moves_alone = trace == micro::Trace::none;
  Task task;
  task.metrics = {{.name = "acc,none"}, {.name = "progress,none"}};
  task.ask = [moves_alone](const Example& example, const std::string& context,
                           const AskSettings&) -> std::vector<Request> {
    // Twice the tokens of the right answer in a vocabulary of some thousand words; a model that does not stop is wrong.
    const auto right = example.targets.front().size();
    return {Generation{.context = context,
                       .media = example.media,
                       .max_new_tokens = static_cast<int>(moves_alone ? right / 2 * 2 + 8 : 2 * right),
                       .until = {moves_alone ? "\n" : "\n\n"}}};
  };
  task.judge = [](const Example& example, std::span<const Response> responses, const AskSettings&) {
    return judge_maze_form(example, responses.front());
  };
  return task;
}

}  // namespace touchstone
