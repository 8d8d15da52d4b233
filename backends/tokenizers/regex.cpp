#include "backends/tokenizers/regex.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <utility>

#include "backends/tokenizers/unicode.hpp"
#include "harness/base/error.hpp"

namespace touchstone::tokenizers {
namespace {

/// Calls `run` and adds the place to its errors.
template <class Run>
auto named(const std::string& where, const Run& run) {
  try {
    return run();
  } catch (const Error& error) {
    throw Error(error.fault(), where + ": " + error.what());
  }
}

Pcre compiled(const std::string& pattern, const std::string& where) {
  const auto translated = to_pcre2(pattern, where);
  return named(where, [&] {
    return Pcre(translated, {.fault = Fault::checkpoint,
                             .multiline = true,
                             .known_utf8 = true,
                             .machine_code = true,
                             .nested = 64,
                             .pattern_bytes = std::size_t{1} << 16,
                             .shown = pattern});
  });
}

}  // namespace

Regex::Regex(const std::string& pattern, std::string where)
    : where_(std::move(where)), pattern_(compiled(pattern, where_)) {}

bool Regex::next(std::string_view text, Walk& walk, Match& match) const {
  while (walk.at <= text.size() && !text.empty()) {
    // The bound grows with the text, so that long runs of one class are no error while exponential patterns end early.
    const Pcre::Search search{.from = walk.at, .steps = 2'000'000 + 16 * std::uint64_t{text.size()}};
    const auto place = named(where_, [&] { return pattern_.match(text, search, Fault::checkpoint); });
    if (place.empty()) return false;
    require(place[0] <= place[1], Fault::checkpoint, [&] {
      return where_ + ": the regular expression begins a match after its end (by \\K), expected one that does not";
    });
    if (place[0] == place[1] && place[1] == walk.last_end) {
      walk.at += walk.at < text.size() ? known_code_point_at(text, walk.at).bytes : 1;
      continue;
    }
    match = {place[0], place[1]};
    walk.at = place[1];
    walk.last_end = place[1];
    return true;
  }
  return false;
}

std::string Regex::escape(std::string_view text) {
  std::string pattern;
  for (const char byte : text) {
    if (static_cast<unsigned char>(byte) < 0x80 && is_punctuation(byte)) pattern += '\\';
    pattern += byte;
  }
  return pattern;
}

namespace {

// Oniguruma's classes in Unicode text. PCRE2's own differ: U+180E, marks, signs as punctuation, script extensions for
// scripts. Each was compared with the tokenizers library over all code points (tests/tokenizers/).
constexpr std::string_view spaces =
    R"(\x09-\x0d\x20\x{85}\x{a0}\x{1680}\x{2000}-\x{200a}\x{2028}\x{2029}\x{202f}\x{205f}\x{3000})";
constexpr std::string_view word_class =
    R"(\p{L}\p{M}\p{Nd}\p{Nl}\p{Pc}\x{24b6}-\x{24e9}\x{1f130}-\x{1f149}\x{1f150}-\x{1f169}\x{1f170}-\x{1f189})";
constexpr std::string_view words =
    R"(\p{L}\p{M}\p{Nd}\p{Nl}\p{Pc}\x{24b6}-\x{24e9}\x{1f130}-\x{1f149}\x{1f150}-\x{1f169}\x{1f170}-\x{1f189}\x{b2}\x{b3}\x{b9}\x{bc}-\x{be})";
// For these few, Oniguruma uses DerivedCoreProperties of a newer Unicode.
constexpr std::string_view alphabetic =
    R"(\p{Alphabetic}\x{363}-\x{36f}\x{c04}\x{f82}\x{f83}\x{1dd3}-\x{1de6}\x{11080}\x{11081})";
constexpr std::string_view alphanumeric =
    R"(\p{Alphabetic}\x{363}-\x{36f}\x{c04}\x{f82}\x{f83}\x{1dd3}-\x{1de6}\x{11080}\x{11081}\p{Nd})";
constexpr std::array<std::pair<std::string_view, std::string_view>, 13> posix_classes = {
    {{"alnum", alphanumeric},
     {"alpha", alphabetic},
     {"blank", R"(\x09\p{Zs})"},
     {"cntrl", R"(\p{Cc})"},
     {"digit", R"(\p{Nd})"},
     {"graph", R"(\p{L}\p{M}\p{N}\p{P}\p{S}\p{Cf}\p{Co})"},
     {"lower", R"(\p{Lowercase}\x{10fc}\x{a7f2}-\x{a7f4}\x{ab69})"},
     {"print", R"(\p{L}\p{M}\p{N}\p{P}\p{S}\p{Cf}\p{Co}\p{Zs})"},
     {"punct", R"(\p{P}\p{S})"},
     {"space", spaces},
     {"upper", R"(\p{Uppercase})"},
     {"word", word_class},
     {"xdigit", "0-9a-fA-F"}}};

/// Reads a pattern once from left to right and writes it in the other syntax.
class Translator {
 public:
  Translator(const std::string& pattern, const std::string& where) : pattern_(pattern), where_(where) {}

