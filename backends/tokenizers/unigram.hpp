#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "backends/tokenizers/model.hpp"

namespace touchstone::tokenizers {

struct ScoredToken {
  std::string text;
  double score = 0.0;  ///< log-probability
};

struct UnigramSettings {
  std::optional<std::int64_t> unknown;  ///< place of the unknown token; none: unknown characters are an error
  bool byte_fallback = false;  ///< an unknown stretch becomes the tokens <0xNN> of its bytes, where there are all
};

/// The most probable way to put a word together (Kudo, arXiv:1804.10959, section 3.2), as Hugging Face's tokenizers
/// find it: an unknown character costs the smallest score less 10, and neighbouring unknown ones are one token.
/// Ids are places in `tokens`. Throws Fault::checkpoint naming `where`.
std::unique_ptr<Model> make_unigram(const std::vector<ScoredToken>& tokens, const UnigramSettings& settings,
                                    const std::string& where);

}  // namespace touchstone::tokenizers
