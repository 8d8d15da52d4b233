#pragma once
#include <nlohmann/json_fwd.hpp>

namespace touchstone {

class Program;

/// Prints what there is to know of a method: its page (RecipePage), what came of reproducing it, its stages, and every
/// option of these and of their objectives with default and the recipe's own value. Wrapped for the terminal.
void print_method(Program& program, const nlohmann::ordered_json& recipe);

/// The recipe, with "reproduced" and, where its page is not whole, "missing".
nlohmann::ordered_json method_json(Program& program, const nlohmann::ordered_json& recipe);

}  // namespace touchstone
