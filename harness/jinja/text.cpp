#include "harness/jinja/text.hpp"

#include <utf8proc.h>

#include <algorithm>
#include <array>
#include <limits>

#include "harness/base/text.hpp"

namespace touchstone::jinja {
namespace {

std::int32_t point_at(std::string_view text, std::size_t at, std::size_t& end) {
  std::int32_t value = -1;
  const auto bytes = utf8proc_iterate(reinterpret_cast<const utf8proc_uint8_t*>(text.data() + at),
                                      static_cast<utf8proc_ssize_t>(text.size() - at), &value);
  end = at + (bytes > 0 ? static_cast<std::size_t>(bytes) : 1);
  return value;
}

void put(std::string& out, std::int32_t value) {
  std::array<utf8proc_uint8_t, 4> bytes{};
  const auto count = utf8proc_encode_char(value, bytes.data());
  out.append(reinterpret_cast<const char*>(bytes.data()), static_cast<std::size_t>(count));
}

bool is_letter(std::int32_t value) {
  const auto category = utf8proc_category(value);
  return category >= UTF8PROC_CATEGORY_LU && category <= UTF8PROC_CATEGORY_LO;
}

std::size_t limit(std::int64_t most) {
  return most < 0 ? std::numeric_limits<std::size_t>::max() : static_cast<std::size_t>(most);
}

}  // namespace

std::string recased(std::string_view text, Casing casing) {
  std::string out;
  bool inside = false;  // of a word, for title; behind the first character, for capital
  for (std::size_t at = 0; at < text.size();) {
    std::size_t end = 0;
    const auto value = point_at(text, at, end);
    if (value < 0) {
      out += text[at];
    } else if (casing == Casing::upper && value == 0xdf) {
      out += "SS";
    } else if (casing == Casing::upper) {
      put(out, utf8proc_toupper(value));
    } else if (casing == Casing::lower || inside) {
      put(out, utf8proc_tolower(value));
    } else {
      put(out, utf8proc_totitle(value));
    }
    inside = casing == Casing::capital || (value >= 0 && is_letter(value));
    at = end;
  }
  return out;
}

bool is_all(std::string_view text, Class wanted) {
  bool cased = false;
  for (std::size_t at = 0; at < text.size();) {
    std::size_t end = 0;
    const auto value = point_at(text, at, end);
    if (value < 0) return false;
    const auto category = utf8proc_category(value);
    const bool letter = is_letter(value);
    const bool digit = category == UTF8PROC_CATEGORY_ND;
    const bool upper = category == UTF8PROC_CATEGORY_LU || category == UTF8PROC_CATEGORY_LT;
    const bool lower = category == UTF8PROC_CATEGORY_LL;
    cased = cased || upper || lower;
    const bool fits = wanted == Class::digit    ? digit
                      : wanted == Class::letter ? letter
                      : wanted == Class::letter_or_digit
                          ? letter || digit || category == UTF8PROC_CATEGORY_NL || category == UTF8PROC_CATEGORY_NO
                      : wanted == Class::space ? strip(text.substr(at, end - at)).empty()
                      : wanted == Class::upper ? !lower
                                               : !upper;
    if (!fits) return false;
    at = end;
  }
  return (wanted == Class::upper || wanted == Class::lower) ? cased : !text.empty();
}

std::string_view strip_set(std::string_view text, std::string_view set, bool left, bool right) {
  const auto first_bytes = [&] {
    std::size_t end = 0;
    point_at(text, 0, end);
    return end;
  };
  const auto last_start = [&] {
    std::size_t start = text.size() - 1;
    while (start > 0 && (static_cast<unsigned char>(text[start]) & 0xc0U) == 0x80U) --start;
    return start;
  };
  while (left && !text.empty() && set.find(text.substr(0, first_bytes())) != std::string_view::npos)
    text.remove_prefix(first_bytes());
  while (right && !text.empty() && set.find(text.substr(last_start())) != std::string_view::npos)
    text = text.substr(0, last_start());
  return text;
}

std::vector<std::string_view> split_at(std::string_view text, std::string_view separator, std::int64_t most) {
  std::vector<std::string_view> parts;
  std::size_t first = 0;
  while (parts.size() < limit(most)) {
    const auto found = text.find(separator, first);
    if (found == std::string_view::npos) break;
    parts.push_back(text.substr(first, found - first));
    first = found + separator.size();
  }
  parts.push_back(text.substr(first));
  return parts;
}

std::vector<std::string_view> split_at_from_right(std::string_view text, std::string_view separator,
                                                  std::int64_t most) {
  std::vector<std::string_view> parts;
  while (parts.size() < limit(most)) {
    const auto found = text.rfind(separator);
    if (found == std::string_view::npos) break;
    parts.push_back(text.substr(found + separator.size()));
    text = text.substr(0, found);
  }
  parts.push_back(text);
  std::reverse(parts.begin(), parts.end());
  return parts;
}

std::vector<std::string_view> split_at_spaces(std::string_view text, std::int64_t most) {
  std::vector<std::string_view> parts;
  for (text = lstrip(text); !text.empty(); text = lstrip(text)) {
    if (parts.size() == limit(most)) {
      parts.push_back(rstrip(text));
      break;
    }
    std::size_t at = 0;
    while (at < text.size()) {
      std::size_t end = 0;
      point_at(text, at, end);
      if (strip(text.substr(at, end - at)).empty()) break;
      at = end;
    }
    parts.push_back(text.substr(0, at));
    text.remove_prefix(at);
  }
  return parts;
}

std::vector<std::string_view> split_lines(std::string_view text, bool keep_ends) {
  std::vector<std::string_view> lines;
  for (std::size_t first = 0, at = 0; at < text.size();) {
    std::size_t end = 0;
    const auto value = point_at(text, at, end);
    const bool is_end = (value >= 0x0a && value <= 0x0d) || (value >= 0x1c && value <= 0x1e) || value == 0x85 ||
                        value == 0x2028 || value == 0x2029;
    if (value == '\r' && end < text.size() && text[end] == '\n') ++end;
    if (is_end || end == text.size()) {
      lines.push_back(text.substr(first, (is_end && !keep_ends ? at : end) - first));
      first = end;
    }
    at = end;
  }
  return lines;
}

std::string replaced(Machine& machine, const std::string& text, const std::string& from, const std::string& to,
                     std::int64_t most) {
  machine.charge(1 + text.size() / 64);
  std::string out;
  std::size_t done = 0;
  const auto put_one = [&](std::size_t at, std::size_t next) {
    out.append(text, done, at - done).append(to);
    done = next;
    machine.charge(1 + to.size() / 64);
  };
  auto left = limit(most);
  if (from.empty()) {
    // Between all characters, and at both ends.
    for (const auto at : code_point_starts(text)) {
      if (left-- == 0) break;
      put_one(at, at);
    }
  } else {
    for (auto at = text.find(from); at != std::string::npos && left > 0; at = text.find(from, done), --left)
      put_one(at, at + from.size());
  }
  return out.append(text, done);
}

std::vector<Value> texts(const std::vector<std::string_view>& all) {
  std::vector<Value> values;
  values.reserve(all.size());
  for (const auto one : all) values.push_back(Value::of(std::string(one)));
  return values;
}

}  // namespace touchstone::jinja
