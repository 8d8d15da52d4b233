#pragma once
#include <vector>

#include "harness/model/tensor.hpp"

namespace touchstone {

/// Where the entries of one row of a cache stand after some were dropped. Those that came afterwards are all there.
class DroppedEntries {
 public:
  bool any() const { return !positions_.empty(); }
  /// Of a row of `length` tokens.
  std::int64_t entries(std::int64_t length) const;
  /// [KV, entries] int64 of a layer, on the processor. `heads`: where nothing was dropped, so many rows alike.
  Tensor positions(int layer, std::int64_t length, std::int64_t heads) const;
  /// The row, of `length` tokens, keeps these entries of each layer alone, each [KV, E'] int64. Throws Fault::internal
  /// where layers keep unlike numbers, or an index does not rise or is not there.
  void retain(const std::vector<Tensor>& kept, std::int64_t length);
  /// The row goes back to `length` tokens. Throws Fault::internal when entries were dropped behind them, unless the
  /// length is 0.
  void truncate(std::int64_t length);

 private:
  std::int64_t held_ = 0;          ///< length of the row when entries were dropped last
  std::vector<Tensor> positions_;  ///< of each layer [KV, E], what was left then; empty: nothing was dropped
};

}  // namespace touchstone
