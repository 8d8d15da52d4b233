#include "harness/jinja/lexer.hpp"

#include <algorithm>
#include <charconv>
#include <string_view>

#include "harness/base/error.hpp"
#include "harness/base/one_line.hpp"
#include "harness/base/text.hpp"

namespace touchstone::jinja {
namespace {

bool is_name_byte(char byte, bool first) {
  const auto value = static_cast<unsigned char>(byte);
  return (value >= 'a' && value <= 'z') || (value >= 'A' && value <= 'Z') || value == '_' || value >= 0x80 ||
         (!first && value >= '0' && value <= '9');
}

bool is_space(char byte) { return byte == ' ' || (byte >= '\t' && byte <= '\r'); }

/// Turns all line ends into \n and removes the last one.
std::string normal_lines(const std::string& source) {
  std::string text;
  text.reserve(source.size());
  for (std::size_t i = 0; i < source.size(); ++i) {
    if (source[i] == '\r') {
      text += '\n';
      if (i + 1 < source.size() && source[i + 1] == '\n') ++i;
    } else {
      text += source[i];
    }
  }
  if (text.ends_with('\n')) text.pop_back();
  return text;
}

class Lexer {
 public:
  Lexer(const std::string& source, const std::string& where) : text_(normal_lines(source)), where_(where) {}

  std::vector<Token> run() {
    while (at_ < text_.size()) tag();
    put(TokenKind::end, "");
    return std::move(tokens_);
  }

 private:
  [[noreturn]] void fail(const std::string& what) const {
    throw Error(Fault::checkpoint,
                where_ + ": chat template line " + std::to_string(line_) + ": " + one_line(what, 500));
  }

  void put(TokenKind kind, std::string text) { tokens_.push_back({kind, std::move(text), line_}); }

  /// Moves past `count` bytes and counts their line breaks.
  void skip(std::size_t count) {
    line_ += static_cast<int>(std::count(text_.begin() + static_cast<std::ptrdiff_t>(at_),
                                         text_.begin() + static_cast<std::ptrdiff_t>(at_ + count), '\n'));
    at_ += count;
  }

  bool starts(std::string_view wanted) const { return text_.compare(at_, wanted.size(), wanted) == 0; }

  /// Reads the text up to the next tag, then the tag.
  void tag() {
    std::size_t found = at_;
    while (true) {
      found = text_.find('{', found);
      if (found == std::string::npos || found + 1 >= text_.size()) {
        found = std::string::npos;
        break;
      }
      if (const char next = text_[found + 1]; next == '%' || next == '{' || next == '#') break;
      ++found;
    }
    if (found == std::string::npos) {
      if (at_ < text_.size()) put(TokenKind::data, text_.substr(at_));
      return skip(text_.size() - at_);
    }
    const char kind = text_[found + 1];
    const char sign = found + 2 < text_.size() ? text_[found + 2] : ' ';
    data(std::string_view(text_).substr(at_, found - at_), kind, sign);
    skip(found - at_ + 2);
    if (sign == '-' || (sign == '+' && kind != '{')) skip(1);
    if (kind == '#') return comment();
    put(kind == '%' ? TokenKind::block_begin : TokenKind::print_begin, "");
    if (kind == '%' && raw()) return;
    inside(kind == '%' ? '%' : '}');
  }

  /// Puts the text before a tag, without the white space that the tag removes.
  void data(std::string_view text, char kind, char sign) {
    if (sign == '-') {
      text = rstrip(text);
    } else if (sign != '+' && kind != '{') {
      const auto newline = text.rfind('\n');
      const auto start = newline == std::string_view::npos ? 0 : newline + 1;
      if ((start > 0 || line_start_) && strip(text.substr(start)).empty()) text = text.substr(0, start);
    }
    if (!text.empty()) put(TokenKind::data, std::string(text));
  }

  void comment() {
    const auto end = text_.find("#}", at_);
    if (end == std::string::npos) fail("a comment has no end");
    const char sign = end > at_ ? text_[end - 1] : ' ';
    skip(end - at_);
    close(sign, true);
  }

  /// Called at the two bytes that close a tag; `sign` is the character before them.
  void close(char sign, bool trims) {
    skip(2);
    const auto before = at_;
    if (sign == '-') {
      const auto rest = std::string_view(text_).substr(at_);
      skip(rest.size() - lstrip(rest).size());
    } else if (trims && sign != '+' && starts("\n")) {
      skip(1);
    }
    line_start_ = at_ > before && text_[at_ - 1] == '\n';
  }

