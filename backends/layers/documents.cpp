#include "backends/layers/documents.hpp"

#include <algorithm>
#include <string>

#include "harness/base/error.hpp"
#include "harness/model/ops.hpp"

namespace touchstone {

Documents documents_of(const Inputs& inputs, const Cache* cache) {
  const auto total = inputs.tokens.size(0);
  Documents documents{.starts = inputs.starts, .past = {}, .count = {}};
  if (documents.starts.size() == 1) documents.starts.push_back(total);
  const auto& starts = documents.starts;
  require(
      !starts.empty() && starts.front() == 0 && starts.back() == total && std::is_sorted(starts.begin(), starts.end()),
      Fault::shape,
      [&] { return "document starts must rise from 0 to the number of tokens, " + std::to_string(total); });
  const auto rows = starts.size() - 1;
  require(cache == nullptr || cache->rows() == static_cast<int>(rows), Fault::shape, [&] {
    return std::to_string(rows) + " documents for a cache of " + std::to_string(cache->rows()) + " rows";
  });
  for (std::size_t row = 0; row < rows; ++row) {
    documents.count.push_back(starts[row + 1] - starts[row]);
    documents.past.push_back(cache == nullptr ? 0 : cache->length(static_cast<int>(row)));
  }
  return documents;
}

}  // namespace touchstone
