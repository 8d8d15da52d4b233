#include "tasks/micro/common.hpp"

#include <algorithm>

namespace touchstone::micro {

std::string fill(std::string_view pattern, std::initializer_list<Filling> fillings) {
  std::string text;
  text.reserve(pattern.size() + 32);
  while (!pattern.empty()) {
    const auto open = pattern.find('{');
    text += pattern.substr(0, open);
    if (open == std::string_view::npos) break;
    const auto close = pattern.find('}', open);
    const auto name = pattern.substr(open + 1, close - open - 1);
    const auto found =
        std::find_if(fillings.begin(), fillings.end(), [&](const Filling& filling) { return filling.name == name; });
    text += found == fillings.end() ? pattern.substr(open, close - open + 1) : found->text;
    pattern.remove_prefix(close + 1);
  }
  return text;
}

std::vector<std::string_view> others(const std::array<std::string_view, 12>& pool, std::size_t but, std::size_t count,
                                     Draws& draws) {
  std::vector<std::string_view> values;
  for (std::size_t i = 0; i < pool.size(); ++i) {
    if (i != but) values.push_back(pool[i]);
  }
  shuffle(values, draws);
  values.resize(count);
  return values;
}

std::string cased(std::string name, bool lower_case) {
  if (!lower_case && !name.empty()) name[0] = static_cast<char>(name[0] - 'a' + 'A');
  return name;
}

}  // namespace touchstone::micro
