#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "backends/tokenizers/span.hpp"
#include "backends/tokenizers/vocabulary.hpp"

namespace touchstone::tokenizers {

/// One token of a word: `bytes` of the word's text belong to it.
struct Token {
  std::int32_t id = 0;
  std::uint32_t bytes = 0;
};

/// The tokens of words already met in this text, so that a long text pays for each word once.
class WordCache {
 public:
  /// The tokens of `word`; empty when it is not known. Valid until the next add.
  std::pair<const Token*, std::size_t> find(std::string_view word) const;
  void add(std::string_view word, const Token* tokens, std::size_t count);

 private:
  struct Entry {
    std::uint64_t hash = 0;
    std::uint32_t text = 0;    ///< where its bytes begin in texts_
    std::uint32_t length = 0;  ///< of the word in bytes; 0: an empty slot
    std::uint32_t first = 0;   ///< of its tokens in tokens_
    std::uint32_t count = 0;
  };
  std::vector<Entry> slots_;
  std::string texts_;
  std::vector<Token> tokens_;
  std::size_t used_ = 0;
};

/// The results and scratch memory of encoding one text. Not shared between threads.
struct Work {
  bool tracked = false;                      ///< fill `pieces` too
  const std::vector<bool>* avoid = nullptr;  ///< ids that no text may become; null: none
  std::vector<std::int64_t> ids;
  std::vector<Encoding::Piece> pieces;
  WordCache cache;
  std::vector<Token> tokens;  ///< of the current word

  bool avoided(std::int32_t id) const {
    return avoid != nullptr && static_cast<std::size_t>(id) < avoid->size() && (*avoid)[static_cast<std::size_t>(id)];
  }
  void put(std::int64_t id, const Span& word, std::size_t first, std::size_t last) {
    ids.push_back(id);
    if (tracked) pieces.push_back(word.range(first, last));
  }
  /// Appends tokens that cover the word from its front, one behind another.
  void put_all(const Span& word, const Token* first, std::size_t count);
};

/// Turns a word (a piece that the pre-tokenizer leaves whole) into ids.
class Model {
 public:
  virtual ~Model() = default;
  /// `word` is not empty. Throws Fault::checkpoint for a word that the model has no token for.
  virtual void tokenize(const Span& word, Work& work) const = 0;
  const Vocabulary& vocabulary() const { return vocabulary_; }

 protected:
  explicit Model(Vocabulary vocabulary) : vocabulary_(std::move(vocabulary)) {}

 private:
  Vocabulary vocabulary_;
};

}  // namespace touchstone::tokenizers
