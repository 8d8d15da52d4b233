// After "Lexical analysis" and "Expressions" of the Python language reference, and ast.literal_eval.
#include "harness/data/python_literal.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <cstdlib>

#include "harness/base/error.hpp"
#include "harness/base/one_line.hpp"
#include "harness/base/text.hpp"

namespace touchstone {
namespace {

using Kind = PythonValue::Kind;

constexpr int deepest = 100;  ///< brackets inside one another; Python's own bound is 200

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_word(char c) {
  return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
         static_cast<unsigned char>(c) >= 0x80;
}

/// Equality of keys as Python's == has it: 1, 1.0 and True are equal.
bool same_key(const PythonValue& a, const PythonValue& b) {
  const auto number = [](const PythonValue& v) {
    return v.kind == Kind::boolean || v.kind == Kind::integer || v.kind == Kind::real;
  };
  if (number(a) && number(b)) {
    if (a.kind != Kind::real && b.kind != Kind::real) return a.integer == b.integer;
    if (a.kind == Kind::real && b.kind == Kind::real) return a.real == b.real;
    const auto& real = a.kind == Kind::real ? a.real : b.real;
    const auto whole = a.kind == Kind::real ? b.integer : a.integer;
    // An exact comparison: a float that is not a whole number of 64 bits equals no integer.
    return std::fabs(real) < 9.2e18 && std::trunc(real) == real && static_cast<std::int64_t>(real) == whole;
  }
  return a.kind == b.kind && a.text == b.text &&
         std::equal(a.items.begin(), a.items.end(), b.items.begin(), b.items.end(), same_key);
}

bool hashable(const PythonValue& value) {
  if (value.kind == Kind::list || value.kind == Kind::set || value.kind == Kind::dict) return false;
  return std::all_of(value.items.begin(), value.items.end(), hashable);
}

class Reader {
 public:
  Reader(std::string_view text, std::size_t at) : text_(text), at_(at) {}

  std::size_t place() const { return at_; }

  PythonValue whole() {
    if (!is_utf8(text_)) fail("is not UTF-8");
    skip(true);
    auto value = element(0);
    skip(false);
    if (now() == ',') {
      PythonValue tuple{.kind = Kind::tuple};
      tuple.items.push_back(std::move(value));
      while (take(',', false)) {
        skip(false);
        if (at_ == text_.size() || now() == '\n') break;
        tuple.items.push_back(element(0));
        skip(false);
      }
      value = std::move(tuple);
    }
    skip(true);
    if (at_ < text_.size()) fail("unexpected '" + character() + "'");
    return value;
  }

  PythonValue element(int depth) {
    if (now() == '-' || now() == '+') return signed_number(depth);
    if (depth > deepest) fail("is nested deeper than " + std::to_string(deepest) + " levels");
    if (is_digit(now()) || (now() == '.' && is_digit(at(1)))) return number();
    if (now() == '(' || now() == '[') return sequence(depth);
    if (now() == '{') return set_or_dict(depth);
    const auto end = word_end();
    if (end < text_.size() && (text_[end] == '\'' || text_[end] == '"')) return texts(depth);
    return word(end);
  }

 private:
  [[noreturn]] void fail(const std::string& what) const {
    throw Error(Fault::data, "Python literal, byte " + std::to_string(at_) + ": " + what);
  }

  /// The character at this place, for a message; empty at the end of the text.
  std::string character() const {
    return at_ < text_.size() ? one_line(text_.substr(at_, code_point_at(text_, at_).bytes)) : "";
  }

  char at(std::size_t ahead) const { return at_ + ahead < text_.size() ? text_[at_ + ahead] : '\0'; }
  char now() const { return at(0); }

  /// Skips white space, comments and joined lines; with `lines`, where line breaks mean nothing, those too.
  void skip(bool lines) {
    while (at_ < text_.size()) {
      const char c = now();
      if (c == ' ' || c == '\t' || c == '\f' || (lines && (c == '\n' || c == '\r'))) {
        ++at_;
      } else if (c == '\\' && (at(1) == '\n' || (at(1) == '\r' && at(2) == '\n'))) {
        at_ += at(1) == '\n' ? 2U : 3U;
        if (at_ == text_.size()) fail("ends after a backslash that joins lines");
      } else if (c == '#') {
        while (at_ < text_.size() && now() != '\n' && now() != '\r') {
          if (now() == '\0') fail("a zero byte");
          ++at_;
        }
      } else {
        return;
      }
    }
  }

  bool take(char wanted, bool lines) {
    skip(lines);
    if (at_ >= text_.size() || now() != wanted) return false;
    ++at_;
    return true;
  }

