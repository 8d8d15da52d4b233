#include "tasks/micro/function_steps.hpp"

#include <algorithm>
#include <numeric>

namespace touchstone::micro {
namespace {

using Text = std::string;

template <class Value>
void take(Value& value, int count) {
  value.resize(std::min(value.size(), static_cast<std::size_t>(count)));
}

template <class Value>
void drop(Value& value, int count) {
  value.erase(value.begin(), value.begin() + std::min<std::ptrdiff_t>(count, std::ssize(value)));
}

template <class Value>
void take_last(Value& value, int count) {
  drop(value, std::max(0, static_cast<int>(value.size()) - count));
}

template <class Value>
void every_second(Value& value) {
  for (std::size_t i = 0; 2 * i < value.size(); ++i) value[i] = value[2 * i];
  value.resize((value.size() + 1) / 2);
}

template <class Change>
void each(Numbers& values, const Change& change) {
  std::transform(values.begin(), values.end(), values.begin(), change);
}

// The first steps are those of the corpus.
constexpr std::size_t known_number_steps = 10;
constexpr std::array<Step<Numbers>, 15> steps_on_numbers = {{
    {"double",
     {"double each number"},
     "{v} = [x * 2 for x in {v}]",
     [](Numbers& v, const Constants&) { each(v, [](int x) { return x * 2; }); }},
    {"add",
     {"add {k} to each number", "raise each number by {k}"},
     "{v} = [x + {k} for x in {v}]",
     [](Numbers& v, const Constants& by) { each(v, [&](int x) { return x + by.k; }); }},
    {"even",
     {"keep the even numbers"},
     "{v} = [x for x in {v} if x % 2 == 0]",
     [](Numbers& v, const Constants&) { std::erase_if(v, [](int x) { return x % 2 != 0; }); }},
    {"odd",
     {"keep the odd numbers"},
     "{v} = [x for x in {v} if x % 2 == 1]",
     [](Numbers& v, const Constants&) { std::erase_if(v, [](int x) { return x % 2 != 1; }); }},
    {"above",
     {"keep the numbers above {k}", "keep numbers greater than {k}"},
     "{v} = [x for x in {v} if x > {k}]",
     [](Numbers& v, const Constants& by) { std::erase_if(v, [&](int x) { return x <= by.k; }); }},
    {"reverse",
     {"reverse the list", "turn the list around"},
     "{v} = {v}[::-1]",
     [](Numbers& v, const Constants&) { std::reverse(v.begin(), v.end()); }},
    {"sort",
     {"sort the list"},
     "{v} = sorted({v})",
     [](Numbers& v, const Constants&) { std::sort(v.begin(), v.end()); }},
    {"first",
     {"take the first {k} numbers"},
     "{v} = {v}[:{k}]",
     [](Numbers& v, const Constants& by) { take(v, by.k); }},
    {"drop", {"drop the first {k} numbers"}, "{v} = {v}[{k}:]", [](Numbers& v, const Constants& by) { drop(v, by.k); }},
    {"square",
     {"square each number"},
     "{v} = [x * x for x in {v}]",
     [](Numbers& v, const Constants&) { each(v, [](int x) { return x * x; }); }},
    {"below",
     {"keep the numbers below {k}"},
     "{v} = [x for x in {v} if x < {k}]",
     [](Numbers& v, const Constants& by) { std::erase_if(v, [&](int x) { return x >= by.k; }); }},
    {"second", {"take every second number"}, "{v} = {v}[::2]", [](Numbers& v, const Constants&) { every_second(v); }},
    {"times",
     {"multiply each number by {k}"},
     "{v} = [x * {k} for x in {v}]",
     [](Numbers& v, const Constants& by) { each(v, [&](int x) { return x * by.k; }); },
     3},
    {"last",
     {"take the last {k} numbers"},
     "{v} = {v}[-{k}:]",
     [](Numbers& v, const Constants& by) { take_last(v, by.k); }},
    {"twice",
     {"repeat the list twice"},
     "{v} = {v} + {v}",
     [](Numbers& v, const Constants&) {
       const Numbers once = v;
       v.insert(v.end(), once.begin(), once.end());
     }},
}};

constexpr std::array<Last<Numbers>, 5> number_lasts = {{
    {"sum", "return the sum", "return sum({v})",
     [](const Numbers& v, const Constants&) { return std::to_string(std::accumulate(v.begin(), v.end(), 0)); }},
    {"length", "return the length", "return len({v})",
     [](const Numbers& v, const Constants&) { return std::to_string(v.size()); }},
    {"list", "return the list", "return {v}", [](const Numbers& v, const Constants&) { return printed(v); }},
    {"largest", "return the largest", "return max({v}, default=0)",
     [](const Numbers& v, const Constants&) {
       return std::to_string(v.empty() ? 0 : *std::max_element(v.begin(), v.end()));
     }},
    {"smallest", "return the smallest", "return min({v}, default=0)",
     [](const Numbers& v, const Constants&) {
       return std::to_string(v.empty() ? 0 : *std::min_element(v.begin(), v.end()));
     }},
}};

constexpr std::size_t known_text_steps = 7;
constexpr std::array<Step<Text>, 11> steps_on_texts = {{
    {"upper",
     {"make it upper case"},
     "{v} = {v}.upper()",
     [](Text& v, const Constants&) {
       for (char& c : v) c = static_cast<char>(c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c);
     }},
    {"reverse",
     {"reverse the text", "turn the text around"},
     "{v} = {v}[::-1]",
     [](Text& v, const Constants&) { std::reverse(v.begin(), v.end()); }},
    {"first", {"take the first {k} letters"}, "{v} = {v}[:{k}]", [](Text& v, const Constants& by) { take(v, by.k); }},
    {"drop", {"drop the first {k} letters"}, "{v} = {v}[{k}:]", [](Text& v, const Constants& by) { drop(v, by.k); }},
    {"repeat",
     {"repeat it {k} times"},
     "{v} = {v} * {k}",
     [](Text& v, const Constants& by) {
       Text all;
       for (int i = 0; i < by.k; ++i) all += v;
       v = all;
     }},
    {"remove",
     {"remove every {c}"},
     "{v} = {v}.replace('{c}', '')",
     [](Text& v, const Constants& by) { std::erase(v, by.c); }},
    {"replace",
     {"replace {c} by {d}"},
     "{v} = {v}.replace('{c}', '{d}')",
     [](Text& v, const Constants& by) { std::replace(v.begin(), v.end(), by.c, by.d); }},
    {"last",
     {"take the last {k} letters"},
     "{v} = {v}[-{k}:]",
     [](Text& v, const Constants& by) { take_last(v, by.k); }},
    {"second", {"take every second letter"}, "{v} = {v}[::2]", [](Text& v, const Constants&) { every_second(v); }},
    {"append", {"add {c} at the end"}, "{v} = {v} + '{c}'", [](Text& v, const Constants& by) { v += by.c; }},
    {"prepend", {"put {c} in front"}, "{v} = '{c}' + {v}", [](Text& v, const Constants& by) { v.insert(0, 1, by.c); }},
}};

constexpr std::array<Last<Text>, 3> text_lasts = {{
    {"text", "return the text", "return {v}", [](const Text& v, const Constants&) { return printed(v); }},
    {"length", "return the length", "return len({v})",
     [](const Text& v, const Constants&) { return std::to_string(v.size()); }},
    {"count", "count the letter {c}", "return {v}.count('{c}')",
     [](const Text& v, const Constants& by) { return std::to_string(std::count(v.begin(), v.end(), by.c)); }},
}};

}  // namespace

Steps<Numbers> number_steps() {
  return {.steps = steps_on_numbers, .known = known_number_steps, .lasts = number_lasts};
}

Steps<Text> text_steps() { return {.steps = steps_on_texts, .known = known_text_steps, .lasts = text_lasts}; }

std::string printed(const Numbers& values) {
  std::string text;
  for (const int value : values) text += (text.empty() ? "" : ", ") + std::to_string(value);
  return "[" + text + "]";
}

std::string printed(const std::string& text) { return "'" + text + "'"; }

}  // namespace touchstone::micro
