#include "harness/base/text.hpp"

#include <utf8proc.h>

#include <algorithm>
#include <cstdint>

#include "harness/base/edit_distance.hpp"
#include "harness/base/one_line.hpp"

namespace touchstone {
namespace {

/// What Python's str.isspace() says of one code point.
bool is_space(std::int32_t code) {
  if ((code >= 0x09 && code <= 0x0d) || (code >= 0x1c && code <= 0x20) || code == 0x85) return true;
  if (code < 0x80) return false;
  const auto* property = utf8proc_get_property(code);
  return property->category == UTF8PROC_CATEGORY_ZS || property->category == UTF8PROC_CATEGORY_ZL ||
         property->category == UTF8PROC_CATEGORY_ZP;
}

}  // namespace

std::string nearest_name(std::string_view name, std::span<const std::string> known) {
  std::string best;
  std::size_t best_distance = std::max<std::size_t>(2, name.size() / 3) + 1;
  for (const auto& candidate : known) {
    const auto distance = edit_distance_of(name.substr(0, 100), std::string_view(candidate).substr(0, 100));
    // Names of which less than half is the same are no misspellings of each other: "lr" and "on".
    if (distance < best_distance && 2 * distance <= std::max(name.size(), candidate.size())) {
      best_distance = distance;
      best = candidate;
    }
  }
  return best;
}

std::string unknown_name(std::string_view kind, std::string_view name, std::span<const std::string> known) {
  std::string message = "unknown " + std::string(kind) + " '" + one_line(name, 80) + "'";
  if (const auto near = nearest_name(name, known); !near.empty()) return message + ": did you mean '" + near + "'?";
  const std::size_t shown = std::min<std::size_t>(known.size(), 12);
  message += "; there are: " + join(known.first(shown), ", ");
  if (shown < known.size()) message += ", ... (" + std::to_string(known.size()) + " in all)";
  return message;
}

std::vector<std::string> split(std::string_view text, char separator) {
  std::vector<std::string> pieces;
  std::size_t first = 0;
  while (true) {
    const auto last = text.find(separator, first);
    pieces.emplace_back(text.substr(first, last - first));
    if (last == std::string_view::npos) return pieces;
    first = last + 1;
  }
}

std::string join(std::span<const std::string> pieces, std::string_view separator) {
  std::string joined;
  for (std::size_t i = 0; i < pieces.size(); ++i) {
    if (i > 0) joined += separator;
    joined += pieces[i];
  }
  return joined;
}

std::string_view lstrip(std::string_view text) {
  while (!text.empty()) {
    const auto next = code_point_at(text, 0);
    if (next.value < 0 || !is_space(next.value)) break;
    text.remove_prefix(next.bytes);
  }
  return text;
}

std::string_view rstrip(std::string_view text) {
  while (!text.empty()) {
    const auto start = previous_start(text, text.size());
    const auto last = code_point_at(text, start);
    if (last.value < 0 || last.bytes != text.size() - start || !is_space(last.value)) break;
    text.remove_suffix(last.bytes);
  }
  return text;
}

std::string and_more(std::size_t lines) {
  return lines <= 1 ? "" : "; and " + std::to_string(lines - 1) + " more such";
}

std::string_view strip(std::string_view text) { return rstrip(lstrip(text)); }

std::string replace_all(std::string text, std::string_view from, std::string_view to) {
  if (from.empty()) return text;
  std::size_t at = 0;
  while ((at = text.find(from, at)) != std::string::npos) {
    text.replace(at, from.size(), to);
    at += to.size();
  }
  return text;
}

}  // namespace touchstone
