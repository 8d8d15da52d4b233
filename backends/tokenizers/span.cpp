#include "backends/tokenizers/span.hpp"

#include <cstring>

#include "backends/tokenizers/unicode.hpp"

namespace touchstone::tokenizers {

Origin Rewrite::origin(std::size_t first, std::size_t last) const {
  const auto range = from_.range(first, last);
  return {static_cast<std::uint32_t>(range.first), static_cast<std::uint32_t>(range.last)};
}

void Rewrite::flush() {
  if (!changed_) {
    changed_ = true;
    to_.text.clear();
    to_.origins.clear();
    to_.text.reserve(from_.text.size() + from_.text.size() / 8 + 16);
  }
  to_.text.append(from_.text.substr(copied_, at_ - copied_));
  if (from_.tracked) {
    for (std::size_t at = copied_; at < at_;) {
      const std::size_t end = at + code_point_at(from_.text, at).bytes;
      // A byte in the middle of a code point comes from all of it.
      for (std::size_t i = at; i < end; ++i) {
        to_.origins.push_back(from_.origins == nullptr ? origin(at, end) : from_.origins[i]);
      }
      at = end;
    }
  }
  copied_ = at_;
}

void Rewrite::put(std::string_view bytes, Origin origin) {
  to_.text.append(bytes);
  if (from_.tracked) to_.origins.insert(to_.origins.end(), bytes.size(), origin);
}

void Rewrite::replace_to(std::size_t last, std::string_view bytes) {
  flush();
  put(bytes, origin(at_, last));
  at_ = last;
  copied_ = last;
}

void Rewrite::insert(std::string_view bytes) {
  flush();
  Origin near;
  if (at_ > 0) {
    near = origin(previous_start(from_.text, at_), at_);
  } else if (!from_.text.empty()) {
    near = origin(0, code_point_at(from_.text, 0).bytes);
  }
  put(bytes, near);
}

bool Rewrite::finish() {
  at_ = from_.text.size();
  if (!changed_) return false;
  flush();
  return true;
}

namespace {

/// Bytes of the code point at `at`; 0 when there is none, and then `broken` bytes are replaced as one: the longest part
/// that could have begun a code point.
std::size_t well_formed(std::string_view text, std::size_t at, std::size_t& broken) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned>(static_cast<unsigned char>(text[at + i])); };
  const unsigned lead = byte(0);
  if (lead < 0x80) return 1;
  broken = 1;
  if (lead < 0xc2 || lead > 0xf4) return 0;
  const std::size_t wanted = lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
  // The first byte behind the lead is the one that keeps out overlong forms, surrogates and what is above U+10FFFF.
  unsigned low = lead == 0xe0 ? 0xa0 : lead == 0xf0 ? 0x90 : 0x80;
  unsigned high = lead == 0xed ? 0x9f : lead == 0xf4 ? 0x8f : 0xbf;
  while (broken < wanted && at + broken < text.size() && byte(broken) >= low && byte(broken) <= high) {
    ++broken;
    low = 0x80;
    high = 0xbf;
  }
  return broken == wanted ? wanted : 0;
}

}  // namespace

bool repair_utf8(const Span& from, Rewritten& to) {
  Rewrite rewrite(from, to);
  const auto text = from.text;
  for (std::size_t at = 0; at < text.size();) {
    std::uint64_t word = 0;
    if (at + 8 <= text.size()) {
      std::memcpy(&word, text.data() + at, 8);
      if ((word & 0x8080808080808080ULL) == 0) {
        at += 8;
        continue;
      }
    }
    std::size_t broken = 0;
    if (const auto bytes = well_formed(text, at, broken); bytes > 0) {
      at += bytes;
      continue;
    }
    rewrite.keep_to(at);
    at += broken;
    rewrite.replace_to(at, "\xef\xbf\xbd");
  }
  return rewrite.finish();
}

}  // namespace touchstone::tokenizers
