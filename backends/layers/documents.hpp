#pragma once
#include <vector>

#include "harness/model/model.hpp"

namespace touchstone {

/// Where each document of a call lies and how many tokens it has in the cache.
struct Documents {
  std::vector<std::int64_t> starts;  ///< one more than documents
  std::vector<std::int64_t> past;
  std::vector<std::int64_t> count;
};

/// Throws Fault::shape when the starts do not rise from 0 to the number of tokens, or are not one more than the cache's
/// rows.
Documents documents_of(const Inputs& inputs, const Cache* cache);

}  // namespace touchstone
