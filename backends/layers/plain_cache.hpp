#pragma once
#include <vector>

#include "backends/layers/dropped_entries.hpp"
#include "harness/model/model.hpp"

namespace touchstone {

/// Keys and values as whole tensors, one pair per layer and row. Simple and on any device; a fork shares its storage,
/// since appending makes new tensors.
class PlainCache final : public Cache {
 public:
  struct Entry {
    Tensor key;  ///< [E, KV, d], undefined while empty
    Tensor value;
  };

  PlainCache(int layers, int rows);
  int rows() const override { return static_cast<int>(rows_.size()); }
  std::int64_t length(int row) const override { return at(row).length; }
  std::int64_t entries(int row) const override;
  Tensor positions(int row, int layer) const override;
  Tensor keys(int row, int layer) const override;
  void retain(int row, const std::vector<Tensor>& kept) override;
  void truncate(int row, std::int64_t length) override;
  int fork(int row, std::int64_t length) override;
  void keep(const std::vector<int>& rows) override;

  /// Appends the keys and values of new tokens and gives all of the row's.
  const Entry& append(int layer, int row, const Tensor& key, const Tensor& value);
  /// Whether entries of the row were dropped: those that are left lie at positions() alone.
  bool dropped(int row) const { return at(row).dropped.any(); }

 private:
  struct Row {
    std::vector<Entry> layers;
    std::int64_t length = 0;
    DroppedEntries dropped{};
  };
  const Row& at(int row) const { return rows_.at(static_cast<std::size_t>(row)); }
  const Entry& entry(int row, int layer) const;

  std::vector<Row> rows_;
};

}  // namespace touchstone
