#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "harness/base/utf8.hpp"

namespace touchstone::tokenizers {

bool is_white_space(std::int32_t value);      ///< the property White_Space
bool is_numeric(std::int32_t value);          ///< categories Nd, Nl, No
bool is_punctuation(std::int32_t value);      ///< categories P*, and ASCII's !"#$%&'()*+,-./:;<=>?@[\]^_`{|}~
bool is_word(std::int32_t value);             ///< \w: alphabetic, marks, decimal digits, connectors, joiners
bool is_mark(std::int32_t value);             ///< categories Mn, Mc, Me
bool is_nonspacing_mark(std::int32_t value);  ///< category Mn
bool is_other(std::int32_t value);            ///< categories Cc, Cf, Co

/// True when every byte is below 0x80.
bool is_ascii(std::string_view text);

/// The alphabet of byte-level tokenizers: each byte as a printable code point (Radford et al. 2019, GPT-2's encoder):
/// 33-126, 161-172 and 174-255 stand for themselves, the other 68 bytes for 256 + n in order.
class ByteAlphabet {
 public:
  ByteAlphabet();
  /// The text of one byte, one or two bytes of UTF-8.
  const std::string& letter(unsigned char byte) const { return letters_[byte]; }
  /// The byte that a code point stands for, or -1.
  int byte(std::int32_t value) const {
    return value >= 0 && value < 324 ? bytes_[static_cast<std::size_t>(value)] : -1;
  }
  /// The bytes that a token stands for; false when one of its code points is no letter of the alphabet.
  bool to_bytes(std::string_view token, std::string& bytes) const;

 private:
  std::array<std::string, 256> letters_;
  std::array<std::int16_t, 324> bytes_;
};

const ByteAlphabet& byte_alphabet();

}  // namespace touchstone::tokenizers