  /// Reads {% raw %} ... {% endraw %}, from after "{%" on; false when it is another block.
  bool raw() {
    auto rest = std::string_view(text_).substr(at_);
    const auto word = lstrip(rest);
    if (!word.starts_with("raw") || (word.size() > 3 && is_name_byte(word[3], false))) return false;
    tokens_.pop_back();
    skip(rest.size() - word.size() + 3);
    while (at_ < text_.size() && is_space(text_[at_])) skip(1);
    const char sign = at_ < text_.size() ? text_[at_] : ' ';
    if (sign == '-') skip(1);
    if (!starts("%}")) fail("'raw' stands alone in its tag");
    close(sign, false);  // only behind this tag Jinja2 keeps the line break
    for (auto found = text_.find("{%", at_); found != std::string::npos; found = text_.find("{%", found + 2)) {
      const char before = found + 2 < text_.size() ? text_[found + 2] : ' ';
      auto tail = std::string_view(text_).substr(found + 2);
      if (before == '-' || before == '+') tail.remove_prefix(1);
      tail = lstrip(tail);
      if (!tail.starts_with("endraw")) continue;
      tail = lstrip(tail.substr(6));
      const char after = tail.empty() ? ' ' : tail[0];
      if (after == '-' || after == '+') tail.remove_prefix(1);
      if (!tail.starts_with("%}")) continue;
      data(std::string_view(text_).substr(at_, found - at_), '%', before);
      skip(text_.size() - tail.size() - at_);
      close(after, true);
      return true;
    }
    fail("'raw' has no 'endraw'");
  }

  /// Tokens up to the end of the tag. Open brackets keep the "}}" of a dictionary from ending it.
  void inside(char closer) {
    std::string open;
    while (at_ < text_.size()) {
      const char byte = text_[at_];
      const char next = at_ + 1 < text_.size() ? text_[at_ + 1] : ' ';
      if (is_space(byte)) {
        skip(1);
      } else if (open.empty() && (byte == '-' || (byte == '+' && closer == '%')) && next == closer &&
                 text_.compare(at_ + 2, 1, "}") == 0) {
        skip(1);
        return finish(closer, byte);
      } else if (open.empty() && byte == closer && next == '}') {
        return finish(closer, ' ');
      } else {
        token(byte, open);
      }
    }
    fail("a tag has no end");
  }

  void finish(char closer, char sign) {
    put(closer == '%' ? TokenKind::block_end : TokenKind::print_end, "");
    close(sign, closer == '%');
  }

  void token(char byte, std::string& open) {
    if (is_name_byte(byte, true)) {
      std::size_t end = at_;
      while (end < text_.size() && is_name_byte(text_[end], false)) ++end;
      put(TokenKind::name, text_.substr(at_, end - at_));
      return skip(end - at_);
    }
    if (is_digit(byte)) return number();
    if (byte == '"' || byte == '\'') return literal(byte);
    for (const std::string_view two : {"//", "**", "==", "!=", ">=", "<="}) {
      if (!starts(two)) continue;
      put(TokenKind::symbol, std::string(two));
      return skip(2);
    }
    if (std::string_view("+-*/%~<>=.,:|()[]{};").find(byte) == std::string_view::npos) {
      fail(std::string("unexpected '") + byte + "'");
    }
    bracket(byte, open);
    put(TokenKind::symbol, std::string(1, byte));
    skip(1);
  }

  void bracket(char byte, std::string& open) const {
    constexpr std::string_view openers = "([{";
    constexpr std::string_view closers = ")]}";
    if (openers.find(byte) != std::string_view::npos) {
      open += byte;
    } else if (const auto which = closers.find(byte); which != std::string_view::npos) {
      if (open.empty() || open.back() != openers[which]) fail(std::string("unexpected '") + byte + "'");
      open.pop_back();
    }
  }

