#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "harness/store/store.hpp"

namespace touchstone::testing {

/// One benchmark of the demo: its leaf tasks have `items` items each.
struct DemoBenchmark {
  std::string name;
  std::string metric = "acc,none";
  std::vector<std::string> leaves;  ///< empty: the benchmark is one task
  int items = 100;
  int choices = 4;      ///< 0: answers are generated
  double score = 0.45;  ///< before training
};

/// The size of a demo. The default is like the quick start: four methods, two training tasks, two seeds.
struct DemoPlan {
  std::string name = "demo";
  std::vector<std::string> methods = {"sft", "lora", "replay", "asft"};
  std::vector<std::string> train_on = {"gsm8k", "mmlu"};
  std::vector<std::uint64_t> seeds = {1, 2};
  std::vector<DemoBenchmark> benchmarks;  ///< empty: the four of the quick start
  int steps = 60;
  bool fail_one = true;  ///< the last cell fails
  std::string poison;    ///< inserted into every text that a model or a data set could have written
};

/// Fills a store with a run whose numbers look real. They depend on the plan alone: an equal plan gives equal database
/// content.
void write_demo(Store& store, const DemoPlan& plan = {});

}  // namespace touchstone::testing
