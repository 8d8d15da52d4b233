#include "reports/text.hpp"

#include <fmt/format.h>

#include <cstdint>

#include "harness/base/text.hpp"

namespace touchstone::reports {
namespace {

// Characters that reorder, hide or split text. The joiners U+200C and U+200D are left: scripts and emoji need them.
bool hides(std::int32_t c) {
  return (c >= 0x202A && c <= 0x202E) || (c >= 0x2066 && c <= 0x2069) || c == 0x200E || c == 0x200F || c == 0x061C ||
         c == 0x200B || (c >= 0x2060 && c <= 0x2064) || c == 0xFEFF || c == 0x2028 || c == 0x2029 || c == 0x00AD ||
         (c >= 0xE0000 && c <= 0xE007F) || (c >= 0xFDD0 && c <= 0xFDEF) || (c & 0xFFFE) == 0xFFFE;
}

// The picture of a control character (U+2400 and on), in UTF-8.
std::string control_picture(std::int32_t c) {
  const std::int32_t picture = c == 0x7F ? 0x21 : c;
  return {'\xE2', '\x90', static_cast<char>(0x80 + picture)};
}

}  // namespace

std::string inert(std::string_view text) {
  const std::string valid = to_utf8(text);
  std::string out;
  out.reserve(valid.size());
  for (std::size_t at = 0; at < valid.size();) {
    const CodePoint c = known_code_point_at(valid, at);
    if (c.value == '\n' || c.value == '\t') {
      out += static_cast<char>(c.value);
    } else if (c.value < 0x20 || c.value == 0x7F) {
      out += control_picture(c.value);
    } else if ((c.value >= 0x80 && c.value < 0xA0) || hides(c.value)) {
      out += fmt::format("[U+{:04X}]", c.value);
    } else {
      out.append(valid, at, c.bytes);
    }
    at += c.bytes;
  }
  return out;
}

std::string html(std::string_view text) {
  std::string out;
  out.reserve(text.size() + 16);
  for (const char c : inert(text)) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      case '\'':
        out += "&#39;";
        break;
      default:
        out += c;
    }
  }
  return out;
}

std::string markdown(std::string_view text) {
  constexpr std::string_view special = "\\`*_[]#|!~$@";
  const std::string source = inert(text);
  std::string out;
  for (std::size_t at = 0; at < source.size(); ++at) {
    const char c = source[at];
    if (c == '\n' || c == '\t') {
      out += ' ';
    } else if (c == '<') {
      out += "&lt;";
    } else if (c == '>') {
      out += "&gt;";
    } else if (c == '&') {
      out += "&amp;";
    } else {
      // "https://" and "www." would become links by themselves.
      const bool link = (c == ':' && source.compare(at, 3, "://") == 0) ||
                        (c == '.' && at >= 3 && source.compare(at - 3, 3, "www") == 0);
      if (link || special.find(c) != std::string_view::npos) out += '\\';
      out += c;
    }
  }
  return out;
}

std::string csv_text(std::string_view text) {
  std::string field = inert(text);
  // Spreadsheets skip leading blanks when they look for a formula.
  const auto first = field.find_first_not_of(" \t\n");
  if (!field.empty() &&
      (field[0] == '\t' || field[0] == '\n' ||
       (first != std::string::npos && std::string_view("=+-@|%").find(field[first]) != std::string_view::npos))) {
    field.insert(field.begin(), '\'');
  }
  if (field.find_first_of("\",\n;'\t") == std::string::npos) return field;
  return '"' + replace_all(std::move(field), "\"", "\"\"") + '"';
}

Shortened shortened(std::string_view text, std::size_t bytes) {
  if (text.size() <= bytes) return {std::string(text), 0};
  const auto end = cut_length(text, bytes);
  return {std::string(text.substr(0, end)), text.size() - end};
}

}  // namespace touchstone::reports
