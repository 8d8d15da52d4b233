#include "backends/layers/plain_cache.hpp"

#include "harness/base/error.hpp"
#include "harness/model/ops.hpp"

namespace touchstone {
namespace {

void cut(PlainCache::Entry& entry, std::int64_t length) {
  if (!entry.key.defined() || entry.key.size(0) <= length) return;
  entry.key = entry.key.narrow(0, 0, length);
  entry.value = entry.value.narrow(0, 0, length);
}

}  // namespace

PlainCache::PlainCache(int layers, int rows)
    : rows_(static_cast<std::size_t>(rows), std::vector<Entry>(static_cast<std::size_t>(layers))), layers_(layers) {}

std::int64_t PlainCache::length(int row) const {
  const auto& key = rows_.at(static_cast<std::size_t>(row)).front().key;
  return key.defined() ? key.size(0) : 0;
}

void PlainCache::truncate(int row, std::int64_t length) {
  for (auto& entry : rows_.at(static_cast<std::size_t>(row))) cut(entry, length);
}

int PlainCache::fork(int row, std::int64_t length) {
  auto copy = rows_.at(static_cast<std::size_t>(row));
  for (auto& entry : copy) cut(entry, length);
  rows_.push_back(std::move(copy));
  return rows() - 1;
}

void PlainCache::keep(const std::vector<int>& rows) {
  std::vector<std::vector<Entry>> kept;
  for (const auto row : rows) kept.push_back(rows_.at(static_cast<std::size_t>(row)));
  rows_ = std::move(kept);
}

const PlainCache::Entry& PlainCache::append(int layer, int row, const Tensor& key, const Tensor& value) {
  auto& entry = rows_.at(static_cast<std::size_t>(row)).at(static_cast<std::size_t>(layer));
  entry.key = entry.key.defined() ? at::cat({entry.key, key}) : key;
  entry.value = entry.value.defined() ? at::cat({entry.value, value}) : value;
  return entry;
}

}  // namespace touchstone