  void number() {
    std::size_t end = at_;
    bool real = false;
    if (const auto base = based_number(); base > 0) return skip(base);
    const auto digits = [&] {
      while (end < text_.size() && (is_digit(text_[end]) || text_[end] == '_')) ++end;
    };
    digits();
    // "a.0.1" is an item of an item.
    const bool behind_dot = at_ > 0 && text_[at_ - 1] == '.';
    if (!behind_dot && end + 1 < text_.size() && text_[end] == '.' && is_digit(text_[end + 1])) {
      real = true;
      ++end;
      digits();
    }
    if (!behind_dot && end < text_.size() && (text_[end] == 'e' || text_[end] == 'E')) {
      std::size_t exponent = end + 1;
      if (exponent < text_.size() && (text_[exponent] == '+' || text_[exponent] == '-')) ++exponent;
      if (exponent < text_.size() && is_digit(text_[exponent])) {
        real = true;
        end = exponent;
        digits();
      }
    }
    put(real ? TokenKind::real : TokenKind::integer, replace_all(text_.substr(at_, end - at_), "_", ""));
    skip(end - at_);
  }

  /// Reads "0x1F", "0o17" or "0b101" as a whole number, into decimal digits. Gives the bytes read, 0 if there is none.
  std::size_t based_number() {
    if (text_[at_] != '0' || at_ + 2 >= text_.size()) return 0;
    const char letter = static_cast<char>(text_[at_ + 1] | 0x20);
    const int base = letter == 'x' ? 16 : letter == 'o' ? 8 : letter == 'b' ? 2 : 0;
    if (base == 0) return 0;
    const std::string_view allowed = std::string_view("0123456789abcdefABCDEF")
                                         .substr(0, base == 16  ? 22
                                                    : base == 8 ? 8
                                                                : 2);
    std::size_t end = at_ + 2;
    while (end < text_.size() && (allowed.find(text_[end]) != std::string_view::npos || text_[end] == '_')) ++end;
    const auto digits = replace_all(text_.substr(at_ + 2, end - at_ - 2), "_", "");
    std::int64_t value = 0;
    const auto read = std::from_chars(digits.data(), digits.data() + digits.size(), value, base);
    if (read.ec != std::errc())
      fail("number '" + text_.substr(at_, std::min<std::size_t>(end - at_, 40)) + "' is out of range");
    put(TokenKind::integer, std::to_string(value));
    return end - at_;
  }

  void literal(char quote) {
    std::string value;
    std::size_t end = at_ + 1;
    while (end < text_.size() && text_[end] != quote) {
      if (text_[end] == '\\') {
        escape(value, end);
      } else {
        value += text_[end++];
      }
    }
    if (end >= text_.size()) fail("a text has no closing quote");
    put(TokenKind::text, std::move(value));
    skip(end + 1 - at_);
  }

  /// Reads one of Python's escapes, at the backslash.
  void escape(std::string& value, std::size_t& at) const {
    const char kind = at + 1 < text_.size() ? text_[at + 1] : ' ';
    constexpr std::string_view letters = "\\'\"abfnrtv";
    constexpr std::string_view bytes = "\\'\"\a\b\f\n\r\t\v";
    if (const auto which = letters.find(kind); which != std::string_view::npos) {
      value += bytes[which];
      at += 2;
    } else if (kind == 'x' || kind == 'u' || kind == 'U') {
      const std::size_t digits = kind == 'x' ? 2 : kind == 'u' ? 4 : 8;
      const auto code = text_.substr(std::min(at + 2, text_.size()), digits);
      if (code.size() != digits || code.find_first_not_of("0123456789abcdefABCDEF") != std::string::npos) {
        fail(std::string("a text has an incomplete escape \\") + kind);
      }
      const auto point = static_cast<std::uint32_t>(std::stoul(code, nullptr, 16));
      if (point > 0x10ffff || (point >= 0xd800 && point < 0xe000)) fail("a text has an escape that names no character");
      append_code_point(value, static_cast<std::int32_t>(point));
      at += 2 + digits;
    } else if (kind == '\n') {
      at += 2;
    } else if (kind >= '0' && kind <= '7') {
      std::uint32_t point = 0;
      std::size_t end = at + 1;
      for (; end < at + 4 && end < text_.size() && text_[end] >= '0' && text_[end] <= '7'; ++end) {
        point = point * 8 + static_cast<std::uint32_t>(text_[end] - '0');
      }
      append_code_point(value, static_cast<std::int32_t>(point));
      at = end;
    } else if (kind == 'N') {
      fail("the escape \\N is not supported");
    } else {
      value += '\\';
      ++at;
    }
  }

  std::string text_;
  const std::string& where_;
  std::vector<Token> tokens_;
  std::size_t at_ = 0;
  int line_ = 1;
  bool line_start_ = true;
};

}  // namespace

std::vector<Token> tokenize(const std::string& source, const std::string& where) { return Lexer(source, where).run(); }

}  // namespace touchstone::jinja
