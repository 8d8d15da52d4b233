#define PCRE2_CODE_UNIT_WIDTH 8
#include "backends/tokenizers/regex.hpp"

#include <pcre2.h>

#include <algorithm>
#include <array>
#include <cstdint>

#include "backends/tokenizers/unicode.hpp"
#include "harness/base/error.hpp"

namespace touchstone::tokenizers {
namespace {

/// What a thread needs to run a pattern; patterns share it, since each match is over before the next begins.
struct Scratch {
  pcre2_match_data* data = pcre2_match_data_create(1, nullptr);
  pcre2_match_context* context = pcre2_match_context_create(nullptr);
  pcre2_jit_stack* stack = pcre2_jit_stack_create(std::size_t{32} << 10, std::size_t{4} << 20, nullptr);
  Scratch() { pcre2_jit_stack_assign(context, nullptr, stack); }
  ~Scratch() {
    pcre2_jit_stack_free(stack);
    pcre2_match_context_free(context);
    pcre2_match_data_free(data);
  }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;
};

Scratch& scratch() {
  thread_local Scratch mine;
  return mine;
}

std::string library_words(int code) {
  std::array<PCRE2_UCHAR, 200> text{};
  pcre2_get_error_message(code, text.data(), text.size());
  return reinterpret_cast<const char*>(text.data());
}

}  // namespace

struct Regex::Impl {
  std::string pattern;
  std::string where;
  pcre2_code* code = nullptr;
  ~Impl() { pcre2_code_free(code); }
};

Regex::Regex(const std::string& pattern, std::string where) : impl_(std::make_unique<Impl>()) {
  impl_->pattern = pattern;
  impl_->where = std::move(where);
  const std::string translated = to_pcre2(pattern, impl_->where);
  const std::unique_ptr<pcre2_compile_context, void (*)(pcre2_compile_context*)> context(
      pcre2_compile_context_create(nullptr), pcre2_compile_context_free);
  pcre2_set_newline(context.get(), PCRE2_NEWLINE_LF);
  pcre2_set_parens_nest_limit(context.get(), 64);
  pcre2_set_max_pattern_length(context.get(), std::size_t{1} << 16);
  int error = 0;
  PCRE2_SIZE offset = 0;
  impl_->code =
      pcre2_compile(reinterpret_cast<PCRE2_SPTR>(translated.data()), translated.size(),
                    PCRE2_UTF | PCRE2_UCP | PCRE2_MULTILINE | PCRE2_NEVER_BACKSLASH_C, &error, &offset, context.get());
  require(impl_->code != nullptr, Fault::checkpoint, [&] {
    return impl_->where + ": regular expression '" + pattern.substr(0, 120) +
           "' cannot be read: " + library_words(error);
  });
  pcre2_jit_compile(impl_->code, PCRE2_JIT_COMPLETE);  // without it matching is slower, not different
}

Regex::~Regex() = default;
Regex::Regex(Regex&&) noexcept = default;

bool Regex::next(std::string_view text, Walk& walk, Match& match) const {
  auto& mine = scratch();
  // The bound grows with the text, so that long runs of one class are no error while exponential patterns end early.
  const auto limit = std::min<std::uint64_t>(UINT32_MAX, 2'000'000 + 16 * std::uint64_t{text.size()});
  pcre2_set_match_limit(mine.context, static_cast<std::uint32_t>(limit));
  while (walk.at <= text.size() && !text.empty()) {
    const int found = pcre2_match(impl_->code, reinterpret_cast<PCRE2_SPTR>(text.data()), text.size(), walk.at,
                                  PCRE2_NO_UTF_CHECK, mine.data, mine.context);
    if (found == PCRE2_ERROR_NOMATCH) return false;
    require(found >= 0, Fault::checkpoint, [&] {
      return impl_->where + ": regular expression '" + impl_->pattern.substr(0, 120) + "' fails on a text of " +
             std::to_string(text.size()) + " bytes: " + library_words(found);
    });
    const PCRE2_SIZE* place = pcre2_get_ovector_pointer(mine.data);
    require(place[0] <= place[1], Fault::checkpoint,
            [&] { return impl_->where + ": regular expression moves the start of its match behind its end"; });
    if (place[0] == place[1] && place[1] == walk.last_end) {
      walk.at += walk.at < text.size() ? code_point_at(text, walk.at).bytes : 1;
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
