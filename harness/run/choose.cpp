#include "harness/run/choose.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "harness/base/error.hpp"
#include "harness/base/files.hpp"
#include "harness/run/scoring.hpp"

namespace touchstone {
namespace fs = std::filesystem;
namespace {

/// A checkpoint that may be chosen.
struct Candidate {
  fs::path folder;
  std::int64_t step = 0;
};

/// The kept checkpoints, the latest first. Their folders are named step-NNNNNNNN.
std::vector<Candidate> kept_checkpoints(const fs::path& cell) {
  std::vector<Candidate> kept;
  std::error_code none;
  for (const auto& entry : fs::directory_iterator(kept_folder(cell), none)) {
    const auto name = entry.path().filename().string();
    if (!name.starts_with("step-") || name.find_first_not_of("0123456789", 5) != std::string::npos) continue;
    kept.push_back({entry.path(), std::stoll(name.substr(5))});
  }
  std::sort(kept.begin(), kept.end(), [](const auto& one, const auto& two) { return one.step > two.step; });
  return kept;
}

/// The main score of a benchmark in points, over all items of its tasks; none when nothing of it was measured.
std::optional<double> points_of(const std::string& benchmark, const std::vector<MeasureRow>& rows,
                                const RunTools& tools) {
  const auto leaves = tools.tasks->expand(benchmark);
  double sum = 0.0;
  double items = 0.0;
  for (const auto& row : rows) {
    if (std::find(leaves.begin(), leaves.end(), row.task) == leaves.end() || row.scores.empty()) continue;
    const auto& score = row.scores.front();
    sum += score.value * score.unit.scale * static_cast<double>(row.items);
    items += static_cast<double>(row.items);
  }
  if (items == 0.0) return std::nullopt;
  return sum / items;
}

/// A checkpoint's scores beside the plan's bands.
struct Held {
  bool within = true;
  std::string text;  ///< "micro-gsm8k 37.2 (wanted 20 to 60), ..."
};

Held hold_against(const std::vector<Band>& bands, const std::vector<MeasureRow>& rows, const RunTools& tools) {
  Held held;
  for (const auto& band : bands) {
    const auto points = points_of(band.benchmark, rows, tools);
    held.within = held.within && points && *points >= band.low && *points <= band.high;
    held.text += fmt::format("{}{} {} (wanted {} to {})", held.text.empty() ? "" : ", ", band.benchmark,
                             points ? fmt::format("{:.1f}", *points) : "not measured", band.low, band.high);
  }
  return held;
}

}  // namespace

fs::path kept_folder(const fs::path& cell) { return cell / "kept"; }

std::int64_t choose_checkpoint(const Plan& plan, const PlannedCell& cell, std::int64_t steps,
                               const ScoringTools& tools) {
  const auto out = model_folder(tools.work);
  auto candidates = kept_checkpoints(tools.work);
  candidates.insert(candidates.begin(), {out, steps});
  std::string last;
  for (const auto& candidate : candidates) {
    const auto label = cell.label + " at step " + std::to_string(candidate.step);
    auto open = open_model(engine_settings(plan, candidate.folder), candidate.step == steps ? cell.label : label,
                           tools.store, tools.run);
    const auto ids = score_model(open, measured_with(plan.choose->measure_on, cell.seed), tools);
    auto rows = tools.store.measures(open.model);
    std::erase_if(rows, [&](const MeasureRow& row) { return std::find(ids.begin(), ids.end(), row.id) == ids.end(); });
    const auto held = hold_against(plan.choose->bands, rows, tools.run);
    if (last.empty()) last = held.text;
    tools.run.log->info(label + ": " + held.text);
    if (!held.within) continue;
    if (candidate.folder != out) {
      FolderWriter writer(out);
      fs::copy(candidate.folder, writer.path(), fs::copy_options::recursive);
      writer.commit();
    }
    return candidate.step;
  }
  throw Error(Fault::config, plan.where + ": key 'choose': of " + std::to_string(candidates.size()) +
                                 " checkpoints none has all scores in its bands; the last one, " + out.string() + ": " +
                                 last);
}

}  // namespace touchstone
