#include "harness/model/ops.hpp"
#include "harness/train/session.hpp"
#include "harness/train/stage.hpp"
#include "trainers/deltas/trainable.hpp"
#include "trainers/loops/named_models.hpp"

namespace touchstone {
namespace {

Stage make_freeze_copy(Options& options, const TrainerBook&) {
  const auto name = options.text("as", "name of the frozen model", {.fallback = "reference"});
  Stage stage;
  stage.gives.push_back(needs_model(name));
  stage.run = [name](Session& session) {
    auto copy = session.model->clone();
    freeze(*copy);
    session.frozen[name] = std::move(copy);
    session.loaded.erase(name);
  };
  return stage;
}

}  // namespace

namespace plugins {
void freeze_copy(TrainerBook& book) {
  book.stages.add("freeze_copy", {.summary = "keeps a frozen copy of the model, by name", .make = make_freeze_copy});
}
}  // namespace plugins
}  // namespace touchstone
