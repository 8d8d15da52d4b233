#include "backends/tokenizers/regex.hpp"

#define PCRE2_CODE_UNIT_WIDTH 8
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

}  // namespace touchstone::tokenizers
