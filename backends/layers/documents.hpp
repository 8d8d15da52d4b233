#pragma once
#include <vector>

#include "harness/model/model.hpp"

namespace touchstone {

/// Where each document of a call lies and how many tokens it has in the cache.
struct Documents {
  std::vector<std::int64_t> starts;  ///< one more than documents
  std::vector<std::int64_t> past;
  std::vector<std::int64_t> count;
  Tensor layout;  ///< Inputs::layout
  Tensor back;    ///< [N] int64: where in the layout each token stands first; undefined without one
};

/// Rows of x [N, ...] in the documents' order, [N', ...].
Tensor laid_out(const Documents& documents, const Tensor& x);
/// The inverse: one row per token.
Tensor taken_back(const Documents& documents, const Tensor& x);

/// Throws Fault::shape when the starts do not rise from 0 to the number of tokens, or are not one more than the cache's
/// rows; nor when a layout leaves a token out, or comes with a cache.
Documents documents_of(const Inputs& inputs, const Cache* cache);

}  // namespace touchstone
