#include "harness/engine/open_engine.hpp"
#include "harness/model/ops.hpp"
#include "harness/train/session.hpp"
#include "harness/train/stage.hpp"
#include "trainers/deltas/trainable.hpp"
#include "trainers/loops/named_models.hpp"

namespace touchstone {
namespace {

void run_load_model(const std::string& from, const std::string& name, Session& session) {
  const auto& job = *session.job;
  const auto& checkpoints = *session.checkpoints;
  const auto folder = checkpoint_folder(job, from, /*adapters=*/true);
  auto model = checkpoints.load(folder, {.compute = find_dtype(job.dtype), .device = find_device(job.device)});
  const auto words = checkpoints.tokenizer(tokenizer_folder(folder, checkpoints.base_folder(folder)));
  require(words->hash() == session.tokenizer->hash() && model->vocabulary() == session.model->vocabulary(),
          Fault::config, [&] {
            return folder.string() + ": has a different tokenizer or vocabulary, expected those of " +
                   job.model.string();
          });
  freeze(*model);
  session.values["parameters"] = 0.0;
  for (const auto& [key, tensor] : model->parameters())
    session.values["parameters"] += static_cast<double>(tensor->numel());
  const auto hash = checkpoints.model_hash(folder);
  add_to_config(session, {"loaded", name}, hash);
  session.loaded[name] = hash;
  session.frozen[name] = std::move(model);
}

Stage make_load_model(Options& options, const TrainerBook&) {
  const auto from = options.text("from", "checkpoint or adapter folder, or the name of one beside the job's model");
  const auto name = options.text("as", "name of the frozen model", {.fallback = "teacher"});
  Stage stage;
  stage.gives.push_back(needs_model(name));
  stage.check = [from](const TrainJob& job) { checkpoint_folder(job, from, /*adapters=*/true); };
  stage.run = [from, name](Session& session) { run_load_model(from, name, session); };
  return stage;
}

}  // namespace

namespace plugins {
void load_model(TrainerBook& book) {
  book.stages.add("load_model", {.summary = "another checkpoint as a frozen model under a name: a teacher, a judge, "
                                            "another base",
                                 .make = make_load_model});
}
}  // namespace plugins
}  // namespace touchstone
