#include "backends/tokenizers/unicode.hpp"

#include <utf8proc.h>

#include <cstring>

namespace touchstone::tokenizers {
namespace {

int category(std::int32_t value) { return static_cast<int>(utf8proc_category(value)); }

}  // namespace

bool is_white_space(std::int32_t value) {
  if (value < 0x80) return value == ' ' || (value >= 0x09 && value <= 0x0d);
  return value == 0x85 || value == 0xa0 || value == 0x1680 || (value >= 0x2000 && value <= 0x200a) || value == 0x2028 ||
         value == 0x2029 || value == 0x202f || value == 0x205f || value == 0x3000;
}

bool is_numeric(std::int32_t value) {
  if (value < 0x80) return value >= '0' && value <= '9';
  const int found = category(value);
  return found == UTF8PROC_CATEGORY_ND || found == UTF8PROC_CATEGORY_NL || found == UTF8PROC_CATEGORY_NO;
}

bool is_punctuation(std::int32_t value) {
  if (value < 0x80) {
    return (value >= 0x21 && value <= 0x2f) || (value >= 0x3a && value <= 0x40) || (value >= 0x5b && value <= 0x60) ||
           (value >= 0x7b && value <= 0x7e);
  }
  const int found = category(value);
  return found >= UTF8PROC_CATEGORY_PC && found <= UTF8PROC_CATEGORY_PO;
}

bool is_word(std::int32_t value) {
  if (value < 0x80) {
    return (value >= '0' && value <= '9') || (value >= 'A' && value <= 'Z') || (value >= 'a' && value <= 'z') ||
           value == '_';
  }
  const int found = category(value);
  if (found >= UTF8PROC_CATEGORY_LU && found <= UTF8PROC_CATEGORY_ME) return true;  // letters, then marks
  if (found == UTF8PROC_CATEGORY_ND || found == UTF8PROC_CATEGORY_NL || found == UTF8PROC_CATEGORY_PC) return true;
  const auto in = [&](std::int32_t first, std::int32_t last) { return value >= first && value <= last; };
  // Join_Control, and the symbols that are Other_Alphabetic.
  return in(0x200c, 0x200d) || in(0x24b6, 0x24e9) || in(0x1f130, 0x1f149) || in(0x1f150, 0x1f169) ||
         in(0x1f170, 0x1f189);
}

bool is_mark(std::int32_t value) {
  const int found = category(value);
  return value >= 0x300 && found >= UTF8PROC_CATEGORY_MN && found <= UTF8PROC_CATEGORY_ME;
}

bool is_nonspacing_mark(std::int32_t value) { return value >= 0x300 && category(value) == UTF8PROC_CATEGORY_MN; }

bool is_other(std::int32_t value) {
  const int found = category(value);
  return found == UTF8PROC_CATEGORY_CC || found == UTF8PROC_CATEGORY_CF || found == UTF8PROC_CATEGORY_CO;
}

bool is_ascii(std::string_view text) {
  std::size_t at = 0;
  for (; at + 8 <= text.size(); at += 8) {
    std::uint64_t word = 0;
    std::memcpy(&word, text.data() + at, 8);
    if ((word & 0x8080808080808080ULL) != 0) return false;
  }
  for (; at < text.size(); ++at) {
    if (static_cast<unsigned char>(text[at]) >= 0x80) return false;
  }
  return true;
}

ByteAlphabet::ByteAlphabet() {
  bytes_.fill(-1);
  std::int32_t next = 256;
  for (std::int32_t byte = 0; byte < 256; ++byte) {
    const bool itself = (byte >= 33 && byte <= 126) || (byte >= 161 && byte <= 172) || byte >= 174;
    const std::int32_t value = itself ? byte : next++;
    letters_[static_cast<std::size_t>(byte)] = utf8_of(value);
    bytes_[static_cast<std::size_t>(value)] = static_cast<std::int16_t>(byte);
  }
}

bool ByteAlphabet::to_bytes(std::string_view token, std::string& bytes) const {
  bytes.clear();
  for (std::size_t at = 0; at < token.size();) {
    const auto point = known_code_point_at(token, at);
    const int value = byte(point.value);
    if (value < 0) return false;
    bytes += static_cast<char>(value);
    at += point.bytes;
  }
  return true;
}

const ByteAlphabet& byte_alphabet() {
  static const ByteAlphabet alphabet;
  return alphabet;
}

}  // namespace touchstone::tokenizers
