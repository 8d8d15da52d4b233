#pragma once
#include <nlohmann/json_fwd.hpp>

namespace touchstone {

class Program;

/// Prints all facts about a method: its page (RecipePage), the result of reproducing it, its stages, and every
/// option of the stages and their objectives, with its default and the recipe's value. Wrapped for the terminal.
void print_method(Program& program, const nlohmann::ordered_json& recipe);

/// The recipe, with "verdict", "found" (a line a claim) and, where its page is not whole, "missing".
nlohmann::ordered_json method_json(Program& program, const nlohmann::ordered_json& recipe);

}  // namespace touchstone
