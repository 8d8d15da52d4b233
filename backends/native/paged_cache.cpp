#include "backends/native/paged_cache.hpp"

#include <algorithm>

#include "harness/base/error.hpp"
#include "harness/model/ops.hpp"

namespace touchstone {
namespace {

std::size_t pages_for(std::int64_t tokens) {
  return static_cast<std::size_t>((tokens + kernels::page_tokens - 1) / kernels::page_tokens);
}

}  // namespace

void PagedCache::truncate(int row, std::int64_t length) {
  auto& cut = rows_.at(static_cast<std::size_t>(row));
  if (length >= cut.length) return;
  cut.dropped.truncate(length);
  cut.length = length;
  cut.pages.resize(pages_for(entries_of(cut)));
}

int PagedCache::fork(int row, std::int64_t length) {
  rows_.push_back(rows_.at(static_cast<std::size_t>(row)));
  truncate(rows() - 1, length);
  return rows() - 1;
}

void PagedCache::keep(const std::vector<int>& rows) {
  std::vector<Row> kept;
  kept.reserve(rows.size());
  for (const auto row : rows) kept.push_back(rows_.at(static_cast<std::size_t>(row)));
  rows_ = std::move(kept);
}

std::shared_ptr<Memory> PagedCache::fresh_page() const {
  auto page = std::make_shared<Memory>(layout_.page_bytes());
  page->clear();  // the kernels multiply values beyond the last token by zero
  return page;
}

void PagedCache::prepare(int number, std::int64_t tokens) {
  auto& row = rows_.at(static_cast<std::size_t>(number));
  const auto entries = entries_of(row);
  if (tokens > 0 && entries % kernels::page_tokens != 0) make_own(row.pages.back());
  while (row.pages.size() < pages_for(entries + tokens)) row.pages.push_back(fresh_page());
}

/// A page that other rows have, too, is copied.
void PagedCache::make_own(std::shared_ptr<Memory>& page) {
  if (page.use_count() == 1) return;
  auto own = std::make_shared<Memory>(page->bytes());
  std::memcpy(own->data(), page->data(), static_cast<std::size_t>(own->bytes()));
  page = std::move(own);
}

Tensor PagedCache::positions(int row, int layer) const {
  const auto& found = rows_.at(static_cast<std::size_t>(row));
  return found.dropped.positions(layer, found.length, layout_.key_heads);
}

Tensor PagedCache::keys(int, int) const { throw Error(Fault::internal, "keys in pages are packed and not given back"); }

void PagedCache::retain(int number, const std::vector<Tensor>& kept) {
  auto& row = rows_.at(static_cast<std::size_t>(number));
  require(static_cast<int>(kept.size()) == layout_.layers, Fault::internal, [&] {
    return std::to_string(kept.size()) + " layers of entries for a cache of " + std::to_string(layout_.layers);
  });
  row.dropped.retain(kept, row.length);
  const auto count = entries_of(row);
  for (std::size_t page = 0; page < pages_for(count); ++page) make_own(row.pages[page]);
  std::vector<void*> keys;
  std::vector<void*> values;
  for (int layer = 0; layer < layout_.layers; ++layer) {
    const auto places = kept[static_cast<std::size_t>(layer)].to(at::kCPU).contiguous();
    require(places.size(0) == layout_.key_heads, Fault::internal, "entries of other heads than there are");
    for (std::int64_t head = 0; head < layout_.key_heads; ++head) {
      locate(number, layer, head, keys, values);
      kernels::chosen().page_keep({.tokens = count,
                                   .from = places.const_data_ptr<std::int64_t>() + head * count,
                                   .head_dim = layout_.head_dim,
                                   .factors = layout_.factors,
                                   .key_pages = keys.data(),
                                   .value_pages = values.data()});
    }
  }
  row.pages.resize(pages_for(count));
}

void PagedCache::locate(int number, int layer, std::int64_t key_head, std::vector<void*>& keys,
                        std::vector<void*>& values) const {
  const auto& row = rows_.at(static_cast<std::size_t>(number));
  const auto key_bytes = layout_.key_bytes();
  const auto offset = (layer * layout_.key_heads + key_head) * (key_bytes + layout_.value_bytes());
  keys.clear();
  values.clear();
  for (const auto& page : row.pages) {
    keys.push_back(static_cast<char*>(page->data()) + offset);
    values.push_back(static_cast<char*>(page->data()) + offset + key_bytes);
  }
}

}  // namespace touchstone
