#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "harness/base/json.hpp"
#include "harness/report/section.hpp"
#include "reports/blocks.hpp"
#include "reports/numbers.hpp"
#include "reports/text.hpp"

namespace touchstone {
namespace reports {
namespace {

constexpr std::size_t most_columns = 12;

/// One recipe and the names of the methods that ran it.
struct Recipe {
  std::string method;
  std::string text;
  Json json;  // null when the text is not JSON
  std::map<std::string, std::string> leaves;
};

bool is_word(const Json& json, const char* key) {
  return json.is_object() && json.contains(key) && json[key].is_string();
}

// "train.learning_rate" -> "0.0001": a stage is named after what it uses, with a number if several use the same.
void flatten(const Json& json, const std::string& path, std::map<std::string, std::string>& out) {
  if (json.is_object() && !json.empty()) {
    for (const auto& [key, value] : json.items()) flatten(value, path.empty() ? key : path + "." + key, out);
  } else if (json.is_array() &&
             std::any_of(json.begin(), json.end(), [](const Json& one) { return one.is_object(); })) {
    for (std::size_t i = 0; i < json.size(); ++i) {
      auto name = is_word(json[i], "use") ? json[i]["use"].get<std::string>() : fmt::format("{}[{}]", path, i);
      for (int again = 2; out.count(name + ".use") != 0; ++again)
        name = fmt::format("{} #{}", json[i]["use"].get<std::string>(), again);
      flatten(json[i], name, out);
    }
  } else {
    out[path] = json.is_string() ? json.get<std::string>() : json.dump(-1, ' ', false, Json::error_handler_t::replace);
  }
}

std::vector<Recipe> recipes_of(const ReportInput& input) {
  std::vector<Recipe> all;
  for (const auto& cell : input.cells) {
    const bool known = std::any_of(all.begin(), all.end(), [&](const Recipe& one) {
      return one.text == cell.recipe_json && one.method == cell.method;
    });
    if (known || cell.recipe_json.empty()) continue;
    Recipe recipe{cell.method, cell.recipe_json, nullptr, {}};
    try {
      recipe.json = parse_json(cell.recipe_json, cell.method);
      // The page of the method is shown in its card; only the stages are compared.
      if (recipe.json.is_object() && recipe.json.contains("stages")) {
        flatten(recipe.json["stages"], "stages", recipe.leaves);
      }
    } catch (const Error&) {
      recipe.json = nullptr;  // shown as it is
    }
    all.push_back(std::move(recipe));
  }
  return all;
}

ReportTable comparison(const std::vector<Recipe>& all, const std::set<std::string>& keys, const std::string& caption) {
  ReportTable table;
  table.caption = caption;
  TableRow head = {head_cell("Key")};
  for (const auto& recipe : all) head.push_back(head_cell(recipe.method));
  table.head = {head};
  table.groups.push_back({});
  for (const auto& key : keys) {
    TableRow row = {head_cell(key)};
    for (const auto& recipe : all) {
      const auto found = recipe.leaves.find(key);
      const auto value = found == recipe.leaves.end() ? Shortened{} : shortened(found->second, 120);
      row.push_back(found == recipe.leaves.end() ? text_cell("–")
                                                 : text_cell(value.cut > 0 ? value.text + "…" : value.text, "mono"));
    }
    table.groups[0].rows.push_back(std::move(row));
  }
  return table;
}

bool differs(const std::vector<Recipe>& all, const std::string& key) {
  const auto first = all.front().leaves.find(key);
  return std::any_of(all.begin(), all.end(), [&](const Recipe& recipe) {
    const auto found = recipe.leaves.find(key);
    return found == recipe.leaves.end() || first == all.front().leaves.end() || found->second != first->second;
  });
}

Fold recipes_card(const Recipe& recipe) {
  Blocks body;
  const auto say = [&](std::string text) { body.push_back(Paragraph{std::move(text)}); };
  if (is_word(recipe.json, "paper")) say(recipe.json["paper"].get<std::string>());
  if (recipe.json.is_object() && recipe.json.contains("claim")) {
    const auto& claim = recipe.json["claim"];
    if (is_word(claim, "text")) say("The paper's claim: " + claim["text"].get<std::string>());
    if (is_word(claim, "direction"))
      body.push_back(
          Paragraph{RichText("Expected direction: ") + Piece{claim["direction"].get<std::string>(), Look::code}});
    if (is_word(claim, "figures")) say("The paper's figures, of other models: " + claim["figures"].get<std::string>());
  }
  const auto text =
      recipe.json.is_null() ? recipe.text : recipe.json.dump(2, ' ', false, Json::error_handler_t::replace);
  body.push_back(Verbatim{shortened(text, 20000).text});
  return {strong(recipe.method), std::move(body)};
}

Blocks recipes_blocks(const ReportInput& input) {
  const auto all = recipes_of(input);
  if (all.empty()) return {};
  std::set<std::string> different;
  std::set<std::string> equal;
  for (const auto& recipe : all) {
    for (const auto& leaf : recipe.leaves) (differs(all, leaf.first) ? different : equal).insert(leaf.first);
  }
  Blocks out;
  if (all.size() > 1 && all.size() <= most_columns) {
    if (!different.empty()) out.push_back(comparison(all, different, "Settings in which the methods differ"));
    if (!equal.empty()) {
      out.push_back(Fold{counted(static_cast<std::int64_t>(equal.size()), "setting") + " equal in all",
                         {comparison(all, equal, "Settings that are equal")}});
    }
  }
  for (const auto& recipe : all) out.push_back(recipes_card(recipe));
  return out;
}

}  // namespace
}  // namespace reports

namespace plugins {
void recipes(SectionBook& book) {
  book.add({.name = "recipes",
            .title = "Methods as they ran",
            .order = 120,
            .blocks = reports::recipes_blocks,
            .is_long = true});
}
}  // namespace plugins
}  // namespace touchstone