  std::size_t word_end() const {
    auto end = at_;
    while (end < text_.size() && is_word(text_[end])) ++end;
    return end;
  }

  PythonValue word(std::size_t end) {
    const auto name = text_.substr(at_, end - at_);
    PythonValue value;
    if (name == "True" || name == "False") {
      value.kind = Kind::boolean;
      value.integer = name == "True" ? 1 : 0;
    } else if (name == "set") {
      at_ = end;
      // set() is the one call that ast.literal_eval accepts.
      if (!take('(', false) || !take(')', true)) fail("expected 'set()'");
      value.kind = Kind::set;
      return value;
    } else if (name != "None") {
      if (at_ >= text_.size()) fail("ends where a value is expected");
      fail(name.empty() ? "unexpected '" + character() + "'"
                        : "found the name '" + one_line(name, 40) + "', expected a value");
    }
    at_ = end;
    return value;
  }

  PythonValue signed_number(int depth) {
    const bool negative = now() == '-';
    ++at_;
    skip(depth > 0);
    if (now() == '-' || now() == '+') fail("two signs");
    const auto first = at_;
    auto value = element(depth + 1);
    if (value.kind != Kind::integer && value.kind != Kind::real) {
      at_ = first;
      fail("a sign that no number follows");
    }
    // "(-1)" is a signed number itself.
    const auto inner = text_.substr(first).find_first_not_of("( \t\n\r\f");
    if (inner != std::string_view::npos && (text_[first + inner] == '-' || text_[first + inner] == '+'))
      fail("two signs");
    if (negative) {
      value.integer = -value.integer;
      value.real = -value.real;
    }
    return value;
  }

  /// Digits, from `at` on, with single underscores allowed between them.
  std::string digits(std::string_view allowed) {
    std::string found;
    while (at_ < text_.size()) {
      if (allowed.find(now()) != std::string_view::npos) {
        found += text_[at_++];
      } else if (now() == '_' && !found.empty() && at_ + 1 < text_.size() &&
                 allowed.find(at(1)) != std::string_view::npos) {
        ++at_;
      } else {
        break;
      }
    }
    return found;
  }

  PythonValue number() {
    constexpr std::string_view ten = "0123456789";
    PythonValue value{.kind = Kind::integer};
    const char letter = now() == '0' ? static_cast<char>(at(1) | 0x20) : ' ';
    const int base = letter == 'x' ? 16 : letter == 'o' ? 8 : letter == 'b' ? 2 : 10;
    if (base != 10) {
      at_ += 2;
      if (now() == '_') ++at_;
      const auto found = digits(std::string_view("0123456789abcdefABCDEF")
                                    .substr(0, base == 16  ? 22U
                                               : base == 8 ? 8U
                                                           : 2U));
      return whole_number(found, base);
    }
    const auto whole = digits(ten);
    std::string real = whole;
    bool is_real = false;
    if (now() == '.') {
      is_real = true;
      ++at_;
      real += '.' + (is_digit(now()) ? digits(ten) : std::string());
    }
    if ((now() == 'e' || now() == 'E') && (is_digit(at(1)) || ((at(1) == '-' || at(1) == '+') && is_digit(at(2))))) {
      is_real = true;
      real += 'e';
      ++at_;
      if (!is_digit(now())) real += text_[at_++];
      real += digits(ten);
    }
    if (now() == 'j' || now() == 'J') fail("complex numbers are not supported");
    if (!is_real) {
      if (whole.size() > 1 && whole[0] == '0' && whole.find_first_not_of('0') != std::string::npos) {
        fail("a whole number begins with zero");
      }
      return whole_number(whole, 10);
    }
    if (is_word(now())) fail("a number runs into a name");
    value.kind = Kind::real;
    value.real = std::strtod(real.c_str(), nullptr);  // an infinity where it is too large, as in Python
    return value;
  }

  PythonValue whole_number(const std::string& found, int base) {
    if (found.empty() || is_word(now())) fail("a number is broken");
    PythonValue value{.kind = Kind::integer};
    const auto read = std::from_chars(found.data(), found.data() + found.size(), value.integer, base);
    if (read.ec != std::errc()) fail("a whole number does not fit into 64 bits");
    return value;
  }

  PythonValue sequence(int depth) {
    const bool round = now() == '(';
    const char close = round ? ')' : ']';
    ++at_;
    PythonValue value{.kind = round ? Kind::tuple : Kind::list};
    bool comma = false;
    while (!take(close, true)) {
      if (!value.items.empty() && !comma) fail(std::string("expected ',' or '") + close + "'");
      value.items.push_back(element(depth + 1));
      comma = take(',', true);
    }
    if (round && value.items.size() == 1 && !comma) {
      auto inner = std::move(value.items[0]);
      return inner;
    }
    return value;
  }

