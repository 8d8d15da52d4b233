#include "backends/tokenizers/pre_tokenizers.hpp"

#include "backends/tokenizers/splitter.hpp"
#include "backends/tokenizers/unicode.hpp"

namespace touchstone::tokenizers {
namespace {

/// A pre-tokenizer from a function.
template <class Cut>
class CutFunction : public PreTokenizer {
 public:
  explicit CutFunction(Cut cut) : cut_(std::move(cut)) {}
  void split(const Span& text, const Sink& word) const override { cut_(text, word); }

 private:
  Cut cut_;
};

template <class Cut>
PreTokenizerPtr pre_tokenizer_of(Cut cut) {
  return std::make_unique<CutFunction<Cut>>(std::move(cut));
}

/// Splits where `delimits(code point)` holds, each such code point being a match of its own.
template <class Delimits>
void split_where(const Span& text, Behavior behavior, const Sink& word, const Delimits& delimits) {
  Splitter splitter(text, behavior, word);
  std::size_t done = 0;
  for (std::size_t at = 0; at < text.text.size();) {
    const auto point = known_code_point_at(text.text, at);
    const auto end = at + point.bytes;
    if (delimits(point.value)) {
      if (done < at) splitter.add(done, at, false);
      splitter.add(at, end, true);
      done = end;
    }
    at = end;
  }
  if (done < text.text.size()) splitter.add(done, text.text.size(), false);
  splitter.finish();
}

void split_by(const Pattern& pattern, const Span& text, Behavior behavior, bool invert, const Sink& word) {
  Splitter splitter(text, behavior, word);
  std::size_t done = 0;
  pattern.each(text.text, [&](Match match) {
    if (done < match.first) splitter.add(done, match.first, invert);
    splitter.add(match.first, match.last, !invert);
    done = match.last;
  });
  if (done < text.text.size()) splitter.add(done, text.text.size(), invert);
  splitter.finish();
}

/// The pattern of GPT-2's encoder, which is part of ByteLevel.
const Pattern& gpt2_pattern() {
  static const Pattern pattern =
      Pattern::regex(R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)", "ByteLevel");
  return pattern;
}

/// The word with each byte as a letter of GPT-2's alphabet.
void write_as_letters(const Span& word, const Sink& next) {
  Rewritten letters;
  for (std::size_t at = 0; at < word.text.size(); ++at) {
    const auto& letter = byte_alphabet().letter(static_cast<unsigned char>(word.text[at]));
    letters.text += letter;
    if (!word.tracked) continue;
    const auto range = word.range(at, at + 1);
    letters.origins.insert(letters.origins.end(), letter.size(),
                           {static_cast<std::uint32_t>(range.first), static_cast<std::uint32_t>(range.last)});
  }
  next(letters.span(word));
}

class ByteLevel : public PreTokenizer {
 public:
  ByteLevel(bool add_prefix_space, bool use_regex, bool write_letters)
      : add_prefix_space_(add_prefix_space), use_regex_(use_regex), write_letters_(write_letters) {}

  void split(const Span& text, const Sink& word) const override {
    if (text.text.empty()) return;
    if (!add_prefix_space_ || text.text.front() == ' ') return cut(text, word);
    Rewritten longer;
    Rewrite rewrite(text, longer);
    rewrite.insert(" ");
    rewrite.finish();
    cut(longer.span(text), word);
  }

 private:
  void cut(const Span& text, const Sink& word) const {
    if (!write_letters_) return pieces(text, word);
    pieces(text, [&](const Span& piece) { write_as_letters(piece, word); });
  }
  void pieces(const Span& text, const Sink& word) const {
    if (!use_regex_) return word(text);
    split_by(gpt2_pattern(), text, Behavior::isolated, false, word);
  }

  bool add_prefix_space_;
  bool use_regex_;
  bool write_letters_;
};

class Metaspace : public PreTokenizer {
 public:
  Metaspace(std::int32_t replacement, Prepend scheme, bool split)
      : letter_(utf8_of(replacement)), scheme_(scheme), split_(split), replacement_(replacement) {}

  void split(const Span& text, const Sink& word) const override {
    if (text.text.empty()) return;
    Rewritten changed;
    Rewrite rewrite(text, changed);
    const bool has = text.text.front() == ' ' || text.text.starts_with(letter_);
    // Where the text begins in the caller's text decides whether it is the first.
    const auto origin = text.origins == nullptr ? text.base : text.origins[0].first;
    if (!has && (scheme_ == Prepend::always || (scheme_ == Prepend::first && origin == 0))) rewrite.insert(letter_);
    for (auto at = text.text.find(' '); at != std::string_view::npos; at = text.text.find(' ', at + 1)) {
      rewrite.keep_to(at);
      rewrite.replace_to(at + 1, letter_);
    }
    const Span now = rewrite.finish() ? changed.span(text) : text;
    if (!split_) return word(now);
    split_where(now, Behavior::merged_with_next, word, [&](std::int32_t value) { return value == replacement_; });
  }

