#include "harness/base/hash.hpp"
#include "harness/base/json.hpp"
#include "harness/base/object_reader.hpp"
#include "harness/base/seed.hpp"
#include "harness/base/text.hpp"
#include "harness/model/ops.hpp"
#include "harness/train/session.hpp"
#include "harness/train/stage.hpp"
#include "trainers/deltas/trainable.hpp"
#include "trainers/loops/named_models.hpp"

namespace touchstone {
namespace {

namespace fs = std::filesystem;

struct AdaptOptions {
  std::string kind;
  std::string start_from;  ///< folder of an adapter; empty: none
  Adapter adapter;         ///< as the recipe describes it, for a start from nothing
};

/// The adapter that a folder holds, which must be of the kind that the recipe names.
Adapter read_start(const AdaptOptions& options, const AdapterBook& book) {
  const auto path = fs::path(options.start_from) / "adapter_config.json";
  Json config;
  try {
    config = read_json(path);
  } catch (const Error& error) {
    throw Error(Fault::checkpoint, error.what());
  }
  require(config.is_object(), Fault::checkpoint,
          [&] { return path.string() + ": found " + shown_json(config) + ", expected an object"; });
  for (const auto& name : book.names()) {
    auto adapter = book.get(name).read(config, path.string());
    if (!adapter) continue;
    require(name == options.kind, Fault::config, [&] {
      return "key 'start_from': found " + options.start_from + ", an adapter of kind '" + name +
             "', expected the kind '" + options.kind + "', as the key 'kind' says";
    });
    return *adapter;
  }
  throw Error(Fault::checkpoint,
              path.string() + ": key 'peft_type': found " + shown_json(config.value("peft_type", Json())) +
                  ", expected the type of an adapter that can be trained: " + join(book.names(), ", "));
}

/// Of the adapter that training starts from.
void keep_start(Session& session, const AdapterFiles& files) {
  Sha256 hash;
  hash.add(files.config);
  for (const auto& [name, tensor] : files.tensors) {
    hash.add(name).add(tensor.const_data_ptr(), tensor.nbytes());
  }
  add_to_config(session, {"adapter_from"}, hash.hex());
}

bool carries_adapter(const Session& session) {
  return session.model->soft_prompt().defined() || !delta_parameters(*session.model).empty();
}

void run_adapt(const AdaptOptions& options, const AdapterBook& book, Session& session) {
  require(!carries_adapter(session), Fault::config,
          "the model carries an adapter already, expected whole weights: let the stage 'fold' come before");
  auto adapter = options.adapter;
  const auto seed = derive_seed(session.job->seed, "adapt");
  if (options.start_from.empty()) {
    adapter.attach(session, seed, nullptr, {});
  } else {
    adapter = read_start(options, book);
    const fs::path folder = options.start_from;
    const AdapterFiles files{.config = read_json(folder / "adapter_config.json").dump(2),
                             .tensors = session.checkpoints->read_tensors(folder / "adapter_model.safetensors")};
    keep_start(session, files);
    adapter.attach(session, seed, &files, options.start_from);
  }
  session.adapter = std::make_unique<AdapterFiles>(adapter.files(session, session.job->model.string()));
  session.folded = false;
  double trained = 0.0;
  for (const auto& [name, tensor] : session.adapter->tensors) trained += static_cast<double>(tensor.numel());
  session.values["trainable_parameters"] = trained;
}

Stage make_adapt(Options& options, const TrainerBook& book) {
  AdaptOptions adapt;
  adapt.kind = options.text("kind", "kind of adapter, whose own options stand beside this",
                            {.fallback = "lora", .choices = book.adapters.names()});
  adapt.start_from = options.text("start_from", "folder of an adapter of that kind to go on from; its own options hold",
                                  {.fallback = ""});
  Stage stage;
  if (options.describing()) return stage;
  adapt.adapter = book.adapters.get(adapt.kind).make(options);
  stage.gives.push_back(adapt.adapter.folds ? "an adapter" : "a soft prompt");
  const auto& kinds = book.adapters;
  if (!adapt.start_from.empty()) stage.check = [adapt, &kinds](const TrainJob&) { read_start(adapt, kinds); };
  stage.run = [adapt, &kinds](Session& session) { run_adapt(adapt, kinds, session); };
  return stage;
}

}  // namespace

namespace plugins {
void adapt(TrainerBook& book) {
  book.stages.add("adapt", {.summary = "freezes the weights and adds an adapter, whose kinds are listed below",
                            .make = make_adapt});
}
}  // namespace plugins
}  // namespace touchstone
