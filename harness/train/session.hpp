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

/// Named parameters beside the model's own (a soft prompt, a critic): a stage makes them; stages that train update them
/// at a learning rate of their own, clip their gradients separately, and keep them in their checkpoints.
struct Module {
  /// By full names, none of which is a parameter of the model; they share storage with the code that applies them.
  std::vector<std::pair<std::string, Tensor*>> parameters;
  double learning_rate = 0.0;  ///< the highest rate; 0: that of the stage that trains
};

/// The state that the stages of one cell share. A stage keeps its own state in itself.
class Session {
 public:
  std::unique_ptr<Model> model;                          ///< the one being changed
  std::map<std::string, std::unique_ptr<Model>> frozen;  ///< references and teachers, by the name a config gave
  std::map<std::string, Module> modules;                 ///< trained beside the model, by name
  /// The model_hash of each frozen model that was read from a folder.
  std::map<std::string, std::string> loaded;
  std::map<std::string, std::vector<Record>> data;  ///< by the name a config gave
  std::shared_ptr<const Tokenizer> tokenizer;
  const ChatTemplate* chat = nullptr;     ///< null: prompts are plain text
  std::optional<PictureReader> pictures;  ///< none: records with pictures are refused
  const PictureReader* reader() const { return pictures ? &*pictures : nullptr; }
  const Checkpoints* checkpoints = nullptr;  ///< reads and writes tensors and checkpoint folders
  const TrainJob* job = nullptr;             ///< seed, task book, data folders, work folder
  const TrainHooks* hooks = nullptr;
  /// JSON of everything besides the rows that decides this job's result bit by bit: recipe, hashes of weights and
  /// tokenizer, seed, threads, dtype. A training checkpoint that was made with another value is refused.
  std::string config_json = "{}";
  int stage = 0;  ///< the running one, from 0
  std::string stage_name;
  std::map<std::string, double> values;  ///< reported by the running stage
  /// For Answer::made_by: JSON object that describes the origin of a stage's answers (stage, name, model, seed, how
  /// they were drawn).
  std::map<int, std::string> origins;
  TrainResult result;
  /// Set while the model carries an adapter that will be written as one, or that `fold` has merged and kept.
  std::unique_ptr<AdapterFiles> adapter;
  /// How the model answers: like the model it started from, unless the stage `procedure` changed it. Written beside the
  /// weights. Training itself draws answers without it, as its stages say.
  std::optional<ProcedureFile> procedure;
  /// Models that the procedure names, by its names: frozen ones of the session, written below the output.
  std::map<std::string, std::string> procedure_models;
  bool folded = false;  ///< the adapter is part of the weights: it is written beside them, not instead of them
};

}  // namespace touchstone
