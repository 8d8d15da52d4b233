#pragma once
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "harness/data/record.hpp"
#include "harness/engine/picture_prompts.hpp"
#include "harness/model/backend.hpp"
#include "harness/model/checkpoint.hpp"
#include "harness/model/model.hpp"
#include "harness/model/procedure.hpp"
#include "harness/model/tokenizer.hpp"
#include "harness/train/adapter.hpp"

namespace touchstone {

/// Named parameters that belong beside the model's own (a soft prompt, a critic): a stage makes them, stages that train
/// move them at a rate of their own, with gradients clipped apart, and keep them in their checkpoints.
struct Module {
  /// By whole names, none of which is a parameter of the model; the handles are those of whoever applies them.
  std::vector<std::pair<std::string, Tensor*>> parameters;
  double learning_rate = 0.0;  ///< the highest; 0: that of the stage that trains
};

/// What the stages of one cell share. A stage keeps its own state in itself.
class Session {
 public:
  std::unique_ptr<Model> model;                          ///< the one being changed
  std::map<std::string, std::unique_ptr<Model>> frozen;  ///< references and teachers, by the name a config gave
  std::map<std::string, Module> modules;                 ///< what is trained beside the model, by name
  /// Of frozen models that were read from a folder: its model_hash.
  std::map<std::string, std::string> loaded;
  std::map<std::string, std::vector<Record>> data;  ///< by the name a config gave
  std::shared_ptr<const Tokenizer> tokenizer;
  const ChatTemplate* chat = nullptr;     ///< null: prompts are plain text
  std::optional<PictureReader> pictures;  ///< none: records with pictures are refused
  const PictureReader* reader() const { return pictures ? &*pictures : nullptr; }
  const Checkpoints* checkpoints = nullptr;  ///< reads and writes tensors and checkpoint folders
  const TrainJob* job = nullptr;             ///< seed, task book, data folders, work folder
  const TrainHooks* hooks = nullptr;
  /// JSON of everything that decides the bits of this job, beside the rows: recipe, hashes of weights and tokenizer,
  /// seed, threads, dtype. A training checkpoint that was made with another value is refused.
  std::string config_json = "{}";
  int stage = 0;  ///< the running one, from 0
  std::string stage_name;
  std::map<std::string, double> values;  ///< what the running stage reports of itself
  /// For Answer::made_by: JSON object of what wrote the answers of a stage (stage, name, model, seed, how they were
  /// drawn).
  std::map<int, std::string> origins;
  TrainResult result;
  /// Present while the model carries an adapter that is to be written as one, or that `fold` has merged and kept.
  std::unique_ptr<AdapterFiles> adapter;
  /// How the model answers: as the one it started from, unless the stage `procedure` said otherwise. Written beside the
  /// weights. Training itself draws answers plainly, as its stages say.
  std::optional<ProcedureFile> procedure;
  /// Models that the procedure names, by its name: frozen ones of the session, written below the output.
  std::map<std::string, std::string> procedure_models;
  bool folded = false;  ///< the adapter is part of the weights: it is written beside them, not instead of them
};

}  // namespace touchstone
