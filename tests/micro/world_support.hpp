#pragma once
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "harness/data/task.hpp"
#include "tasks/book.hpp"

namespace touchstone {

namespace testing {

/// The program's tasks, made once, and the names of those of the micro world.
class World : public ::testing::Test {
 protected:
  static const TaskBook& book() {
    static const TaskBook made = [] {
      TaskBook all;
      add_tasks(all);
      return all;
    }();
    return made;
  }

  static std::vector<std::string> leaves() {
    std::vector<std::string> names;
    for (const auto& name : book().tasks.names()) {
      if (book().tasks.get(name).files.empty()) names.push_back(name);
    }
    return names;
  }

  /// The examples of a task, or of all tasks of a group.
  static std::vector<Example> examples(const std::string& name, Split split) {
    std::vector<Example> all;
    for (const auto& leaf : book().expand(name)) {
      for (auto& example : book().tasks.get(leaf).load(split, {})) all.push_back(std::move(example));
    }
    return all;
  }
};

}  // namespace testing
}  // namespace touchstone
