#include "backends/native/paged_cache.hpp"

#include <algorithm>

namespace touchstone {
namespace {

std::size_t pages_for(std::int64_t tokens) {
  return static_cast<std::size_t>((tokens + kernels::page_tokens - 1) / kernels::page_tokens);
}

}  // namespace

void PagedCache::truncate(int row, std::int64_t length) {
  auto& cut = rows_.at(static_cast<std::size_t>(row));
  cut.length = std::min(cut.length, length);
  cut.pages.resize(pages_for(cut.length));
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
  if (tokens > 0 && row.length % kernels::page_tokens != 0 && row.pages.back().use_count() > 1) {
    auto own = std::make_shared<Memory>(layout_.page_bytes());
    std::memcpy(own->data(), row.pages.back()->data(), static_cast<std::size_t>(own->bytes()));
    row.pages.back() = std::move(own);
  }
  while (row.pages.size() < pages_for(row.length + tokens)) row.pages.push_back(fresh_page());
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
