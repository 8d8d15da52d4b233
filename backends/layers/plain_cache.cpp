#include "backends/layers/plain_cache.hpp"

#include "harness/base/error.hpp"
#include "harness/model/ops.hpp"

namespace touchstone {
namespace {

void cut(PlainCache::Entry& entry, std::int64_t entries) {
  if (!entry.key.defined() || entry.key.size(0) <= entries) return;
  entry.key = entry.key.narrow(0, 0, entries);
  entry.value = entry.value.narrow(0, 0, entries);
}

/// Of x [E, KV, d] the entries kept [KV, E'] of each head, [E', KV, d].
Tensor picked(const Tensor& x, const Tensor& kept) {
  return x.gather(0, kept.to(x.device()).t().unsqueeze(-1).expand({-1, -1, x.size(2)}));
}

}  // namespace

PlainCache::PlainCache(int layers, int rows)
    : rows_(static_cast<std::size_t>(rows), Row{.layers = std::vector<Entry>(static_cast<std::size_t>(layers))}) {}

std::int64_t PlainCache::entries(int row) const { return at(row).dropped.entries(at(row).length); }

const PlainCache::Entry& PlainCache::entry(int row, int layer) const {
  const auto& found = at(row).layers.at(static_cast<std::size_t>(layer));
  require(found.key.defined(), Fault::internal, "a row of a cache is still empty");
  return found;
}

Tensor PlainCache::positions(int row, int layer) const {
  return at(row).dropped.positions(layer, at(row).length, entry(row, layer).key.size(1));
}

Tensor PlainCache::keys(int row, int layer) const { return entry(row, layer).key.to(at::kFloat); }

void PlainCache::retain(int row, const std::vector<Tensor>& kept) {
  auto& own = rows_.at(static_cast<std::size_t>(row));
  require(kept.size() == own.layers.size(), Fault::internal, [&] {
    return std::to_string(kept.size()) + " layers of entries for a cache of " + std::to_string(own.layers.size());
  });
  own.dropped.retain(kept, own.length);
  for (std::size_t layer = 0; layer < kept.size(); ++layer) {
    auto& pair = own.layers[layer];
    pair = {.key = picked(pair.key, kept[layer]), .value = picked(pair.value, kept[layer])};
  }
}

void PlainCache::truncate(int row, std::int64_t length) {
  auto& own = rows_.at(static_cast<std::size_t>(row));
  if (length >= own.length) return;
  own.dropped.truncate(length);
  own.length = length;
  for (auto& pair : own.layers) cut(pair, entries(row));
}

int PlainCache::fork(int row, std::int64_t length) {
  auto copy = at(row);
  rows_.push_back(std::move(copy));
  truncate(rows() - 1, length);
  return rows() - 1;
}

void PlainCache::keep(const std::vector<int>& rows) {
  std::vector<Row> kept;
  for (const auto row : rows) kept.push_back(at(row));
  rows_ = std::move(kept);
}

const PlainCache::Entry& PlainCache::append(int layer, int row, const Tensor& key, const Tensor& value) {
  auto& own = rows_.at(static_cast<std::size_t>(row));
  require(layer < static_cast<int>(own.layers.size()), Fault::internal, [&] {
    return "layer " + std::to_string(layer) + " of a cache of " + std::to_string(own.layers.size()) + " layers";
  });
  if (layer == 0) own.length += key.size(0);
  auto& pair = own.layers[static_cast<std::size_t>(layer)];
  pair.key = pair.key.defined() ? at::cat({pair.key, key}) : key;
  pair.value = pair.value.defined() ? at::cat({pair.value, value}) : value;
  return pair;
}

}  // namespace touchstone
