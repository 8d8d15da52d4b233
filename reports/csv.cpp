#include <fmt/format.h>

#include <string_view>
#include <vector>

#include "reports/numbers.hpp"
#include "reports/render.hpp"
#include "reports/text.hpp"

namespace touchstone {
namespace reports {
namespace {

constexpr std::string_view columns =
    "record,model,method,trained_on,seed,state,task,metric,is_target,items,value,stderr,before,after,change,change_"
    "stderr,"
    "change_low,change_high,p,p_holm,lost,gained,detectable,chance,ece_before,ece_after,brier_before,brier_after,nll_"
    "before,"
    "nll_after,auroc_before,auroc_after,steps,tokens,seconds,peak_bytes,error,unit,scale\r\n";

/// One row: fields are given by the name of their column; all others stay empty.
class CsvRow {
 public:
  CsvRow& text(std::string_view column, std::string_view value) { return set(column, csv_text(value)); }
  CsvRow& number(std::string_view column, double value) { return set(column, exact(value)); }
  CsvRow& whole(std::string_view column, std::int64_t value) { return set(column, fmt::format("{}", value)); }
  CsvRow& seed(std::uint64_t value) { return set("seed", fmt::format("{}", value)); }

  std::string line() const {
    std::string out;
    for (const auto& field : fields_) {
      if (&field != &fields_.front()) out += ',';
      out += field;
    }
    return out + "\r\n";
  }

 private:
  CsvRow& set(std::string_view column, std::string value) {
    std::size_t at = 0;
    std::size_t start = 0;
    while (columns.compare(start, column.size(), column) != 0 ||
           (columns[start + column.size()] != ',' && columns[start + column.size()] != '\r')) {
      start = columns.find(',', start) + 1;
      require(start != 0, Fault::internal, [&] { return "no CSV column '" + std::string(column) + "'"; });
      ++at;
    }
    fields_[at] = std::move(value);
    return *this;
  }

  std::vector<std::string> fields_ = std::vector<std::string>(39);
};

void calibration_fields(CsvRow& row, const Calibration& before, const Calibration& after) {
  if (before.items == 0 || after.items == 0) return;
  row.number("ece_before", before.ece).number("ece_after", after.ece);
  row.number("brier_before", before.brier).number("brier_after", after.brier);
  row.number("nll_before", before.nll).number("nll_after", after.nll);
  row.number("auroc_before", before.auroc).number("auroc_after", after.auroc);
}

std::string change_row(const ReportInput& input, const CellChange& change, const TaskChange& task) {
  const auto& cell = change.cell;
  CsvRow row;
  row.text("record", "change").text("model", input.model_label(cell.base_model)).text("method", cell.method);
  row.text("trained_on", cell.trained_on).seed(cell.seed).text("state", "done").text("task", task.task);
  row.text("metric", task.metric).whole("is_target", task.trained_on ? 1 : 0).whole("items", task.paired.items);
  row.number("before", task.before).number("after", task.after).number("change", task.paired.difference);
  row.number("change_stderr", task.paired.stderror).number("change_low", task.paired.interval.low);
  row.number("change_high", task.paired.interval.high).number("p", task.paired.p_value).number("p_holm", task.p_holm);
  row.whole("lost", task.paired.lost)
      .whole("gained", task.paired.gained)
      .number("detectable", task.paired.detectable());
  row.number("chance", task.chance).text("unit", task.unit.name).number("scale", task.unit.scale);
  calibration_fields(row, task.calibration_before, task.calibration_after);
  return row.line();
}

std::string cell_row(const ReportInput& input, const CellRow& cell) {
  CsvRow row;
  row.text("record", "cell").text("model", input.model_label(cell.base_model)).text("method", cell.method);
  row.text("trained_on", cell.trained_on).seed(cell.seed).text("state", cell_state_name(cell.state));
  row.whole("steps", cell.steps).whole("tokens", cell.tokens).number("seconds", cell.seconds);
  row.whole("peak_bytes", cell.peak_bytes).text("error", cell.error);
  return row.line();
}

}  // namespace
}  // namespace reports

std::string render_csv(const ReportInput& input) {
  std::string out(reports::columns);
  for (const auto& measure : input.measures) {
    for (const auto& score : measure.scores) {
      reports::CsvRow row;
      row.text("record", "score").text("model", input.model_label(measure.model)).text("task", measure.task);
      row.text("metric", score.metric).whole("items", measure.items).number("value", score.value);
      row.number("stderr", score.stderror).number("chance", score.chance).number("seconds", measure.seconds);
      row.text("unit", score.unit.name).number("scale", score.unit.scale);
      out += row.line();
    }
  }
  for (const auto& change : input.changes) {
    for (const auto& task : change.tasks) out += reports::change_row(input, change, task);
  }
  for (const auto& cell : input.cells) out += reports::cell_row(input, cell);
  return out;
}

}  // namespace touchstone
