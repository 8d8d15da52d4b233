#pragma once
// What other rooms use of tokenizers; no tensor is needed.
#include <filesystem>
#include <memory>
#include <span>
#include <string>

#include "harness/model/tokenizer.hpp"

namespace touchstone {

/// Reads tokenizer.json (or tokenizer.json.gz), tokenizer_config.json, special_tokens_map.json, chat_template.jinja of
/// a checkpoint folder; never a model's own code. Throws Fault::checkpoint naming file and key for anything that it
/// cannot do exactly.
std::unique_ptr<Tokenizer> load_tokenizer(const std::filesystem::path& folder);

/// The text of a tokenizer.json (byte-pair encoding: Sennrich et al., arXiv 1508.07909, on bytes as in GPT-2). The
/// most frequent pair is merged first; of equally frequent ones that with the lower ids. Throws Fault::data when the
/// documents hold too few pairs for the vocabulary, Fault::config for a vocabulary below 257.
std::string train_bpe(std::span<const std::string> documents, const BpeSettings& settings);

}  // namespace touchstone
