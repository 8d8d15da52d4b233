#include "tasks/micro/encyclopedia.hpp"
#include "tasks/micro/items.hpp"
#include "tasks/parts/mmlu_form.hpp"

namespace touchstone {
namespace {

using micro::Part;

/// Invented entities of a subject for the shifted edition; each is asked once for every attribute.
constexpr int new_entities = 15;
constexpr int new_entities_tuned = 4;  ///< the same of the validation split

MmluQuestion question_of(const micro::Choice& choice, const micro::Fact& fact) {
  return {.text = choice.question,
          .choices = choice.choices,
          .answer = choice.answer,
          .facts = {{"level", std::to_string(fact.entity->level)},
                    {"fact", fact.entity->name + "|" + std::string(fact.about().name)}}};
}

/// Each fact of a part, in the wordings of its questions; the choices of each are drawn by its own name.
std::vector<MmluQuestion> known_facts(const micro::Kind& kind, Part part, bool new_wording) {
  std::vector<MmluQuestion> questions;
  for (const auto& fact : micro::encyclopedia().facts) {
    if (fact.entity->kind != &kind || fact.part != part) continue;
    const auto& about = fact.about();
    std::vector<std::string_view> wordings(about.questions.begin(), about.questions.end());
    if (new_wording) wordings = {about.new_question};
    for (const auto& wording : wordings) {
      Draws draws(0, "mmlu|" + fact.entity->name + "|" + std::string(wording));
      questions.push_back(question_of(ask(fact, wording, draws), fact));
      if (new_wording) questions.back().facts["shift"] = "wording";
    }
  }
  return questions;
}

/// Entities whose names are in no text: the facts stand before the question.
std::vector<MmluQuestion> new_names(const micro::Kind& kind, Part part) {
  std::vector<MmluQuestion> questions;
  const bool tuning = part == Part::tuning;
  Draws draws(0, (tuning ? "mmlu-ood-tuning|" : "mmlu-ood|") + std::string(kind.name));
  for (int i = 0; i < (tuning ? new_entities_tuned : new_entities); ++i) {
    const auto entity = micro::invented_entity(kind, micro::new_syllables, draws);
    for (std::size_t at = 0; at < kind.attributes.size(); ++at) {
      const micro::Fact fact{.entity = &entity, .attribute = at, .part = part};
      const micro::Fact other{.entity = &entity, .attribute = (at + 1 + draws.below(3)) % 4, .part = part};
      const auto& first = micro::chance(50, draws) ? fact : other;
      const auto& second = &first == &fact ? other : fact;
      auto choice = ask(fact, micro::pick(fact.about().questions, draws), draws);
      choice.question.insert(0, statement(first, draws) + " " + statement(second, draws) + " ");
      questions.push_back(question_of(choice, fact));
      questions.back().facts["shift"] = "names";
    }
  }
  return questions;
}

std::vector<MmluQuestion> questions_of(const micro::Kind& kind, Split split, bool shifted) {
  const auto part = micro::part_for(split);
  if (split == Split::train || !shifted) return known_facts(kind, part, false);
  // One item with new names after two with new words, so that the first items of the task hold both.
  const auto told = known_facts(kind, part, true);
  const auto read = new_names(kind, part);
  std::vector<MmluQuestion> questions;
  for (std::size_t i = 0, next = 0; i < told.size() || next < read.size(); ++i) {
    if (i < told.size()) questions.push_back(told[i]);
    if ((i % 2 == 1 || i >= told.size()) && next < read.size()) questions.push_back(read[next++]);
  }
  return questions;
}

void add_mmlu(TaskBook& book, const std::string& name, const MmluEdition& edition, const std::string& summary,
              bool shifted) {
  TaskGroup group{.name = name, .summary = summary + ", all 5 subjects", .members = {}};
  for (const auto& kind : micro::kinds) {
    const std::string subject(kind.subject);
    Task task = choosing_mmlu_task(mmlu_task(name + "-" + subject, subject, edition), edition);
    task.family = "micro-mmlu";
    micro::belongs_to_world(task);
    task.summary = summary + ": " + subject;
    task.format.shots_from = Split::train;
    task.cluster_fact = "fact";
    task.load = micro::made_once(task.name, [name = task.name, subject, edition, shifted, &kind](Split split) {
      std::vector<Example> examples;
      const auto prefix = name + "/" + split_name(split) + "/";
      for (const auto& question : questions_of(kind, split, shifted)) {
        examples.push_back(mmlu_example(question, edition, subject, prefix + std::to_string(examples.size())));
      }
      return examples;
    });
    group.members.push_back(task.name);
    const auto key = task.name;
    book.tasks.add(key, std::move(task));
  }
  book.groups.add(name, std::move(group));
}

}  // namespace

namespace plugins {

void micro_mmlu(TaskBook& book) {
  const auto texts = mmlu_texts_edition();
  const auto letters = mmlu_letters_edition();
  add_mmlu(book, "micro-mmlu", texts, "facts of the micro world that its text tells but never asks, the text scored",
           false);
  add_mmlu(book, "micro-mmlu-letters", letters, "facts of the micro world, the letter scored", false);
  add_mmlu(book, "micro-mmlu-ood", texts, "facts of the micro world in new words, and of new names", true);
}

}  // namespace plugins
}  // namespace touchstone
