#pragma once
#include <string>
#include <vector>

#include "harness/base/draws.hpp"

namespace touchstone {

/// "operator", "number", "boundary", "variable", "step".
const std::vector<std::string>& mutation_kinds();

/// Up to `count` different variants of `text` with one more fault each, drawn from these kinds in turn: each kind is
/// tried equally often, however many places it fits. A variant may still be right: a judge must decide.
/// - operator: + for -, == for !=, and for or, min for max, True for False, ...
/// - number: a whole number one too large or too small
/// - boundary: < for <=, x[k:] for x[:k], range(1, n) for range(n), one element less
/// - variable: another name of the text, or of the last "def" of `context`, that is neither called nor a keyword
/// - step: another operator or number in a worked step "<<5+3=8>>", with all later steps computed and written anew
std::vector<std::string> mutations(const std::string& text, const std::string& context,
                                   const std::vector<std::string>& kinds, std::size_t count, Draws& draws);

}  // namespace touchstone
