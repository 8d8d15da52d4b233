#pragma once
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "harness/model/tokenizer.hpp"

namespace touchstone::tokenizers {

/// Bytes [first, last) of the caller's text.
struct Origin {
  std::uint32_t first = 0;
  std::uint32_t last = 0;
};

/// A range of text that is being tokenised, and where in the caller's text its bytes come from. A view: it copies
/// nothing.
struct Span {
  std::string_view text;
  std::size_t base = 0;             ///< byte i comes from byte base + i, unless `origins` says otherwise
  const Origin* origins = nullptr;  ///< one a byte of `text`
  bool tracked = false;             ///< false: ranges are not needed, so rewriting need not keep `origins`

  Span sub(std::size_t first, std::size_t last) const {
    return {text.substr(first, last - first), base + first, origins == nullptr ? nullptr : origins + first, tracked};
  }
  /// Where text[first, last) comes from.
  Encoding::Piece range(std::size_t first, std::size_t last) const {
    if (origins == nullptr) return {base + first, base + last};
    if (first == last) return {};
    return {origins[first].first, origins[last - 1].last};
  }
};

/// Text that a rewrite made.
struct Rewritten {
  std::string text;
  std::vector<Origin> origins;
  Span span(const Span& from) const { return {text, from.base, from.tracked ? origins.data() : nullptr, from.tracked}; }
};

/// Walks over a span from its front and changes parts of it. What is kept is copied only once something changed, so a
/// text that stays as it is costs no memory.
class Rewrite {
 public:
  Rewrite(const Span& from, Rewritten& to) : from_(from), to_(to) {}
  std::size_t at() const { return at_; }
  /// Keeps the bytes up to `last`.
  void keep_to(std::size_t last) { at_ = last; }
  /// Puts `bytes` in place of the bytes up to `last`, with the same origin.
  void replace_to(std::size_t last, std::string_view bytes);
  /// Puts `bytes` in front of what follows; they share the origin of the code point before, at the front of the first.
  void insert(std::string_view bytes);
  /// Keeps the rest. False when nothing was changed; then `to` is as it was.
  bool finish();

 private:
  void flush();
  void put(std::string_view bytes, Origin origin);
  Origin origin(std::size_t first, std::size_t last) const;

  const Span& from_;
  Rewritten& to_;
  std::size_t at_ = 0;
  std::size_t copied_ = 0;
  bool changed_ = false;
};

/// Replaces what is not UTF-8 by U+FFFD, as Python's decode(errors="replace") does. False when there is nothing.
bool repair_utf8(const Span& from, Rewritten& to);

}  // namespace touchstone::tokenizers
