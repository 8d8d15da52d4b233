#pragma once
#include <functional>
#include <string>
#include <vector>

#include "harness/base/options.hpp"
#include "harness/base/registry.hpp"
#include "harness/model/objective.hpp"

namespace touchstone {

class Session;

/// One step of a recipe.
struct Stage {
  std::string name;
  std::function<void(Session&)> run;
};

/// A method: a list of stages.
struct Recipe {
  std::string method;
  std::string paper;
  std::vector<Stage> stages;
  std::string json;  ///< as resolved, for the store
};

struct TrainerBook;

/// A word that configs may use. `make` reads its options and gives the thing; with Options::describe it only tells
/// them.
template <class Thing>
struct Maker {
  std::string summary;
  std::function<Thing(Options&, const TrainerBook&)> make;
};

/// Everything that the files of trainers/ contribute.
struct TrainerBook {
  Registry<Maker<TokenObjective>> objectives{"objective"};
  Registry<Maker<Stage>> stages{"stage"};
};

/// Runs the stages from `first` on. An Error leaves with the stage's number and name added.
void run(const Recipe& recipe, Session& session, std::size_t first = 0);

}  // namespace touchstone
