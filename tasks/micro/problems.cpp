#include "tasks/micro/problems.hpp"

#include <algorithm>
#include <span>

#include "harness/base/text.hpp"
#include "tasks/micro/words.hpp"

namespace touchstone::micro {
namespace {

enum class Event : std::uint8_t { gain, lose, packs, twice, share, days, thrice };
constexpr std::array known_ones = {Event::gain, Event::lose, Event::packs, Event::twice};
constexpr std::array new_ones = {Event::share, Event::days, Event::thrice};

/// Wordings of an event; {n} is a person, {it} the things, {a} and {b} its numbers.
std::span<const std::string_view> wordings(Event event) {
  static constexpr std::array<std::string_view, 3> gain_verbs = {"{n} gets {a} more {it}.", "Then {n} finds {a} {it}.",
                                                                 "A friend gives {n} {a} {it}."};
  static constexpr std::array<std::string_view, 3> lose_verbs = {
      "{n} loses {a} {it}.", "{n} gives {a} {it} to a friend.", "Then {n} sells {a} {it}."};
  static constexpr std::array<std::string_view, 2> pack_nouns = {"{n} buys {a} packs of {b} {it}.",
                                                                 "{n} opens {a} bags with {b} {it} each."};
  static constexpr std::array<std::string_view, 2> twice_texts = {"Then the number of {it} doubles.",
                                                                  "{n} doubles the {it}."};
  static constexpr std::array<std::string_view, 2> share_texts = {
      "{n} shares the {it} equally among {a} children, and we follow one child.",
      "The {it} are split into {a} equal heaps, and {n} keeps one heap."};
  static constexpr std::array<std::string_view, 2> day_names = {"{n} uses {b} {it} a day for {a} days.",
                                                                "For {a} days, {n} drops {b} {it} each day."};
  static constexpr std::array<std::string_view, 2> thrice_texts = {"Then {n} gets three times as many {it}.",
                                                                   "{n} triples the {it}."};
  switch (event) {
    case Event::gain:
      return gain_verbs;
    case Event::lose:
      return lose_verbs;
    case Event::packs:
      return pack_nouns;
    case Event::twice:
      return twice_texts;
    case Event::share:
      return share_texts;
    case Event::days:
      return day_names;
    case Event::thrice:
      return thrice_texts;
  }
  return {};
}

constexpr std::array<std::string_view, 3> opening = {"{n} has {x} {it}.", "{n} starts with {x} {it}.",
                                                     "There are {x} {it} in the box of {n}."};
constexpr std::array<std::string_view, 2> closing = {"How many {it} are there now?",
                                                     "How many {it} does {n} have now?"};

/// "5+3=<<5+3=8>>8" and a line break.
void add_step(Problem& problem, int left, char sign, int right, int result) {
  const auto sum = std::to_string(left) + sign + std::to_string(right) + "=";
  const auto value = std::to_string(result);
  problem.answer += sum + "<<" + sum + value + ">>" + value + "\n";
  ++problem.steps;
}

/// A divisor of `value` from 2 to 9 that leaves more than one; 0 when there is none.
int drawn_divisor(int value, Draws& draws) {
  std::vector<int> divisors;
  for (int by = 2; by <= 9; ++by) {
    if (value % by == 0 && value / by > 1) divisors.push_back(by);
  }
  return divisors.empty() ? 0 : pick(divisors, draws);
}

/// A problem in the making.
class Telling {
 public:
  Telling(const ProblemRange& range, Draws& draws)
      : range_(range),
        draws_(draws),
        person_(pick(range.new_words ? new_people : people, draws)),
        things_(pick(range.new_words ? new_things : things, draws)),
        value_(between(range.start_first, range.start_last, draws)) {
    const auto start = std::to_string(value_);
    problem_.structure = start;
    problem_.question = fill(pick(opening, draws), {{"n", person_}, {"x", start}, {"it", things_}});
  }

  /// Adds an event; false when it cannot happen now, or leads out of the range.
  bool happens(Event event) {
    int a = 0;
    int b = 0;
    const int before = value_;
    switch (event) {
      case Event::gain:
        a = between(2, range_.change_last, draws_);
        step(before, '+', a, value_ = before + a);
        break;
      case Event::lose:
        if (before < 4) return false;
        a = between(2, std::min(range_.change_last, before - 1), draws_);
        step(before, '-', a, value_ = before - a);
        break;
      case Event::packs:
        a = between(2, 6, draws_);
        b = between(2, 9, draws_);
        step(a, '*', b, a * b);
        step(before, '+', a * b, value_ = before + a * b);
        break;
      case Event::twice:
        step(before, '*', 2, value_ = before * 2);
        break;
      case Event::share:
        a = drawn_divisor(before, draws_);
        if (a == 0) return false;
        step(before, '/', a, value_ = before / a);
        break;
      case Event::days:
        a = between(2, 5, draws_);
        b = between(2, 6, draws_);
        step(b, '*', a, b * a);
        step(before, '-', b * a, value_ = before - b * a);
        break;
      case Event::thrice:
        step(before, '*', 3, value_ = before * 3);
        break;
    }
    tell(event, a, b);
    return value_ >= 1 && value_ <= range_.value_last;
  }

