#include "harness/jinja/text.hpp"

#include <utf8proc.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <cstdlib>
#include <limits>
#include <span>

#include "harness/base/text.hpp"
#include "harness/jinja/special_casing.hpp"

namespace touchstone::jinja {
namespace {

std::int32_t point_at(std::string_view text, std::size_t at, std::size_t& end) {
  const auto point = code_point_at(text, at);
  end = at + point.bytes;
  return point.value;
}

bool is_letter(std::int32_t value) {
  const auto category = utf8proc_category(value);
  return category >= UTF8PROC_CATEGORY_LU && category <= UTF8PROC_CATEGORY_LO;
}

std::size_t limit(std::int64_t most) {
  return most < 0 ? std::numeric_limits<std::size_t>::max() : static_cast<std::size_t>(most);
}

bool in_ranges(std::int32_t value, std::span<const std::array<std::int32_t, 2>> ranges) {
  return std::any_of(ranges.begin(), ranges.end(),
                     [&](const auto& range) { return value >= range[0] && value <= range[1]; });
}

/// Unicode's Uppercase and Lowercase properties: the letters, and the characters that PropList.txt adds.
bool is_upper(std::int32_t value) {
  constexpr std::array<std::array<std::int32_t, 2>, 5> others = {
      {{0x2160, 0x216f}, {0x24b6, 0x24cf}, {0x1f130, 0x1f149}, {0x1f150, 0x1f169}, {0x1f170, 0x1f189}}};
  return utf8proc_category(value) == UTF8PROC_CATEGORY_LU || in_ranges(value, others);
}

bool is_lower(std::int32_t value) {
  constexpr std::array<std::array<std::int32_t, 2>, 26> others = {
      {{0xaa, 0xaa},       {0xba, 0xba},       {0x2b0, 0x2b8},     {0x2c0, 0x2c1},     {0x2e0, 0x2e4},
       {0x345, 0x345},     {0x37a, 0x37a},     {0x1d2c, 0x1d6a},   {0x1d78, 0x1d78},   {0x1d9b, 0x1dbf},
       {0x2071, 0x2071},   {0x207f, 0x207f},   {0x2090, 0x209c},   {0x2170, 0x217f},   {0x24d0, 0x24e9},
       {0x2c7c, 0x2c7d},   {0xa69c, 0xa69d},   {0xa770, 0xa770},   {0xa7f8, 0xa7f9},   {0xab5c, 0xab5f},
       {0x10780, 0x10780}, {0x10783, 0x10785}, {0x10787, 0x107b0}, {0x107b2, 0x107ba}, {0x10fc, 0x10fc},
       {0xa7f2, 0xa7f4}}};
  return utf8proc_category(value) == UTF8PROC_CATEGORY_LL || in_ranges(value, others);
}

bool is_cased(std::int32_t value) {
  return is_upper(value) || is_lower(value) || utf8proc_category(value) == UTF8PROC_CATEGORY_LT;
}

/// Characters that a rule about cased neighbours skips.
bool is_case_ignorable(std::int32_t value) {
  const auto category = utf8proc_category(value);
  constexpr std::array<std::int32_t, 16> signs = {'\'',   '.',    ':',    '^',    '`',    0xa8,   0xb7,   0x387,
                                                  0x2018, 0x2019, 0x2024, 0x2027, 0xfe13, 0xfe52, 0xfe55, 0xff07};
  return category == UTF8PROC_CATEGORY_MN || category == UTF8PROC_CATEGORY_ME || category == UTF8PROC_CATEGORY_CF ||
         category == UTF8PROC_CATEGORY_LM || category == UTF8PROC_CATEGORY_SK ||
         std::find(signs.begin(), signs.end(), value) != signs.end();
}

/// Whether the capital sigma at `at` ends a word; its lower-case form differs there.
bool ends_word(const std::vector<std::int32_t>& points, std::size_t at) {
  auto before = at;
  while (before > 0 && is_case_ignorable(points[before - 1])) --before;
  auto after = at + 1;
  while (after < points.size() && is_case_ignorable(points[after])) ++after;
  return before > 0 && is_cased(points[before - 1]) && (after == points.size() || !is_cased(points[after]));
}

void put_upper(std::string& out, std::int32_t value, bool title) {
  const auto found = std::lower_bound(special_cases.begin(), special_cases.end(), value,
                                      [](const SpecialCase& one, std::int32_t wanted) { return one.point < wanted; });
  if (found != special_cases.end() && found->point == value) {
    out += title ? found->title : found->upper;
  } else {
    append_code_point(out, title ? utf8proc_totitle(value) : utf8proc_toupper(value));
  }
}

void put_lower(std::string& out, const std::vector<std::int32_t>& points, std::size_t at) {
  if (points[at] == 0x3a3 && ends_word(points, at)) {
    append_code_point(out, 0x3c2);
  } else if (points[at] == 0x130) {
    out += "i\xcc\x87";
  } else {
    append_code_point(out, utf8proc_tolower(points[at]));
  }
}

}  // namespace

std::string recased(std::string_view text, Casing casing) {
  std::vector<std::int32_t> points;
  for (std::size_t at = 0; at < text.size();) {
    std::size_t end = 0;
    const auto value = point_at(text, at, end);
    points.push_back(value < 0 ? 0xfffd : value);  // texts are UTF-8: not reached
    at = end;
  }
  std::string out;
  bool inside = false;  // of a word, for title; behind the first character, for capital
  for (std::size_t i = 0; i < points.size(); ++i) {
    const auto value = points[i];
    const bool lowers = casing == Casing::lower || (casing == Casing::swapped && is_upper(value)) ||
                        ((casing == Casing::title || casing == Casing::capital) && inside);
    const bool keeps = casing == Casing::swapped && !is_cased(value);
    if (keeps) {
      append_code_point(out, value);
    } else if (lowers) {
      put_lower(out, points, i);
    } else {
      put_upper(out, value, casing == Casing::title || casing == Casing::capital);
    }
    inside = casing == Casing::capital || is_cased(value);
  }
  return out;
}

bool is_title(std::string_view text) {
  bool inside = false;
  bool cased = false;
  for (std::size_t at = 0; at < text.size();) {
    std::size_t end = 0;
    const auto value = point_at(text, at, end);
    const bool capital = is_upper(value) || utf8proc_category(value) == UTF8PROC_CATEGORY_LT;
    if (capital ? inside : is_lower(value) && !inside) return false;
    inside = is_cased(value);
    cased = cased || inside;
    at = end;
  }
  return cased;
}

bool has_other_digit(std::string_view text) {
  for (std::size_t at = 0; at < text.size();) {
    std::size_t end = 0;
    if (utf8proc_category(point_at(text, at, end)) == UTF8PROC_CATEGORY_NO) return true;
    at = end;
  }
  return false;
}

bool is_all(std::string_view text, Class wanted) {
  bool cased = false;
  for (std::size_t at = 0; at < text.size();) {
    std::size_t end = 0;
    const auto value = point_at(text, at, end);
    if (value < 0) return false;
    const auto category = utf8proc_category(value);
    const bool letter = is_letter(value);
    const bool decimal = category == UTF8PROC_CATEGORY_ND;
    const bool upper = is_upper(value);
    const bool lower = is_lower(value);
    const bool title = category == UTF8PROC_CATEGORY_LT;
    cased = cased || (wanted == Class::upper ? upper : lower);
    const bool fits = wanted == Class::decimal  ? decimal
                      : wanted == Class::letter ? letter
                      : wanted == Class::letter_or_digit
                          ? letter || decimal || category == UTF8PROC_CATEGORY_NL || category == UTF8PROC_CATEGORY_NO
                      : wanted == Class::space     ? strip(text.substr(at, end - at)).empty()
                      : wanted == Class::printable ? is_printable(value)
                      : wanted == Class::ascii     ? value < 0x80
                      : wanted == Class::upper     ? !lower && !title
                                                   : !upper && !title;
    if (!fits) return false;
    at = end;
  }
  if (wanted == Class::printable || wanted == Class::ascii) return true;
  return (wanted == Class::upper || wanted == Class::lower) ? cased : !text.empty();
}

namespace {

/// Digits with single underscores between them; sets `outside` when one of the digits is not ASCII.
bool without_underscores(std::string_view& text, std::string& kept, bool& outside) {
  text = strip(text);
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (static_cast<unsigned char>(text[i]) >= 0x80) {
      std::size_t end = 0;
      outside = outside || utf8proc_category(point_at(text, i, end)) == UTF8PROC_CATEGORY_ND;
    }
    if (text[i] != '_') {
      kept += text[i];
      continue;
    }
    const auto digit = [&](std::size_t at) { return std::isalnum(static_cast<unsigned char>(text[at])) != 0; };
    if (i == 0 || i + 1 >= text.size() || !digit(i - 1) || !digit(i + 1)) return false;
  }
  return !kept.empty();
}

}  // namespace

