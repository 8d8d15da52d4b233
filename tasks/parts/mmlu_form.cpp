#include "tasks/parts/mmlu_form.hpp"

#include <array>

#include "harness/base/text.hpp"
#include "tasks/parts/multiple_choice.hpp"
#include "tasks/parts/rows.hpp"

namespace touchstone {
namespace {

constexpr std::array choice_letters = {"A", "B", "C", "D"};

std::string filled(const std::string& pattern, const MmluQuestion& question) {
  std::string text;
  for (std::size_t at = 0; at < pattern.size();) {
    const bool placeholder = pattern[at] == '<' && at + 2 < pattern.size() && pattern[at + 2] == '>';
    if (!placeholder) {
      text += pattern[at++];
      continue;
    }
    const char name = pattern[at + 1];
    text += name == 'Q' ? std::string(strip(question.text)) : question.choices[static_cast<std::size_t>(name - 'A')];
    at += 3;
  }
  return text;
}

}  // namespace

MmluEdition mmlu_letters_edition() {
  return {.suffix = "",
          .infix = "",
          .description = "The following are multiple choice questions (with answers) about SUBJECT.\n\n",
          .summary = "four-choice exam questions, the letter scored",
          .version = "1.0",
          .question = "<Q>\nA. <A>\nB. <B>\nC. <C>\nD. <D>\nAnswer:"};
}

MmluEdition mmlu_texts_edition() {
  return {.suffix = "_continuation",
          .infix = "",
          .description = "The following are questions (with answers) about SUBJECT.\n\n",
          .summary = "four-choice exam questions, the answer's text scored",
          .version = "1.0",
          .question = "Question: <Q>\nAnswer:",
          .choices_are_texts = true};
}

Task mmlu_task(const std::string& name, const std::string& subject, const MmluEdition& edition) {
  Task task;
  task.name = name;
  task.version = edition.version;
  task.summary = edition.summary + ": " + subject;
  task.format.description = replace_all(edition.description, "SUBJECT", subject);
  task.format.sampler = PromptFormat::Sampler::first_n;
  return task;
}

Example mmlu_example(const MmluQuestion& question, const MmluEdition& edition, const std::string& subject,
                     const std::string& id) {
  const auto gold = static_cast<std::size_t>(question.answer);
  const Json document = {
      {"question", question.text}, {"subject", subject}, {"choices", question.choices}, {"answer", question.answer}};
  Example example;
  example.id = id;
  example.question = filled(edition.question, question);
  example.choices = question.choices;
  if (!edition.choices_are_texts) example.choices.assign(choice_letters.begin(), choice_letters.end());
  example.targets = {example.choices[gold]};
  example.gold = {question.answer};
  example.facts = question.facts;
  example.facts["subject"] = subject;
  example.facts["answer_text"] = question.choices[gold];
  if (edition.parentheses) {
    for (std::size_t i = 0; i < 4; ++i) example.facts["choice_" + std::string(choice_letters[i])] = question.choices[i];
    example.targets = {"(" + example.choices[gold] + ")"};
  }
  if (edition.written) {
    example.choices.clear();
    example.gold.clear();
  }
  example.doc_hash = document_hash(document);
  return example;
}

Task choosing_mmlu_task(Task task, const MmluEdition& edition) {
  const ChoiceMetrics metrics{.norm = edition.choices_are_texts};
  task.metrics = choice_metrics(metrics, 0.25);
  task.ask = [format = task.format, metrics](const Example& example, const std::string& context,
                                             const AskSettings& settings) {
    return ask_choices(example, context, settings, format, metrics);
  };
  task.judge = [metrics](const Example& example, std::span<const Response> responses, const AskSettings&) {
    return judge_choices(example, responses, metrics);
  };
  return task;
}

}  // namespace touchstone
