#pragma once
#include <vector>

#include "backends/tokenizers/merge_table.hpp"
#include "backends/tokenizers/model.hpp"

namespace touchstone::tokenizers {

/// Merges neighbours in `tokens` by rank, leftmost first among equals, until none merges. Takes n log n steps.
/// Merges into an id that `work` avoids are left out.
void merge_word(const MergeTable& merges, const Work& work, std::vector<Token>& tokens);

}  // namespace touchstone::tokenizers
