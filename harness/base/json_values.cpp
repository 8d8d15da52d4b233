#include "harness/base/json_values.hpp"

#include <charconv>
#include <cmath>
#include <limits>

#include "harness/base/object_reader.hpp"
#include "harness/base/utf8.hpp"

namespace touchstone {
namespace {

[[noreturn]] void no_value(const Json& found, const std::string& expected) {
  throw Error(Fault::data, "found " + shown_json(found) + ", expected " + expected);
}

std::string from_digits(const Json& json) {
  const std::string expected = "an even number of hexadecimal digits";
  if (!json.is_string()) no_value(json, expected);
  const auto& digits = json.get_ref<const std::string&>();
  if (digits.size() % 2 != 0) no_value(json, expected);
  std::string bytes;
  for (std::size_t at = 0; at < digits.size(); at += 2) {
    unsigned byte = 0;
    const auto* end = digits.data() + at + 2;
    if (std::from_chars(digits.data() + at, end, byte, 16).ptr != end) no_value(json, expected);
    bytes += static_cast<char>(byte);
  }
  return bytes;
}

}  // namespace

Json number_json(double value) {
  if (std::isfinite(value)) return value;
  return std::isnan(value) ? "nan" : value > 0 ? "inf" : "-inf";
}

double number_from(const Json& json) {
  if (json.is_number()) return json.get<double>();
  if (json.is_null() || json == "nan") return std::numeric_limits<double>::quiet_NaN();
  if (json == "inf") return std::numeric_limits<double>::infinity();
  if (json == "-inf") return -std::numeric_limits<double>::infinity();
  no_value(json, "a number, nan, inf or -inf");
}

Json number_or_null(double value) { return std::isfinite(value) ? Json(value) : Json(nullptr); }

void put_text(Json& object, std::string_view text) {
  object["text"] = to_utf8(text);
  if (is_utf8(text)) return;
  static constexpr char digits[] = "0123456789abcdef";
  std::string hex;
  for (const auto byte : text) {
    hex += digits[static_cast<unsigned char>(byte) >> 4U];
    hex += digits[static_cast<unsigned char>(byte) & 15U];
  }
  object["bytes"] = hex;
}

std::string text_from(const Json& object) {
  if (const auto bytes = object.find("bytes"); bytes != object.end()) return from_digits(*bytes);
  const auto& text = object.at("text");
  if (text.is_string()) return text.get<std::string>();
  if (!text.is_array()) no_value(text, "a text");
  std::string all;
  for (const auto& byte : text) all += static_cast<char>(whole_number(byte, 0, 255));
  return all;
}

}  // namespace touchstone
