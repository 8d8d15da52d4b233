#define PCRE2_CODE_UNIT_WIDTH 8
#include "harness/base/regex.hpp"

#include <pcre2.h>

#include <array>

#include "harness/base/error.hpp"

namespace touchstone {
namespace {

struct Free {
  void operator()(pcre2_code* code) const { pcre2_code_free(code); }
  void operator()(pcre2_compile_context* context) const { pcre2_compile_context_free(context); }
  void operator()(pcre2_match_context* context) const { pcre2_match_context_free(context); }
  void operator()(pcre2_match_data* data) const { pcre2_match_data_free(data); }
};

std::string message_of(int code) {
  std::array<PCRE2_UCHAR, 256> text{};
  pcre2_get_error_message(code, text.data(), text.size());
  return reinterpret_cast<const char*>(text.data());
}

PCRE2_SPTR bytes_of(std::string_view text) { return reinterpret_cast<PCRE2_SPTR>(text.data()); }

}  // namespace

struct Regex::Impl {
  std::string pattern;
  std::unique_ptr<pcre2_code, Free> code;
  std::unique_ptr<pcre2_match_context, Free> limits;

  std::optional<Match> match(std::string_view text, std::size_t from, std::uint32_t options) const {
    const std::unique_ptr<pcre2_match_data, Free> data(pcre2_match_data_create_from_pattern(code.get(), nullptr));
    // An empty view may have no address, which PCRE2 would take for an error.
    const auto subject = text.data() == nullptr ? std::string_view("") : text;
    const int found =
        pcre2_match(code.get(), bytes_of(subject), subject.size(), from, options, data.get(), limits.get());
    if (found == PCRE2_ERROR_NOMATCH) return std::nullopt;
    require(found > 0, Fault::data,
            [&] { return "pattern '" + pattern + "' could not be applied to a text: " + message_of(found); });
    const auto* at = pcre2_get_ovector_pointer(data.get());
    Match result{.first = at[0], .last = at[1], .groups = {}};
    result.groups.resize(pcre2_get_ovector_count(data.get()) - 1);
    for (std::size_t group = 1; group < static_cast<std::size_t>(found); ++group) {
      const auto first = at[2 * group];
      if (first != PCRE2_UNSET)
        result.groups[group - 1] = std::string(subject.substr(first, at[2 * group + 1] - first));
    }
    return result;
  }
};

Regex::Regex(const std::string& pattern) : impl_(std::make_unique<Impl>()) {
  const std::unique_ptr<pcre2_compile_context, Free> context(pcre2_compile_context_create(nullptr));
  pcre2_set_newline(context.get(), PCRE2_NEWLINE_LF);
  int error = 0;
  PCRE2_SIZE offset = 0;
  impl_->pattern = pattern;
  impl_->code.reset(pcre2_compile(bytes_of(pattern), pattern.size(), PCRE2_UTF | PCRE2_UCP | PCRE2_MATCH_INVALID_UTF,
                                  &error, &offset, context.get()));
  require(impl_->code != nullptr, Fault::config, [&] {
    return "'" + pattern + "' is not a regular expression: " + message_of(error) + " at character " +
           std::to_string(offset + 1);
  });
  impl_->limits.reset(pcre2_match_context_create(nullptr));
  pcre2_set_match_limit(impl_->limits.get(), 1'000'000);
}

Regex::~Regex() = default;
Regex::Regex(Regex&&) noexcept = default;
Regex& Regex::operator=(Regex&&) noexcept = default;

bool Regex::search(std::string_view text) const { return impl_->match(text, 0, 0).has_value(); }

std::optional<Regex::Match> Regex::find(std::string_view text, std::size_t from) const {
  return impl_->match(text, from, 0);
}

std::vector<Regex::Match> Regex::find_all(std::string_view text) const {
  std::vector<Match> matches;
  std::size_t from = 0;
  std::uint32_t options = 0;
  while (from <= text.size()) {
    auto match = impl_->match(text, from, options);
    if (!match) break;
    // After an empty match the next one may start at the same place but must not be empty again.
    options = match->first == match->last ? PCRE2_NOTEMPTY_ATSTART : 0;
    from = match->last;
    matches.push_back(std::move(*match));
  }
  return matches;
}

std::string Regex::remove_all(std::string_view text) const {
  std::string kept;
  std::size_t from = 0;
  for (const auto& match : find_all(text)) {
    kept += text.substr(from, match.first - from);
    from = match.last;
  }
  kept += text.substr(from);
  return kept;
}

std::string regex_escape(std::string_view text) {
  std::string escaped;
  for (const char c : text) {
    if (std::string_view("()[]{}?*+-|^$\\.&~# \t\n\r\v\f").find(c) != std::string_view::npos) escaped += '\\';
    escaped += c;
  }
  return escaped;
}

}  // namespace touchstone
