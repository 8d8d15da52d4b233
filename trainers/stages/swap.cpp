#include "harness/model/ops.hpp"
#include "harness/train/session.hpp"
#include "harness/train/stage.hpp"
#include "trainers/deltas/trainable.hpp"
#include "trainers/loops/named_models.hpp"

namespace touchstone {
namespace {

void run_swap(const std::string& name, Session& session) {
  require_whole_weights(session, "swapping");
  auto& other = session.frozen.at(name);
  require(!other->soft_prompt().defined(), Fault::config,
          [&] { return needs_model(name) + " has a soft prompt, expected whole weights for swapping"; });
  std::swap(session.model, other);
  freeze(*other);
  for (auto& [key, tensor] : session.model->parameters()) tensor->requires_grad_(true);
  session.loaded.erase(name);  // another model has that name now
  // An adapter that was folded was the other model's.
  session.adapter.reset();
  session.folded = false;
}

Stage make_swap(Options& options, const TrainerBook&) {
  const auto name = options.text("with", "name of a frozen model");
  Stage stage;
  stage.needs.push_back(needs_model(name));
  stage.run = [name](Session& session) { run_swap(name, session); };
  return stage;
}

}  // namespace

namespace plugins {
void swap(TrainerBook& book) {  // NOLINT(bugprone-exception-escape): no exchange of two values
  book.stages.add("swap", {.summary = "the model and a frozen one change places: the latter is now trained and written",
                           .make = make_swap});
}
}  // namespace plugins
}  // namespace touchstone
