#include "harness/cli/checks.hpp"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <charconv>
#include <functional>
#include <utility>

#include "harness/base/one_line.hpp"
#include "harness/base/text.hpp"

namespace touchstone {
namespace {

/// `expected` continues the message; --help shows `shown` beside the option's type.
CLI::Validator check(std::function<bool(const std::string&)> fits, std::string expected, std::string shown) {
  return {[fits = std::move(fits), expected = std::move(expected)](std::string& found) {
            return fits(found) ? std::string() : "found '" + one_line(found, 80) + "', expected " + expected;
          },
          std::move(shown)};
}

/// Reads the whole text as a number.
template <class Number>
bool read(const std::string& text, Number& value) {
  const auto* end = text.data() + text.size();
  const auto [last, error] = std::from_chars(text.data(), end, value);
  return error == std::errc() && last == end;
}

}  // namespace

CLI::Validator whole_number(std::int64_t min, std::uint64_t max) {
  const auto range = max >= INT64_MAX ? fmt::format("of at least {}", min) : fmt::format("in [{}, {}]", min, max);
  const auto fits = [min, max](const std::string& text) {
    std::int64_t below = 0;
    if (text.starts_with('-')) return read(text, below) && below >= min;
    std::uint64_t value = 0;
    return read(text, value) && std::cmp_greater_equal(value, min) && value <= max;
  };
  return check(fits, "a whole number " + range, range);
}

CLI::Validator seed_number() { return whole_number(0, UINT64_MAX); }

CLI::Validator number(double min, double max) {
  const auto range = fmt::format("in [{:g}, {:g}]", min, max);
  const auto fits = [min, max](const std::string& text) {
    double value = 0.0;
    return read(text, value) && value >= min && value <= max;
  };
  return check(fits, "a number " + range, range);
}

CLI::Validator true_or_false() {
  return check([](const std::string& text) { return text == "true" || text == "false"; }, "true or false",
               "true or false");
}

CLI::Validator one_of(std::vector<std::string> choices) {
  const auto listed = join(choices, ", ");
  const auto fits = [choices = std::move(choices)](const std::string& text) {
    return std::find(choices.begin(), choices.end(), text) != choices.end();
  };
  return check(fits, "one of " + listed, "{" + listed + "}");
}

}  // namespace touchstone
