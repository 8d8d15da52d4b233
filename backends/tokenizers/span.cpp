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
      const std::size_t end = at + known_code_point_at(from_.text, at).bytes;
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
    near = origin(0, known_code_point_at(from_.text, 0).bytes);
  }
  put(bytes, near);
}

bool Rewrite::finish() {
  at_ = from_.text.size();
  if (!changed_) return false;
  flush();
  return true;
}

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
    if (const auto point = code_point_at(text, at); point.value >= 0) {
      at += point.bytes;
      continue;
    }
    rewrite.keep_to(at);
    at += broken_bytes(text, at);
    rewrite.replace_to(at, "\xef\xbf\xbd");
  }
  return rewrite.finish();
}

}  // namespace touchstone::tokenizers
