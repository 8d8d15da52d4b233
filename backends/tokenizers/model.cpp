#include "backends/tokenizers/model.hpp"

#include <algorithm>

namespace touchstone::tokenizers {
namespace {

constexpr std::size_t most_words = std::size_t{1} << 18;
constexpr std::size_t longest_word_bytes = 256;

}  // namespace

void Work::put_all(const Span& word, const Token* first, std::size_t count) {
  std::size_t at = 0;
  for (const Token* token = first; token != first + count; ++token) {
    put(token->id, word, at, at + token->bytes);
    at += token->bytes;
  }
}

std::pair<const Token*, std::size_t> WordCache::find(std::string_view word) const {
  if (slots_.empty() || word.size() > longest_word_bytes) return {nullptr, 0};
  const auto hash = hash_bytes(word);
  for (std::size_t slot = hash & (slots_.size() - 1); slots_[slot].length != 0;
       slot = (slot + 1) & (slots_.size() - 1)) {
    const auto& entry = slots_[slot];
    if (entry.hash == hash && entry.length == word.size() &&
        word.compare(std::string_view(texts_).substr(entry.text, entry.length)) == 0) {
      return {tokens_.data() + entry.first, entry.count};
    }
  }
  return {nullptr, 0};
}

void WordCache::add(std::string_view word, const Token* tokens, std::size_t count) {
  if (word.empty() || word.size() > longest_word_bytes || used_ >= most_words) return;
  if ((used_ + 1) * 2 > slots_.size()) {
    std::vector<Entry> larger(std::max<std::size_t>(256, slots_.size() * 2));
    for (const auto& entry : slots_) {
      if (entry.length == 0) continue;
      std::size_t slot = entry.hash & (larger.size() - 1);
      while (larger[slot].length != 0) slot = (slot + 1) & (larger.size() - 1);
      larger[slot] = entry;
    }
    slots_ = std::move(larger);
  }
  Entry entry{hash_bytes(word), static_cast<std::uint32_t>(texts_.size()), static_cast<std::uint32_t>(word.size()),
              static_cast<std::uint32_t>(tokens_.size()), static_cast<std::uint32_t>(count)};
  texts_.append(word);
  tokens_.insert(tokens_.end(), tokens, tokens + count);
  std::size_t slot = entry.hash & (slots_.size() - 1);
  while (slots_[slot].length != 0) slot = (slot + 1) & (slots_.size() - 1);
  slots_[slot] = entry;
  ++used_;
}

}  // namespace touchstone::tokenizers
