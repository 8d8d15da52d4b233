#pragma once
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace touchstone::tokenizers {

/// Texts to 32-bit numbers, by open addressing. The texts are looked up in `keys`, which the owner keeps in place.
class TextIndex {
 public:
  /// Every non-empty string of keys gets its position; of equal ones the last.
  void build(const std::vector<std::string>& keys);
  /// The position of `text` in the keys that built it, or -1.
  std::int32_t find(const std::vector<std::string>& keys, std::string_view text) const;

 private:
  std::vector<std::int32_t> slots_;
  std::size_t mask_ = 0;
};

/// 64-bit hash of some bytes; the same on every machine of one byte order, not for storing.
std::uint64_t hash_bytes(std::string_view bytes);

/// Tokens to ids and back. Ids may have holes.
class Vocabulary {
 public:
  /// Throws Fault::checkpoint naming `where`: an id that is negative, above 2^24, or taken by another token.
  void add(const std::string& token, std::int64_t id, const std::string& where);
  /// To be called once, after the last add.
  void freeze() { index_.build(tokens_); }
  /// The id, or -1.
  std::int32_t find(std::string_view token) const { return index_.find(tokens_, token); }
  /// The token; empty for a hole.
  const std::string& token(std::int64_t id) const;
  bool has(std::int64_t id) const { return !token(id).empty(); }
  /// Largest id + 1.
  std::int64_t size() const { return static_cast<std::int64_t>(tokens_.size()); }
  /// How many tokens there are.
  std::int64_t count() const { return count_; }
  const std::vector<std::string>& tokens() const { return tokens_; }

 private:
  std::vector<std::string> tokens_;
  TextIndex index_;
  std::int64_t count_ = 0;
};

}  // namespace touchstone::tokenizers