 private:
  std::string letter_;
  Prepend scheme_;
  bool split_;
  std::int32_t replacement_;
};

class PreTokenizerSequence : public PreTokenizer {
 public:
  explicit PreTokenizerSequence(std::vector<PreTokenizerPtr> steps) : steps_(std::move(steps)) {}
  void split(const Span& text, const Sink& word) const override { from(0, text, word); }

 private:
  void from(std::size_t step, const Span& text, const Sink& word) const {
    if (step == steps_.size()) return word(text);
    if (step + 1 == steps_.size()) return steps_[step]->split(text, word);
    steps_[step]->split(text, [&, step](const Span& piece) { from(step + 1, piece, word); });
  }
  std::vector<PreTokenizerPtr> steps_;
};

}  // namespace

PreTokenizerPtr split_at(Pattern pattern, Behavior behavior, bool invert) {
  const auto shared = std::make_shared<Pattern>(std::move(pattern));
  return pre_tokenizer_of([shared, behavior, invert](const Span& text, const Sink& word) {
    split_by(*shared, text, behavior, invert, word);
  });
}

PreTokenizerPtr byte_level(bool add_prefix_space, bool use_regex, bool write_letters) {
  return std::make_unique<ByteLevel>(add_prefix_space, use_regex, write_letters);
}

PreTokenizerPtr digits(bool individual) {
  const auto behavior = individual ? Behavior::isolated : Behavior::contiguous;
  return pre_tokenizer_of(
      [behavior](const Span& text, const Sink& word) { split_where(text, behavior, word, is_numeric); });
}

PreTokenizerPtr punctuation(Behavior behavior) {
  return pre_tokenizer_of(
      [behavior](const Span& text, const Sink& word) { split_where(text, behavior, word, is_punctuation); });
}

PreTokenizerPtr word_or_symbols() {
  return pre_tokenizer_of([](const Span& text, const Sink& word) {
    enum class Kind : std::uint8_t { space, letter, symbol };
    auto kind = Kind::space;
    std::size_t first = 0;
    const auto flush = [&](std::size_t at) {
      if (kind != Kind::space) word(text.sub(first, at));
      first = at;
    };
    for (std::size_t at = 0; at < text.text.size();) {
      const auto point = known_code_point_at(text.text, at);
      const auto now = is_word(point.value) ? Kind::letter : is_white_space(point.value) ? Kind::space : Kind::symbol;
      if (now != kind) flush(at);
      kind = now;
      at += point.bytes;
    }
    flush(text.text.size());
  });
}

PreTokenizerPtr whitespace_split() {
  return pre_tokenizer_of(
      [](const Span& text, const Sink& word) { split_where(text, Behavior::removed, word, is_white_space); });
}

PreTokenizerPtr bert_words() {
  return pre_tokenizer_of([](const Span& text, const Sink& word) {
    split_where(
        text, Behavior::removed,
        [&](const Span& piece) { split_where(piece, Behavior::isolated, word, is_punctuation); }, is_white_space);
  });
}

PreTokenizerPtr split_at_code_point(std::int32_t delimiter) {
  return pre_tokenizer_of([delimiter](const Span& text, const Sink& word) {
    split_where(text, Behavior::removed, word, [&](std::int32_t value) { return value == delimiter; });
  });
}

PreTokenizerPtr fixed_length(std::size_t code_points) {
  return pre_tokenizer_of([code_points](const Span& text, const Sink& word) {
    std::size_t first = 0;
    std::size_t count = 0;
    for (std::size_t at = 0; at < text.text.size();) {
      at += known_code_point_at(text.text, at).bytes;
      if (++count < code_points && at < text.text.size()) continue;
      word(text.sub(first, at));
      first = at;
      count = 0;
    }
  });
}

PreTokenizerPtr metaspace(std::int32_t replacement, Prepend scheme, bool split) {
  return std::make_unique<Metaspace>(replacement, scheme, split);
}

PreTokenizerPtr pre_tokenizer_sequence(std::vector<PreTokenizerPtr> steps) {
  return std::make_unique<PreTokenizerSequence>(std::move(steps));
}

}  // namespace touchstone::tokenizers
