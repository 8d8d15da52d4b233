#include "harness/base/utf8.hpp"

namespace touchstone {
namespace {

/// The sequence at a place: its lead byte asks for `wanted` bytes, and the first `bytes` of them are there and
/// well-formed. `wanted` is 0 for a byte that cannot lead a sequence.
struct Sequence {
  std::size_t bytes = 1;
  std::size_t wanted = 0;
};

Sequence sequence_at(std::string_view text, std::size_t at) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned>(static_cast<unsigned char>(text[at + i])); };
  const unsigned lead = byte(0);
  if (lead < 0x80) return {1, 1};
  if (lead < 0xc2 || lead > 0xf4) return {};
  Sequence found{.bytes = 1, .wanted = lead < 0xe0 ? 2U : lead < 0xf0 ? 3U : 4U};
  // The second byte rules out overlong forms, surrogates and values above U+10FFFF.
  unsigned low = lead == 0xe0 ? 0xa0 : lead == 0xf0 ? 0x90 : 0x80;
  unsigned high = lead == 0xed ? 0x9f : lead == 0xf4 ? 0x8f : 0xbf;
  while (found.bytes < found.wanted && at + found.bytes < text.size() && byte(found.bytes) >= low &&
         byte(found.bytes) <= high) {
    ++found.bytes;
    low = 0x80;
    high = 0xbf;
  }
  return found;
}

}  // namespace

CodePoint code_point_at(std::string_view text, std::size_t at) {
  const auto found = sequence_at(text, at);
  return found.bytes == found.wanted ? known_code_point_at(text, at) : CodePoint{};
}

std::size_t broken_bytes(std::string_view text, std::size_t at) { return sequence_at(text, at).bytes; }

std::size_t previous_start(std::string_view text, std::size_t at) {
  std::size_t start = at - 1;
  while (start > 0 && at - start < 4 && is_continuation(text[start])) --start;
  return start;
}

std::size_t cut_length(std::string_view text, std::size_t bytes) {
  if (bytes >= text.size()) return text.size();
  return is_continuation(text[bytes]) && bytes > 0 ? previous_start(text, bytes) : bytes;
}

void append_code_point(std::string& text, std::int32_t value) {
  if (value < 0 || value > 0x10ffff) return;
  const auto rest = static_cast<unsigned>(value);
  const auto put = [&](unsigned byte) { text += static_cast<char>(byte); };
  if (rest < 0x80) return put(rest);
  if (rest < 0x800) {
    put(0xc0 | (rest >> 6));
  } else {
    if (rest < 0x10000) {
      put(0xe0 | (rest >> 12));
    } else {
      put(0xf0 | (rest >> 18));
      put(0x80 | ((rest >> 12) & 0x3f));
    }
    put(0x80 | ((rest >> 6) & 0x3f));
  }
  put(0x80 | (rest & 0x3f));
}

std::string utf8_of(std::int32_t value) {
  std::string text;
  append_code_point(text, value);
  return text;
}

std::size_t code_points(std::string_view utf8) {
  std::size_t count = 0;
  for (std::size_t at = 0; at < utf8.size(); ++count) at += code_point_at(utf8, at).bytes;
  return count;
}

bool is_utf8(std::string_view text) {
  for (std::size_t at = 0; at < text.size();) {
    const auto point = code_point_at(text, at);
    if (point.value < 0) return false;
    at += point.bytes;
  }
  return true;
}

std::string to_utf8(std::string_view text) {
  std::string clean;
  clean.reserve(text.size());
  for (std::size_t at = 0; at < text.size();) {
    const auto point = code_point_at(text, at);
    const std::size_t length = point.value < 0 ? broken_bytes(text, at) : point.bytes;
    clean += point.value < 0 ? std::string_view("\xef\xbf\xbd") : text.substr(at, length);
    at += length;
  }
  return clean;
}

}  // namespace touchstone
