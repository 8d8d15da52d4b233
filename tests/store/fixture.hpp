#pragma once
#include <cmath>
#include <string>

#include "harness/store/store.hpp"

namespace touchstone::testing {

inline Sample sample(int number, bool correct, double confidence = 0.75) {
  Sample made;
  made.example_id = "toy/test/" + std::to_string(number);
  made.doc_hash = "doc" + std::to_string(number);
  made.prompt_hash = "prompt" + std::to_string(number);
  made.target_hash = "target" + std::to_string(number);
  made.prompt = "Question " + std::to_string(number) + "?\nAnswer:";
  made.target = "A";
  made.gold = {0};
  made.responses = {"A", "B"};
  made.choice_logp = {-0.1 * number - 0.1, -2.0 / 3.0};
  made.choice_greedy = {true, false};
  made.prompt_tokens = 12;
  made.verdict.correct = correct;
  made.verdict.score = correct ? 1.0 : 0.0;
  made.verdict.confidence = confidence;
  made.verdict.choice_probability = {correct ? confidence : 1.0 - confidence, correct ? 1.0 - confidence : confidence};
  made.verdict.values = {{"acc,none", correct ? 1.0 : 0.0}};
  made.verdict.extracted = correct ? "A" : "B";
  return made;
}

/// A task of `count` items of which `right(number)` says whether it is answered rightly.
template <class Right>
TaskMeasure task_measure(const std::string& task, int count, const Right& right) {
  TaskMeasure made;
  made.task = task;
  made.version = "1";
  made.data_hash = "data";
  made.data_origin = "/somewhere/data/";
  double sum = 0.0;
  for (int number = 0; number < count; ++number) {
    made.samples.push_back(sample(number, right(number)));
    sum += right(number) ? 1.0 : 0.0;
  }
  made.documents = count;
  const double mean = sum / count;
  made.scores.push_back({"acc,none", mean, std::sqrt(mean * (1.0 - mean) / (count - 1)), true, 0.5});
  return made;
}

inline Environment environment() {
  return {
      .code_version = "0.1.0", .libtorch = "2.13.0", .compiler = "g++ 12", .cpu = "cpu", .cores = 2, .system = "Linux"};
}

inline EngineInfo engine() {
  EngineInfo info;
  info.device = "cpu";
  info.dtype = "float32";
  info.kernels = "operators";
  return info;
}

inline ModelRow model_row(const std::string& hash, const std::string& label) {
  return {.id = 0,
          .hash = hash,
          .label = label,
          .family = "llama",
          .parameters = 260000,
          .config_hash = "config",
          .tokenizer_hash = "tokenizer",
          .template_hash = ""};
}

inline CellRow cell_row(const std::string& key, std::int64_t base) {
  CellRow row;
  row.key = key;
  row.base_model = base;
  row.method = "sft";
  row.recipe_json = R"({"method": "sft"})";
  row.trained_on = "gsm8k";
  row.seed = 18446744073709551615ULL;
  return row;
}

inline StepReport step(int stage, std::int64_t number, double loss) {
  StepReport point;
  point.stage = stage;
  point.stage_name = "train";
  point.step = number;
  point.steps = 100;
  point.loss = loss;
  point.learning_rate = 1e-4;
  point.gradient_norm = 0.5;
  point.tokens = 128;
  point.trained_tokens = 64;
  point.seconds = 0.01;
  point.values = {{"nll", loss}, {"seconds_waiting", 0.1}};
  return point;
}

}  // namespace touchstone::testing
