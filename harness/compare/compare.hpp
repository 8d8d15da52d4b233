#pragma once
#include <map>
#include <span>
#include <string>
#include <vector>

#include "harness/compare/drop.hpp"

namespace touchstone {

/// Reads each measure's items once, even if it is compared several times.
class ItemReader {
 public:
  explicit ItemReader(const Store& store) : store_(&store) {}
  /// The items, with their values of `metric`.
  const std::vector<ItemRow>& items(std::int64_t measure, const std::string& metric);

 private:
  const Store* store_;
  std::map<std::pair<std::int64_t, std::string>, std::vector<ItemRow>> read_;
};

/// Whether two measures differ only in their model.
bool equal_settings(const MeasureRow& one, const MeasureRow& two);

/// One benchmark's measures that can be compared, leaf by leaf.
struct Comparable {
  std::string benchmark;
  std::string metric;
  std::vector<const MeasureRow*> before;
  std::vector<const MeasureRow*> after;
};

/// Pairs measures with equal settings and pools leaves of one benchmark, in the order of `before`.
std::vector<Comparable> comparable(std::span<const MeasureRow* const> before, std::span<const MeasureRow* const> after,
                                   const std::string& metric);

/// Items of both sides, matched; the input of compare().
struct Matched {
  std::vector<const ItemRow*> before;
  std::vector<const ItemRow*> after;
  /// Of each item: its unit, equal wherever these questions are asked (a named cluster, or the prompt), and its leaf.
  std::vector<std::uint64_t> units;
  std::vector<std::uint32_t> strata;
  /// The main metric is one value of all items together (a corpus's BLEU), and no item has a value of its own. Item
  /// scores are compared instead.
  bool by_score = false;
  std::int64_t left_out = 0;
};
Matched match(const Comparable& pair, ItemReader& reader);

/// Everything of a TaskChange but p_holm and trained_on. Pure: may run in parallel.
TaskChange compare(const Comparable& pair, const Matched& items);

}  // namespace touchstone
