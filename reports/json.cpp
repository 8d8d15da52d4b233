#include "harness/base/json.hpp"

#include <algorithm>
#include <cmath>

#include "harness/base/json_values.hpp"
#include "reports/render.hpp"
#include "reports/words.hpp"

namespace touchstone {
namespace reports {
namespace {

Json interval(const Interval& value) { return Json::array({number_or_null(value.low), number_or_null(value.high)}); }

Json seed_mean(const std::optional<SeedMean>& mean, double p_adjusted) {
  if (!mean) return nullptr;
  return {{"mean", number_or_null(mean->mean)},
          {"stderr", number_or_null(mean->stderror)},
          {"interval", interval(mean->interval)},
          {"p", number_or_null(mean->p_value)},
          {"p_holm", number_or_null(p_adjusted)}};
}

Json report_json(const Calibration& calibration) {
  if (calibration.items == 0) return nullptr;
  Json bins = Json::array();
  for (const auto& bin : calibration.bins) {
    bins.push_back({{"low", bin.low},
                    {"high", bin.high},
                    {"items", bin.items},
                    {"confidence", bin.confidence},
                    {"accuracy", bin.accuracy}});
  }
  return {{"items", calibration.items},
          {"ece", number_or_null(calibration.ece)},
          {"ece_equal_mass", number_or_null(calibration.ece_equal_mass)},
          {"mce", number_or_null(calibration.mce)},
          {"brier", number_or_null(calibration.brier)},
          {"nll", number_or_null(calibration.nll)},
          {"auroc", number_or_null(calibration.auroc)},
          {"confidence", number_or_null(calibration.confidence)},
          {"accuracy", number_or_null(calibration.accuracy)},
          {"selective_accuracy_10", number_or_null(calibration.selective_accuracy_10)},
          {"risk_coverage_area", number_or_null(calibration.risk_coverage_area)},
          {"bins", bins}};
}

Json report_json(const ArmTask& task) {
  return {{"task", task.task},
          {"metric", task.metric},
          {"unit", task.unit.name},
          {"scale", task.unit.scale},
          {"trained_on", task.trained_on},
          {"items", task.items},
          {"before", number_or_null(task.before)},
          {"after", number_or_null(task.after)},
          {"chance", number_or_null(task.chance)},
          {"change", number_or_null(task.change)},
          {"stderr", number_or_null(task.stderror)},
          {"interval", interval(task.interval)},
          {"p", number_or_null(task.p_value)},
          {"p_holm", number_or_null(task.p_adjusted)},
          {"shown", shown(task)},
          {"detectable", number_or_null(task.detectable)},
          {"seed_deviation", number_or_null(task.seed_deviation)},
          {"lost", task.lost},
          {"gained", task.gained},
          {"gap_change", seed_mean(task.gap, task.gap_adjusted)},
          {"brier_change", seed_mean(task.brier, task.brier_adjusted)},
          {"squared_error_change", seed_mean(task.squared_error, task.squared_error_adjusted)},
          {"calibration_before", report_json(task.calibration_before)},
          {"calibration_after", report_json(task.calibration_after)}};
}

/// After minus before; null for a task without confidences.
Json report_json(const CalibrationChange& change) {
  if (change.items == 0) return nullptr;
  return {{"items", change.items},
          {"ece", number_or_null(change.ece)},
          {"gap", number_or_null(change.gap.value)},
          {"gap_stderr", number_or_null(std::sqrt(item_variance(change.gap)))},
          {"brier", number_or_null(change.brier.value)},
          {"brier_stderr", number_or_null(std::sqrt(item_variance(change.brier)))},
          {"squared_error", number_or_null(change.squared_error.value)},
          {"squared_error_stderr", number_or_null(std::sqrt(item_variance(change.squared_error)))}};
}

Json report_json(const ReportInput& input, const Arm& arm) {
  Json out = {{"model", arm.model},
              {"method", arm.method},
              {"trained_on", arm.trained_on},
              {"finding", std::string(word(arm.finding))},
              {"mean_drop", number_or_null(arm.mean_drop)},
              {"mean_drop_interval", interval(arm.mean_drop_interval)},
              {"mean_drop_p", number_or_null(arm.mean_drop_p)},
              {"mean_drop_p_holm", number_or_null(arm.mean_drop_adjusted)},
              {"mean_drop_detectable", number_or_null(arm.mean_drop_detectable)},
              {"worst_drop", number_or_null(arm.worst_drop)},
              {"worst_drop_interval", interval(arm.worst_drop_interval)},
              {"worst_task", arm.worst_task}};
  out["seeds"] = Json::array();
  out["cells"] = Json::array();
  for (const auto at : arm.changes) {
    out["seeds"].push_back(input.changes[at].cell.seed);
    out["cells"].push_back(input.changes[at].cell.id);
  }
  out["tasks"] = Json::array();
  for (const auto& task : arm.tasks) out["tasks"].push_back(report_json(task));
  return out;
}

Json report_json(const CellChange& change) {
  Json out = {{"cell", change.cell.id},
              {"gain", number_or_null(change.gain)},
              {"mean_drop", number_or_null(change.mean_drop)},
              {"mean_drop_interval", interval(change.mean_drop_interval)},
              {"worst_drop", number_or_null(change.worst_drop)},
              {"worst_task", change.worst_task},
              {"significant_drops", change.significant_drops}};
  out["tasks"] = Json::array();
  for (const auto& task : change.tasks) {
    out["tasks"].push_back({{"task", task.task},
                            {"metric", task.metric},
                            {"unit", task.unit.name},
                            {"scale", task.unit.scale},
                            {"higher_is_better", task.higher_is_better},
                            {"trained_on", task.trained_on},
                            {"items", task.paired.items},
                            {"before", number_or_null(task.before)},
                            {"after", number_or_null(task.after)},
                            {"change", number_or_null(task.paired.difference)},
                            {"stderr", number_or_null(task.paired.stderror)},
                            {"interval", interval(task.paired.interval)},
                            {"p", number_or_null(task.paired.p_value)},
                            {"p_holm", number_or_null(task.p_holm)},
                            {"lost", task.paired.lost},
                            {"gained", task.paired.gained},
                            {"detectable", number_or_null(task.paired.detectable())},
                            {"calibration_change", report_json(task.calibration)}});
  }
  return out;
}

Json report_json(const ReportInput& input, const CellRow& cell) {
  Json out = {{"id", cell.id},
              {"key", cell.key},
              {"model", input.model_label(cell.base_model)},
              {"method", cell.method},
              {"trained_on", cell.trained_on},
              {"seed", cell.seed},
              {"state", cell_state_name(cell.state)},
              {"error", cell.error},
              {"attempts", cell.attempts},
              {"seconds", number_or_null(cell.seconds)},
              {"steps", cell.steps},
              {"tokens", cell.tokens},
              {"peak_bytes", cell.peak_bytes},
              {"recipe", cell.recipe_json}};
  const auto curve = input.curves.find(cell.id);
  out["curve"] = Json::array();
  if (curve == input.curves.end()) return out;
  for (const auto& point : curve->second) {
    Json one = {{"stage", point.stage},
                {"step", point.step},
                {"loss", number_or_null(point.loss)},
                {"learning_rate", number_or_null(point.learning_rate)},
                {"gradient_norm", number_or_null(point.gradient_norm)},
                {"tokens", point.tokens}};
    for (const auto& [name, value] : point.values) one[name] = number_or_null(value);
    out["curve"].push_back(std::move(one));
  }
  return out;
}

Json report_json(const ReportInput& input, const MeasureRow& measure) {
  Json out = {{"key", measure.key},
              {"model", input.model_label(measure.model)},
              {"task", measure.task},
              {"benchmark", measure.benchmark},
              {"version", measure.version},
              {"data_hash", measure.data_hash},
              {"data_origin", measure.data_origin},
              {"settings", measure.settings_json},
              {"mode", measure.mode},
              {"shots", measure.shots},
              {"documents", measure.documents},
              {"items", measure.items},
              {"seconds", number_or_null(measure.seconds)},
              {"family", measure.family},
              {"warnings", Json::array()}};
  for (const auto& warning : measure.warnings) {
    out["warnings"].push_back({{"kind", warning_kind_name(warning.kind)}, {"text", warning.text}});
  }
  out["scores"] = Json::array();
  for (const auto& score : measure.scores) {
    out["scores"].push_back({{"metric", score.metric},
                             {"value", number_or_null(score.value)},
                             {"stderr", number_or_null(score.stderror)},
                             {"higher_is_better", score.higher_is_better},
                             {"chance", number_or_null(score.chance)},
                             {"unit", score.unit.name},
                             {"scale", score.unit.scale}});
  }
  return out;
}

// Bytes that are not UTF-8 become U+FFFD instead of an exception; all other characters beyond ASCII are escaped,
// terminal controls included.
std::string written(const Json& json) { return json.dump(1, ' ', true, Json::error_handler_t::replace) + "\n"; }

// lm-evaluation-harness puts "_stderr" before the comma: "acc,none" has "acc_stderr,none".
std::string stderr_name(const std::string& metric) {
  const auto comma = metric.find(',');
  return comma == std::string::npos ? metric + "_stderr" : metric.substr(0, comma) + "_stderr" + metric.substr(comma);
}

Json lm_eval_of(const ReportInput& input, const ModelRow& model) {
  Json out = {{"results", Json::object()},  {"group_subtasks", Json::object()}, {"configs", Json::object()},
              {"versions", Json::object()}, {"n-shot", Json::object()},         {"higher_is_better", Json::object()},
              {"n-samples", Json::object()}};
  for (const auto& measure : input.measures) {
    if (measure.model != model.id) continue;
    Json result = {{"alias", measure.task}};
    Json better = Json::object();
    for (const auto& score : measure.scores) {
      result[score.metric] = number_or_null(score.value);
      result[stderr_name(score.metric)] = std::isfinite(score.stderror) ? Json(score.stderror) : Json("N/A");
      better[score.metric.substr(0, score.metric.find(','))] = score.higher_is_better;
    }
    out["results"][measure.task] = std::move(result);
    if (!measure.benchmark.empty() && measure.benchmark != measure.task) {
      out["group_subtasks"][measure.benchmark].push_back(measure.task);
    } else {
      out["group_subtasks"][measure.task] = Json::array();
    }
    out["configs"][measure.task] = {{"task", measure.task}, {"num_fewshot", measure.shots}};
    out["versions"][measure.task] = measure.version;
    out["n-shot"][measure.task] = measure.shots;
    out["higher_is_better"][measure.task] = std::move(better);
    out["n-samples"][measure.task] = {{"original", measure.documents}, {"effective", measure.items}};
  }
  out["config"] = {{"model", "touchstone"},
                   {"model_args", "pretrained=" + model.label},
                   {"model_num_parameters", model.parameters},
                   {"model_sha", model.hash}};
  out["model_source"] = "touchstone";
  out["model_name"] = model.label;
  return out;
}

}  // namespace
}  // namespace reports

std::string render_json(const ReportInput& input) {
  using reports::report_json;
  Json out = {{"format", "touchstone-report-1"}, {"version", input.version}};
  out["runs"] = Json::array();
  for (const auto& run : input.runs) {
    out["runs"].push_back({{"id", run.id},
                           {"name", run.name},
                           {"plan", run.plan_json},
                           {"plan_hash", run.plan_hash},
                           {"started_utc", run.started_utc},
                           {"finished_utc", run.finished_utc},
                           {"state", run.state},
                           {"seconds", number_or_null(run.seconds)}});
  }
  out["models"] = Json::array();
  for (const auto& model : input.models) {
    out["models"].push_back({{"id", model.id},
                             {"label", model.label},
                             {"family", model.family},
                             {"parameters", model.parameters},
                             {"hash", model.hash},
                             {"config_hash", model.config_hash},
                             {"tokenizer_hash", model.tokenizer_hash},
                             {"template_hash", model.template_hash}});
  }
  out["arms"] = Json::array();
  for (const auto& arm : input.arms) out["arms"].push_back(report_json(input, arm));
  out["changes"] = Json::array();
  for (const auto& change : input.changes) out["changes"].push_back(report_json(change));
  out["cells"] = Json::array();
  for (const auto& cell : input.cells) out["cells"].push_back(report_json(input, cell));
  out["measures"] = Json::array();
  for (const auto& measure : input.measures) out["measures"].push_back(report_json(input, measure));
  return reports::written(out);
}

std::string render_lm_eval(const ReportInput& input) {
  Json all = Json::array();
  for (const auto& model : input.models) {
    const bool measured = std::any_of(input.measures.begin(), input.measures.end(),
                                      [&](const MeasureRow& measure) { return measure.model == model.id; });
    if (measured) all.push_back(reports::lm_eval_of(input, model));
  }
  return reports::written(all.size() == 1 ? all[0] : all);
}

}  // namespace touchstone
