#pragma once
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "harness/data/task.hpp"
#include "tasks/parts/rows.hpp"
#include "tasks/parts/sandbox.hpp"

namespace touchstone {

/// One form of the benchmark.
struct HumanEvalForm {
  std::string name;
  std::string version;
  std::string summary;
  int max_new_tokens = 1024;
  int samples = 1;
  double temperature = 0.0;
  double top_p = 1.0;
  std::vector<int> ks = {1};
  bool instruct = false;  ///< asked as an instruction; the answer is a fenced block that begins with the prompt
};

/// The sandbox, opened (and probed) when the first task asks for it, and shared by all tasks of the book.
class LazySandbox {
 public:
  /// Throws Fault::sandbox, each time, where there is none.
  const Sandbox& get() {
    std::call_once(once_, [this] { box_.emplace(Sandbox::open()); });
    return *box_;
  }

 private:
  std::once_flag once_;
  std::optional<Sandbox> box_;
};

/// A row with "prompt", "entry_point", "canonical_solution" and "test". Throws Fault::data.
Example humaneval_example(const HumanEvalForm& form, const DataRow& row, const std::string& id);

/// How a form asks and judges; the caller supplies source and data.
Task humaneval_task(const HumanEvalForm& form, const std::shared_ptr<LazySandbox>& sandbox);

}  // namespace touchstone
