#include "reports/numbers.hpp"

#include <fmt/format.h>

#include <array>
#include <cmath>

namespace touchstone::reports {
namespace {

constexpr std::string_view missing = "–";
constexpr std::string_view minus = "−";

std::string with_minus(std::string text) {
  if (text.empty() || text[0] != '-') return text;
  return std::string(minus) + text.substr(1);
}

// "-0.0" would read as a small loss, which it is not.
bool rounds_to_zero(const std::string& text) { return text.find_first_of("123456789") == std::string::npos; }

// A tenth of a point is finer than most samples can resolve; bits a byte differ in the third digit.
int digits_of(const MetricUnit& unit) { return unit.in_points() ? 1 : 3; }

}  // namespace

std::string fixed(double value, int digits) {
  if (!std::isfinite(value)) return std::string(missing);
  auto text = fmt::format("{:.{}f}", value, digits);
  if (rounds_to_zero(text) && text[0] == '-') text.erase(0, 1);
  return with_minus(std::move(text));
}

std::string signed_fixed(double value, int digits) {
  auto text = fixed(value, digits);
  if (!std::isfinite(value) || rounds_to_zero(text) || value < 0) return text;
  return "+" + text;
}

std::string points(double value, const MetricUnit& unit) { return fixed(value * unit.scale, digits_of(unit)); }

std::string change_points(double value, const MetricUnit& unit) {
  return signed_fixed(value * unit.scale, digits_of(unit));
}

std::string interval_points(const Interval& interval, bool with_sign, const MetricUnit& unit) {
  if (!std::isfinite(interval.low) || !std::isfinite(interval.high)) return std::string(missing);
  const auto one = [&](double value) { return with_sign ? change_points(value, unit) : points(value, unit); };
  return "[" + one(interval.low) + ", " + one(interval.high) + "]";
}

std::string p_value(double p) {
  if (!std::isfinite(p)) return std::string(missing);
  if (p < 0.001) return "≤ 0.001";
  return fmt::format("{:.{}f}", p, p < 0.1 ? 3 : 2);
}

std::string count(std::int64_t value) {
  std::string digits = fmt::format("{}", value);
  const std::size_t first = value < 0 ? 1 : 0;
  for (std::size_t at = digits.size(); at > first + 3;) {
    at -= 3;
    digits.insert(at, ",");
  }
  return with_minus(std::move(digits));
}

std::string bytes(std::int64_t value) {
  if (value <= 0) return std::string(missing);
  constexpr std::array<std::string_view, 5> units = {"B", "KiB", "MiB", "GiB", "TiB"};
  auto amount = static_cast<double>(value);
  std::size_t unit = 0;
  while (amount >= 1024.0 && unit + 1 < units.size()) {
    amount /= 1024.0;
    ++unit;
  }
  return fmt::format("{:.{}f} {}", amount, unit > 1 && amount < 100.0 ? 1 : 0, units[unit]);
}

std::string duration(double seconds) {
  if (!std::isfinite(seconds) || seconds < 0) return std::string(missing);
  if (seconds < 10) return fmt::format("{:.1f} s", seconds);
  const auto whole = static_cast<std::int64_t>(std::llround(seconds));
  if (whole < 60) return fmt::format("{} s", whole);
  if (whole < 3600) return fmt::format("{} min {} s", whole / 60, whole % 60);
  return fmt::format("{} h {} min", whole / 3600, whole % 3600 / 60);
}

std::string significant(double value, int digits) {
  if (!std::isfinite(value)) return std::string(missing);
  return with_minus(fmt::format("{:.{}g}", value, digits));
}

std::string short_hash(std::string_view hash) { return std::string(hash.substr(0, 12)); }

std::string exact(double value) { return std::isfinite(value) ? fmt::format("{}", value) : std::string(); }

std::string brief(double value) { return std::isfinite(value) ? fmt::format("{:.6g}", value) : std::string(); }

std::string counted(std::int64_t value, std::string_view singular) {
  return count(value) + " " + std::string(singular) + (value == 1 ? "" : "s");
}

}  // namespace touchstone::reports
