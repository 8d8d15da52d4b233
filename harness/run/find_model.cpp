#include <algorithm>

#include "harness/base/error.hpp"
#include "harness/base/text.hpp"
#include "harness/run/gate.hpp"

namespace touchstone {
namespace {

constexpr std::size_t shortest_hash = 6;

std::string cell_name(const CellRow& cell) {
  return cell.method + ":" + cell.trained_on + ":" + std::to_string(cell.seed);
}

/// The one id among those found; an error that lists them otherwise.
std::int64_t only(const std::string& name, const std::vector<std::int64_t>& ids, std::vector<std::string> names,
                  const std::string& kind) {
  if (ids.size() == 1) return ids.front();
  constexpr std::size_t shown = 12;
  const auto all = names.size();
  if (all > shown) names.resize(shown);
  throw Error(Fault::config, "'" + name + "' means " + (ids.empty() ? "no " : std::to_string(ids.size()) + " ") + kind +
                                 "; there are " + (names.empty() ? "none" : join(names, ", ")) +
                                 (all > shown ? ", ..." : ""));
}

/// The latest run of that name, or the one with the id N of "runN".
const RunRow* find_run(const std::vector<RunRow>& runs, const std::string& name) {
  for (auto run = runs.rbegin(); run != runs.rend(); ++run) {
    if (run->name == name) return &*run;
  }
  for (const auto& run : runs) {
    if (name == "run" + std::to_string(run.id)) return &run;
  }
  return nullptr;
}

/// Whether "METHOD", "METHOD:SEED" or "METHOD:TASK:SEED" (without the run's name) names a cell.
bool names_cell(const std::vector<std::string>& words, const CellRow& cell) {
  const auto seed = std::to_string(cell.seed);
  switch (words.size()) {
    case 0:
      return true;
    case 1:
      return words[0] == cell.method;
    case 2:
      return words[0] == cell.method && (words[1] == seed || words[1] == cell.trained_on);
    case 3:
      return words[0] == cell.method && words[1] == cell.trained_on && words[2] == seed;
    default:
      return false;
  }
}

ModelMeasures model_of_run(const Store& store, const RunRow& run, const std::string& name,
                           const std::vector<std::string>& words) {
  std::vector<std::int64_t> ids;
  std::int64_t found = 0;  // base models' measures stand under no cell
  std::vector<std::string> names;
  const bool base = words.size() == 1 && words[0] == "base";
  for (const auto& cell : store.cells(run.id)) {
    if (cell.state != CellState::done) continue;
    names.push_back(run.name + ":" + cell_name(cell));
    if (base) {
      if (std::find(ids.begin(), ids.end(), cell.base_model) == ids.end()) ids.push_back(cell.base_model);
    } else if (names_cell(words, cell)) {
      ids.push_back(cell.result_model);
      found = cell.id;
    }
  }
  if (!base) names.insert(names.begin(), run.name + ":base");
  const auto model = only(name, ids, names, base ? "base model of the run" : "finished cell of the run");
  const auto measures = store.run_measures(run.id);
  const auto linked = measures.find(found);
  return {model, linked == measures.end() ? std::vector<std::int64_t>() : linked->second};
}

}  // namespace

ModelMeasures find_model(const Store& store, const std::string& name) {
  const auto models = store.models();
  std::vector<std::int64_t> ids;
  std::vector<std::string> names;
  for (const auto& model : models) {
    names.push_back(model.label.empty() ? model.hash.substr(0, 12) : model.label);
    const bool hash = name.size() >= shortest_hash && model.hash.compare(0, name.size(), name) == 0;
    if (model.label == name || hash) ids.push_back(model.id);
  }
  if (!ids.empty()) return {only(name, ids, names, "models")};
  auto words = split(name, ':');
  const auto runs = store.runs();
  for (const auto& run : runs) names.push_back("run " + run.name);
  const auto* run = words.empty() ? nullptr : find_run(runs, words.front());
  if (run == nullptr) return {only(name, ids, names, "model or run")};
  words.erase(words.begin());
  return model_of_run(store, *run, name, words);
}

}  // namespace touchstone
