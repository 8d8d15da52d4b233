#include "harness/base/seed.hpp"
#include "harness/train/stage.hpp"
#include "trainers/adapters/lora.hpp"

namespace touchstone {
namespace {

void run_adapt(const LoraOptions& lora, const std::string& start_from, Session& session) {
  auto chosen = lora;
  if (start_from.empty()) {
    attach_lora(*session.model, lora, derive_seed(session.job->seed, "adapt"));
  } else {
    chosen = attach_adapter(*session.model, read_adapter(start_from, *session.checkpoints), start_from);
  }
  session.adapter = std::make_unique<AdapterFiles>(adapter_files(*session.model, chosen, session.job->model.string()));
  double trained = 0.0;
  for (const auto& [name, tensor] : trainable_parameters(*session.model))
    trained += static_cast<double>(tensor->numel());
  session.values["trainable_parameters"] = trained;
}

Stage make_adapt(Options& options, const TrainerBook&) {
  LoraOptions lora;
  options.text("kind", "kind of adapter", {.fallback = "lora", .choices = {"lora"}});
  lora.rank = options.integer("r", "rank of the change to each matrix", {.fallback = 8, .min = 1, .max = 65536});
  lora.alpha = options.number("lora_alpha", "the change is scaled by lora_alpha / r",
                              {.fallback = 16.0, .min = 1e-6, .max = 1e6});
  lora.rank_stabilised = options.flag("use_rslora", "scale by lora_alpha / sqrt(r) instead", false);
  lora.target_modules = options.texts("target_modules", "ends of module names, or all-linear: all but the head",
                                      std::vector<std::string>{"all-linear"});
  const auto start_from = options.text(
      "start_from", "folder of an adapter to go on from; its own r, alpha and targets hold", {.fallback = ""});
  Stage stage;
  stage.gives.push_back("an adapter");
  stage.run = [lora, start_from](Session& session) { run_adapt(lora, start_from, session); };
  return stage;
}

}  // namespace

namespace plugins {
void adapt(TrainerBook& book) {
  book.stages.add("adapt", {.summary = "freezes the weights and adds a low-rank adapter (LoRA, arXiv 2106.09685)",
                            .make = make_adapt});
}
}  // namespace plugins
}  // namespace touchstone
