#pragma once
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "harness/base/error.hpp"

namespace touchstone {

/// The version of Unicode of PCRE2's tables: "14.0.0".
std::string pcre_unicode_version();

/// A compiled pattern of PCRE2, in the library's own syntax: what the dialects (Regex, tokenizers::Regex) are built on.
/// Unicode throughout; only the line feed ends a line. Safe to use from several threads at once.
class Pcre {
 public:
  struct Settings {
    Fault fault = Fault::config;  ///< thrown for a pattern that cannot be compiled
    bool multiline = false;       ///< ^ and $ match at every line
    /// The texts are known to be UTF-8. Otherwise they may hold anything: no match goes over bytes that are not UTF-8.
    bool known_utf8 = false;
    bool machine_code = false;      ///< compile to machine code: faster, but steps are counted in another way
    std::uint32_t nested = 250;     ///< parentheses within each other
    std::size_t pattern_bytes = 0;  ///< 0: no limit
    std::string shown = {};         ///< the pattern as messages show it; empty: as it is
  };

  /// Throws settings.fault with the pattern, what is wrong, and where.
  Pcre(const std::string& pattern, const Settings& settings);
  ~Pcre();
  Pcre(Pcre&&) noexcept;
  Pcre& operator=(Pcre&&) noexcept;

  /// Offset of a group that took no part in the match.
  static constexpr std::size_t none = static_cast<std::size_t>(-1);

  struct Search {
    std::size_t from = 0;     ///< the match begins here or later
    bool empty_there = true;  ///< false: an empty match at `from` is no match
    std::uint64_t steps = 1'000'000;
  };
  /// First and last byte of the leftmost match, then of each group; empty when there is none. Valid until this thread
  /// searches again. Beyond `search.steps` it throws `fault` with the text's length and the library's reason.
  std::span<const std::size_t> match(std::string_view text, const Search& search, Fault fault) const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace touchstone
