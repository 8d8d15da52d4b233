#include "backends/tokenizers/word_models.hpp"

#include <algorithm>

#include "backends/tokenizers/unicode.hpp"
#include "harness/base/error.hpp"
#include "harness/base/text.hpp"

namespace touchstone::tokenizers {
namespace {

void put_unknown(std::int32_t id, const std::string& name, const Span& word, Work& work) {
  require(id >= 0, Fault::checkpoint, [&] {
    return "the tokenizer has no token for '" + std::string(word.text.substr(0, 40)) + "', and its unk_token '" + name +
           "' is not in the vocabulary";
  });
  work.put(id, word, 0, word.text.size());
}

class WordPiece : public Model {
 public:
  WordPiece(Vocabulary vocabulary, WordPieceSettings settings)
      : Model(std::move(vocabulary)),
        settings_(std::move(settings)),
        unknown_(this->vocabulary().find(settings_.unknown)) {
    for (const auto& token : this->vocabulary().tokens()) longest_ = std::max(longest_, token.size());
  }

  void tokenize(const Span& word, Work& work) const override {
    work.tokens.clear();
    // No word has more code points than bytes: count only where that does not settle it.
    const bool too_long = word.text.size() > settings_.longest_word && code_points(word.text) > settings_.longest_word;
    for (std::size_t at = 0; !too_long && at < word.text.size();) {
      const auto token = longest_at(word.text, at, work);
      if (token.id < 0) {
        work.tokens.clear();
        break;
      }
      work.tokens.push_back(token);
      at += token.bytes;
    }
    if (work.tokens.empty()) return put_unknown(unknown_, settings_.unknown, word, work);
    work.put_all(word, work.tokens.data(), work.tokens.size());
  }

 private:
  Token longest_at(std::string_view word, std::size_t at, const Work& work) const {
    std::string piece = at > 0 ? settings_.prefix : "";
    const std::size_t skip = piece.size();
    // Nothing longer than the longest token can match; the cut is then moved to the start of a code point.
    std::size_t end = std::min(word.size(), at + longest_);
    while (end < word.size() && is_continuation(word[end])) --end;
    piece.append(word.substr(at, end - at));
    while (piece.size() > skip) {
      const auto id = vocabulary().find(piece);
      if (id >= 0 && !work.avoided(id)) return {id, static_cast<std::uint32_t>(piece.size() - skip)};
      piece.resize(previous_start(piece, piece.size()));
    }
    return {-1, 0};
  }

  WordPieceSettings settings_;
  std::int32_t unknown_;
  std::size_t longest_ = 0;
};

class WordLevel : public Model {
 public:
  WordLevel(Vocabulary vocabulary, std::string unknown)
      : Model(std::move(vocabulary)), name_(std::move(unknown)), unknown_(this->vocabulary().find(name_)) {}

  void tokenize(const Span& word, Work& work) const override {
    const auto id = vocabulary().find(word.text);
    if (id < 0 || work.avoided(id)) return put_unknown(unknown_, name_, word, work);
    work.put(id, word, 0, word.text.size());
  }

 private:
  std::string name_;
  std::int32_t unknown_;
};

}  // namespace

std::unique_ptr<Model> make_word_piece(Vocabulary vocabulary, WordPieceSettings settings) {
  return std::make_unique<WordPiece>(std::move(vocabulary), std::move(settings));
}

std::unique_ptr<Model> make_word_level(Vocabulary vocabulary, std::string unknown) {
  return std::make_unique<WordLevel>(std::move(vocabulary), std::move(unknown));
}

}  // namespace touchstone::tokenizers
