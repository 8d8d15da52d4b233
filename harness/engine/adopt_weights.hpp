#pragma once
#include <cstdint>
#include <string>

#include "harness/model/model.hpp"

namespace touchstone {

/// Copies every weight of `source` into the language part of `target`, by name. Embedding and head may have more rows
/// in `target`: those of tokens that `source` does not know keep their values. Gives how many numbers were copied.
/// Throws Fault::checkpoint naming the first weight that `target` lacks or has in another shape, or a weight of the
/// language part that `source` lacks; `where` names the source in messages.
std::int64_t adopt_weights(Model& target, Model& source, const std::string& where);

}  // namespace touchstone
