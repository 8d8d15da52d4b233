#include "backends/tokenizers/prefix_tree.hpp"

#include <algorithm>

namespace touchstone::tokenizers {

void PrefixTree::freeze() {
  std::stable_sort(entries_.begin(), entries_.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  struct Range {
    std::uint32_t node;
    std::size_t first, last, depth;
  };
  nodes_.assign(1, {});
  std::vector<Range> open{{0, 0, entries_.size(), 0}};
  // Level by level, so that the children of a node lie side by side.
  for (std::size_t at = 0; at < open.size(); ++at) {
    auto range = open[at];
    const auto byte_of = [&](std::size_t i) { return static_cast<unsigned char>(entries_[i].first[range.depth]); };
    while (range.first < range.last && entries_[range.first].first.size() == range.depth) {
      nodes_[range.node].value = entries_[range.first++].second;
    }
    nodes_[range.node].first = static_cast<std::uint32_t>(nodes_.size());
    while (range.first < range.last) {
      const auto byte = byte_of(range.first);
      std::size_t end = range.first;
      while (end < range.last && byte_of(end) == byte) ++end;
      if (range.depth == 0) roots_[byte] = static_cast<std::uint32_t>(nodes_.size());
      open.push_back({static_cast<std::uint32_t>(nodes_.size()), range.first, end, range.depth + 1});
      nodes_.push_back({0, -1, 0, byte});
      ++nodes_[range.node].count;
      range.first = end;
    }
  }
  entries_ = {};
}

std::uint32_t PrefixTree::child(const Node& node, unsigned char byte) const {
  const auto first = nodes_.begin() + node.first;
  const auto last = first + node.count;
  const auto found = std::lower_bound(first, last, byte, [](const Node& a, unsigned char b) { return a.byte < b; });
  return found != last && found->byte == byte ? static_cast<std::uint32_t>(found - nodes_.begin()) : 0;
}

}  // namespace touchstone::tokenizers
