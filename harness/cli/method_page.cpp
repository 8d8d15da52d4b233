#include "harness/cli/method_page.hpp"

#include <unistd.h>

#include <algorithm>
#include <ostream>

#include "harness/base/json.hpp"
#include "harness/base/terminal.hpp"
#include "harness/base/text.hpp"
#include "harness/cli/program.hpp"
#include "harness/cli/table.hpp"
#include "harness/recipe/recipe_file.hpp"
#include "harness/recipe/recipe_page.hpp"

namespace touchstone {
namespace {

constexpr std::size_t label_columns = 12;
constexpr std::size_t longest_value = 24;  // wider values are in the list of stages

/// What was found of the method, with the verdict of its main claim.
RecordedVerdict verdict_of_method(Program& program, const std::string& method) {
  auto found = recorded_verdict(program.resources().verdicts(), method);
  if (found.verdict.empty()) found.verdict = "not measured yet";
  return found;
}

/// Prints "label       text", wrapped behind the label.
class Paragraphs {
 public:
  Paragraphs(std::ostream& out, std::size_t columns) : out_(out), columns_(columns) {}
  void add(std::string label, const std::string& text) {
    if (text.empty()) return;
    label.resize(std::max(label_columns, label.size() + 1), ' ');
    for (const auto& part : wrap(text, columns_ - std::min(columns_ / 2, label_columns))) {
      out_ << label << part << '\n';
      label.assign(label_columns, ' ');
    }
  }

 private:
  std::ostream& out_;
  std::size_t columns_;
};

void print_page(Paragraphs& out, const RecipePage& page, const RecordedVerdict& recorded) {
  const auto given = [](const std::string& text) { return text.empty() ? "not given" : text; };
  out.add("method", page.method);
  out.add("what it is", given(page.summary));
  out.add("paper", page.paper);
  out.add("source", given(page.source));
  out.add("claim", given(page.claim.text));
  out.add("", page.claim.direction.empty() ? "" : "Expected: " + page.claim.direction);
  out.add("", page.claim.figures.empty() ? "" : "The paper's figures: " + page.claim.figures);
  out.add("formula", given(page.formula));
  out.add("passes", given(page.cost.passes));
  out.add("memory", given(page.cost.memory));
  out.add("generation", given(page.cost.generation));
  const auto at = std::find(page.missing.begin(), page.missing.end(), "inferred");
  if (page.inferred.empty()) out.add("inferred", at == page.missing.end() ? "nothing" : "not given");
  for (const auto& text : page.inferred) out.add(&text == page.inferred.data() ? "inferred" : "", "- " + text);
  out.add("verdict", recorded.verdict);
  for (const auto& claim : recorded.claims) out.add("", "- " + claim);
}

/// The options that a stage of the recipe sets: "learning_rate 5e-05, num_train_epochs 3".
std::string settings_of(const Json& stage) {
  std::vector<std::string> settings;
  if (!stage.is_object()) return {};
  for (const auto& member : stage.items()) {
    if (member.key() == "use") continue;
    const auto& value = member.value();
    settings.push_back(member.key() + " " + (value.is_string() ? value.get<std::string>() : value.dump()));
  }
  return join(settings, ", ");
}

/// The recipe's values for an option, wherever it uses `use` as `kind`.
std::string own_values(const std::vector<Json>& users, const std::string& key) {
  std::vector<std::string> values;
  for (const auto& user : users) {
    if (!user.is_object() || !user.contains(key)) continue;
    auto value = user[key].dump();
    if (std::find(values.begin(), values.end(), value) == values.end()) values.push_back(std::move(value));
  }
  return join(values, ", ");
}

std::string help_of(const Json& option) {
  std::vector<std::string> choices;
  if (option.contains("choices")) choices = option["choices"].get<std::vector<std::string>>();
  std::erase(choices, "");
  return option.value("help", "") + (choices.empty() ? "" : " (" + join(choices, ", ") + ")");
}

/// Every option of the things in use; each thing is listed once.
void print_options(Program& program, const Json& known, const std::string& kind, const std::vector<Json>& used,
                   std::size_t columns) {
  std::vector<std::string> done;
  for (const auto& one : used) {
    const auto use = recipe_stage_name(one);
    if (std::find(done.begin(), done.end(), use) != done.end()) continue;
    done.push_back(use);
    std::vector<Json> users;
    std::copy_if(used.begin(), used.end(), std::back_inserter(users),
                 [&](const Json& other) { return recipe_stage_name(other) == use; });
    for (const auto& thing : known) {
      if (thing.at("name") != use) continue;
      program.out() << '\n' << kind << ' ' << use << ": " << thing.value("summary", "") << '\n';
      Table table({"option", "type", "default", "here", "what it does"});
      for (const auto& option : thing.at("options")) {
        const auto key = option.at("key").get<std::string>();
        const auto fallback = option.value("default", "");
        const auto here = own_values(users, key);
        table.row({key, option.at("type"), fallback.empty() ? "required" : fallback,
                   here.size() > longest_value ? "see above" : here, help_of(option)});
      }
      if (!thing.at("options").empty()) program.out() << table.text(columns);
    }
  }
}

}  // namespace

void print_method(Program& program, const nlohmann::ordered_json& recipe) {
  const auto columns = terminal_columns(STDOUT_FILENO);
  const auto page = read_recipe_page(recipe, "the recipe");
  Paragraphs paragraphs(program.out(), columns);
  print_page(paragraphs, page, verdict_of_method(program, page.method));
  std::vector<Json> stages;
  std::vector<Json> objectives;
  program.out() << '\n';
  for (const auto& stage : recipe.at("stages")) {
    paragraphs.add(stages.empty() ? "stages" : "", std::to_string(stages.size()) + " " + recipe_stage_name(stage) +
                                                       (settings_of(stage).empty() ? "" : ": " + settings_of(stage)));
    stages.push_back(stage);
    if (stage.is_object() && stage.contains("objective")) objectives.push_back(stage["objective"]);
  }
  const auto catalogue = read_json(program.resources().catalogue());
  print_options(program, catalogue.at("objectives"), "objective", objectives, columns);
  print_options(program, catalogue.at("stages"), "stage", stages, columns);
}

nlohmann::ordered_json method_json(Program& program, const nlohmann::ordered_json& recipe) {
  const auto page = read_recipe_page(recipe, "the recipe");
  Json whole = recipe;
  const auto recorded = verdict_of_method(program, page.method);
  whole["verdict"] = recorded.verdict;
  whole["found"] = recorded.claims;
  if (!page.missing.empty()) whole["missing"] = join(page.missing, ", ");
  return whole;
}

}  // namespace touchstone
