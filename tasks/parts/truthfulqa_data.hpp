#pragma once
#include <map>
#include <string>
#include <vector>

#include "harness/data/task.hpp"

namespace touchstone {

/// Answers to choose from, the right ones (label 1) first.
struct TruthfulTargets {
  std::vector<std::string> choices;
  std::vector<int> labels;
};

struct TruthfulChoice {
  std::string question;
  TruthfulTargets single;  ///< mc1: exactly one is right
  TruthfulTargets many;    ///< mc2
  std::string doc_hash;
  std::map<std::string, std::string> facts;  ///< other fields
};

struct TruthfulQuestion {
  std::string question;
  std::string category;
  std::vector<std::string> correct;  ///< each ends with a full stop; "I have no comment." is among them
  std::vector<std::string> incorrect;
  std::string doc_hash;
};

/// With the hash of the document as on the hub.
TruthfulChoice truthful_choice(std::string question, TruthfulTargets single, TruthfulTargets many);

std::vector<DataFile> truthfulqa_choice_files();
std::vector<DataFile> truthfulqa_question_files();

/// From mc_task.json of the original repository, rows of the hub's configuration multiple_choice, or the CSV file.
/// Throws Fault::data.
std::vector<TruthfulChoice> truthfulqa_choices(const std::string& task, Split split, const DataFolders& folders);

/// From the CSV file, or rows of the hub's configuration generation. Throws Fault::data.
std::vector<TruthfulQuestion> truthfulqa_questions(const std::string& task, Split split, const DataFolders& folders);

}  // namespace touchstone
