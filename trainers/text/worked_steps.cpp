#include "trainers/text/worked_steps.hpp"

#include <cctype>
#include <charconv>
#include <cstdint>
#include <map>
#include <optional>
#include <string_view>

#include "harness/base/text.hpp"

namespace touchstone {
namespace {

using Values = std::map<std::string, std::string>;

/// "a sign b" of two whole numbers.
struct Sum {
  std::int64_t a = 0;
  char sign = '+';
  std::int64_t b = 0;

  std::string text() const { return std::to_string(a) + sign + std::to_string(b); }
  /// None where the result is no whole number, or below zero.
  std::optional<std::int64_t> value() const {
    std::int64_t result = 0;
    const bool fits = sign == '+'   ? !__builtin_add_overflow(a, b, &result)
                      : sign == '-' ? !__builtin_sub_overflow(a, b, &result)
                      : sign == '*' ? !__builtin_mul_overflow(a, b, &result)
                                    : b != 0 && a % b == 0;
    if (!fits) return std::nullopt;
    if (sign == '/') result = a / b;
    return result < 0 ? std::nullopt : std::optional(result);
  }
};

std::optional<Sum> read_sum(std::string_view text) {
  Sum sum;
  const auto* end = text.data() + text.size();
  const auto first = std::from_chars(text.data(), end, sum.a);
  if (first.ec != std::errc() || first.ptr == end ||
      std::string_view("+-*/").find(*first.ptr) == std::string_view::npos)
    return std::nullopt;
  sum.sign = *first.ptr;
  const auto second = std::from_chars(first.ptr + 1, end, sum.b);
  if (second.ec != std::errc() || second.ptr != end || sum.a < 0 || sum.b < 0) return std::nullopt;
  return sum;
}

/// The text with whole numbers replaced as `values` says.
std::string renamed(std::string_view text, const Values& values) {
  std::string out;
  for (std::size_t at = 0; at < text.size();) {
    if (!is_digit(text[at])) {
      out += text[at++];
      continue;
    }
    auto end = at;
    while (end < text.size() && is_digit(text[end])) ++end;
    const std::string number(text.substr(at, end - at));
    const auto found = values.find(number);
    out += found == values.end() ? number : found->second;
    at = end;
  }
  return out;
}

/// "<<sum=result>>" within a text.
struct Step {
  std::size_t first = 0;  ///< of "<<"
  std::size_t last = 0;   ///< behind ">>"
  std::string sum;
  std::string result;
};

std::optional<Step> next_step(const std::string& text, std::size_t from) {
  Step step;
  step.first = text.find("<<", from);
  const auto close = text.find(">>", step.first);
  if (step.first == std::string::npos || close == std::string::npos) return std::nullopt;
  step.last = close + 2;
  const auto inside = text.substr(step.first + 2, close - step.first - 2);
  const auto equals = inside.find('=');
  step.sum = inside.substr(0, equals);
  if (equals != std::string::npos) step.result = inside.substr(equals + 1);
  return step;
}

/// The solution with `made` in place of the sum of `step`, and all later results recomputed.
std::optional<std::string> carried_on(const std::string& solution, const Step& step, const Sum& made) {
  auto out = solution.substr(0, step.first);
  const auto spoken = step.sum + "=";  // "5+3=<<5+3=8>>8" says the sum in words of its own, too
  if (out.ends_with(spoken)) out.replace(out.size() - spoken.size(), spoken.size(), made.text() + "=");
  Values values;
  const auto write = [&](const Step& old, const Sum& sum) {
    const auto result = sum.value();
    if (!result) return false;
    const auto text = std::to_string(*result);
    if (text != old.result) values[old.result] = text;
    out += "<<" + sum.text() + "=" + text + ">>";
    return true;
  };
  if (!write(step, made)) return std::nullopt;
  for (auto at = step.last;;) {
    const auto next = next_step(solution, at);
    out += renamed(std::string_view(solution).substr(at, (next ? next->first : solution.size()) - at), values);
    if (!next) return out;
    const auto sum = read_sum(renamed(next->sum, values));
    if (!sum || !write(*next, *sum)) return std::nullopt;
    at = next->last;
  }
}

char opposite(char sign) { return sign == '+' ? '-' : sign == '-' ? '+' : sign == '*' ? '/' : '*'; }

}  // namespace

std::vector<std::string> changed_steps(const std::string& solution) {
  std::vector<std::string> all;
  for (std::size_t at = 0;;) {
    const auto step = next_step(solution, at);
    if (!step) return all;
    at = step->last;
    const auto sum = read_sum(step->sum);
    if (!sum) continue;
    const Sum others[] = {{sum->a, opposite(sum->sign), sum->b},
                          {sum->a + 1, sum->sign, sum->b},
                          {sum->a - 1, sum->sign, sum->b},
                          {sum->a, sum->sign, sum->b + 1},
                          {sum->a, sum->sign, sum->b - 1}};
    for (const auto& other : others) {
      if (other.a < 0 || other.b < 0) continue;
      if (auto made = carried_on(solution, *step, other)) all.push_back(std::move(*made));
    }
  }
}

}  // namespace touchstone
