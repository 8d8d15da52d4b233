#pragma once
#include "harness/base/options.hpp"
#include "trainers/rows/rows.hpp"

namespace touchstone {

/// The options of a stage that say how records become rows: max_length, truncation_mode, append_eos, end_of_turn.
RowSettings read_row_options(Options& options);

/// max_length as the model allows it.
std::int64_t row_limit(const RowSettings& settings, std::int64_t model_length);

/// What the stage `reference` makes of a data set for stages that train, in the words of Stage::gives.
std::string reference_of(const std::string& data);

}  // namespace touchstone
