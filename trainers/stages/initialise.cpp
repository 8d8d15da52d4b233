#include "harness/base/seed.hpp"
#include "harness/model/ops.hpp"
#include "harness/model/random_weights.hpp"
#include "harness/train/session.hpp"
#include "harness/train/stage.hpp"

namespace touchstone {
namespace {

Stage make_initialise(Options&, const TrainerBook&) {
  Stage stage;
  stage.run = [](Session& session) {
    const at::NoGradGuard no_gradients;
    const auto seed = derive_seed(session.job->seed, "initialise");
    double drawn = 0.0;
    for (auto& [name, tensor] : session.model->parameters()) {
      draw_weight(name, *tensor, seed);
      drawn += static_cast<double>(tensor->numel());
    }
    session.values["parameters"] = drawn;
  };
  return stage;
}

}  // namespace

namespace plugins {
void initialise(TrainerBook& book) {
  book.stages.add("initialise", {.summary = "forgets the weights: all are drawn anew from the seed, for pre-training",
                                 .make = make_initialise});
}
}  // namespace plugins
}  // namespace touchstone
