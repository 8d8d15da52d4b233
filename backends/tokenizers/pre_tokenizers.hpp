#pragma once
#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "backends/tokenizers/pattern.hpp"
#include "backends/tokenizers/span.hpp"

namespace touchstone::tokenizers {

using Sink = std::function<void(const Span&)>;

/// Cuts text into words, which go to a sink one at a time: no list of them is ever held.
class PreTokenizer {
 public:
  virtual ~PreTokenizer() = default;
  /// Calls word(Span) for each non-empty word, from left to right. A word is valid during the call only.
  virtual void split(const Span& text, const Sink& word) const = 0;
};

using PreTokenizerPtr = std::unique_ptr<PreTokenizer>;

/// What to do with the matches at which a text is split.
enum class Behavior : std::uint8_t { removed, isolated, merged_with_previous, merged_with_next, contiguous };

PreTokenizerPtr split_at(Pattern pattern, Behavior behavior, bool invert);
/// `write_letters`: words come out in GPT-2's alphabet; otherwise as the plain bytes that the letters stand for.
PreTokenizerPtr byte_level(bool add_prefix_space, bool use_regex, bool write_letters);
PreTokenizerPtr digits(bool individual);
PreTokenizerPtr punctuation(Behavior behavior);
PreTokenizerPtr word_or_symbols();  ///< "Whitespace": \w+|[^\w\s]+
PreTokenizerPtr whitespace_split();
PreTokenizerPtr bert_words();
PreTokenizerPtr split_at_code_point(std::int32_t delimiter);
PreTokenizerPtr fixed_length(std::size_t code_points);

enum class Prepend : std::uint8_t { first, never, always };
/// Spaces become `replacement`, which may go in front of the text as well; then words begin at each replacement.
PreTokenizerPtr metaspace(std::int32_t replacement, Prepend scheme, bool split);
PreTokenizerPtr pre_tokenizer_sequence(std::vector<PreTokenizerPtr> steps);

}  // namespace touchstone::tokenizers
