#define PCRE2_CODE_UNIT_WIDTH 8
#include "harness/base/pcre.hpp"

#include <pcre2.h>

#include <algorithm>
#include <array>

#include "harness/base/one_line.hpp"

namespace touchstone {
namespace {

/// What a thread needs to run patterns. All patterns share it, since each match is over before the next begins.
class MatchRoom {
 public:
  MatchRoom() { pcre2_jit_stack_assign(context_, nullptr, stack_); }
  ~MatchRoom() {
    pcre2_jit_stack_free(stack_);
    pcre2_match_context_free(context_);
    pcre2_match_data_free(data_);
  }
  MatchRoom(const MatchRoom&) = delete;
  MatchRoom& operator=(const MatchRoom&) = delete;

  pcre2_match_context* context() { return context_; }
  /// Makes room for this many pairs of offsets.
  pcre2_match_data* data(std::uint32_t pairs) {
    if (pairs > pairs_) {
      pcre2_match_data_free(data_);
      data_ = pcre2_match_data_create(pairs, nullptr);
      pairs_ = pairs;
    }
    return data_;
  }

 private:
  std::uint32_t pairs_ = 1;
  pcre2_match_data* data_ = pcre2_match_data_create(1, nullptr);
  pcre2_match_context* context_ = pcre2_match_context_create(nullptr);
  pcre2_jit_stack* stack_ = pcre2_jit_stack_create(std::size_t{32} << 10, std::size_t{4} << 20, nullptr);
};

MatchRoom& match_room() {
  thread_local MatchRoom mine;
  return mine;
}

std::string pcre_reason(int code) {
  std::array<PCRE2_UCHAR, 256> text{};
  pcre2_get_error_message(code, text.data(), text.size());
  return reinterpret_cast<const char*>(text.data());
}

}  // namespace

struct Pcre::Impl {
  std::string shown;  ///< the pattern, in messages
  pcre2_code* code = nullptr;
  std::uint32_t pairs = 1;  ///< of the match and of each group
  bool known_utf8 = false;
  ~Impl() { pcre2_code_free(code); }
};

Pcre::~Pcre() = default;
Pcre::Pcre(Pcre&&) noexcept = default;
Pcre& Pcre::operator=(Pcre&&) noexcept = default;

Pcre::Pcre(const std::string& pattern, const Settings& settings) : impl_(std::make_unique<Impl>()) {
  const std::unique_ptr<pcre2_compile_context, void (*)(pcre2_compile_context*)> context(
      pcre2_compile_context_create(nullptr), pcre2_compile_context_free);
  pcre2_set_newline(context.get(), PCRE2_NEWLINE_LF);
  pcre2_set_parens_nest_limit(context.get(), settings.nested);
  if (settings.pattern_bytes > 0) pcre2_set_max_pattern_length(context.get(), settings.pattern_bytes);
  const std::uint32_t options = PCRE2_UTF | PCRE2_UCP | PCRE2_NEVER_BACKSLASH_C |
                                (settings.multiline ? PCRE2_MULTILINE : 0U) |
                                (settings.known_utf8 ? 0U : PCRE2_MATCH_INVALID_UTF);
  int error = 0;
  PCRE2_SIZE offset = 0;
  impl_->shown = one_line(settings.shown.empty() ? pattern : settings.shown, 120);
  impl_->known_utf8 = settings.known_utf8;
  impl_->code = pcre2_compile(reinterpret_cast<PCRE2_SPTR>(pattern.data()), pattern.size(), options, &error, &offset,
                              context.get());
  require(impl_->code != nullptr, settings.fault, [&] {
    return "'" + impl_->shown + "' is not a regular expression: " + pcre_reason(error) + " at character " +
           std::to_string(offset + 1);
  });
  std::uint32_t groups = 0;
  pcre2_pattern_info(impl_->code, PCRE2_INFO_CAPTURECOUNT, &groups);
  impl_->pairs = groups + 1;
  // Some processors have no such compiler. Matching is then slower, but gives the same results.
  if (settings.machine_code) pcre2_jit_compile(impl_->code, PCRE2_JIT_COMPLETE);
}

std::span<const std::size_t> Pcre::match(std::string_view text, const Search& search, Fault fault) const {
  auto& room = match_room();
  auto* data = room.data(impl_->pairs);
  pcre2_set_match_limit(room.context(), static_cast<std::uint32_t>(std::min<std::uint64_t>(search.steps, UINT32_MAX)));
  const std::uint32_t options =
      (search.empty_there ? 0U : PCRE2_NOTEMPTY_ATSTART) | (impl_->known_utf8 ? PCRE2_NO_UTF_CHECK : 0U);
  // An empty view may have no address, which PCRE2 would take for an error.
  const auto* bytes = reinterpret_cast<PCRE2_SPTR>(text.data() == nullptr ? "" : text.data());
  const int found = pcre2_match(impl_->code, bytes, text.size(), search.from, options, data, room.context());
  if (found == PCRE2_ERROR_NOMATCH) return {};
  require(found > 0, fault, [&] {
    return "regular expression '" + impl_->shown + "' fails on a text of " + std::to_string(text.size()) +
           " bytes: " + pcre_reason(found);
  });
  return {pcre2_get_ovector_pointer(data), std::size_t{2} * impl_->pairs};
}

std::string pcre_unicode_version() {
  std::array<char, 32> text{};
  pcre2_config(PCRE2_CONFIG_UNICODE_VERSION, text.data());
  return text.data();
}

}  // namespace touchstone