std::optional<std::int64_t> to_whole(std::string_view text, int base, bool& outside) {
  std::string kept;
  if ((base != 0 && (base < 2 || base > 36)) || !without_underscores(text, kept, outside)) return std::nullopt;
  const bool negative = kept[0] == '-';
  if (negative || kept[0] == '+') kept.erase(0, 1);
  const char letter = kept.size() > 1 && kept[0] == '0' ? static_cast<char>(kept[1] | 0x20) : ' ';
  const int named = letter == 'x' ? 16 : letter == 'o' ? 8 : letter == 'b' ? 2 : 0;
  if (named != 0 && (base == 0 || base == named)) {
    kept.erase(0, 2);
    base = named;
  } else if (base == 0) {
    if (kept.size() > 1 && kept[0] == '0' && kept.find_first_not_of('0') != std::string::npos) return std::nullopt;
    base = 10;
  }
  if (kept.empty() || kept[0] == '-') return std::nullopt;
  if (negative) kept.insert(0, 1, '-');
  std::int64_t value = 0;
  const auto read = std::from_chars(kept.data(), kept.data() + kept.size(), value, base);
  if (read.ptr != kept.data() + kept.size()) return std::nullopt;
  outside = outside || read.ec == std::errc::result_out_of_range;
  return read.ec == std::errc() ? std::optional(value) : std::nullopt;
}

