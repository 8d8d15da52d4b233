#pragma once
#include <vector>

#include "harness/model/model.hpp"

namespace touchstone {

/// Keys and values as whole tensors, one pair per layer and row. Simple and on any device; a fork shares its storage,
/// since appending makes new tensors.
class PlainCache final : public Cache {
 public:
  struct Entry {
    Tensor key;  ///< [T, KV, d], undefined while empty
    Tensor value;
  };

  PlainCache(int layers, int rows);
  int rows() const override { return static_cast<int>(rows_.size()); }
  std::int64_t length(int row) const override;
  void truncate(int row, std::int64_t length) override;
  int fork(int row, std::int64_t length) override;
  void keep(const std::vector<int>& rows) override;

  /// Appends the keys and values of new tokens and gives all of the row's.
  const Entry& append(int layer, int row, const Tensor& key, const Tensor& value);

 private:
  std::vector<std::vector<Entry>> rows_;  ///< [row][layer]
  int layers_;
};

}  // namespace touchstone
