#pragma once
#include <cstddef>
#include <string>
#include <string_view>

namespace touchstone::reports {

/// Untrusted text made harmless to look at: valid UTF-8; control characters become their pictures (U+241B for an
/// escape), except tab and line feed; characters that reorder or hide text (bidi controls, zero width) become
/// "[U+202E]".
std::string inert(std::string_view text);

/// inert(), then escaped for the text of an element and for a quoted attribute.
std::string html(std::string_view text);

/// inert(), on one line, with everything escaped that Markdown or HTML inside it would act on.
std::string markdown(std::string_view text);

/// One field of a CSV row (RFC 4180), inert(); a text that a spreadsheet would run as a formula gets a leading quote.
std::string csv_text(std::string_view text);

/// At most `bytes` of it, cut between code points; `cut` says whether something is missing.
struct Shortened {
  std::string text;
  std::size_t cut = 0;  ///< bytes left out
};
Shortened shortened(std::string_view text, std::size_t bytes);

}  // namespace touchstone::reports
