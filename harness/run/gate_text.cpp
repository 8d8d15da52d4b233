#include <fmt/format.h>

#include <cmath>

#include "harness/base/json.hpp"
#include "harness/base/text.hpp"
#include "harness/run/gate.hpp"

namespace touchstone {
namespace {

std::string points(double share) {
  const double value = share * 100.0;
  return fmt::format("{:.1f}", value == 0.0 || std::abs(value) < 0.05 ? 0.0 : value);
}

std::string margin_text(double share) { return fmt::format("{:g}", share * 100.0); }

std::string confidence(const GateResult& result) { return fmt::format("{:g} %", 100.0 * (1.0 - result.alpha)); }

/// A count with commas: 12,345.
std::string grouped(std::int64_t count) {
  std::string text = std::to_string(count);
  for (auto at = static_cast<std::ptrdiff_t>(text.size()) - 3; at > 0; at -= 3) {
    text.insert(static_cast<std::size_t>(at), ",");
  }
  return text;
}

/// What the numbers say, in one sentence.
std::string why(const GateTask& task, const GateResult& result) {
  const auto margin = margin_text(task.margin);
  if (task.verdict == GateVerdict::pass) {
    return fmt::format("drop {} points, at most {} with {} confidence: within the {} allowed", points(task.change.drop),
                       points(task.at_most), confidence(result), margin);
  }
  if (task.verdict == GateVerdict::regressed) {
    return fmt::format("drop {} points, more than the {} allowed (p = {:.2g} after Holm's correction over {} task{})",
                       points(task.change.drop), margin, task.p_beyond, result.tasks.size(),
                       result.tasks.size() == 1 ? "" : "s");
  }
  const auto found = fmt::format(
      "drop {} points, between {} and {} (each bound with {} confidence): {} items cannot tell whether it is "
      "within {}; ",
      points(task.change.drop), points(task.at_least), points(task.at_most), confidence(result),
      grouped(task.change.paired.items), margin);
  if (task.margin == 0.0) return found + "a margin of 0 is kept by an improvement alone";
  return found + fmt::format(
                     "so many can show a margin of {}, and a margin of {} needs about {} items (with 80 % power, "
                     "when nothing dropped)",
                     points(task.detectable), margin, grouped(task.items_needed));
}

std::string summary(const GateResult& result) {
  switch (result.verdict) {
    case GateVerdict::pass:
      return "passes: no task dropped by more than its margin";
    case GateVerdict::regressed:
      return "regressed: at least one task dropped by more than its margin";
    case GateVerdict::undecided:
      return "cannot be decided: the sample is too small for at least one margin";
  }
  return "";
}

/// Escaped for XML 1.0 text and attributes; what XML cannot hold becomes U+FFFD.
std::string xml(const std::string& text) {
  std::string out;
  for (const char letter : to_utf8(text)) {
    const auto byte = static_cast<unsigned char>(letter);
    if (letter == '&') {
      out += "&amp;";
    } else if (letter == '<') {
      out += "&lt;";
    } else if (letter == '>') {
      out += "&gt;";
    } else if (letter == '"') {
      out += "&quot;";
    } else if (letter == '\n' || letter == '\t') {
      out += fmt::format("&#{};", static_cast<int>(byte));
    } else if (byte < 0x20) {
      out += "\xEF\xBF\xBD";
    } else {
      out += letter;
    }
  }
  return out;
}

Json number(double value) { return std::isfinite(value) ? Json(value) : Json(nullptr); }

}  // namespace

std::string gate_table(const GateResult& result) {
  std::string out =
      fmt::format("candidate {} against baseline {}, alpha {:g}\n\n", result.candidate, result.baseline, result.alpha);
  std::size_t widest = 4;
  for (const auto& task : result.tasks) widest = std::max(widest, task.change.task.size());
  out += fmt::format("{:<{}}  {:>7}  {:>7}  {:>7}  {:>6}  {:>8}  {:>7}  {:>7}  {}\n", "task", widest, "items", "before",
                     "after", "drop", "at least", "at most", "allowed", "verdict");
  for (const auto& task : result.tasks) {
    const auto& change = task.change;
    out +=
        fmt::format("{:<{}}  {:>7}  {:>7}  {:>7}  {:>6}  {:>8}  {:>7}  {:>7}  {}\n", change.task, widest,
                    change.paired.items, points(change.before), points(change.after), points(change.drop),
                    points(task.at_least), points(task.at_most), margin_text(task.margin), verdict_name(task.verdict));
  }
  out += "\n";
  for (const auto& task : result.tasks) out += fmt::format("{}: {}\n", task.change.task, why(task, result));
  if (!result.not_judged.empty()) {
    out += "not judged, since --max-drop gives them no margin: " + join(result.not_judged, ", ") + "\n";
  }
  return out + "\n" + summary(result) + "\n";
}

std::string gate_json(const GateResult& result) {
  Json json;
  json["baseline"] = to_utf8(result.baseline);
  json["candidate"] = to_utf8(result.candidate);
  json["alpha"] = result.alpha;
  json["verdict"] = verdict_name(result.verdict);
  json["tasks"] = Json::array();
  for (const auto& task : result.tasks) {
    const auto& change = task.change;
    Json row;
    row["task"] = change.task;
    row["metric"] = change.metric;
    row["items"] = change.paired.items;
    row["before"] = number(change.before);
    row["after"] = number(change.after);
    row["drop"] = number(change.drop);
    row["stderr"] = number(change.paired.stderror);
    row["at_least"] = number(task.at_least);
    row["at_most"] = number(task.at_most);
    row["max_drop"] = task.margin;
    row["p_within"] = number(task.p_within);
    row["p_beyond"] = number(task.p_beyond);
    row["detectable"] = number(task.detectable);
    row["items_needed"] = task.items_needed == 0 ? Json(nullptr) : Json(task.items_needed);
    row["lost"] = change.paired.lost;
    row["gained"] = change.paired.gained;
    row["verdict"] = verdict_name(task.verdict);
    row["why"] = why(task, result);
    json["tasks"].push_back(std::move(row));
  }
  json["not_judged"] = result.not_judged;
  return json.dump(2) + "\n";
}

std::string gate_junit(const GateResult& result) {
  int failures = 0;
  int errors = 0;
  std::string cases;
  for (const auto& task : result.tasks) {
    const auto name = xml(task.change.task);
    const auto text = xml(why(task, result));
    cases += fmt::format("    <testcase classname=\"touchstone.gate\" name=\"{}\" time=\"0\"", name);
    switch (task.verdict) {
      case GateVerdict::pass:
        cases += fmt::format(">\n      <system-out>{}</system-out>\n    </testcase>\n", text);
        break;
      case GateVerdict::regressed:
        ++failures;
        cases += fmt::format(">\n      <failure type=\"regressed\" message=\"{}\"/>\n    </testcase>\n", text);
        break;
      case GateVerdict::undecided:
        ++errors;
        cases += fmt::format(">\n      <error type=\"undecided\" message=\"{}\"/>\n    </testcase>\n", text);
        break;
    }
  }
  const auto counts =
      fmt::format("tests=\"{}\" failures=\"{}\" errors=\"{}\" time=\"0\"", result.tasks.size(), failures, errors);
  return fmt::format(
      "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites {0}>\n  <testsuite name=\"{1}\" {0}>\n{2}  "
      "</testsuite>\n</testsuites>\n",
      counts, xml("touchstone gate: " + result.candidate + " against " + result.baseline), cases);
}

}  // namespace touchstone