  PythonValue set_or_dict(int depth) {
    ++at_;
    PythonValue value{.kind = Kind::dict};
    bool comma = false;
    bool first = true;
    while (!take('}', true)) {
      if (!first && !comma) fail("expected ',' or '}'");
      auto key = element(depth + 1);
      const bool pair = take(':', true);
      if (first) value.kind = pair ? Kind::dict : Kind::set;
      if (pair != (value.kind == Kind::dict)) fail("found pairs and single values within one pair of braces");
      first = false;
      if (!hashable(key)) fail("a list, set or dict cannot be a key");
      skip(true);
      put(value, std::move(key), pair ? element(depth + 1) : PythonValue{});
      comma = take(',', true);
    }
    return value;
  }

  void put(PythonValue& into, PythonValue key, PythonValue held) const {
    const std::size_t step = into.kind == Kind::dict ? 2 : 1;
    constexpr std::size_t most = 20'000;  // each new key is compared with all others
    if (into.items.size() > most) fail("a set or dict of more than " + std::to_string(most / 2) + " entries");
    for (std::size_t i = 0; i < into.items.size(); i += step) {
      if (!same_key(into.items[i], key)) continue;
      if (step == 2) into.items[i + 1] = std::move(held);
      return;
    }
    into.items.push_back(std::move(key));
    if (step == 2) into.items.push_back(std::move(held));
  }

  /// One string literal, or several side by side.
  PythonValue texts(int depth) {
    PythonValue value;
    bool first = true;
    while (true) {
      const auto before = at_;
      skip(depth > 0);
      const auto end = word_end();
      if (end >= text_.size() || (text_[end] != '\'' && text_[end] != '"')) {
        at_ = before;
        return value;
      }
      const auto kind = one_text(end, value.text);
      if (!first && kind != value.kind) fail("a text and bytes side by side");
      value.kind = kind;
      first = false;
    }
  }

  Kind one_text(std::size_t quote_at, std::string& out) {
    std::string prefix(text_.substr(at_, quote_at - at_));
    for (auto& c : prefix) c = static_cast<char>(c | 0x20);
    const bool raw = prefix.find('r') != std::string::npos;
    const bool bytes = prefix.find('b') != std::string::npos;
    if (prefix.find('f') != std::string::npos || prefix.find('t') != std::string::npos)
      fail("an f-string is not supported");
    constexpr std::array<std::string_view, 6> known = {"", "u", "r", "b", "br", "rb"};
    if (std::find(known.begin(), known.end(), prefix) == known.end()) fail("a text has an unknown prefix");
    at_ = quote_at;
    const char quote = now();
    const bool triple = at(1) == quote && at(2) == quote;
    at_ += triple ? 3U : 1U;
    while (true) {
      if (at_ >= text_.size()) fail("a text has no closing quote");
      const char c = now();
      if (c == quote && (!triple || (at(1) == quote && at(2) == quote))) break;
      if (c == '\0') fail("a zero byte");
      if (bytes && static_cast<unsigned char>(c) >= 0x80) fail("bytes are written in ASCII");
      if (c == '\r' || c == '\n') {
        if (!triple) fail("a text has no closing quote");
        line_break(out);
      } else if (c == '\\') {
        escape(raw, bytes, out);
      } else {
        out += c;
        ++at_;
      }
    }
    at_ += triple ? 3U : 1U;
    return bytes ? Kind::bytes : Kind::text;
  }

  /// Every form of line break becomes "\n".
  void line_break(std::string& out) {
    at_ += now() == '\r' && at(1) == '\n' ? 2U : 1U;
    out += '\n';
  }

