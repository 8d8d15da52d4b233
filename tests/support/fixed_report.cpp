#include "tests/support/fixed_report.hpp"

#include <cmath>
#include <string>
#include <vector>

namespace touchstone::testing {
namespace {

/// A model whose hash repeats the digit `id`.
ModelRow model_of(std::int64_t id, const std::string& label) {
  return {.id = id,
          .hash = std::string(64, static_cast<char>('0' + id)),
          .label = label,
          .family = "llama",
          .parameters = 260032,
          .config_hash = std::string(64, 'c'),
          .tokenizer_hash = std::string(64, 'b'),
          .template_hash = {}};
}

// Ten bins; bin b holds 10 items of confidence 0.05 + b/10, `right[b]` of them right.
std::vector<CalibrationItem> items_of(const std::vector<int>& right) {
  std::vector<CalibrationItem> items;
  for (std::size_t bin = 0; bin < right.size(); ++bin) {
    for (int i = 0; i < 10; ++i) {
      items.push_back({.confidence = 0.05 + 0.1 * static_cast<double>(bin),
                       .correct = i < right[bin],
                       .choice_probability = {},
                       .gold = -1});
    }
  }
  return items;
}

void calibrate(TaskChange& task, const std::vector<int>& before, const std::vector<int>& after) {
  const auto one = items_of(before);
  const auto two = items_of(after);
  task.calibration_before = calibration(one);
  task.calibration_after = calibration(two);
  task.calibration = calibration_change(one, two);
}

CellChange cell_change(std::int64_t id, const std::string& method, std::vector<TaskChange> tasks) {
  CellChange change;
  change.cell.id = id;
  change.cell.key = "key-" + std::to_string(id);
  change.cell.base_model = 1;
  change.cell.result_model = id + 1;
  change.cell.method = method;
  change.cell.recipe_json = R"({"method":")" + method + R"(","stages":[{"use":"train","learning_rate":0.0001}]})";
  change.cell.trained_on = "gsm8k";
  change.cell.seed = 1;
  change.cell.state = CellState::done;
  change.cell.attempts = 1;
  change.cell.seconds = 12.5 * static_cast<double>(id);
  change.cell.steps = 40;
  change.cell.tokens = 81920;
  change.cell.peak_bytes = std::int64_t{300} << 20;
  change.tasks = std::move(tasks);
  double others = 0;
  std::vector<const ItemMean*> means;
  for (const auto& task : change.tasks) {
    if (task.trained_on) {
      change.gain = -task.drop;
      continue;
    }
    others += 1;
    change.mean_drop += task.drop;
    means.push_back(&task.paired.mean);
    if (change.worst_task.empty() || task.drop > change.worst_drop) {
      change.worst_drop = task.drop;
      change.worst_task = task.task;
    }
  }
  change.mean_drop /= others;
  change.drop = weighted_sum(means, std::vector<double>(means.size(), -1.0 / others));
  change.mean_drop_interval =
      interval_around(change.mean_drop, std::sqrt(item_variance(change.drop)), change.drop.degrees);
  return change;
}

void add_measures(ReportInput& input, std::int64_t model, const std::vector<double>& values) {
  const std::vector<std::string> metrics = {"exact_match,strict-match", "acc,none", "acc,none"};
  for (std::size_t i = 0; i < values.size(); ++i) {
    MeasureRow row;
    row.id = static_cast<std::int64_t>(input.measures.size()) + 1;
    row.key = "measure-" + std::to_string(row.id);
    row.model = model;
    row.task = input.tasks[i];
    row.benchmark = row.task;
    row.version = "3";
    row.data_hash = std::string(64, 'd');
    row.data_origin = "data";
    row.settings_json = R"({"limit":100})";
    row.mode = "compat";
    row.shots = 5;
    row.documents = 1319;
    row.items = 100;
    row.scores = {{.metric = metrics[i],
                   .value = values[i],
                   .stderror = 0.04,
                   .higher_is_better = true,
                   .chance = i == 0 ? 0.0 : 0.25}};
    row.seconds = 3.5;
    input.counts[row.id] = {.items = 100,
                            .right = std::llround(values[i] * 100),
                            .unparsed = i == 0 ? 7 : 0,
                            .truncated = 2,
                            .unfinished = i == 0 ? 5 : 0};
    input.measures.push_back(std::move(row));
  }
}

void add_curve(ReportInput& input, std::int64_t cell) {
  for (int step = 1; step <= 4; ++step) {
    StepReport point;
    point.stage_name = "train";
    point.step = step;
    point.steps = 4;
    point.loss = 3.0 - 0.5 * step;
    point.learning_rate = 1e-4 * (5 - step) / 4;
    point.gradient_norm = 1.25;
    point.tokens = 2048;
    point.trained_tokens = 512;
    point.seconds = 0.25;
    if (step % 2 == 0) point.values["validation_loss"] = 2.75 - 0.25 * step;
    input.curves[cell].push_back(point);
  }
  input.stages[cell].push_back(
      {.stage = 0,
       .name = "train",
       .options = R"({"learning_rate":0.0001})",
       .seconds = 1.5,
       .values = {{"rows_total", 200}, {"rows_truncated", 3}, {"rows_dropped", 1}, {"tokens_total", 8192}}});
}

void add_flip(ReportInput& input) {
  Flip flip;
  flip.example_id = "mmlu/anatomy/3";
  flip.prompt.text = "Which bone is the longest?\nA. Femur\nB. Ulna\nAnswer:";
  flip.prompt.left_out_before = 2048;
  flip.target.text = "A";
  flip.before.correct = true;
  flip.before.response.text = " A";
  flip.before.confidence = 0.62;
  flip.after.response.text = " B";
  flip.after.confidence = 0.41;
  Flips flips;
  flips.cell = 1;
  flips.task = "mmlu";
  flips.both_right = 25;
  flips.both_wrong = 52;
  flips.gained = 3;
  flips.lost = 20;
  flips.p_mcnemar = mcnemar(20, 3);
  flips.shown.push_back(flip);
  input.flips.push_back(flips);
}

}  // namespace

TaskChange change_of(const std::string& task, bool trained_on, int both_right, int lost, int gained, int both_wrong) {
  std::vector<double> before;
  std::vector<double> after;
  const auto add = [&](int times, double was, double is) {
    before.insert(before.end(), static_cast<std::size_t>(times), was);
    after.insert(after.end(), static_cast<std::size_t>(times), is);
  };
  add(both_right, 1, 1);
  add(lost, 1, 0);
  add(gained, 0, 1);
  add(both_wrong, 0, 0);
  TaskChange change;
  change.task = task;
  change.metric = task == "gsm8k" ? "exact_match,strict-match" : "acc,none";
  change.trained_on = trained_on;
  change.before = mean_error(before).mean;
  change.after = mean_error(after).mean;
  change.chance = task == "gsm8k" ? 0.0 : 0.25;
  change.paired = paired(before, after);
  change.drop = -change.paired.difference;
  return change;
}

ReportInput fixed_report() {
  ReportInput input;
  input.version = "0.1.0";
  input.tasks = {"gsm8k", "mmlu", "truthfulqa_mc1"};
  input.environments = {{.code_version = "0.1.0 (abc1234)",
                         .libtorch = "2.13.0",
                         .compiler = "g++ 12.2.0",
                         .cpu = "Some CPU",
                         .cores = 2,
                         .system = "Debian GNU/Linux 12"}};
  RunRow run;
  run.id = 1;
  run.name = "small";
  run.plan_json = R"({"name":"small","seeds":[1]})";
  run.plan_hash = std::string(64, 'a');
  run.started_utc = "2026-01-02T03:04:05Z";
  run.finished_utc = "2026-01-02T03:05:35Z";
  run.state = "done";
  run.seconds = 90;
  run.environment = 1;
  input.runs = {run};
  input.models = {model_of(1, "tiny"), model_of(2, "sft-gsm8k-1"), model_of(3, "lora-gsm8k-1")};
  add_measures(input, 1, {0.20, 0.45, 0.30});
  add_measures(input, 2, {0.38, 0.28, 0.31});
  add_measures(input, 3, {0.36, 0.44, 0.29});
  auto mmlu = change_of("mmlu", false, 25, 20, 3, 52);
  calibrate(mmlu, {1, 1, 2, 3, 5, 5, 6, 8, 8, 9}, {0, 1, 1, 2, 2, 3, 4, 4, 5, 6});
  input.changes = {
      cell_change(1, "sft",
                  {change_of("gsm8k", true, 18, 2, 20, 60), mmlu, change_of("truthfulqa_mc1", false, 26, 4, 5, 65)}),
      cell_change(2, "lora",
                  {change_of("gsm8k", true, 17, 3, 19, 61), change_of("mmlu", false, 42, 3, 2, 53),
                   change_of("truthfulqa_mc1", false, 27, 3, 2, 68)})};
  for (const auto& change : input.changes) input.cells.push_back(change.cell);
  CellRow failed;
  failed.id = 3;
  failed.key = "key-3";
  failed.base_model = 1;
  failed.method = "replay";
  failed.recipe_json = R"({"method":"replay"})";
  failed.trained_on = "gsm8k";
  failed.seed = 1;
  failed.state = CellState::failed;
  failed.error = "loss is nan; in stage 1 (train) of replay";
  failed.attempts = 2;
  input.cells.push_back(failed);
  add_curve(input, 1);
  add_curve(input, 2);
  add_flip(input);
  return input;
}

ReportInput report_of_text(const std::string& text) {
  auto input = fixed_report();
  for (auto& run : input.runs)
    run.name = run.plan_json = run.plan_hash = run.started_utc = run.finished_utc = run.state = text;
  for (auto& one : input.environments) one.code_version = one.libtorch = one.compiler = one.cpu = one.system = text;
  for (auto& model : input.models)
    model.hash = model.label = model.family = model.config_hash = model.tokenizer_hash = model.template_hash = text;
  for (auto& measure : input.measures) {
    measure.key = measure.task = measure.benchmark = measure.version = measure.data_hash = measure.data_origin = text;
    measure.settings_json = measure.mode = measure.device = measure.dtype = measure.kernels = measure.measured_utc =
        text;
    for (auto& score : measure.scores) score.metric = text;
  }
  for (auto& cell : input.cells) cell.key = cell.method = cell.recipe_json = cell.trained_on = cell.error = text;
  input.tasks = {text};
  for (auto& change : input.changes) {
    change.cell.method = change.cell.recipe_json = change.cell.trained_on = text;
    change.tasks.resize(1);
    for (auto& task : change.tasks) task.task = task.metric = text;
    change.tasks[0].trained_on = change.cell.id == 1;
    calibrate(change.tasks[0], {1, 1, 2, 3, 5, 5, 6, 8, 8, 9}, {1, 1, 2, 3, 5, 5, 6, 8, 8, 9});
  }
  input.changes[1].cell.recipe_json += "!";
  for (auto& [cell, points] : input.curves) {
    for (auto& point : points) {
      point.stage_name = text;
      point.values[text] = 0.5;
    }
  }
  for (auto& [cell, stages] : input.stages) {
    for (auto& stage : stages) {
      stage.name = stage.options = text;
      stage.values[text] = 0.5;
    }
  }
  for (auto& flips : input.flips) {
    flips.task = text;
    for (auto& flip : flips.shown) {
      flip.example_id = flip.prompt.text = flip.target.text = text;
      for (auto* answer : {&flip.before, &flip.after})
        answer->response.text = answer->extracted = answer->detail = text;
    }
  }
  return input;
}

}  // namespace touchstone::testing