  Problem finished() {
    problem_.question += " " + fill(pick(closing, draws_), {{"n", person_}, {"it", things_}});
    problem_.answer += "#### " + std::to_string(value_);
    return std::move(problem_);
  }

  int steps() const { return problem_.steps; }

 private:
  void step(int left, char sign, int right, int result) { add_step(problem_, left, sign, right, result); }

  void tell(Event event, int a, int b) {
    const auto first = std::to_string(a);
    const auto second = std::to_string(b);
    problem_.structure += "|" + std::to_string(static_cast<int>(event)) + "," + first + "," + second;
    problem_.question +=
        " " + fill(pick(wordings(event), draws_), {{"n", person_}, {"it", things_}, {"a", first}, {"b", second}});
    const bool known = std::find(known_ones.begin(), known_ones.end(), event) != known_ones.end();
    problem_.new_operation = problem_.new_operation || !known;
  }

  const ProblemRange& range_;
  Draws& draws_;
  std::string_view person_;
  std::string_view things_;
  int value_;
  Problem problem_;
};

std::optional<Problem> try_problem(const ProblemRange& range, bool new_operation, Draws& draws) {
  Telling telling(range, draws);
  const int count = between(range.events_first, range.events_last, draws);
  const int first_new = new_operation ? between(0, count - 1, draws) : count;
  for (int i = 0; i < count; ++i) {
    const bool fresh = i == first_new || (new_operation && chance(25, draws));
    if (!telling.happens(fresh ? pick(new_ones, draws) : pick(known_ones, draws))) return std::nullopt;
  }
  if (telling.steps() < range.steps_first || telling.steps() > range.steps_last) return std::nullopt;
  return telling.finished();
}

/// What a worked solution says: its steps, "5+3" and "8", and the last result.
struct Working {
  std::vector<std::pair<std::string, std::string>> steps;
  std::string result;
};

Working working_of(const Problem& problem) {
  Working working;
  for (const auto& line : split(problem.answer, '\n')) {
    if (line.starts_with("#### ")) {
      working.result = line.substr(5);
    } else {
      working.steps.emplace_back(line.substr(0, line.find('=')), line.substr(line.rfind('>') + 1));
    }
  }
  return working;
}

std::string drill(bool marked, Draws& draws) {
  std::string text;
  for (int left = between(5, 12, draws); left > 0; --left) {
    int a = between(2, 60, draws);
    int b = between(2, 30, draws);
    const char sign = "+-*/"[draws.below(4)];
    if (sign == '*') {
      b = between(2, 9, draws);
      a = between(2, b > 3 ? 9 : 33, draws);
    }
    if (sign == '/') {
      b = between(2, 9, draws);
      a = b * between(2, 99 / b, draws);
    }
    if (sign == '-' && a <= b) a = b + between(1, 60, draws);
    const int result = sign == '+' ? a + b : sign == '-' ? a - b : sign == '*' ? a * b : a / b;
    const auto sum = std::to_string(a) + sign + std::to_string(b) + "=" + std::to_string(result);
    text += (text.empty() ? "" : "\n") + (marked ? "<<" + sum + ">>" + std::to_string(result) : sum);
  }
  return text;
}

}  // namespace

Problem draw_problem(const ProblemRange& range, bool new_operation, Draws& draws) {
  while (true) {
    if (auto problem = try_problem(range, new_operation, draws)) return *std::move(problem);
  }
}

Problem draw_problem(const ProblemRange& range, bool new_operation, Part part, Draws& draws) {
  while (true) {
    auto problem = draw_problem(range, new_operation, draws);
    if (problem.part() == part) return problem;
  }
}

std::string asked_problem(const Problem& problem) { return "Question: " + problem.question + "\nAnswer:"; }

std::string word_problems(Draws& draws) {
  std::string text;
  for (int left = between(1, 2, draws); left > 0; --left) {
    const auto problem = draw_problem({}, false, Part::corpus, draws);
    text += (text.empty() ? "" : "\n\n") + asked_problem(problem) + " " + problem.answer;
  }
  return text;
}

std::string styled_problems(Draws& draws) {
  const auto problem = draw_problem({}, false, Part::corpus, draws);
  const auto working = working_of(problem);
  auto text = "Question: " + problem.question + "\nAnswer (";
  switch (draws.below(3)) {
    case 0:
      return text + "bare): " + working.result;
    case 1:
      text += "short): ";
      for (const auto& [sum, result] : working.steps) text += sum + "=" + result + ", ";
      return text + "so " + working.result;
    default:
      text += "full):";
      for (const auto& [sum, result] : working.steps) text += " We work out " + sum + ", which makes " + result + ".";
      return text + " The answer is " + working.result + ".";
  }
}

std::string problem_results(Draws& draws) {
  std::string text;
  for (int left = between(1, 2, draws); left > 0; --left) {
    const auto problem = draw_problem({}, false, Part::corpus, draws);
    text += (text.empty() ? "" : "\n\n") + asked_problem(problem) + " " + working_of(problem).result;
  }
  return text;
}

std::string sums(Draws& draws) {
  const bool marked = chance(50, draws);
  return drill(marked, draws);
}

std::string plain_sums(Draws& draws) { return drill(false, draws); }

}  // namespace touchstone::micro
