#pragma once
#include <string>
#include <vector>

#include "harness/data/task.hpp"
#include "tasks/parts/filters.hpp"
#include "tasks/parts/rows.hpp"

namespace touchstone {

/// The reference's pattern of a number in running text.
inline constexpr const char* gsm8k_number = R"((-?[$0-9.,]{2,})|(-?[0-9]+))";

/// How one form of the benchmark asks and reads answers.
struct Gsm8kForm {
  std::string name;
  std::string summary;
  std::string version;
  std::string before;  ///< the question stands between these two
  std::string after;
  std::vector<std::string> until;
  std::string strict;        ///< pattern of the strict filter
  std::string strict_fixed;  ///< the same in fixed mode; the reference's pattern needs a character after the number
  Pick strict_pick = Pick::first;
  bool whole_target = true;  ///< the target is the worked answer; false: the number alone
  int shots = 0;
  bool shots_fixed = false;
  std::string conclusion;  ///< of the fixed shots: "The answer is N."; empty: shots come from the train split
  std::string target_delimiter = " ";
};

/// The original form: "Question: ...\nAnswer:", five worked examples from the train split, and the answer after "####".
Gsm8kForm gsm8k_form(const std::string& name, const std::string& summary, const std::string& version);

/// A row with "question" and "answer".
Example gsm8k_example(const Gsm8kForm& form, const DataRow& row, const std::string& id);

/// How a form asks and judges; the caller supplies source, data and fixed shots.
Task gsm8k_task(const Gsm8kForm& form);

}  // namespace touchstone