  std::string run() {
    while (at_ < pattern_.size()) {
      const char byte = pattern_[at_];
      if (byte == '\\') {
        escape();
      } else if (in_set_ > 0) {
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
    if (in_set_ == 0) {
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

  /// \b and \B, with word characters as in \w.
  void boundary(bool negated) {
    if (in_set_ > 0) refuse("\\b inside a set");
    const auto w = "[" + std::string(words) + "]";
    out_ += negated ? "(?:(?<=" + w + ")(?=" + w + ")|(?<!" + w + ")(?!" + w + "))"
                    : "(?:(?<=" + w + ")(?!" + w + ")|(?<!" + w + ")(?=" + w + "))";
    at_ += 2;
  }

  /// \p{Han}, \P{L}, \p{^Lu}: categories are the same in both engines; scripts are without their extensions.
  void property() {
    if (at_ + 2 >= pattern_.size() || pattern_[at_ + 2] != '{') refuse("\\p without braces");
    const auto end = pattern_.find('}', at_);
    if (end == std::string::npos) refuse("\\p without an end");
    auto name = pattern_.substr(at_ + 3, end - at_ - 3);
    const bool inverse = name.starts_with('^');
    if (inverse) name.erase(0, 1);
    const bool negated = (pattern_[at_ + 1] == 'P') != inverse;
    if (name.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_") != std::string::npos) {
      refuse("the property '" + name.substr(0, 40) + "'");
    }
    at_ = end + 1;
    auto small = name;
    for (auto& c : small) c = static_cast<char>(c | 0x20);
    if (small == "alpha" || small == "alnum") {
      if (negated && in_set_ > 0) refuse("\\P{" + name + "} inside a set");
      const auto members = std::string(small == "alpha" ? alphabetic : alphanumeric);
      out_ += in_set_ > 0 ? members : (negated ? "[^" : "[") + members + "]";
      return;
    }
    if (small == "punct") name = "P";
    const bool category = name.size() <= 2 || small == "any";
    out_ += std::string(negated ? "\\P{" : "\\p{") + (category ? name : "sc:" + name) + "}";
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
      case 'b':
        return boundary(false);
      case 'B':
        return boundary(true);
      case 'p':
      case 'P':
        return property();
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
    in_set_ = 1;
    copy(1);
    if (at_ < pattern_.size() && pattern_[at_] == '^') copy(1);
    if (at_ < pattern_.size() && pattern_[at_] == ']') refuse("an empty set");
  }

  void set_member(char byte) {
    if (byte == ']') {
      // A set inside a set adds its members to it.
      if (--in_set_ > 0) {
        ++at_;
        return;
      }
    } else if (pattern_.compare(at_, 2, "&&") == 0) {
      refuse("an intersection of sets (&&)");
    } else if (byte == '-' && in_set_ > 1 && pattern_.compare(at_, 2, "-]") == 0) {
      refuse("'-' at the end of a set inside a set");
    } else if (byte == '[') {
      return pattern_.compare(at_, 2, "[:") == 0 ? posix_class() : inner_set();
    }
    copy(1);
  }

  void inner_set() {
    if (pattern_.compare(at_, 2, "[^") == 0) refuse("a negated set inside a set");
    if (pattern_.compare(at_, 2, "[]") == 0) refuse("an empty set");
    if (out_.ends_with('-')) refuse("a set behind '-' inside a set");
    ++in_set_;
    ++at_;
    // A minus at an end of the inner set stands for itself.
    if (at_ < pattern_.size() && pattern_[at_] == '-') refuse("'-' at the start of a set inside a set");
  }

  void posix_class() {
    const auto end = pattern_.find(":]", at_);
    const auto name = end == std::string::npos ? std::string() : pattern_.substr(at_ + 2, end - at_ - 2);
    const auto found =
        std::find_if(posix_classes.begin(), posix_classes.end(), [&](const auto& one) { return one.first == name; });
    if (found == posix_classes.end()) refuse("the class '" + pattern_.substr(at_, 20) + "'");
    out_ += found->second;
    at_ = end + 2;
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
  int in_set_ = 0;  ///< brackets around
  std::string out_;
};

}  // namespace

std::string to_pcre2(const std::string& pattern, const std::string& where) { return Translator(pattern, where).run(); }

}  // namespace touchstone::tokenizers