std::optional<double> to_real(std::string_view text, bool& outside) {
  std::string kept;
  if (!without_underscores(text, kept, outside)) return std::nullopt;
  const char* first = kept.data();
  const char* last = first + kept.size();
  if (*first == '+' && kept.size() > 1 && kept[1] != '-') ++first;
  if (kept.find('(') != std::string::npos) return std::nullopt;  // "nan(1)" is only C's
  double value = 0.0;
  const auto read = std::from_chars(first, last, value);
  if (read.ptr != last || read.ec == std::errc::invalid_argument) return std::nullopt;
  // Out of range the result is an infinity or zero, as strtod gives it.
  return read.ec == std::errc() ? value : std::strtod(first, nullptr);
}

std::string_view strip_set(std::string_view text, std::string_view set, bool left, bool right) {
  const auto first_bytes = [&] {
    std::size_t end = 0;
    point_at(text, 0, end);
    return end;
  };
  const auto last_start = [&] { return previous_start(text, text.size()); };
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
      parts.push_back(text);
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

std::vector<std::string_view> split_at_spaces_from_right(std::string_view text, std::int64_t most) {
  std::vector<std::string_view> parts;
  for (text = rstrip(text); !text.empty(); text = rstrip(text)) {
    if (parts.size() == limit(most)) {
      parts.push_back(text);
      break;
    }
    std::size_t at = text.size();
    while (at > 0) {
      const auto start = previous_start(text, at);
      if (strip(text.substr(start, at - start)).empty()) break;
      at = start;
    }
    parts.push_back(text.substr(at));
    text = text.substr(0, at);
  }
  std::reverse(parts.begin(), parts.end());
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
