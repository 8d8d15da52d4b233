#pragma once
#include <cstddef>
#include <string>
#include <string_view>

namespace touchstone::reports {

/// Makes untrusted text harmless to show: valid UTF-8; control characters become their pictures (U+241B for an
/// escape), except tab and line feed; characters that reorder or hide text (bidi controls, zero width) become
/// "[U+202E]".
std::string inert(std::string_view text);

/// inert(), then escaped for the text of an element and for a quoted attribute.
std::string html(std::string_view text);

/// inert(), on one line, with all characters escaped that are special in Markdown or in HTML inside it.
std::string markdown(std::string_view text);

/// One field of a CSV row (RFC 4180), inert(); a text that a spreadsheet would run as a formula gets a leading quote.
std::string csv_text(std::string_view text);

/// At most `bytes` of a text, cut between code points; `cut` says whether something is missing.
struct Shortened {
  std::string text;
  std::size_t cut = 0;  ///< bytes left out
};
Shortened shortened(std::string_view text, std::size_t bytes);

}  // namespace touchstone::reports
