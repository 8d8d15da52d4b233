#pragma once
#include <memory>
#include <vector>

#include "backends/layers/dropped_entries.hpp"
#include "backends/native/memory.hpp"
#include "harness/kernels/kernels.hpp"
#include "harness/model/model.hpp"

namespace touchstone {

/// The dimensions of a cache.
struct PageLayout {
  int layers = 0;
  std::int64_t key_heads = 0;
  std::int64_t head_dim = 0;
  kernels::Type factors = kernels::Type::f32;

  std::int64_t key_bytes() const { return kernels::chosen().key_page_bytes(head_dim, factors); }
  std::int64_t value_bytes() const { return kernels::chosen().value_page_bytes(head_dim, factors); }
  std::int64_t page_bytes() const { return layers * key_heads * (key_bytes() + value_bytes()); }
};

/// Keys and values in pages of 64 tokens that hold all layers. A fork shares its pages; a shared page is copied when
/// one of its rows adds tokens to it. Not for several threads at once.
class PagedCache final : public Cache {
 public:
  PagedCache(const PageLayout& layout, int rows) : layout_(layout), rows_(static_cast<std::size_t>(rows)) {}

  int rows() const override { return static_cast<int>(rows_.size()); }
  std::int64_t length(int row) const override { return rows_.at(static_cast<std::size_t>(row)).length; }
  std::int64_t entries(int row) const override { return entries_of(rows_.at(static_cast<std::size_t>(row))); }
  Tensor positions(int row, int layer) const override;
  Tensor keys(int row, int layer) const override;
  void retain(int row, const std::vector<Tensor>& kept) override;
  void truncate(int row, std::int64_t length) override;
  int fork(int row, std::int64_t length) override;
  void keep(const std::vector<int>& rows) override;

  int layers() const { return layout_.layers; }
  /// Makes room for more tokens in pages of the row's own.
  void prepare(int row, std::int64_t tokens);
  /// Where the pages of one layer and key head lie.
  void locate(int row, int layer, std::int64_t key_head, std::vector<void*>& keys, std::vector<void*>& values) const;
  /// Marks the tokens that prepare made room for as present.
  void grow(int row, std::int64_t tokens) { rows_.at(static_cast<std::size_t>(row)).length += tokens; }

  /// Buffers of the forward passes that use this cache.
  std::vector<Memory> workspace;

 private:
  struct Row {
    std::int64_t length = 0;
    std::vector<std::shared_ptr<Memory>> pages;
    DroppedEntries dropped{};
  };
  static std::int64_t entries_of(const Row& row) { return row.dropped.entries(row.length); }
  static void make_own(std::shared_ptr<Memory>& page);
  std::shared_ptr<Memory> fresh_page() const;

  PageLayout layout_;
  std::vector<Row> rows_;
};

}  // namespace touchstone
