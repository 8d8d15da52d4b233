#include "reports/text.hpp"

#include <fmt/format.h>

#include <cstdint>

#include "harness/base/text.hpp"

namespace touchstone::reports {
namespace {

struct CodePoint {
  std::uint32_t value = 0;
  std::size_t bytes = 1;
};

// `text` is valid UTF-8.
CodePoint code_point(std::string_view text, std::size_t at) {
  const auto byte = [&](std::size_t offset) {
    return static_cast<std::uint32_t>(static_cast<unsigned char>(text[at + offset]));
  };
  const auto tail = [&](std::size_t offset) { return byte(offset) & 0x3FU; };
  const std::uint32_t lead = byte(0);
  if (lead < 0x80U) return {lead, 1};
  if (lead < 0xE0U) return {((lead & 0x1FU) << 6U) | tail(1), 2};
  if (lead < 0xF0U) return {((lead & 0x0FU) << 12U) | (tail(1) << 6U) | tail(2), 3};
  return {((lead & 0x07U) << 18U) | (tail(1) << 12U) | (tail(2) << 6U) | tail(3), 4};
}

// Reorders, hides or splits what a reader sees. The joiners U+200C and U+200D are left: scripts and emoji need them.
bool hides(std::uint32_t c) {
  return (c >= 0x202AU && c <= 0x202EU) || (c >= 0x2066U && c <= 0x2069U) || c == 0x200EU || c == 0x200FU ||
         c == 0x061CU || c == 0x200BU || (c >= 0x2060U && c <= 0x2064U) || c == 0xFEFFU || c == 0x2028U ||
         c == 0x2029U || c == 0x00ADU || (c >= 0xE0000U && c <= 0xE007FU) || (c >= 0xFDD0U && c <= 0xFDEFU) ||
         (c & 0xFFFEU) == 0xFFFEU;
}

// The picture of a control character (U+2400 and on), in UTF-8.
std::string control_picture(std::uint32_t c) {
  const std::uint32_t picture = c == 0x7FU ? 0x21U : c;
  return {'\xE2', '\x90', static_cast<char>(0x80U + picture)};
}

}  // namespace

std::string inert(std::string_view text) {
  const std::string valid = to_utf8(text);
  std::string out;
  out.reserve(valid.size());
  for (std::size_t at = 0; at < valid.size();) {
    const CodePoint c = code_point(valid, at);
    if (c.value == '\n' || c.value == '\t') {
      out += static_cast<char>(c.value);
    } else if (c.value < 0x20U || c.value == 0x7FU) {
      out += control_picture(c.value);
    } else if ((c.value >= 0x80U && c.value < 0xA0U) || hides(c.value)) {
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
      // "https://" and "www." become links by themselves.
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
  // Spreadsheets skip leading blanks before they look for a formula.
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
  std::size_t end = bytes;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0U) == 0x80U) --end;
  return {std::string(text.substr(0, end)), text.size() - end};
}

}  // namespace touchstone::reports
