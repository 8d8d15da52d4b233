#include <algorithm>
#include <set>

#include "harness/data/prompt.hpp"
#include "harness/data/tool_call.hpp"
#include "tasks/micro/common.hpp"
#include "tasks/micro/items.hpp"
#include "tasks/micro/words.hpp"
#include "tasks/parts/line_answer.hpp"
#include "tasks/parts/tool_verdict.hpp"

namespace touchstone {
namespace {

using micro::between;
using micro::chance;
using micro::fill;
using micro::Part;
using micro::pick;
using micro::Shift;

constexpr std::size_t tool_train = 2000;
constexpr const char* main = "exact_call,none";
constexpr int tool_longest = 64;  ///< tokens of a call
/// Percent of the tools that each split calls; the text has none of them.
constexpr micro::PartShares tool_shares{.train = 70, .tuning = 10};
constexpr std::uint64_t errors = 20;     ///< percent of the training calls that follow one that failed
constexpr std::uint64_t following = 20;  ///< percent that follow one that worked

/// What a tool does. {o} is the object, {a} its property, {x} a name, {v} a value, {n} a number.
struct Verb {
  std::string_view name;
  std::string_view parameters;
  std::array<std::string_view, 2> wishes;
  std::string_view arguments;
};
constexpr std::array<Verb, 5> verbs = {{
    {"get", "name, date=None", {"What is the {a} of the {o} {x}?", "Tell me the {a} of the {o} {x}."}, "name='{x}'"},
    {"get_last",
     "name",
     {"What was the {a} of the {o} {x} before?", "Tell me the former {a} of the {o} {x}."},
     "name='{x}'"},
    {"set",
     "name, value",
     {"Change the {a} of the {o} {x} to {v}.", "The {a} of the {o} {x} is {v} now."},
     "name='{x}', value='{v}'"},
    {"list",
     "value, limit=None",
     {"Show me {n} of those with {v} as the {a} of the {o}.", "Find {n} where the {a} of the {o} is {v}."},
     "value='{v}', limit='{n}'"},
    {"count",
     "value, city=None",
     {"How many have {v} as the {a} of the {o}?", "Of how many is the {a} of the {o} {v}?"},
     "value='{v}'"},
}};
constexpr std::array<std::string_view, 9> objects = {"user",  "user_order", "room", "book", "book_shop",
                                                     "train", "team",       "meal", "house"};

/// A property and the values that it can have.
struct Property {
  std::string_view name;
  std::array<std::string_view, 4> values;
};
constexpr std::array<Property, 8> properties = {{{"color", {"red", "blue", "green", "white"}},
                                                 {"color_code", {"17", "25", "38", "46"}},
                                                 {"size", {"small", "large", "huge", "tiny"}},
                                                 {"price", {"10", "20", "50", "90"}},
                                                 {"owner", {"Tom", "Anna", "Ben", "Lucy"}},
                                                 {"city", {"Ardenport", "Brightwell", "Hilltop", "Kingsbay"}},
                                                 {"date", {"Monday", "Friday", "Sunday", "Tuesday"}},
                                                 {"date_limit", {"January", "March", "June", "October"}}}};

struct Tool {
  const Verb* verb = nullptr;
  std::string_view object;
  const Property* property = nullptr;
  std::string name() const {
    return std::string(verb->name) + "_" + std::string(object) + "_" + std::string(property->name);
  }
  std::string signature() const { return "Function: def " + name() + "(" + std::string(verb->parameters) + ")\n"; }
  Part part() const { return micro::part_of(name(), tool_shares); }
};

Tool draw_tool(Draws& draws) { return {&pick(verbs, draws), pick(objects, draws), &pick(properties, draws)}; }

Tool draw_tool(Part part, Draws& draws) {
  auto tool = draw_tool(draws);
  while (tool.part() != part) tool = draw_tool(draws);
  return tool;
}

/// A tool whose name begins like another's: the same action on the same object, or the same action.
Tool draw_sibling(const Tool& tool, Draws& draws) {
  auto other = tool;
  if (chance(40, draws)) other.object = pick(objects, draws);
  other.property = &pick(properties, draws);
  return other;
}

/// A request and the call that fulfils it.
struct Wish {
  std::string text;
  std::string call;
};

Wish draw_wish(const Tool& tool, bool new_words, int most, Draws& draws) {
  const auto name = micro::cased(
      new_words ? micro::invented_name(micro::new_syllables, draws) : micro::invented_name(micro::syllable_pool, draws),
      /*lower_case=*/false);
  const std::string value(pick(tool.property->values, draws));
  const auto number = std::to_string(between(most > 9 ? 100 : 2, most, draws));
  std::string thing(tool.object);
  std::string property(tool.property->name);
  std::replace(thing.begin(), thing.end(), '_', ' ');
  std::replace(property.begin(), property.end(), '_', ' ');
  const auto filled = [&](std::string_view pattern) {
    return fill(pattern, {{"o", thing}, {"a", property}, {"x", name}, {"v", value}, {"n", number}});
  };
  return {filled(pick(tool.verb->wishes, draws)), tool.name() + "(" + filled(tool.verb->arguments) + ")"};
}

/// The right tool among others, at least one of which has a name that begins like its own, in random order.
std::vector<Tool> draw_listing(const std::vector<Tool>& wanted, std::size_t count, Draws& draws) {
  auto tools = wanted;
  std::set<std::string> names;
  for (const auto& tool : tools) names.insert(tool.name());
  while (tools.size() < count) {
    const bool near = tools.size() < wanted.size() + 2 || chance(50, draws);
    const auto tool = near ? draw_sibling(wanted.back(), draws) : draw_tool(draws);
    if (names.insert(tool.name()).second) tools.push_back(tool);
  }
  shuffle(tools, draws);
  return tools;
}

std::string write_listing(const std::vector<Tool>& tools) {
  std::string text;
  for (const auto& tool : tools) text += tool.signature();
  return text;
}

std::string ask(const std::string& wish) { return "User: " + wish + "\nAssistant:"; }

/// A call that fails, and the tool's message.
struct Failure {
  std::string call;
  std::string result;
};

/// Another listed tool is called only if it is of the same part of the world: a failed call is trained, too, where a
/// method does not leave it out.
Failure draw_failure(const Tool& tool, const Wish& wish, const std::vector<Tool>& listed, Draws& draws) {
  const auto arguments = wish.call.substr(wish.call.find('('));
  switch (draws.below(3)) {
    case 0:
      return {tool.name() + "_now" + arguments, "error: name '" + tool.name() + "_now' is not defined"};
    case 1:
      return {tool.name() + "(user='me', " + arguments.substr(1), "error: unexpected keyword argument 'user'"};
    default:
      break;
  }
  const auto other = std::find_if(listed.begin(), listed.end(), [&](const Tool& one) {
    return one.name() != tool.name() && one.part() == tool.part();
  });
  if (other == listed.end())
    return {tool.name() + "_now" + arguments, "error: name '" + tool.name() + "_now' is not defined"};
  return {other->name() + arguments, "error: not supported"};
}

/// One item: a listing, a request, the call. Calls of the training split may follow another call that failed or worked.
Example draw_item(Part part, bool shifted, Shift shift, Draws& draws) {
  const bool long_list = shifted && shift == Shift::length;
  const bool new_words = shifted && shift == Shift::names;
  const int most = shifted && shift == Shift::numbers ? 400 : 9;
  const auto before = part == Part::train ? draws.below(100) : 100;
  const bool follows = before >= errors && before < errors + following;
  const auto tool = draw_tool(part, draws);
  std::vector<Tool> wanted = {tool};
  if (follows) {
    while (wanted.front().name() == tool.name()) wanted.front() = draw_tool(part, draws);
    wanted.push_back(tool);
  }
  const auto listed =
      draw_listing(wanted, static_cast<std::size_t>(long_list ? between(7, 9, draws) : between(3, 6, draws)), draws);
  const auto wish = draw_wish(tool, new_words, most, draws);
  Example example;
  example.targets = {wish.call};
  example.facts["tool"] = tool.name();
  const auto say = [&](Role role, const std::string& text, const char* delimiter) {
    example.history.push_back({role, {text}, delimiter});
  };
  if (before < errors) {
    const auto failure = draw_failure(tool, wish, listed, draws);
    say(Role::user, write_listing(listed) + ask(wish.text), " ");
    say(Role::assistant, failure.call, "\n");
    say(Role::tool, "Output: " + failure.result + "\nAssistant:", "");
  } else if (follows) {
    const auto first = draw_wish(wanted.front(), new_words, most, draws);
    say(Role::user, write_listing(listed) + ask(first.text), " ");
    say(Role::assistant, first.call, "\n");
    say(Role::tool, "Output: done", "\n");
    example.question = ask(wish.text);
  } else {
    example.question = write_listing(listed) + ask(wish.text);
  }
  return example;
}

std::vector<Example> calls(const std::string& name, const micro::ItemSet& items, bool shifted) {
  const bool moved = shifted && !items.train();
  auto draws = items.draws("tool", moved);
  std::vector<Example> examples;
  std::set<std::string> asked;
  while (examples.size() < micro::items_of(items.split, tool_train)) {
    const auto shift = micro::shift_of(examples.size());
    auto example = draw_item(micro::part_for(items.split), moved, shift, draws);
    const auto text = plain_text(example.history) + example.question;
    if (!asked.insert(text).second) continue;
    const auto row = micro::made_row(name, {{"prompt", text}, {"answer", example.targets.front()}});
    example.id = items.id(name, examples.size());
    example.doc_hash = document_hash(row.value);
    if (moved) example.facts["shift"] = micro::shift_name(shift);
    examples.push_back(std::move(example));
  }
  return examples;
}

Verdict judge_tool(const Example& example, const Response& response) {
  const auto gold = first_call(example.targets.front(), CallForm::extended);
  return tool_verdict(
      response, main, plain_text(example.history) + example.question, gold->name,
      [&](const ToolCall& call) { return call.name == gold->name && call.arguments == gold->arguments; });
}

void add_tool(TaskBook& book, const std::string& name, const std::string& summary, bool shifted) {
  Task task;
  task.name = name;
  task.family = "micro-tool";
  task.summary = summary;
  micro::belongs_to_world(task);
  task.version += ".1";  // failed calls of the training split are of its own tools alone
  task.cluster_fact = "tool";
  task.format.target_delimiter = " ";
  task.metrics = tool_metrics(main);
  micro::draws_items(task, [name, shifted](const micro::ItemSet& items) { return calls(name, items, shifted); });
  asks_for_a_line(task, tool_longest, judge_tool);
  book.tasks.add(name, std::move(task));
}

}  // namespace

namespace plugins {

void micro_tool(TaskBook& book) {
  add_tool(book, "micro-tool", "a wish and three to six tools with names that begin alike: the call that meets it",
           false);
  add_tool(book, "micro-tool-ood", "the same with names of another kind, larger numbers, more tools", true);
}

}  // namespace plugins
}  // namespace touchstone
