#include "harness/model/ops.hpp"
#include "harness/train/session.hpp"
#include "harness/train/stage.hpp"

namespace touchstone {
namespace {

Stage make_freeze_copy(Options& options, const TrainerBook&) {
  const auto name = options.text("as", "name of the frozen model", {.fallback = "reference"});
  Stage stage;
  stage.gives.push_back("frozen model '" + name + "'");
  stage.run = [name](Session& session) {
    auto copy = session.model->clone();
    for (auto& [key, tensor] : copy->parameters()) tensor->requires_grad_(false);
    session.frozen[name] = std::move(copy);
  };
  return stage;
}

}  // namespace

namespace plugins {
void freeze_copy(TrainerBook& book) {
  book.stages.add("freeze_copy", {.summary = "keeps the model as it is now under a name", .make = make_freeze_copy});
}
}  // namespace plugins
}  // namespace touchstone
