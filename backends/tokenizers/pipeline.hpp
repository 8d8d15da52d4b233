#pragma once
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "backends/tokenizers/added_tokens.hpp"
#include "backends/tokenizers/decoders.hpp"
#include "backends/tokenizers/model.hpp"
#include "backends/tokenizers/normalizers.hpp"
#include "backends/tokenizers/pre_tokenizers.hpp"
#include "harness/model/tokenizer.hpp"

namespace touchstone::tokenizers {

/// The parts of a tokenizer, as the loader found them.
struct Parts {
  std::unique_ptr<Model> model;
  NormalizerPtr normalizer;          ///< null: none
  PreTokenizerPtr pre_tokenizer;     ///< null: a text is one word
  DecoderPtr decoder;                ///< null: tokens are joined with spaces
  std::vector<AddedToken> added;     ///< ids differ; `form` is filled in by the pipeline
  std::vector<std::int64_t> before;  ///< the post-processor's ids in front of a text
  std::vector<std::int64_t> after;   ///< and behind it
  bool clean_up_spaces = false;      ///< after decoding
  SpecialTokens special_tokens;
  std::string chat_template;
  std::optional<std::int64_t> model_max_length;
  std::string hash;
};

/// Throws Fault::checkpoint naming `where` when bos_token or eos_token is no token.
std::unique_ptr<Tokenizer> make_pipeline(Parts parts, const std::string& where);

}  // namespace touchstone::tokenizers
