#include "tests/support/toy_data.hpp"

#include <array>
#include <fstream>
#include <functional>

#include "harness/base/json.hpp"

namespace touchstone::testing {
namespace fs = std::filesystem;
namespace {

constexpr std::array subjects = {"abstract_algebra",
                                 "anatomy",
                                 "astronomy",
                                 "business_ethics",
                                 "clinical_knowledge",
                                 "college_biology",
                                 "college_chemistry",
                                 "college_computer_science",
                                 "college_mathematics",
                                 "college_medicine",
                                 "college_physics",
                                 "computer_security",
                                 "conceptual_physics",
                                 "econometrics",
                                 "electrical_engineering",
                                 "elementary_mathematics",
                                 "formal_logic",
                                 "global_facts",
                                 "high_school_biology",
                                 "high_school_chemistry",
                                 "high_school_computer_science",
                                 "high_school_european_history",
                                 "high_school_geography",
                                 "high_school_government_and_politics",
                                 "high_school_macroeconomics",
                                 "high_school_mathematics",
                                 "high_school_microeconomics",
                                 "high_school_physics",
                                 "high_school_psychology",
                                 "high_school_statistics",
                                 "high_school_us_history",
                                 "high_school_world_history",
                                 "human_aging",
                                 "human_sexuality",
                                 "international_law",
                                 "jurisprudence",
                                 "logical_fallacies",
                                 "machine_learning",
                                 "management",
                                 "marketing",
                                 "medical_genetics",
                                 "miscellaneous",
                                 "moral_disputes",
                                 "moral_scenarios",
                                 "nutrition",
                                 "philosophy",
                                 "prehistory",
                                 "professional_accounting",
                                 "professional_law",
                                 "professional_medicine",
                                 "professional_psychology",
                                 "public_relations",
                                 "security_studies",
                                 "sociology",
                                 "us_foreign_policy",
                                 "virology",
                                 "world_religions"};

std::string lines(int count, const std::function<Json(const std::string& index, int i)>& row) {
  std::string text;
  for (int i = 0; i < count; ++i) text += row(std::to_string(i), i).dump() + "\n";
  return text;
}

Json mmlu_row(const std::string& split, const std::string& subject, const std::string& i, int answer) {
  const std::string letter = split == "Dev" ? "d" : "t";
  Json choices = Json::array();
  for (const char* end : {"w", "x", "y", "z"}) choices.push_back(letter + i + end);
  return {{"question", "  " + split + " question " + i + " of " + subject + "? "},
          {"subject", subject},
          {"choices", choices},
          {"answer", answer % 4}};
}

}  // namespace

void write_text(const fs::path& path, const std::string& text) {
  fs::create_directories(path.parent_path());
  std::ofstream(path, std::ios::binary) << text;
}

void write_toy_mmlu(const fs::path& folder) {
  for (std::size_t k = 0; k < subjects.size(); ++k) {
    const std::string subject = subjects[k];
    const int number = static_cast<int>(k);
    write_text(folder / "mmlu" / subject / "dev.jsonl",
               lines(5, [&](const std::string& index, int i) { return mmlu_row("Dev", subject, index, 3 * i + 1); }));
    write_text(folder / "mmlu" / subject / "test.jsonl", lines(2 + number % 5, [&](const std::string& index, int i) {
                 return mmlu_row("Test", subject, index, 3 * i + number);
               }));
  }
}

void write_toy_gsm8k(const fs::path& folder) {
  write_text(folder / "gsm8k/train.jsonl", lines(20, [](const std::string& index, int i) -> Json {
               const auto two = std::to_string(2 * i);
               const auto three = std::to_string(3 * i);
               const auto sum = index + "+" + two;
               return {{"question", "Q" + index + ": what is " + sum + "?"},
                       {"answer", sum + "=<<" + sum + "=" + three + ">>" + three + "\n#### " + three}};
             }));
  write_text(folder / "gsm8k/test.jsonl", lines(30, [](const std::string& index, int i) -> Json {
               const auto rest = std::to_string(i % 3);
               return {{"question", "T" + index + ": what is " + index + " mod 3?"},
                       {"answer", index + " mod 3 is <<" + index + "%3=" + rest + ">>" + rest + "\n#### " + rest}};
             }));
}

void write_toy_truthfulqa(const fs::path& folder) {
  write_text(folder / "truthfulqa/multiple_choice/validation.jsonl", lines(8, [](const std::string& i, int) -> Json {
               const Json one = {"true " + i, "false " + i + " a", "false " + i + " b"};
               const Json two = {"true " + i, "also true " + i, "false " + i + " a", "false " + i + " b"};
               return {{"question", "TQ " + i + "?"},
                       {"mc1_targets", {{"choices", one}, {"labels", {1, 0, 0}}}},
                       {"mc2_targets", {{"choices", two}, {"labels", {1, 1, 0, 0}}}}};
             }));
  write_text(folder / "truthfulqa/generation/validation.jsonl", lines(8, [](const std::string& index, int i) -> Json {
               const auto right = std::to_string(i % 3);
               const auto wrong = std::to_string((i + 1) % 3);
               return {{"question", " TQ " + index + "? "},
                       {"correct_answers", Json::array({"the answer is " + right + ".", "also true " + index})},
                       {"incorrect_answers", Json::array({"the answer is " + wrong, "false " + index})}};
             }));
}

}  // namespace touchstone::testing
