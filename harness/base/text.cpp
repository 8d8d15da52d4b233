#include "harness/base/text.hpp"

#include <utf8proc.h>

#include <algorithm>
#include <cstdint>

#include "harness/base/edit_distance.hpp"
#include "harness/base/one_line.hpp"

namespace touchstone {
namespace {

/// What Python's str.isspace() says of one code point.
bool is_space(std::int32_t code) {
  if ((code >= 0x09 && code <= 0x0d) || (code >= 0x1c && code <= 0x20) || code == 0x85) return true;
  if (code < 0x80) return false;
  const auto* property = utf8proc_get_property(code);
  return property->category == UTF8PROC_CATEGORY_ZS || property->category == UTF8PROC_CATEGORY_ZL ||
         property->category == UTF8PROC_CATEGORY_ZP;
}

/// Decodes the code point at the front; `bytes` is its length, 1 for a byte that is not UTF-8 (code -1).
struct Decoded {
  std::int32_t code = -1;
  std::size_t bytes = 1;
};

Decoded decode(std::string_view text) {
  std::int32_t code = -1;
  const auto length = utf8proc_iterate(reinterpret_cast<const utf8proc_uint8_t*>(text.data()),
                                       static_cast<utf8proc_ssize_t>(std::min<std::size_t>(text.size(), 4)), &code);
  if (length <= 0) return {};
  return {code, static_cast<std::size_t>(length)};
}

}  // namespace

std::string nearest_name(std::string_view name, std::span<const std::string> known) {
  std::string best;
  std::size_t best_distance = std::max<std::size_t>(2, name.size() / 3) + 1;
  for (const auto& candidate : known) {
    const auto distance = edit_distance_of(name.substr(0, 100), std::string_view(candidate).substr(0, 100));
    if (distance < best_distance) {
      best_distance = distance;
      best = candidate;
    }
  }
  return best;
}

std::string unknown_name(std::string_view kind, std::string_view name, std::span<const std::string> known) {
  std::string message = "unknown " + std::string(kind) + " '" + one_line(name, 80) + "'";
  if (const auto near = nearest_name(name, known); !near.empty()) return message + ": did you mean '" + near + "'?";
  const std::size_t shown = std::min<std::size_t>(known.size(), 12);
  message += "; there are: " + join(known.first(shown), ", ");
  if (shown < known.size()) message += ", ... (" + std::to_string(known.size()) + " in all)";
  return message;
}

std::vector<std::string> split(std::string_view text, char separator) {
  std::vector<std::string> pieces;
  std::size_t first = 0;
  while (true) {
    const auto last = text.find(separator, first);
    pieces.emplace_back(text.substr(first, last - first));
    if (last == std::string_view::npos) return pieces;
    first = last + 1;
  }
}

std::string join(std::span<const std::string> pieces, std::string_view separator) {
  std::string joined;
  for (std::size_t i = 0; i < pieces.size(); ++i) {
    if (i > 0) joined += separator;
    joined += pieces[i];
  }
  return joined;
}

std::string_view lstrip(std::string_view text) {
  while (!text.empty()) {
    const auto next = decode(text);
    if (next.code < 0 || !is_space(next.code)) break;
    text.remove_prefix(next.bytes);
  }
  return text;
}

std::string_view rstrip(std::string_view text) {
  while (!text.empty()) {
    std::size_t start = text.size() - 1;
    while (start > 0 && text.size() - start < 4 && (static_cast<unsigned char>(text[start]) & 0xc0U) == 0x80U) --start;
    const auto last = decode(text.substr(start));
    if (last.code < 0 || last.bytes != text.size() - start || !is_space(last.code)) break;
    text.remove_suffix(last.bytes);
  }
  return text;
}

std::string and_more(std::size_t lines) {
  return lines <= 1 ? "" : "; and " + std::to_string(lines - 1) + " more such";
}

std::string_view strip(std::string_view text) { return rstrip(lstrip(text)); }

std::string replace_all(std::string text, std::string_view from, std::string_view to) {
  if (from.empty()) return text;
  std::size_t at = 0;
  while ((at = text.find(from, at)) != std::string::npos) {
    text.replace(at, from.size(), to);
    at += to.size();
  }
  return text;
}

std::size_t code_points(std::string_view utf8) {
  std::size_t count = 0;
  for (; !utf8.empty(); ++count) utf8.remove_prefix(decode(utf8).bytes);
  return count;
}

bool is_utf8(std::string_view text) {
  while (!text.empty()) {
    const auto next = decode(text);
    if (next.code < 0) return false;
    text.remove_prefix(next.bytes);
  }
  return true;
}

namespace {

/// Length of the longest prefix of an ill-formed sequence that could have begun a code point: Python replaces it as
/// one.
std::size_t broken_prefix(std::string_view text) {
  const auto byte = [&](std::size_t at) { return static_cast<unsigned char>(text[at]); };
  const unsigned lead = byte(0);
  std::size_t wanted = 1;
  unsigned low = 0x80;
  unsigned high = 0xbf;
  if (lead >= 0xc2 && lead <= 0xdf) wanted = 2;
  if (lead >= 0xe0 && lead <= 0xef) wanted = 3;
  if (lead >= 0xf0 && lead <= 0xf4) wanted = 4;
  if (lead == 0xe0) low = 0xa0;
  if (lead == 0xed) high = 0x9f;
  if (lead == 0xf0) low = 0x90;
  if (lead == 0xf4) high = 0x8f;
  std::size_t length = 1;
  while (length < wanted && length < text.size() && byte(length) >= low && byte(length) <= high) {
    ++length;
    low = 0x80;
    high = 0xbf;
  }
  return length;
}

}  // namespace

std::string to_utf8(std::string_view text) {
  std::string clean;
  clean.reserve(text.size());
  while (!text.empty()) {
    const auto next = decode(text);
    const std::size_t length = next.code < 0 ? broken_prefix(text) : next.bytes;
    clean += next.code < 0 ? std::string_view("\xef\xbf\xbd") : text.substr(0, length);
    text.remove_prefix(length);
  }
  return clean;
}

}  // namespace touchstone
