#pragma once
#include <filesystem>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

namespace touchstone {

/// The texts of a recipe file about its method, for people. They do not affect training. Every text is one line; a text
/// that the file lacks is empty.
struct RecipePage {
  struct Claim {
    std::string text;       ///< the paper's claim, in words
    std::string direction;  ///< as an inequality
    std::string figures;    ///< the paper's own numbers
  };
  struct Cost {
    std::string passes;      ///< forward and backward passes, beside those of supervised fine-tuning
    std::string memory;      ///< memory besides the model, its gradient and its moments
    std::string generation;  ///< the texts that the model generates, and when
  };
  std::string method;
  std::string paper;
  std::string source;  ///< places in the paper and its code that this implementation follows
  std::string summary;
  std::string formula;
  Claim claim;
  Cost cost;
  std::vector<std::string> inferred;  ///< choices made here because the source does not specify them
  /// Keys that a page needs and the file lacks: "formula", "cost.memory". A user's own recipe may lack all of them; one
  /// that comes with the program may not.
  std::vector<std::string> missing;
};

/// Reads everything of a recipe but its stages. Throws Fault::config naming `where` and the key: unknown, not a text,
/// longer than 1000 bytes (for a list: than 20 entries), or more than one line.
RecipePage read_recipe_page(const nlohmann::ordered_json& recipe, const std::string& where);

/// What `touchstone verdict` recorded of a method.
struct RecordedVerdict {
  std::string verdict;  ///< "not shown"; empty: nothing is recorded
  std::vector<std::string>
      claims;  ///< one line each, the main one first: what was compared, what was found, its verdict
};

/// The method's entry in `file` (verdicts.json); an empty one when the file or the entry is not there. Throws
/// Fault::data naming the file for anything else.
RecordedVerdict recorded_verdict(const std::filesystem::path& file, const std::string& method);

}  // namespace touchstone
