#include "backends/layers/dropped_entries.hpp"

#include <string>

#include "harness/base/error.hpp"
#include "harness/model/ops.hpp"

namespace touchstone {
namespace {

/// Indices [KV, E'] that rise below `entries`.
void check_kept(const Tensor& kept, std::int64_t count, std::int64_t entries) {
  require(kept.dim() == 2 && kept.size(1) == count && kept.scalar_type() == at::kLong, Fault::internal, [&] {
    return "entries to keep: found shape " + c10::str(kept.sizes()) + ", expected [heads, " + std::to_string(count) +
           "] whole numbers, as many of every layer";
  });
  if (count == 0) return;
  const bool rise = count == 1 || kept.diff(1, -1).gt(0).all().item<bool>();
  require(rise && kept.min().item<std::int64_t>() >= 0 && kept.max().item<std::int64_t>() < entries, Fault::internal,
          [&] { return "entries to keep: expected indices that rise, below " + std::to_string(entries); });
}

}  // namespace

std::int64_t DroppedEntries::entries(std::int64_t length) const {
  return any() ? positions_.front().size(1) + length - held_ : length;
}

Tensor DroppedEntries::positions(int layer, std::int64_t length, std::int64_t heads) const {
  const auto since = at::arange(any() ? held_ : 0, length, at::kLong).expand({heads, -1});
  return any() ? at::cat({positions_.at(static_cast<std::size_t>(layer)), since}, 1) : since;
}

void DroppedEntries::retain(const std::vector<Tensor>& kept, std::int64_t length) {
  const auto before = entries(length);
  std::vector<Tensor> left;
  for (std::size_t layer = 0; layer < kept.size(); ++layer) {
    const auto places = kept[layer].to(at::kCPU);
    check_kept(places, kept.front().dim() == 2 ? kept.front().size(1) : 0, before);
    left.push_back(positions(static_cast<int>(layer), length, places.size(0)).gather(1, places));
  }
  positions_ = std::move(left);
  held_ = length;
}

void DroppedEntries::truncate(std::int64_t length) {
  if (length == 0) *this = {};
  require(!any() || length >= held_, Fault::internal, [&] {
    return "a row of a cache goes back to " + std::to_string(length) + " tokens, but dropped entries after " +
           std::to_string(held_);
  });
}

}  // namespace touchstone
