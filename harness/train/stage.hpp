#pragma once
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "harness/base/options.hpp"
#include "harness/base/registry.hpp"
#include "harness/data/record.hpp"
#include "harness/model/objective.hpp"
#include "harness/model/procedure.hpp"
#include "harness/train/adapter.hpp"

namespace touchstone {

class Session;
struct TrainJob;

/// For a stage that only replaces a data set's answers by answers, pairs, marks or judgements: the inputs that these
/// depend on. With it they are kept (made_records.hpp).
struct Making {
  std::string data;  ///< name of the data set; the stage may remove rows but adds none
  /// Whose weights matter: a frozen model's name; "": the session's model; none: no model.
  std::optional<std::string> by{};
  /// JSON object: how answers are drawn (temperature, top_p, stop texts, ...); empty: none are drawn.
  std::function<std::string(const Session&)> drawing{};
};

/// One step of a recipe.
struct Stage {
  std::string name;
  std::function<void(Session&)> run;
  /// What it takes from the session and leaves there ("data set 'mixed'", "frozen model 'reference'"), so that a recipe
  /// can be checked before anything runs.
  std::vector<std::string> needs;
  std::vector<std::string> gives;
  /// Checks the job before anything runs (are the task and its file there?). Throws Error. Empty: nothing to check.
  std::function<void(const TrainJob&)> check;
  std::optional<Making> making{};
  std::string options;  ///< canonical JSON, filled in by the recipe reader
};

/// A method: a list of stages.
struct Recipe {
  std::string method;
  std::vector<Stage> stages;
  std::string json;  ///< the resolved stages: the part of the file that decides what is trained
};

struct TrainerBook;

/// A whole answer to a record, with those that were written to the same prompt.
struct Judged {
  const TrainJob& job;
  const Record& record;
  std::span<const Answer> group;  ///< the answers, the judged one among them
  std::size_t number = 0;         ///< which of them
  const Answer& answer() const { return group[number]; }
};

/// The reward of an answer; none where the rule does not apply, for example where the record does not say what is
/// right. Throws Fault::data for a record that it cannot read.
using Reward = std::function<std::optional<double>(const Judged&)>;

/// A word that configs may use. `make` reads its options and gives the thing; with Options::describe it only tells
/// them.
template <class Thing>
struct Maker {
  std::string summary;
  std::function<Thing(Options&, const TrainerBook&)> make;
};

/// Everything that the files of trainers/ contribute.
struct TrainerBook {
  Registry<Maker<Objective>> objectives{"objective"};
  Registry<Maker<Stage>> stages{"stage"};
  Registry<Maker<Reward>> rewards{"reward"};
  ProcedureBook procedures{"procedure"};
  AdapterBook adapters{"kind of adapter"};
};

/// Makes the value of {"use": NAME, ...}; the maker reads every key. Throws Fault::config for an unknown name or key.
template <class Thing>
Thing make_use(Options options, const Registry<Maker<Thing>>& registry, const TrainerBook& book) {
  const auto use = options.text("use", "which " + registry.kind());
  if (!registry.has(use)) {
    const auto known = registry.names();
    throw Error(Fault::config, options.where() + ": " + unknown_name(registry.kind(), use, known));
  }
  auto thing = registry.get(use).make(options, book);
  options.done();
  return thing;
}

/// Runs the stages in order and reports the end of each. Adds the stage's number and name to an Error. Stages that
/// train find their own checkpoints and go on from there, so a resumed job runs all of its stages again.
void run(const Recipe& recipe, Session& session);

}  // namespace touchstone
