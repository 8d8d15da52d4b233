#pragma once
#include <cstdint>
#include <string>
#include <vector>

namespace touchstone::jinja {

enum class TokenKind : std::uint8_t {
  data,         ///< text between tags
  block_begin,  ///< {%
  block_end,    ///< %}
  print_begin,  ///< {{
  print_end,    ///< }}
  name,
  text,  ///< a string literal, unescaped
  integer,
  real,
  symbol,  ///< an operator or bracket
  end
};

struct Token {
  TokenKind kind = TokenKind::end;
  std::string text;
  int line = 1;
};

/// Cuts a template into tokens. White space is handled by Hugging Face's settings: trim_blocks, lstrip_blocks,
/// and no newline at the very end. Throws Fault::checkpoint naming `where` and the line.
std::vector<Token> tokenize(const std::string& source, const std::string& where);

}  // namespace touchstone::jinja
