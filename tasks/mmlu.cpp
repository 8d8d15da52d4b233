#include <memory>

#include "harness/base/error.hpp"
#include "harness/base/text.hpp"
#include "tasks/parts/filters.hpp"
#include "tasks/parts/mmlu_data.hpp"
#include "tasks/parts/mmlu_form.hpp"
#include "tasks/parts/rows.hpp"

namespace touchstone {
namespace {

constexpr const char* mmlu_source =
    "Measuring Massive Multitask Language Understanding, arXiv 2009.03300; hendrycks/test";

/// One part of the benchmark, with its subjects in the reference's order.
struct MmluCategory {
  const char* name;
  std::vector<std::string> subjects;
};

/// The categories of lm-evaluation-harness (tasks/mmlu/_generate_configs.py), which counts anatomy as STEM.
const std::vector<MmluCategory>& categories() {
  static const std::vector<MmluCategory> all = {
      {"stem",
       {"abstract_algebra", "anatomy", "astronomy", "college_biology", "college_chemistry", "college_computer_science",
        "college_mathematics", "college_physics", "computer_security", "conceptual_physics", "electrical_engineering",
        "elementary_mathematics", "high_school_biology", "high_school_chemistry", "high_school_computer_science",
        "high_school_mathematics", "high_school_physics", "high_school_statistics", "machine_learning"}},
      {"other",
       {"business_ethics", "clinical_knowledge", "college_medicine", "global_facts", "human_aging", "management",
        "marketing", "medical_genetics", "miscellaneous", "nutrition", "professional_accounting",
        "professional_medicine", "virology"}},
      {"social_sciences",
       {"econometrics", "high_school_geography", "high_school_government_and_politics", "high_school_macroeconomics",
        "high_school_microeconomics", "high_school_psychology", "human_sexuality", "professional_psychology",
        "public_relations", "security_studies", "sociology", "us_foreign_policy"}},
      {"humanities",
       {"formal_logic", "high_school_european_history", "high_school_us_history", "high_school_world_history",
        "international_law", "jurisprudence", "logical_fallacies", "moral_disputes", "moral_scenarios", "philosophy",
        "prehistory", "professional_law", "world_religions"}}};
  return all;
}

/// "A" to "D", or "0" to "3".
int answer_index(const std::string& answer, const std::string& where) {
  if (answer.size() == 1 && answer[0] >= 'A' && answer[0] <= 'D') return answer[0] - 'A';
  if (answer.size() == 1 && answer[0] >= '0' && answer[0] <= '3') return answer[0] - '0';
  throw Error(Fault::data, where + ": found the answer '" + answer.substr(0, 40) + "', expected A, B, C or D");
}

std::vector<MmluQuestion> questions_of_csv(const std::filesystem::path& path) {
  const auto rows = read_csv(path);
  // Some copies have a header; the original has none.
  const bool header = !rows.empty() && rows.front().fields.size() == 6 && rows.front().fields[0] == "question" &&
                      rows.front().fields[5] == "answer";
  std::vector<MmluQuestion> questions;
  for (std::size_t i = header ? 1 : 0; i < rows.size(); ++i) {
    const auto& fields = rows[i].fields;
    const auto where = path.string() + ": line " + std::to_string(rows[i].line);
    require(fields.size() == 6, Fault::data, [&] {
      return where + ": found " + std::to_string(fields.size()) +
             " columns, expected 6: question, four choices, letter of the answer";
    });
    questions.push_back({.text = fields[0],
                         .choices = {fields.begin() + 1, fields.begin() + 5},
                         .answer = answer_index(fields[5], where),
                         .facts = {}});
  }
  return questions;
}

std::vector<MmluQuestion> questions_of_rows(const std::filesystem::path& path) {
  std::vector<MmluQuestion> questions;
  for (const auto& row : read_rows(path)) {
    MmluQuestion question{.text = row.text("question"), .choices = row.texts("choices"), .answer = 0, .facts = {}};
    require(question.choices.size() == 4, Fault::data, [&] {
      return row.where + ": key 'choices': found " + std::to_string(question.choices.size()) + ", expected 4";
    });
    const bool letter = row.at("answer").is_string();
    question.answer = answer_index(letter ? row.text("answer") : std::to_string(row.integer("answer")), row.where);
    questions.push_back(std::move(question));
  }
  return questions;
}

std::vector<Example> load_subject(const std::string& task, const std::string& subject, const MmluEdition& edition,
                                  Split split, const DataFolders& folders) {
  const auto path = folders.find(task, file_of(task, mmlu_files(subject), split));
  const auto questions = is_csv(path) ? questions_of_csv(path) : questions_of_rows(path);
  std::vector<Example> examples;
  examples.reserve(questions.size());
  const auto prefix = task + "/" + split_name(split) + "/";
  for (const auto& question : questions) {
    examples.push_back(mmlu_example(question, edition, subject, prefix + std::to_string(examples.size())));
  }
  return examples;
}

Task subject_task(const std::string& subject, const MmluEdition& edition) {
  Task task = mmlu_task("mmlu_" + edition.infix + subject + edition.suffix, replace_all(subject, "_", " "), edition);
  task.family = "mmlu";
  task.source = mmlu_source;
  task.format.shots_from = Split::dev;
  task.files = mmlu_files(subject);
  task.cluster_fact = "subject";
  task.trained = Split::validation;
  task.load = [name = task.name, subject, edition](Split split, const DataFolders& folders) {
    return load_subject(name, subject, edition, split, folders);
  };
  return task;
}

/// Answers generated by the model: the first line is judged, ignoring case and punctuation.
Task mmlu_writing_task(const std::string& subject, const MmluEdition& edition) {
  Task task = subject_task(subject, edition);
  task.metrics = {{.name = "exact_match,get_response"}};
  task.ask = [](const Example&, const std::string& context, const AskSettings&) -> std::vector<Request> {
    return {Generation{.context = context, .until = {"</s>", "\n"}}};
  };
  struct Rules {
    RegexFilter first_line{R"(^(.*?)(?=\n|$))"};
    RegexFilter trimmed{R"(^(.*?)\s*$)"};
    ExactMatch equal{{.ignored_patterns = {}, .ignore_case = true, .ignore_punctuation = true}};
  };
  task.judge = [rules = std::make_shared<const Rules>()](const Example& example, std::span<const Response> responses,
                                                         const AskSettings&) {
    Verdict verdict;
    verdict.extracted = rules->trimmed(strip(rules->first_line(first_text(responses.front()))));
    verdict.parsed = !verdict.extracted.empty() && verdict.extracted != invalid;
    verdict.correct = rules->equal(verdict.extracted, example.targets.front());
    verdict.score = verdict.correct ? 1.0 : 0.0;
    verdict.confidence = answer_confidence(responses.front());
    verdict.values["exact_match,get_response"] = verdict.score;
    return verdict;
  };
  return task;
}

/// The form of the FLAN papers: choices in one line, the answer in the form "(B)".
Task flan_task(const std::string& subject, const MmluEdition& edition) {
  Task task = subject_task(subject, edition);
  task.metrics = {{.name = "exact_match,strict-match"}, {.name = "exact_match,flexible-extract"}};
  task.ask = [](const Example&, const std::string& context, const AskSettings&) -> std::vector<Request> {
    return {Generation{.context = context, .until = {"</s>", "Q:", "<|im_end|>", "\n"}}};
  };
  task.judge = [letter = std::make_shared<const RegexFilter>(R"((\([A-Z]\)))")](
                   const Example& example, std::span<const Response> responses, const AskSettings& settings) {
    const auto text = first_text(responses.front());
    // The reference compares the response unchanged, so a space before the answer makes it wrong.
    const auto strict = settings.mode == Mode::fixed ? strip(text) : text;
    std::vector<std::string> choices;
    for (const char* key : {"choice_A", "choice_B", "choice_C", "choice_D"}) choices.push_back(example.facts.at(key));
    Verdict verdict;
    verdict.extracted = multi_choice_regex(*letter, text, choices);
    verdict.parsed = verdict.extracted != invalid;
    verdict.values["exact_match,strict-match"] = strict == example.targets.front() ? 1.0 : 0.0;
    verdict.values["exact_match,flexible-extract"] = verdict.extracted == example.targets.front() ? 1.0 : 0.0;
    verdict.score = verdict.values["exact_match,strict-match"];
    verdict.correct = verdict.score == 1.0;
    verdict.confidence = answer_confidence(responses.front());
    return verdict;
  };
  return task;
}

Task mmlu_choosing_task(const std::string& subject, const MmluEdition& edition) {
  return choosing_mmlu_task(subject_task(subject, edition), edition);
}

using MakeTask = Task (*)(const std::string&, const MmluEdition&);

void add_edition(TaskBook& book, const MmluEdition& edition, MakeTask make, const std::vector<std::string>& metrics) {
  const std::string base = edition.infix.empty() ? "mmlu" + edition.suffix : "mmlu_" + edition.infix;
  TaskGroup whole{.name = edition.infix.empty() ? base : base.substr(0, base.size() - 1),
                  .summary = edition.summary + ", all 57 subjects",
                  .members = {},
                  .metrics = metrics};
  for (const auto& category : categories()) {
    TaskGroup group{.name = "mmlu_" + edition.infix + category.name + edition.suffix,
                    .summary = edition.summary + ", " + replace_all(category.name, "_", " "),
                    .members = {},
                    .metrics = metrics};
    for (const auto& subject : category.subjects) {
      Task task = make(subject, edition);
      group.members.push_back(task.name);
      const std::string name = task.name;
      book.tasks.add(name, std::move(task));
    }
    whole.members.push_back(group.name);
    const std::string name = group.name;
    book.groups.add(name, std::move(group));
  }
  const std::string name = whole.name;
  book.groups.add(name, std::move(whole));
}

/// The two categories that differ in the original authors' table (hendrycks/test, categories.py): it counts anatomy as
/// health.
void add_authors_groups(TaskBook& book) {
  TaskGroup stem{
      .name = "mmlu_stem_authors", .summary = "MMLU STEM as its authors count it: without anatomy", .members = {}};
  TaskGroup other{.name = "mmlu_other_authors",
                  .summary = "MMLU other as its authors count it: with anatomy",
                  .members = {"mmlu_anatomy"}};
  for (const auto& subject : categories()[0].subjects) {
    if (subject != "anatomy") stem.members.push_back("mmlu_" + subject);
  }
  for (const auto& subject : categories()[1].subjects) other.members.push_back("mmlu_" + subject);
  book.groups.add("mmlu_stem_authors", std::move(stem));
  book.groups.add("mmlu_other_authors", std::move(other));
}

}  // namespace

namespace plugins {

void mmlu(TaskBook& book) {
  MmluEdition edition = mmlu_letters_edition();
  const auto described = edition.description;
  add_edition(book, edition, mmlu_choosing_task, {"acc,none"});
  add_authors_groups(book);
  edition.suffix = "_generative";
  edition.summary = "four-choice exam questions, the letter written";
  edition.version = "3.0";
  edition.written = true;
  add_edition(book, edition, mmlu_writing_task, {"exact_match,get_response"});
  add_edition(book, mmlu_texts_edition(), mmlu_choosing_task, {"acc,none"});
  edition = {.suffix = "",
             .infix = "flan_n_shot_generative_",
             .description = described,
             .summary = "four-choice exam questions in FLAN's form, the letter written",
             .version = "3.0",
             .question = "Q: <Q>\n(A) <A> (B) <B> (C) <C> (D) <D>\nA:",
             .parentheses = true,
             .written = true};
  add_edition(book, edition, flan_task, {"exact_match,strict-match", "exact_match,flexible-extract"});
}

}  // namespace plugins
}  // namespace touchstone
