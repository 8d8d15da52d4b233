#pragma once
// The one entry of the tensor library. The program opens it on demand, since LibTorch costs 0.4 s at every start.
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "harness/base/cancel.hpp"
#include "harness/base/log.hpp"
#include "harness/data/made_file.hpp"
#include "harness/data/media.hpp"
#include "harness/data/task.hpp"
#include "harness/model/engine.hpp"

namespace touchstone {

/// One point of a training curve.
struct StepReport {
  int stage = 0;
  std::string stage_name;
  std::int64_t step = 0;   ///< optimizer steps done in this stage, from 1
  std::int64_t steps = 0;  ///< how many there will be
  double loss = 0.0;       ///< normalised over the whole optimizer step
  double learning_rate = 0.0;
  double gradient_norm = 0.0;
  std::int64_t tokens = 0;          ///< tokens run through the model in this step
  std::int64_t trained_tokens = 0;  ///< those under the loss
  double seconds = 0.0;
  std::map<std::string, double> values;  ///< further logged values: "kl", "validation_loss", "nll"
};

/// The report of a stage: its data audit and its values at the end.
struct StageReport {
  int stage = 0;
  std::string name;
  std::string options;  ///< canonical JSON
  double seconds = 0.0;
  std::map<std::string, double> values;  ///< rows_total, rows_truncated, rows_dropped, tokens_total, peak_bytes, ...
};

/// One training job: a recipe on a model. Everything is decided here; nothing is read from the environment.
struct TrainJob {
  std::filesystem::path recipe;  ///< configs/methods/NAME.json
  /// The text of the recipe as the caller read it, so that exactly what was checked and named is trained; empty: the
  /// file is read.
  std::string recipe_json{};
  std::map<std::string, std::string> set;  ///< overrides still to be applied: "train.learning_rate" -> JSON text
  std::filesystem::path model;             ///< checkpoint folder to start from
  std::string train_on;                    ///< a task
  std::uint64_t seed = 0;
  std::string device = "auto";
  std::string dtype = "float32";       ///< of the matrix products
  std::string save_dtype = "float32";  ///< of the written weights: float32, bfloat16 or float16
  int threads = 1;
  std::filesystem::path work;  ///< checkpoints of this job live here; found there, training resumes
  std::filesystem::path out;   ///< the trained checkpoint, Hugging Face layout, written atomically at the end
  int save_every_steps = 50;
  const TaskBook* tasks = nullptr;
  const DataFolders* data = nullptr;
  Mode mode = Mode::compat;
  bool chat = false;         ///< rows are written with the checkpoint's chat template, as in evaluation with one
  std::string code_version;  ///< of the program: records that another version made are made again
};

struct TrainHooks {
  std::function<void(const StepReport&)> step;
  std::function<void(const StageReport&)> stage;
  /// Called before a checkpoint is written: what was reported so far must be on disk when it returns, since a resumed
  /// job does not report those steps again.
  std::function<void()> saving;
  Log* log = nullptr;
  const CancelFlag* cancel = nullptr;
};

struct TrainResult {
  std::string model_hash;  ///< of the written weights
  std::int64_t steps = 0;
  std::int64_t tokens = 0;
  std::int64_t resumed_from_step = -1;  ///< -1: started fresh
  double seconds = 0.0;
  std::int64_t peak_bytes = 0;
  std::vector<RecordFile> records;  ///< the files that its stages left in records_folder(out), in their order
};

/// A new checkpoint to be made: a config.json, and a tokenizer that is copied or learnt.
struct InitJob {
  std::filesystem::path config;        ///< config.json of the model
  std::filesystem::path tokenizer;     ///< a folder whose tokenizer is copied; empty: one is learnt
  std::vector<std::string> documents;  ///< texts that the tokenizer is learnt from
  std::filesystem::path from;          ///< a checkpoint whose weights the language part starts from; empty: none
  std::uint64_t seed = 0;              ///< of the weights
  std::filesystem::path out;           ///< the folder, written whole or not at all
};

/// Facts about a checkpoint folder that need no weights in memory.
struct CheckpointInfo {
  std::string family;
  std::int64_t parameters = 0;
  std::int64_t bytes = 0;
  int max_length = 0;
  std::set<MediaKind> media{};  ///< that prompts may hold: its family takes them, and their preparation is described
  std::string model_hash;
};

/// Everything that needs a tensor. Implemented by the tensor library, called by the program.
class Backend {
 public:
  virtual ~Backend() = default;
  virtual std::unique_ptr<Engine> open(const EngineSettings& settings, Log& log) = 0;
  virtual CheckpointInfo inspect(const std::filesystem::path& model) = 0;
  /// Answers the same requests in many batch sizes and orders and reports by how much the answers differ: JSON text,
  /// see harness/engine/self_test.hpp. Its "equal" is the verdict.
  virtual std::string self_test(const EngineSettings& settings) = 0;
  /// Reads the recipe with every plug-in's own option reader and throws Fault::config at the first error.
  virtual void check_recipe(const TrainJob& job) = 0;
  /// Writes a checkpoint folder with random weights; those of the language part may come from another checkpoint. Gives
  /// its model_hash. Throws Fault::checkpoint for a config.json that no family builds or whose vocabulary is smaller
  /// than the tokenizer's, and for weights to start from that have another shape.
  virtual std::string init(const InitJob& job) = 0;
  virtual TrainResult train(const TrainJob& job, const TrainHooks& hooks) = 0;
  /// Loss and gradients of one objective on the tensors of a safetensors file, written to another.
  virtual void objective(const std::string& name, const std::string& options_json, const std::filesystem::path& inputs,
                         const std::filesystem::path& outputs) = 0;
  /// kind: "train", "decode" or "score"; options and result are JSON texts.
  virtual std::string bench(const std::string& kind, const std::string& options_json) = 0;
  /// The version of LibTorch: "2.13.0".
  virtual std::string library_version() const = 0;
  /// JSON text with name, summary and options of every family, objective and stage: made into a table at build time.
  virtual std::string catalogue() = 0;
};

/// The symbol that the tensor library exports, and its type.
inline constexpr const char* backend_symbol = "touchstone_backend";
using BackendMaker = Backend* (*)();

/// Opens the tensor library that lies beside the program ($TOUCHSTONE_TENSOR_LIBRARY names another). The library stays
/// open until the program ends. Throws Fault::config with the loader's own message.
Backend& open_backend();

}  // namespace touchstone
