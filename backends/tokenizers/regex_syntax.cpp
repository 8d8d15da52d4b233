#include "backends/tokenizers/regex.hpp"
#include "harness/base/error.hpp"

namespace touchstone::tokenizers {
namespace {

// What Oniguruma means by \s and \w in Unicode text; PCRE2's own differ in a few code points (U+180E; marks).
constexpr std::string_view spaces =
    R"(\x09-\x0d\x20\x{85}\x{a0}\x{1680}\x{2000}-\x{200a}\x{2028}\x{2029}\x{202f}\x{205f}\x{3000})";
constexpr std::string_view words =
    R"(\p{L}\p{M}\p{Nd}\p{Nl}\p{Pc}\x{24b6}-\x{24e9}\x{1f130}-\x{1f149}\x{1f150}-\x{1f169}\x{1f170}-\x{1f189})";

/// Reads a pattern once from left to right and writes it in the other syntax.
class Translator {
 public:
  Translator(const std::string& pattern, const std::string& where) : pattern_(pattern), where_(where) {}

  std::string run() {
    while (at_ < pattern_.size()) {
      const char byte = pattern_[at_];
      if (byte == '\\') {
        escape();
      } else if (in_set_) {
        set_member(byte);
      } else if (byte == '[') {
        open_set();
      } else if (byte == '(' && pattern_.compare(at_, 2, "(?") == 0) {
        group();
      } else {
        copy(1);
      }
    }
    return out_;
  }

 private:
  [[noreturn]] void refuse(const std::string& what) const {
    throw Error(Fault::checkpoint, where_ + ": regular expression '" + pattern_.substr(0, 120) + "' uses " + what +
                                       ", which is not supported");
  }

  void copy(std::size_t count) {
    out_.append(pattern_, at_, count);
    at_ += count;
  }

  void shorthand(std::string_view members, bool negated) {
    if (!in_set_) {
      out_.append(negated ? "[^" : "[").append(members).append("]");
    } else if (!negated) {
      out_ += members;
    } else if (members == spaces) {
      out_ += "\\S";
    } else {
      refuse("\\W inside a set");
    }
    at_ += 2;
  }

  void escape() {
    if (at_ + 1 >= pattern_.size()) refuse("a backslash at its end");
    switch (pattern_[at_ + 1]) {
      case 's':
        return shorthand(spaces, false);
      case 'S':
        return shorthand(spaces, true);
      case 'w':
        return shorthand(words, false);
      case 'W':
        return shorthand(words, true);
      case 'h':
        return shorthand("0-9a-fA-F", false);
      case 'u': {
        const auto digits = pattern_.substr(at_ + 2, 4);
        if (digits.size() != 4 || digits.find_first_not_of("0123456789abcdefABCDEF") != std::string::npos) {
          refuse("\\u without four hexadecimal digits");
        }
        out_ += "\\x{" + digits + "}";
        at_ += 6;
        return;
      }
      case 'g':
      case 'k':
      case 'K':
      case 'O':
      case 'N':
      case 'y':
      case 'Y':
      case 'M':
      case 'C':
      case 'X':
      case 'Q':
      case 'E':
        return refuse(std::string("\\") + pattern_[at_ + 1]);
      default:
        return copy(2);
    }
  }

  void open_set() {
    in_set_ = true;
    copy(1);
    if (at_ < pattern_.size() && pattern_[at_] == '^') copy(1);
    if (at_ < pattern_.size() && pattern_[at_] == ']') refuse("an empty set");
  }

  void set_member(char byte) {
    if (byte == ']') {
      in_set_ = false;
    } else if (pattern_.compare(at_, 2, "&&") == 0) {
      refuse("an intersection of sets (&&)");
    } else if (byte == '[') {
      if (pattern_.compare(at_, 2, "[:") != 0) refuse("a set inside a set");
      const auto end = pattern_.find(":]", at_);
      if (end == std::string::npos) refuse("a set inside a set");
      return copy(end + 2 - at_);
    }
    copy(1);
  }

  /// "(?i:" and its like. Ruby's m lets the dot match a line break, which is PCRE2's s.
  void group() {
    copy(2);
    const auto end = pattern_.find_first_not_of("imx-", at_);
    const bool flags = end != std::string::npos && end > at_ && (pattern_[end] == ':' || pattern_[end] == ')');
    if (!flags) {
      if (at_ < pattern_.size() && std::string_view(":=!<>").find(pattern_[at_]) == std::string_view::npos) {
        refuse("the group '(?" + pattern_.substr(at_, 1) + "'");
      }
      return;
    }
    for (; at_ < end; ++at_) {
      if (pattern_[at_] == 'x') refuse("the flag x");
      out_ += pattern_[at_] == 'm' ? 's' : pattern_[at_];
    }
  }

  const std::string& pattern_;
  const std::string& where_;
  std::size_t at_ = 0;
  bool in_set_ = false;
  std::string out_;
};

}  // namespace

std::string to_pcre2(const std::string& pattern, const std::string& where) { return Translator(pattern, where).run(); }

}  // namespace touchstone::tokenizers
