#pragma once
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "backends/tokenizers/pattern.hpp"
#include "backends/tokenizers/span.hpp"

namespace touchstone::tokenizers {

/// Rewrites text before it is split into words.
class Normalizer {
 public:
  virtual ~Normalizer() = default;
  /// Puts the rewritten text into `to`; false, and `to` untouched, when it stays as it is.
  virtual bool normalize(const Span& from, Rewritten& to) const = 0;
};

using NormalizerPtr = std::unique_ptr<Normalizer>;

enum class UnicodeForm : std::uint8_t { nfc, nfd, nfkc, nfkd };  ///< Unicode Standard Annex 15

NormalizerPtr normalize_unicode(UnicodeForm form);
NormalizerPtr lowercase();
NormalizerPtr strip_accents();  ///< removes combining marks
NormalizerPtr strip_ends(bool left, bool right);
NormalizerPtr replace(Pattern pattern, std::string content);
NormalizerPtr prepend(const std::string& text);
NormalizerPtr nmt();
NormalizerPtr byte_level_normalizer();
NormalizerPtr bert_normalizer(bool clean_text, bool chinese_chars, bool accents, bool lower);
/// SentencePiece's compiled table of replacements, as bytes, used as Hugging Face's tokenizers do: grapheme by
/// grapheme. Throws Fault::checkpoint naming `where` when the table is broken.
NormalizerPtr precompiled(const std::string& table, const std::string& where);
/// The same table used as SentencePiece itself does: the longest key at each place.
NormalizerPtr precompiled_longest(const std::string& table, const std::string& where);
NormalizerPtr normalizer_sequence(std::vector<NormalizerPtr> steps);

}  // namespace touchstone::tokenizers
