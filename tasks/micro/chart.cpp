#include "tasks/micro/chart.hpp"

#include <algorithm>
#include <numeric>
#include <set>

#include "harness/base/json.hpp"

namespace touchstone::micro {
namespace {

/// A possible topic of a chart: a title, its x values in their order, and the names of its one or two series.
struct Subject {
  std::string_view title;
  std::array<std::string_view, 7> labels;
  std::array<std::string_view, 2> series;
};

constexpr std::array<Subject, 6> subjects = {
    Subject{"Rain", {"Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"}, {"north", "south"}},
    Subject{"Visitors", {"May", "June", "July", "August", "March", "April", "October"}, {"old", "young"}},
    Subject{"Fruit sold", {"apples", "pears", "plums", "figs", "cherries", "lemons", "melons"}, {"morning", "evening"}},
    Subject{"Animals seen", {"birds", "foxes", "hares", "frogs", "snakes", "deer", "bats"}, {"day", "night"}},
    Subject{"Books read", {"Anna", "Ben", "Clara", "David", "Emma", "Felix", "Grace"}, {"long", "short"}},
    Subject{"Votes", {"red", "blue", "green", "yellow", "white", "black", "brown"}, {"first", "second"}}};

constexpr std::array<Subject, 4> new_subjects = {
    Subject{"Tools made", {"saws", "nails", "drills", "hinges", "bolts", "screws", "clamps"}, {"steel", "brass"}},
    Subject{"Boats in port", {"1990", "1991", "1992", "1993", "1994", "1995", "1996"}, {"sail", "motor"}},
    Subject{"Cups of tea", {"Oslo", "Rome", "Lima", "Cairo", "Delhi", "Quito", "Tunis"}, {"mint", "black"}},
    Subject{"Runs", {"Ivo", "Jana", "Kiri", "Lars", "Mona", "Nils", "Olga"}, {"home", "away"}}};

/// Different multiples of `step` from `first` to `last`, so that the largest, the smallest and the order are
/// clear.
std::vector<int> different(std::size_t count, int first, int last, int step, Draws& draws) {
  std::set<int> seen;
  std::vector<int> values;
  while (values.size() < count) {
    const int value = step * between((first + step - 1) / step, last / step, draws);
    if (seen.insert(value).second) values.push_back(value);
  }
  return values;
}

/// Different multiples of `step` that add up to a hundred; `step` divides it.
std::vector<int> shares(std::size_t count, int step, Draws& draws) {
  while (true) {
    auto values = different(count - 1, 3, 94, step, draws);
    int left = 100;
    for (const int value : values) left -= value;
    if (left >= 3 && std::count(values.begin(), values.end(), left) == 0) {
      values.push_back(left);
      return values;
    }
  }
}

ChartType draw_type(bool two, bool new_types, Draws& draws) {
  static constexpr std::array known_ones = {ChartType::bar, ChartType::line, ChartType::pie};
  static constexpr std::array new_ones = {ChartType::horizontal_bar, ChartType::scatter};
  if (two) return new_types ? ChartType::stacked_bar : ChartType::grouped_bar;
  return new_types ? pick(new_ones, draws) : pick(known_ones, draws);
}

/// The way questions name a value: "apples", or with two series "apples in the morning".
std::string named(const Chart& chart, std::size_t series, std::size_t label) {
  return chart.series.size() == 1 ? chart.labels[label] : chart.series[series] + " of " + chart.labels[label];
}

struct Cell {
  std::size_t series;
  std::size_t label;
};
Cell draw_cell(const Chart& chart, Draws& draws) {
  return {draws.below(chart.series.size()), draws.below(chart.labels.size())};
}

ChartQuestion reading_question(const Chart& chart, Draws& draws) {
  const auto at = draw_cell(chart, draws);
  const auto value = std::to_string(chart.values[at.series][at.label]);
  const auto name = named(chart, at.series, at.label);
  const bool by_value = chart.series.size() == 1 && chance(30, draws);
  if (by_value) {
    return {ChartFamily::reading,
            "Which has the value " + value + "?",
            name,
            {"Look for " + value + ".", "It is " + name + "."}};
  }
  return {ChartFamily::reading,
          "What is the value of " + name + "?",
          value,
          {"Look for " + name + ".", "Its value is " + value + "."}};
}

ChartQuestion extreme(const Chart& chart, Draws& draws) {
  const auto series = draws.below(chart.series.size());
  const auto& values = chart.values[series];
  const bool largest = chance(50, draws);
  const auto at =
      largest ? std::max_element(values.begin(), values.end()) : std::min_element(values.begin(), values.end());
  const auto& label = chart.labels[static_cast<std::size_t>(at - values.begin())];
  const std::string word = largest ? "largest" : "smallest";
  std::string list;
  for (const int value : values) list += (list.empty() ? "" : ", ") + std::to_string(value);
  return {ChartFamily::comparing,
          chart.series.size() == 1 ? "Which is the " + word + "?"
                                   : "Which is the " + word + " of " + chart.series[series] + "?",
          label,
          {"The values are " + list + ".", "The " + word + " is " + std::to_string(*at) + ".", "It is " + label + "."}};
}

ChartQuestion larger_of_two(const Chart& chart, Draws& draws) {
  const auto series = draws.below(chart.series.size());
  const auto a = draws.below(chart.labels.size());
  const auto b = (a + 1 + draws.below(chart.labels.size() - 1)) % chart.labels.size();
  const int first = chart.values[series][a], second = chart.values[series][b];
  return {ChartFamily::comparing,
          "Is " + named(chart, series, a) + " more than " + named(chart, series, b) + "?",
          first > second ? "Yes" : "No",
          {"The first is " + std::to_string(first) + ".", "The second is " + std::to_string(second) + "."}};
}

ChartQuestion counting(const Chart& chart, Draws& draws) {
  if (chance(30, draws)) {
    const auto count = std::to_string(chart.labels.size());
    return {ChartFamily::counting, "How many labels are there?", count, {"Count the labels: " + count + "."}};
  }
  const auto series = draws.below(chart.series.size());
  const auto& values = chart.values[series];
  const auto [low, high] = std::minmax_element(values.begin(), values.end());
  const int bound = between(*low, *high, draws) / 5 * 5;
  const auto count =
      std::to_string(std::count_if(values.begin(), values.end(), [&](int value) { return value > bound; }));
  const auto of = chart.series.size() == 1 ? "" : " of " + chart.series[series];
  return {ChartFamily::counting,
          "How many" + of + " are more than " + std::to_string(bound) + "?",
          count,
          {"Hold each value against " + std::to_string(bound) + ".", "Count: " + count + "."}};
}

ChartQuestion sums_question(const Chart& chart, Draws& draws) {
  const auto series = draws.below(chart.series.size());
  const auto a = draws.below(chart.labels.size());
  const auto b = (a + 1 + draws.below(chart.labels.size() - 1)) % chart.labels.size();
  const int first = chart.values[series][a], second = chart.values[series][b];
  const bool plus = chance(50, draws);
  const int result = plus ? first + second : std::abs(first - second);
  const auto both = named(chart, series, a) + " and " + named(chart, series, b);
  return {ChartFamily::sums,
          (plus ? "What is the sum of " : "What is the difference of ") + both + "?",
          std::to_string(result),
          {"The values are " + std::to_string(first) + " and " + std::to_string(second) + ".",
           std::string(plus ? "Their sum" : "Their difference") + " is " + std::to_string(result) + "."}};
}

ChartQuestion trend(const Chart& chart, Draws& draws) {
  const auto series = draws.below(chart.series.size());
  const auto& values = chart.values[series];
  const auto of = chart.series.size() == 1 ? "the value" : chart.series[series];
  const bool rises = values.back() > values.front();
  return {
      ChartFamily::trend,
      "From " + chart.labels.front() + " to " + chart.labels.back() + ", does " + of + " rise or fall?",
      rises ? "rise" : "fall",
      {"The first is " + std::to_string(values.front()) + ".", "The last is " + std::to_string(values.back()) + "."}};
}

}  // namespace

const char* chart_type_name(ChartType type) {
  static constexpr std::array<const char*, 7> fixed_names = {"bar",         "horizontal bar", "line",       "pie",
                                                             "scatterplot", "grouped bar",    "stacked bar"};
  return fixed_names[static_cast<std::size_t>(type)];
}

const char* chart_family_name(ChartFamily family) {
  static constexpr std::array<const char*, 5> fixed_names = {"reading", "comparing", "counting", "sums", "trend"};
  return fixed_names[static_cast<std::size_t>(family)];
}

std::string asked_and_answered(const ChartQuestion& question) {
  return "Question: " + question.text + "\nAnswer: " + question.answer;
}

Chart draw_chart(const ChartRange& range, Draws& draws) {
  const auto& topic = range.new_words ? pick(new_subjects, draws) : pick(subjects, draws);
  const auto count = static_cast<std::size_t>(between(range.labels_first, range.labels_last, draws));
  Chart chart;
  chart.title = topic.title;
  const bool two = chance(15, draws) && !range.bars_alone;
  chart.type = range.bars_alone ? ChartType::bar : draw_type(two, range.new_types, draws);
  const auto first = draws.below(topic.labels.size() - count + 1);
  for (std::size_t i = 0; i < count; ++i) chart.labels.emplace_back(topic.labels[first + i]);
  chart.series =
      two ? std::vector<std::string>(topic.series.begin(), topic.series.end()) : std::vector<std::string>{"value"};
  // Half of the charts have small values, of which there must be enough different ones.
  const int small =
      std::max({range.value_first + 20, range.value_last / 3, range.value_step * (static_cast<int>(count) + 4)});
  const int last = chance(50, draws) ? range.value_last : small;
  for (std::size_t i = 0; i < chart.series.size(); ++i) {
    chart.values.push_back(chart.type == ChartType::pie
                               ? shares(count, range.value_step, draws)
                               : different(count, range.value_first, last, range.value_step, draws));
  }
  chart.style = draws.next();
  return chart;
}

ChartFamily draw_family(bool known_only, Draws& draws) {
  static constexpr std::array<std::pair<ChartFamily, std::uint64_t>, 5> family_shares = {{{ChartFamily::reading, 40},
                                                                                          {ChartFamily::comparing, 30},
                                                                                          {ChartFamily::counting, 12},
                                                                                          {ChartFamily::trend, 6},
                                                                                          {ChartFamily::sums, 12}}};
  auto drawn = draws.below(known_only ? 88 : 100);
  for (const auto& [family, share] : family_shares) {
    if (drawn < share) return family;
    drawn -= share;
  }
  return ChartFamily::reading;
}

std::optional<ChartQuestion> ask_chart(const Chart& chart, ChartFamily family, Draws& draws) {
  if (chart.labels.size() < 2 || chart.series.empty()) return std::nullopt;
  switch (family) {
    case ChartFamily::reading:
      return reading_question(chart, draws);
    case ChartFamily::comparing:
      return chance(70, draws) ? extreme(chart, draws) : larger_of_two(chart, draws);
    case ChartFamily::counting:
      return counting(chart, draws);
    case ChartFamily::sums:
      return sums_question(chart, draws);
    case ChartFamily::trend:
      return trend(chart, draws);
  }
  return std::nullopt;
}

AskedChart draw_asked_chart(const ChartRange& range, Part part, Draws& draws) {
  while (true) {
    auto chart = draw_chart(range, draws);
    auto question = ask_chart(chart, draw_family(part == Part::corpus, draws), draws);
    // All questions on a table belong to the same part: a training question would reveal the answers to others on it.
    if (question && part_of("chart|" + chart_table(chart), {60, 20, 5}) == part)
      return {std::move(chart), std::move(*question)};
  }
}

Chart in_any_order(const Chart& chart, Draws& draws) {
  std::vector<std::size_t> order(chart.labels.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  shuffle(order, draws);
  auto other = chart;
  for (std::size_t i = 0; i < order.size(); ++i) {
    other.labels[i] = chart.labels[order[i]];
    for (std::size_t s = 0; s < chart.values.size(); ++s) other.values[s][i] = chart.values[s][order[i]];
  }
  return other;
}

std::string chart_table(const Chart& chart) {
  std::string text = "Chart: " + chart.title + " (" + chart_type_name(chart.type) + ")\n";
  if (chart.series.size() > 1) {
    for (const auto& name : chart.series) text += " | " + name;
    text += '\n';
  }
  for (std::size_t i = 0; i < chart.labels.size(); ++i) {
    text += chart.labels[i];
    for (const auto& values : chart.values) text += " | " + std::to_string(values[i]);
    text += '\n';
  }
  return text;
}

std::string chart_json(const Chart& chart) {
  Json table = {{"columns", Json::array({"label"})}, {"rows", Json::array()}};
  for (const auto& name : chart.series) table["columns"].push_back(name);
  for (std::size_t i = 0; i < chart.labels.size(); ++i) {
    Json row = Json::array({chart.labels[i]});
    for (const auto& values : chart.values) row.push_back(std::to_string(values[i]));
    table["rows"].push_back(std::move(row));
  }
  return table.dump();
}

std::string ask_again(const AskedChart& asked, int more, Draws& draws) {
  auto text = asked_and_answered(asked.question);
  for (; more > 0; --more) {
    if (const auto next = ask_chart(asked.chart, draw_family(true, draws), draws)) {
      text += "\n\n" + asked_and_answered(*next);
    }
  }
  return text;
}

std::string charts(Draws& draws) {
  const auto asked = draw_asked_chart({}, Part::corpus, draws);
  return chart_table(asked.chart) + ask_again(asked, between(0, 2, draws), draws);
}

}  // namespace touchstone::micro
