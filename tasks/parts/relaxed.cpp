#include "tasks/parts/relaxed.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <optional>
#include <string>

#include "harness/base/text.hpp"
#include "tasks/parts/filters.hpp"

namespace touchstone {
namespace {

constexpr double tolerance = 0.05;
constexpr std::string_view punctuation_marks = "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~";

/// Removes the signs of `what` from the end.
std::string without_end(std::string_view text, const std::string& what) {
  const auto last = text.find_last_not_of(what);
  return std::string(text.substr(0, last == std::string_view::npos ? 0 : last + 1));
}

/// A prediction or a gold answer in the form in which it is compared.
std::string cleaned(std::string_view text) {
  if (text.find_first_of("0123456789") != std::string_view::npos) {
    auto ends = std::string(punctuation_marks) + " \t\n";
    std::erase(ends, '%');
    auto number = without_end(text, ends);
    std::erase_if(number, [](char c) { return c == ',' || c == '$'; });
    return number;
  }
  if (text.size() > 1 && (text.front() == '"' || text.front() == '\'') && text.back() == text.front()) {
    text = text.substr(1, text.size() - 2);
  }
  return std::string(text);
}

struct Number {
  double value = 0.0;
  bool percent = false;
};

std::optional<Number> number_in(std::string_view text) {
  Number number;
  if (!text.empty() && text.back() == '%') {
    number.percent = true;
    text.remove_suffix(1);
  }
  text = strip(text);
  if (!text.empty() && text.front() == '+') text.remove_prefix(1);
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), number.value);
  if (failed != std::errc() || end != text.data() + text.size() || !std::isfinite(number.value)) return std::nullopt;
  return number;
}

bool near(double prediction, double gold) {
  return std::abs(prediction - gold) / std::max(std::abs(gold), 1e-10) <= tolerance;
}

}  // namespace

bool relaxed_equal(std::string_view prediction, std::string_view gold) {
  const auto found = cleaned(prediction);
  const auto wanted = cleaned(gold);
  const auto p = number_in(found);
  const auto t = number_in(wanted);
  if (p && t) {
    if (near(p->value, t->value)) return true;
    if (p->percent && near(p->value / 100, t->value)) return true;
    if (t->percent && near(p->value, t->value / 100)) return true;
    return false;
  }
  if (wanted.size() == 1 && std::isalpha(static_cast<unsigned char>(wanted[0])) != 0) {
    return !found.empty() && lower(found.substr(0, 1)) == lower(wanted);
  }
  return lower(without_end(found, std::string(punctuation_marks))) == lower(wanted);
}

}  // namespace touchstone
