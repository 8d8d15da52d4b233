#pragma once
#include <array>
#include <span>
#include <string>
#include <string_view>
#include <vector>

// The building blocks of the functions of micro-humaneval.
namespace touchstone::micro {

/// The constants of one step.
struct Constants {
  int k = 0;
  char c = 'a';
  char d = 'f';
};

using Numbers = std::vector<int>;

/// A step on a value: its description ({k}, {c}, {d} are its constants), its Python code ({v} is the variable), and the
/// same in C++.
template <class Value>
struct Step {
  std::string_view name;
  std::array<std::string_view, 2> wordings;  ///< the second may be empty
  std::string_view code;
  void (*apply)(Value&, const Constants&);
  int k_least = 0;  ///< with smaller constants it would be another step
};

/// The final return value, as Python prints it.
template <class Value>
struct Last {
  std::string_view name;
  std::string_view wording;
  std::string_view code;
  std::string (*result)(const Value&, const Constants&);
};

/// All steps on one type of value.
template <class Value>
struct Steps {
  std::span<const Step<Value>> steps;
  std::size_t known = 0;  ///< the first ones are those in the corpus
  std::span<const Last<Value>> lasts;
};

Steps<Numbers> number_steps();
Steps<std::string> text_steps();

/// As Python prints it: "[1, 2]", "'abc'".
std::string printed(const Numbers& values);
std::string printed(const std::string& text);

}  // namespace touchstone::micro
