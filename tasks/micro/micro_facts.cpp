#include <algorithm>

#include "harness/base/hash.hpp"
#include "harness/base/text.hpp"
#include "tasks/micro/encyclopedia.hpp"
#include "tasks/micro/items.hpp"
#include "tasks/micro/language_b.hpp"
#include "tasks/parts/filters.hpp"
#include "tasks/parts/line_answer.hpp"

namespace touchstone {
namespace {

constexpr int facts_longest = 48;  ///< tokens: twice the longest statement of either language

/// Words of a text, for finding a value among them.
std::string spaced(std::string_view text) {
  std::string out = " ";
  for (const char c : text) out += std::isalnum(static_cast<unsigned char>(c)) != 0 ? c : ' ';
  return out + " ";
}

bool says(const std::string& sentence, const std::string& value) {
  return spaced(sentence).find(" " + value + " ") != std::string::npos;
}

/// A fact asked in one of its wordings and told in one of its statements.
Example fact_example(const micro::Fact& fact, std::string_view wording, const std::string& id, bool translated) {
  const auto tongue = [&](std::string_view text) {
    return translated ? micro::in_language_b(text) : std::string(text);
  };
  Draws draws(0, "facts|" + fact.entity->name + "|" + std::string(wording));
  Example example;
  example.id = id;
  example.question = "Q: " + tongue(micro::fill(wording, {{"e", fact.entity->name}})) + "\nA:";
  example.targets = {tongue(micro::statement(fact, draws))};
  example.doc_hash = sha256(example.question + example.targets.front());
  example.facts = {{"level", std::to_string(fact.entity->level)},
                   {"fact", fact.entity->name + "|" + std::string(fact.about().name)},
                   {"value", tongue(fact.value())}};
  std::vector<std::string> values;
  for (const auto& value : *fact.about().pool) values.push_back(tongue(value));
  example.facts["values"] = join(values, ",");
  return example;
}

/// The facts that a split may ask, in both wordings. All kinds occur from the first items on.
std::vector<Example> fact_examples(const std::string& name, Split split, bool translated) {
  struct Asked {
    const micro::Fact* fact = nullptr;
    std::string_view wording;
  };
  std::vector<Asked> asked;
  for (const auto& fact : micro::encyclopedia().facts) {
    if (fact.part != micro::part_for(split)) continue;
    for (const auto& wording : fact.about().questions) asked.push_back({&fact, wording});
  }
  Draws draws(0, std::string("facts.") + split_name(split));
  shuffle(asked, draws);
  std::vector<Example> examples;
  for (const auto& one : asked) {
    const auto tail = std::string("/") + split_name(split) + "/" + std::to_string(examples.size());
    examples.push_back(fact_example(*one.fact, one.wording, name + tail, translated));
    if (translated) examples.back().facts["source"] = "micro-facts" + tail;
  }
  return examples;
}

/// Right: the sentence has the fact's value, in the language of the question, and no other value of that
/// attribute. In the language: more of its words belong to that language than to the other.
Verdict judge_fact(const Example& example, const Response& response, bool translated) {
  Verdict verdict;
  verdict.extracted = std::string(strip(first_text(response)));
  const auto& value = example.facts.at("value");
  int found = 0;
  for (const auto& other : split(example.facts.at("values"), ',')) found += says(verdict.extracted, other) ? 1 : 0;
  verdict.correct = found == 1 && says(verdict.extracted, value);
  verdict.parsed = found == 1;
  verdict.score = verdict.correct ? 1.0 : 0.0;
  const auto words = micro::language_words(verdict.extracted);
  verdict.values["acc,none"] = verdict.score;
  verdict.values["in_language,none"] = (translated ? words.b > words.a : words.a > words.b) ? 1.0 : 0.0;
  verdict.confidence = answer_confidence(response);
  return verdict;
}

void add_facts(TaskBook& book, const std::string& name, const std::string& summary, bool translated) {
  Task task;
  task.name = name;
  task.family = "micro-facts";
  task.summary = summary;
  micro::belongs_to_world(task);
  task.cluster_fact = "fact";
  task.format.shots_from = Split::train;
  task.metrics = {{.name = "acc,none"}, {.name = "in_language,none"}};
  task.load =
      micro::made_once(name, [name, translated](Split split) { return fact_examples(name, split, translated); });
  asks_for_a_line(task, facts_longest, [translated](const Example& example, const Response& response) {
    return judge_fact(example, response, translated);
  });
  book.tasks.add(name, std::move(task));
}

}  // namespace

namespace plugins {

void micro_facts(TaskBook& book) {
  add_facts(book, "micro-facts", "facts of the micro world that its text tells but never asks, said in a sentence",
            false);
  add_facts(book, "micro-facts-b", "the same in language B, which the world's text never speaks", true);
}

}  // namespace plugins
}  // namespace touchstone
