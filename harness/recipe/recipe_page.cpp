#include "harness/recipe/recipe_page.hpp"

#include <optional>

#include "harness/base/error.hpp"
#include "harness/base/json.hpp"
#include "harness/base/object_reader.hpp"
#include "harness/base/one_line.hpp"
#include "harness/base/options.hpp"

namespace touchstone {
namespace {

constexpr std::size_t text_bytes = 1000;
constexpr std::size_t list_entries = 20;

void check_text(const std::string& text, const std::string& place) {
  require(text.size() <= text_bytes, Fault::config, [&] {
    return place + ": found " + std::to_string(text.size()) + " bytes, expected at most " + std::to_string(text_bytes);
  });
  require(one_line(text, text_bytes) == text, Fault::config,
          [&] { return place + ": found a line break or another control character, expected one line"; });
}

/// Reads one text of the page; without `fallback` the file must have it.
std::string line(Options& options, const std::string& key, const std::string& help,
                 const std::optional<std::string>& fallback = "") {
  auto text = options.text(key, help, {.fallback = fallback});
  check_text(text, options.where() + ": key '" + key + "'");
  return text;
}

std::vector<std::string> lines(Options& options, const std::string& key, const std::string& help) {
  const auto place = options.where() + ": key '" + key + "'";
  auto all = options.texts(key, help, std::vector<std::string>{});
  require(all.size() <= list_entries, Fault::config, [&] {
    return place + ": found " + std::to_string(all.size()) + " entries, expected at most " +
           std::to_string(list_entries);
  });
  for (const auto& text : all) check_text(text, place);
  return all;
}

RecipePage::Claim read_claim(Options options) {
  RecipePage::Claim claim;
  claim.text = line(options, "text", "the claim in words", std::nullopt);
  claim.direction = line(options, "direction", "as an inequality: drop(asft) < drop(sft)");
  claim.figures = line(options, "figures", "the paper's own numbers");
  options.done();
  return claim;
}

RecipePage::Cost read_cost(Options options) {
  RecipePage::Cost cost;
  cost.passes = line(options, "passes", "forward and backward passes, beside those of supervised fine-tuning");
  cost.memory = line(options, "memory", "what is held beside the model, its gradient and its moments");
  cost.generation = line(options, "generation", "what the model writes, and when");
  options.done();
  return cost;
}

}  // namespace

RecipePage read_recipe_page(const nlohmann::ordered_json& recipe, const std::string& where) {
  Json head = recipe;
  head.erase("stages");
  Options options(head, where);
  RecipePage page;
  page.method = line(options, "method", "name of the method; the file's name", std::nullopt);
  page.paper = line(options, "paper", "title and number of the paper", std::nullopt);
  page.source = line(options, "source", "the places in the paper and its code that this was built from");
  page.summary = line(options, "summary", "one line for `touchstone list`");
  if (options.has("claim")) {
    page.claim = read_claim(options.child("claim", "what the paper promises, as far as a plan can test it"));
  }
  page.formula = line(options, "formula", "what is made small, in plain text");
  if (options.has("cost")) page.cost = read_cost(options.child("cost", "what it costs"));
  page.inferred = lines(options, "inferred", "what was chosen here because the source does not say it");
  options.done();
  const auto want = [&](const char* key, bool there) {
    if (!there) page.missing.emplace_back(key);
  };
  want("source", !page.source.empty());
  want("summary", !page.summary.empty());
  want("claim.text", !page.claim.text.empty());
  want("formula", !page.formula.empty());
  want("cost.passes", !page.cost.passes.empty());
  want("cost.memory", !page.cost.memory.empty());
  want("cost.generation", !page.cost.generation.empty());
  want("inferred", head.contains("inferred"));
  return page;
}

RecordedVerdict recorded_verdict(const std::filesystem::path& file, const std::string& method) {
  if (!std::filesystem::exists(file)) return {};
  const auto all = read_json(file);
  require(all.is_object(), Fault::data, [&] {
    return file.string() + ": found " + shown_json(all) + ", expected an object with an entry for each method";
  });
  const auto entry = all.find(method);
  if (entry == all.end()) return {};
  const bool whole = entry->is_object() && entry->contains("verdict") && (*entry)["verdict"].is_string() &&
                     entry->contains("claims") && (*entry)["claims"].is_array();
  require(whole, Fault::data, [&] {
    return file.string() + ": '" + method + "': expected an object with a text 'verdict' and a list 'claims'";
  });
  RecordedVerdict recorded;
  recorded.verdict = one_line((*entry)["verdict"].get<std::string>(), text_bytes);
  for (const auto& claim : (*entry)["claims"]) {
    const auto text = claim.value("compared", "") + ": " + claim.value("found", "") + ": " +
                      claim.value("words", claim.value("verdict", ""));
    recorded.claims.push_back((claim.value("main", false) ? "main claim: " : "") + one_line(text, text_bytes));
  }
  return recorded;
}

}  // namespace touchstone
