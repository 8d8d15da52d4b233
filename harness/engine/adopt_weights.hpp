#pragma once
#include <cstdint>
#include <string>

#include "harness/model/model.hpp"

namespace touchstone {

/// Copies every weight of `source` into the language part of `target`, by name. Tables of the vocabulary may have more
/// rows in `target`: tokens that `source` does not know keep theirs. Gives how many numbers were copied. Throws
/// Fault::checkpoint naming the first weight that finds no place or has another shape, and a weight of the language
/// part that `source` does not have; `where` names the source in messages.
std::int64_t adopt_weights(Model& target, Model& source, const std::string& where);

}  // namespace touchstone
