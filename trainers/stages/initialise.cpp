#include "harness/base/seed.hpp"
#include "harness/engine/adopt_weights.hpp"
#include "harness/engine/random_weights.hpp"
#include "harness/model/ops.hpp"
#include "harness/train/session.hpp"
#include "harness/train/stage.hpp"
#include "trainers/loops/named_models.hpp"

namespace touchstone {
namespace {

void run_initialise(const std::string& from, Session& session) {
  const at::NoGradGuard no_gradients;
  const auto seed = derive_seed(session.job->seed, "initialise");
  double drawn = 0.0;
  for (auto& [name, tensor] : session.model->parameters()) {
    draw_weight(name, *tensor, seed);
    drawn += static_cast<double>(tensor->numel());
  }
  if (!from.empty()) {
    const auto folder = checkpoint_folder(*session.job, from);
    const auto taken = adopt_weights(*session.model, *session.checkpoints->load(folder, {}), folder.string());
    session.values["parameters_taken"] = static_cast<double>(taken);
    drawn -= static_cast<double>(taken);
    add_to_config(session, {"initialised_from"}, session.checkpoints->model_hash(folder));
  }
  session.values["parameters"] = drawn;
}

Stage make_initialise(Options& options, const TrainerBook&) {
  const auto from = options.text("from",
                                 "checkpoint that the language part takes its weights from: a folder, or the name of "
                                 "one beside the model's",
                                 {.fallback = ""});
  Stage stage;
  if (!from.empty()) stage.check = [from](const TrainJob& job) { checkpoint_folder(job, from); };
  stage.run = [from](Session& session) { run_initialise(from, session); };
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
