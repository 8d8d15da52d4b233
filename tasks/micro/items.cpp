#include "tasks/micro/items.hpp"

#include <memory>
#include <mutex>
#include <utility>

#include "harness/base/error.hpp"
#include "tasks/micro/words.hpp"

namespace touchstone::micro {

namespace {

/// The examples of one split.
struct Kept {
  std::once_flag once;
  std::vector<Example> examples;
};

}  // namespace

void check_split(const std::string& task, Split split) {
  require(split != Split::dev, Fault::data,
          [&] { return task + " has no " + split_name(split) + " split; there are: train, validation, test"; });
}

std::function<std::vector<Example>(Split, const DataFolders&)> made_once(
    const std::string& task, std::function<std::vector<Example>(Split)> make) {
  struct All {
    Kept train;
    Kept tuning;
    Kept test;
  };
  return [task, make = std::move(make), all = std::make_shared<All>()](Split split, const DataFolders&) {
    check_split(task, split);
    auto& kept = split == Split::train ? all->train : split == Split::validation ? all->tuning : all->test;
    std::call_once(kept.once, [&] { kept.examples = make(split); });
    return kept.examples;
  };
}

void draws_items(Task& task, std::function<std::vector<Example>(const ItemSet&)> make) {
  task.load = made_once(task.name, [make](Split split) { return make({.split = split}); });
  task.draw = [name = task.name, make = std::move(make)](Split split, std::uint64_t seed) {
    check_split(name, split);
    return make({split, seed});
  };
}

DataRow made_row(const std::string& task, Json document) { return {.value = std::move(document), .where = task}; }

const char* shift_name(Shift shift) {
  switch (shift) {
    case Shift::names:
      return "names";
    case Shift::numbers:
      return "numbers";
    case Shift::length:
      return "length";
  }
  return "names";
}

Shift shift_of(std::size_t index) { return static_cast<Shift>(index % 3); }

void belongs_to_world(Task& task) {
  task.version = world_version;
  task.source = made_here;
  task.evaluated = Split::test;
  task.trained = Split::train;
}

}  // namespace touchstone::micro
