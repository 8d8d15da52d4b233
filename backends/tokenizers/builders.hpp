#pragma once
#include <memory>
#include <vector>

#include "backends/tokenizers/pipeline.hpp"
#include "backends/tokenizers/section.hpp"

namespace touchstone::tokenizers {

// Each reads one part of tokenizer.json. All throw Fault::checkpoint naming file and key.

NormalizerPtr build_normalizer(const Section& section);
/// `plain_bytes`: the last step is ByteLevel, and it must give its words as plain bytes.
PreTokenizerPtr build_pre_tokenizer(const Section& section, bool plain_bytes);
/// True when the last step is ByteLevel.
bool ends_in_byte_level(const Section& pre_tokenizer);
DecoderPtr build_decoder(const Section& section);
/// Puts the tokens before and behind a text into `parts`.
void build_post_processor(const Section& section, Parts& parts);
/// `plain_bytes` as above; only for what takes_plain_bytes() allows.
std::unique_ptr<Model> build_model(const Section& section, bool plain_bytes);
/// True for a model that gives the same result on bytes as on the letters that stand for them.
bool takes_plain_bytes(const Section& model);

}  // namespace touchstone::tokenizers
