#pragma once
#include <map>
#include <memory>
#include <optional>

#include "harness/engine/picture_prompts.hpp"
#include "harness/model/engine.hpp"
#include "harness/model/model.hpp"
#include "harness/model/procedure.hpp"
#include "harness/model/tokenizer.hpp"

namespace touchstone {

/// The parts of an engine.
struct EngineParts {
  std::shared_ptr<Model> model;
  std::shared_ptr<const Tokenizer> tokenizer;
  std::unique_ptr<ChatTemplate> chat;    ///< null: the checkpoint has none
  std::vector<std::int64_t> end_tokens;  ///< of generation_config.json and the tokenizer
  EngineInfo info;                       ///< the engine reads max_length and threads
  EngineSettings settings;
  std::optional<PictureReader> pictures{};      ///< none: pictures are refused
  std::optional<Procedure> procedure{};         ///< none: the model answers plainly
  std::map<std::string, EngineParts> others{};  ///< the models that the procedure names
};

/// An engine over a model of this process.
std::unique_ptr<Engine> make_engine(EngineParts parts);

}  // namespace touchstone
