#include "tasks/micro/items.hpp"

#include "harness/base/error.hpp"
#include "tasks/micro/words.hpp"

namespace touchstone::micro {

Split checked_split(const std::string& task, Split split) {
  require(split == Split::train || split == Split::test, Fault::data,
          [&] { return task + " has no " + split_name(split) + " split; there are: train, test"; });
  return split;
}

Row made_row(const std::string& task, Json document) { return {.value = std::move(document), .where = task}; }

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
  task.version = kWorldVersion;
  task.source = kMadeHere;
  task.evaluated = Split::test;
  task.trained = Split::train;
}

}  // namespace touchstone::micro
