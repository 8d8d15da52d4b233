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
  bool byte_fallback = false;           ///< unknown characters become the tokens <0xNN> of their bytes, if all exist
};

/// The most probable segmentation of a word (Kudo, arXiv:1804.10959, section 3.2), as in Hugging Face's tokenizers: an
/// unknown character scores 10 below the smallest score, and neighbouring unknown ones are one token.
/// Ids are places in `tokens`. Throws Fault::checkpoint naming `where`.
std::unique_ptr<Model> make_unigram(const std::vector<ScoredToken>& tokens, const UnigramSettings& settings,
                                    const std::string& where);

}  // namespace touchstone::tokenizers
