// SentencePiece's compiled normalisation table ("precompiled_charsmap").
#include <utf8proc.h>

#include <cstring>
#include <vector>

#include "backends/tokenizers/normalizers.hpp"
#include "backends/tokenizers/unicode.hpp"
#include "harness/base/error.hpp"
#include "harness/base/text.hpp"

namespace touchstone::tokenizers {
namespace {

/// A double-array trie over bytes; its values are places in a pool of replacements that end in a zero byte. The file
/// may hold anything, so every step checks its bounds.
class ReplacementTable {
 public:
  ReplacementTable(const std::string& table, const std::string& where) {
    const auto fail = [&](const std::string& what) { throw Error(Fault::checkpoint, where + ": " + what); };
    if (table.size() < 4) fail("found a table of " + std::to_string(table.size()) + " bytes, expected at least 4");
    std::uint32_t tree_bytes = 0;
    std::memcpy(&tree_bytes, table.data(), 4);
    if (tree_bytes % 4 != 0 || tree_bytes == 0 || tree_bytes > table.size() - 4) {
      fail("found a tree of " + std::to_string(tree_bytes) + " bytes in a table of " + std::to_string(table.size()) +
           ", expected one that fits");
    }
    units_.resize(tree_bytes / 4);
    std::memcpy(units_.data(), table.data() + 4, tree_bytes);
    pool_ = table.substr(4 + tree_bytes);
    if (!is_utf8(pool_)) fail("found replacements that are not UTF-8");
  }

  /// The replacement of the longest (or shortest) key that `text` begins with, and that key's bytes; 0 when none does.
  std::size_t find(std::string_view text, bool longest, std::string_view& replacement) const {
    std::size_t found = 0;
    std::size_t at = offset(units_[0]);
    for (std::size_t i = 0; i < text.size(); ++i) {
      const auto byte = static_cast<unsigned char>(text[i]);
      if (byte == 0) break;
      at ^= byte;
      if (at >= units_.size() || label(units_[at]) != byte) break;
      const bool leaf = ((units_[at] >> 8) & 1U) != 0;
      at ^= offset(units_[at]);
      if (!leaf || at >= units_.size()) continue;
      const std::size_t place = units_[at] & 0x7fffffffU;
      if (place > pool_.size()) continue;
      replacement = std::string_view(pool_).substr(place);
      replacement = replacement.substr(0, replacement.find('\0'));
      if (!is_utf8(replacement)) continue;
      found = i + 1;
      if (!longest) break;
    }
    return found;
  }

 private:
  static std::size_t offset(std::uint32_t unit) { return std::size_t{unit >> 10} << ((unit & (1U << 9)) >> 6); }
  static std::uint32_t label(std::uint32_t unit) { return unit & (0x80000000U | 0xffU); }

  std::vector<std::uint32_t> units_;
  std::string pool_;
};

/// As in Hugging Face's tokenizers: a grapheme of fewer than six bytes is replaced as a whole by the value of its
/// shortest key; otherwise each of its code points is replaced on its own.
class ByGrapheme : public Normalizer {
 public:
  ByGrapheme(const std::string& table, const std::string& where) : table_(table, where) {}

  bool normalize(const Span& from, Rewritten& to) const override {
    Rewrite rewrite(from, to);
    const auto text = from.text;
    for (std::size_t at = 0; at < text.size();) {
      const auto end = grapheme_end(text, at);
      if (end - at >= 6 || !put(text, at, end, rewrite)) {
        for (auto one = at; one < end;) {
          const auto next = one + known_code_point_at(text, one).bytes;
          put(text, one, next, rewrite);
          one = next;
        }
      }
      at = end;
    }
    return rewrite.finish();
  }

 private:
  bool put(std::string_view text, std::size_t first, std::size_t last, Rewrite& rewrite) const {
    std::string_view replacement;
    const bool found = table_.find(text.substr(first, last - first), false, replacement) > 0;
    if (found) rewrite.keep_to(first);
    if (found) rewrite.replace_to(last, replacement);
    return found;
  }

  static std::size_t grapheme_end(std::string_view text, std::size_t at) {
    auto point = known_code_point_at(text, at);
    utf8proc_int32_t state = 0;
    for (at += point.bytes; at < text.size();) {
      const auto next = known_code_point_at(text, at);
      if (utf8proc_grapheme_break_stateful(point.value, next.value, &state)) break;
      point = next;
      at += next.bytes;
    }
    return at;
  }

  ReplacementTable table_;
};

/// As in SentencePiece: the longest key, from left to right.
class ByLongestKey : public Normalizer {
 public:
  ByLongestKey(const std::string& table, const std::string& where) : table_(table, where) {}

  bool normalize(const Span& from, Rewritten& to) const override {
    Rewrite rewrite(from, to);
    const auto text = from.text;
    for (std::size_t at = 0; at < text.size();) {
      std::string_view replacement;
      const auto bytes = table_.find(text.substr(at), true, replacement);
      if (bytes == 0) {
        at += known_code_point_at(text, at).bytes;
        continue;
      }
      rewrite.keep_to(at);
      at += bytes;
      rewrite.replace_to(at, replacement);
    }
    return rewrite.finish();
  }

 private:
  ReplacementTable table_;
};

}  // namespace

NormalizerPtr precompiled(const std::string& table, const std::string& where) {
  return std::make_unique<ByGrapheme>(table, where);
}

NormalizerPtr precompiled_longest(const std::string& table, const std::string& where) {
  return std::make_unique<ByLongestKey>(table, where);
}

}  // namespace touchstone::tokenizers
