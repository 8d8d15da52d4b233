#include "backends/layers/documents.hpp"

#include <algorithm>
#include <span>
#include <string>

#include "harness/base/error.hpp"
#include "harness/model/ops.hpp"

namespace touchstone {
namespace {

Tensor first_places(const Tensor& layout, std::int64_t tokens) {
  std::vector<std::int64_t> first(static_cast<std::size_t>(tokens), -1);
  const auto places = layout.to(at::kCPU).contiguous();
  const std::span all(places.const_data_ptr<std::int64_t>(), static_cast<std::size_t>(places.size(0)));
  for (std::size_t at = all.size(); at-- > 0;) {
    require(all[at] >= 0 && all[at] < tokens, Fault::shape, [&] {
      return "layout holds token " + std::to_string(all[at]) + ", expected 0 to " + std::to_string(tokens - 1);
    });
    first[static_cast<std::size_t>(all[at])] = static_cast<std::int64_t>(at);
  }
  require(std::find(first.begin(), first.end(), -1) == first.end(), Fault::shape,
          "layout: a token stands in no document");
  return at::tensor(first).to(layout.device());
}

}  // namespace

Tensor laid_out(const Documents& documents, const Tensor& x) {
  return documents.layout.defined() ? x.index_select(0, documents.layout) : x;
}

Tensor taken_back(const Documents& documents, const Tensor& x) {
  return documents.back.defined() ? x.index_select(0, documents.back) : x;
}

Documents documents_of(const Inputs& inputs, const Cache* cache) {
  const bool shares = inputs.layout.defined();
  const auto total = shares ? inputs.layout.size(0) : inputs.tokens.size(0);
  Documents documents{.starts = inputs.starts, .past = {}, .count = {}, .layout = inputs.layout, .back = {}};
  require(!shares || cache == nullptr, Fault::shape, "a layout cannot come with a cache");
  if (shares) documents.back = first_places(inputs.layout, inputs.tokens.size(0));
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
