#pragma once
#include <map>
#include <string>
#include <vector>

#include "harness/data/task.hpp"

namespace touchstone {

/// A four-choice question as the data has it, in any file format.
struct MmluQuestion {
  std::string text;
  std::vector<std::string> choices;
  int answer = 0;
  std::map<std::string, std::string> facts;  ///< other fields
};

/// How one edition of the benchmark presents a question.
struct MmluEdition {
  std::string suffix;       ///< the part of the task's name after the subject: "_continuation"
  std::string infix;        ///< the part between "mmlu_" and the subject: "flan_n_shot_generative_"
  std::string description;  ///< with SUBJECT where its name goes
  std::string summary;
  std::string version;
  std::string question;  ///< QUESTION and A, B, C, D in angle brackets stand for the texts
  bool choices_are_texts = false;
  bool parentheses = false;  ///< the answer is "(B)" and not "B"
  bool written = false;      ///< the model writes the answer, so the example has no choices to score
};

/// The original form: four lettered choices; the letter is scored.
MmluEdition mmlu_letters_edition();

/// The question alone; the answers' texts are scored.
MmluEdition mmlu_texts_edition();

/// Name, prompt and version of the task of one subject, without data.
Task mmlu_task(const std::string& name, const std::string& subject, const MmluEdition& edition);

/// The question and its choices in the edition's words.
Example mmlu_example(const MmluQuestion& question, const MmluEdition& edition, const std::string& subject,
                     const std::string& id);

/// How MMLU's choosing editions ask and judge: by the likelihoods of the letters or the texts. `task` already has name,
/// format and data.
Task choosing_mmlu_task(Task task, const MmluEdition& edition);

}  // namespace touchstone
