#pragma once
// The model side as the program sees it: no tensor in this header.
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "harness/base/cancel.hpp"
#include "harness/base/error.hpp"
#include "harness/data/chat_template.hpp"
#include "harness/data/reading.hpp"
#include "harness/data/request.hpp"

namespace touchstone {

struct Procedure;

/// How to open a checkpoint for answering. Everything that can change a number is part of a result's key.
struct EngineSettings {
  std::filesystem::path
      model;  ///< checkpoint folder, or a peft adapter folder (its base is found through adapter_config.json)
  std::string device = "auto";    ///< auto | cpu | cuda[:N]; a device that is not there is an error
  std::string dtype = "float32";  ///< float32 | bfloat16: of the matrix products; softmax is float32 always
  int threads = 1;
  int batch_tokens = 4096;            ///< tokens in one forward pass, at most; does not change any score
  int rows = 64;                      ///< answers written at the same time, at most; does not change any answer
  int max_length = 0;                 ///< 0: the model's own
  std::optional<bool> add_bos_token;  ///< none: as the tokenizer does
};

/// Facts about an open engine; stored with every result.
struct EngineInfo {
  std::string model_hash;   ///< SHA-256 over names, dtypes, shapes and bytes of all weights, and over the procedure
  std::string config_hash;  ///< of config.json, and of what else is set about start and end of prompts and answers
  std::string tokenizer_hash;
  std::string template_hash;  ///< empty without a chat template
  std::string family;         ///< "llama"
  std::string device;         ///< "cpu"
  std::string dtype;
  std::string kernels;  ///< which implementation ran: "brgemm-amx", "operators"
  std::int64_t parameters = 0;
  int max_length = 0;
  int threads = 1;
  std::string procedure{};  ///< JSON text of how the model answers, keys sorted; empty: plainly
};

/// Work done since the engine was opened.
struct EngineCounts {
  std::int64_t prefill_tokens = 0;  ///< run through the model as prompt
  std::int64_t reused_tokens = 0;   ///< taken from a shared prefix instead
  std::int64_t decoded_tokens = 0;
  double prefill_seconds = 0.0;
  double decode_seconds = 0.0;
  std::int64_t peak_bytes = 0;  ///< resident memory of the process at its highest
};

/// Answers requests with one model. Answers do not depend on what else is in the batch, its size or its order.
class Engine {
 public:
  virtual ~Engine() = default;
  /// One Response per Request, in the order given. `done` is called now and then with the number of finished requests.
  /// Throws Cancelled when asked to stop.
  virtual std::vector<Response> answer(std::span<const Request> requests,
                                       const std::function<void(std::size_t)>& done = {},
                                       const CancelFlag* cancel = nullptr) = 0;
  virtual const EngineInfo& info() const = 0;
  virtual EngineCounts counts() const = 0;
  /// The checkpoint's chat template; null when it has none.
  virtual const ChatTemplate* chat_template() const = 0;
  /// The token that ends the assistant's turn in that template, as the vocabulary writes it; empty: none does.
  virtual std::string turn_end() const { return {}; }
  /// The procedure by which the model answers, where its folder names one; else null. `answer` applies its change of
  /// logits; its change of questions is left to the caller (measure()).
  virtual const Procedure* procedure() const { return nullptr; }
  /// Another model that the procedure names, as an engine; null when there is none of that name.
  virtual Engine* other([[maybe_unused]] const std::string& name) { return nullptr; }
  /// What the model says of each token of the texts, in the order given, and how far it is from `reference` (null:
  /// none), which must have the same tokenizer and vocabulary. Logits are changed as in `answer`. Throws Fault::config
  /// for models that cannot be compared, for prompts with media, and where an engine sees no distributions.
  virtual std::vector<std::vector<TokenReading>> read([[maybe_unused]] std::span<const TokenText> texts,
                                                      [[maybe_unused]] Engine* reference,
                                                      [[maybe_unused]] const CancelFlag* cancel = nullptr) {
    throw Error(Fault::config, info().family +
                                   ": this engine gives no distributions over the vocabulary, which the "
                                   "measure reads");
  }
  /// The engine that does the work, behind those that only remember its answers.
  virtual Engine& plain() { return *this; }
};

}  // namespace touchstone
