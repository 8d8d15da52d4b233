#pragma once
#include <memory>
#include <string>
#include <vector>

#include "backends/tokenizers/pattern.hpp"

namespace touchstone::tokenizers {

/// Turns token strings back into text.
class Decoder {
 public:
  virtual ~Decoder() = default;
  /// Changes the pieces in place; the caller joins them at the end.
  virtual void decode(std::vector<std::string>& pieces) const = 0;
};

using DecoderPtr = std::unique_ptr<Decoder>;

DecoderPtr byte_level_decoder();     ///< letters of GPT-2's alphabet to bytes; what is not UTF-8 becomes U+FFFD
DecoderPtr byte_fallback_decoder();  ///< runs of <0xNN> to text, or to one U+FFFD each
DecoderPtr fuse_decoder();
DecoderPtr strip_decoder(std::int32_t content, std::size_t start, std::size_t stop);
DecoderPtr replace_decoder(Pattern pattern, std::string content);
/// `drops_first`: the replacements in the first token are dropped, since encoding put one there.
DecoderPtr metaspace_decoder(std::int32_t replacement, bool drops_first);
DecoderPtr word_piece_decoder(const std::string& prefix, bool cleanup);
DecoderPtr bpe_decoder(const std::string& suffix);
DecoderPtr ctc_decoder(const std::string& pad_token, const std::string& word_delimiter, bool cleanup);
DecoderPtr decoder_sequence(std::vector<DecoderPtr> steps);

/// Removes the spaces that joining words put before punctuation and English contractions.
std::string clean_up_spaces(std::string text);

}  // namespace touchstone::tokenizers