  void escape(bool raw, bool bytes, std::string& out) {
    if (at_ + 1 >= text_.size()) fail("a text has no closing quote");
    const char c = at(1);
    constexpr std::string_view letters = "\\'\"abfnrtv";
    constexpr std::string_view meant = "\\'\"\a\b\f\n\r\t\v";
    if (c == '\n' || c == '\r') {
      ++at_;
      std::string line;
      line_break(line);
      if (raw) out += "\\\n";
    } else if (raw) {
      if (c == '\0') fail("a zero byte");
      if (bytes && static_cast<unsigned char>(c) >= 0x80) fail("bytes are written in ASCII");
      out += '\\';
      out += c;
      at_ += 2;
    } else if (const auto which = letters.find(c); which != std::string_view::npos) {
      out += meant[which];
      at_ += 2;
    } else if (c >= '0' && c <= '7') {
      std::uint32_t point = 0;
      ++at_;
      for (int i = 0; i < 3 && now() >= '0' && now() <= '7'; ++i) {
        point = point * 8 + static_cast<std::uint32_t>(text_[at_++] - '0');
      }
      put_point(point, bytes, out);
    } else if (c == 'x' || (!bytes && (c == 'u' || c == 'U'))) {
      const std::size_t count = c == 'x' ? 2 : c == 'u' ? 4 : 8;
      const std::string code(text_.substr(std::min(at_ + 2, text_.size()), count));
      if (code.size() != count || code.find_first_not_of("0123456789abcdefABCDEF") != std::string::npos) {
        fail(std::string("an incomplete escape \\") + c);
      }
      at_ += 2 + count;
      put_point(static_cast<std::uint32_t>(std::stoul(code, nullptr, 16)), bytes, out);
    } else if (!bytes && c == 'N') {
      fail("the escape \\N is not supported");
    } else {
      out += '\\';
      ++at_;
    }
  }

  void put_point(std::uint32_t point, bool bytes, std::string& out) const {
    if (bytes) {
      out += static_cast<char>(point & 0xffU);
      return;
    }
    if (point > 0x10ffff) fail("an escape that names no character");
    if (point >= 0xd800 && point < 0xe000) fail("lone surrogates are not supported");
    append_code_point(out, static_cast<std::int32_t>(point));
  }

  std::string_view text_;
  std::size_t at_;
};

std::string real_text(double value) {
  if (std::isnan(value)) return "nan";
  if (std::isinf(value)) return value > 0 ? "inf" : "-inf";
  const double size = std::fabs(value);
  const auto notation =
      size != 0.0 && (size >= 1e16 || size < 1e-4) ? std::chars_format::scientific : std::chars_format::fixed;
  std::array<char, 40> buffer{};
  std::string text(buffer.data(), std::to_chars(buffer.data(), buffer.data() + buffer.size(), value, notation).ptr);
  if (text.find_first_of(".e") == std::string::npos) text += ".0";
  return text;
}

std::string quoted_value(const std::string& text, bool bytes) {
  const char quote = text.find('\'') != std::string::npos && text.find('"') == std::string::npos ? '"' : '\'';
  std::string out = bytes ? "b" : "";
  out += quote;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    const auto byte = static_cast<unsigned char>(c);
    constexpr std::string_view named = "\\\n\r\t";
    constexpr std::string_view letters = "\\nrt";
    // U+0080 to U+009F are the byte C2 and then the code point's own value.
    const bool control = byte == 0xc2 && i + 1 < text.size() && static_cast<unsigned char>(text[i + 1]) < 0xa0;
    if (const auto which = named.find(c); which != std::string_view::npos) {
      (out += '\\') += letters[which];
    } else if (c == quote) {
      (out += '\\') += c;
    } else if (byte < 0x20 || byte == 0x7f || (bytes && byte >= 0x80) || (!bytes && control)) {
      std::array<char, 8> code{};
      std::snprintf(code.data(), code.size(), "\\x%02x",
                    !bytes && control ? static_cast<unsigned char>(text[++i]) : byte);
      out += code.data();
    } else {
      out += c;
    }
  }
  return out + quote;
}

}  // namespace

PythonValue read_python_literal(std::string_view text) { return Reader(text, 0).whole(); }

PythonValue read_python_argument(std::string_view text, std::size_t& at) {
  Reader reader(text, at);
  auto value = reader.element(1);
  at = reader.place();
  return value;
}

std::string python_text(const PythonValue& value) {
  switch (value.kind) {
    case Kind::none:
      return "None";
    case Kind::boolean:
      return value.integer != 0 ? "True" : "False";
    case Kind::integer:
      return std::to_string(value.integer);
    case Kind::real:
      return real_text(value.real);
    case Kind::text:
    case Kind::bytes:
      return quoted_value(value.text, value.kind == Kind::bytes);
    default:
      break;
  }
  std::vector<std::string> parts;
  for (const auto& item : value.items) parts.push_back(python_text(item));
  if (value.kind == Kind::list) return "[" + join(parts, ", ") + "]";
  if (value.kind == Kind::tuple) return "(" + join(parts, ", ") + (parts.size() == 1 ? ",)" : ")");
  if (value.kind == Kind::set) {
    std::sort(parts.begin(), parts.end());
    return parts.empty() ? "set()" : "{" + join(parts, ", ") + "}";
  }
  std::vector<std::string> pairs;
  for (std::size_t i = 0; i + 1 < parts.size(); i += 2) pairs.push_back(parts[i] + ": " + parts[i + 1]);
  return "{" + join(pairs, ", ") + "}";
}

}  // namespace touchstone
