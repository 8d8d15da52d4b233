#pragma once
#include <filesystem>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

namespace touchstone {

/// What a recipe file says of its method to people, beside the stages that are run. None of it changes a bit of what
/// is trained. Every text is one line; one that the file does not have is empty.
struct RecipePage {
  struct Claim {
    std::string text;       ///< what the paper promises, in words
    std::string direction;  ///< as an inequality
    std::string figures;    ///< the paper's own numbers
  };
  struct Cost {
    std::string passes;      ///< forward and backward passes, beside those of supervised fine-tuning
    std::string memory;      ///< what is held beside the model, its gradient and its moments
    std::string generation;  ///< what the model writes, and when
  };
  std::string method;
  std::string paper;
  std::string source;  ///< the places in the paper and its code that this was built from
  std::string summary;
  std::string formula;
  Claim claim;
  Cost cost;
  std::vector<std::string> inferred;  ///< what was chosen here because the source does not say it
  /// Keys that a page needs and the file lacks: "formula", "cost.memory". A recipe of your own may lack all; those that
  /// come with the program may not.
  std::vector<std::string> missing;
};

/// Reads everything of a recipe but its stages. Throws Fault::config naming `where` and the key: unknown, not a text,
/// longer than 1000 bytes (a list: than 20 entries), or more than one line.
RecipePage read_recipe_page(const nlohmann::ordered_json& recipe, const std::string& where);

/// What `touchstone verdict` found of a method, in one line: the key "text" of its entry in `file` (verdicts.json);
/// empty when the file or the entry is not there. Throws Fault::data naming the file for anything else.
std::string reproduced_result(const std::filesystem::path& file, const std::string& method);

}  // namespace touchstone
