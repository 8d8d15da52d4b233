#pragma once
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace touchstone {

/// A code point of UTF-8 and the bytes that it takes.
struct CodePoint {
  std::int32_t value = -1;  ///< -1: no code point begins here
  std::size_t bytes = 1;
};

/// Whether the byte stands within a code point, behind its first byte.
constexpr bool is_continuation(char byte) { return (static_cast<unsigned char>(byte) & 0xc0U) == 0x80U; }

/// The code point at byte `at`, at < text.size(), of any bytes. A byte at which no well-formed code point begins
/// (surrogates, overlong forms and values above U+10FFFF are not well-formed) has the value -1 and counts as one.
CodePoint code_point_at(std::string_view text, std::size_t at);

/// The same for a text that is known to be UTF-8. It checks nothing and is therefore faster.
inline CodePoint known_code_point_at(std::string_view text, std::size_t at) {
  const auto byte = [&](std::size_t i) { return static_cast<std::int32_t>(static_cast<unsigned char>(text[at + i])); };
  const auto tail = [&](std::size_t i) { return byte(i) & 0x3f; };
  const auto lead = byte(0);
  if (lead < 0x80) return {lead, 1};
  if (lead < 0xe0) return {((lead & 0x1f) << 6) | tail(1), 2};
  if (lead < 0xf0) return {((lead & 0x0f) << 12) | (tail(1) << 6) | tail(2), 3};
  return {((lead & 0x07) << 18) | (tail(1) << 12) | (tail(2) << 6) | tail(3), 4};
}

/// For a place where code_point_at gives -1: the number of bytes that Python's decode(errors="replace") replaces by one
/// U+FFFD, which is the longest part that could have begun a code point. At least 1.
std::size_t broken_bytes(std::string_view text, std::size_t at);

/// First byte of the code point that ends before byte `at`, which is in (0, text.size()]. In a text that is not UTF-8
/// it goes back four bytes at most.
std::size_t previous_start(std::string_view text, std::size_t at);

/// The greatest length, at most `bytes`, to which `text` can be cut without splitting a code point.
std::size_t cut_length(std::string_view text, std::size_t bytes);

/// Appends the code point as UTF-8; appends nothing when it is negative or above U+10FFFF.
void append_code_point(std::string& text, std::int32_t value);
std::string utf8_of(std::int32_t value);

/// Calls visit(value, bytes of it) for each code point of `text`; a byte that begins none comes with the value -1.
template <class Visit>
void for_each_code_point(std::string_view text, const Visit& visit) {
  for (std::size_t at = 0; at < text.size();) {
    const auto point = code_point_at(text, at);
    visit(point.value, text.substr(at, point.bytes));
    at += point.bytes;
  }
}

/// Number of code points; a byte that begins none counts as one.
std::size_t code_points(std::string_view utf8);

/// True for well-formed UTF-8.
bool is_utf8(std::string_view text);

/// `text` with bytes that are not UTF-8 replaced by U+FFFD, as Python's decode(errors="replace") does.
std::string to_utf8(std::string_view text);

}  // namespace touchstone
