#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace touchstone::tokenizers {

/// Texts to numbers, found by walking along a longer text.
class PrefixTree {
 public:
  /// Empty texts are left out; of equal texts the last one counts.
  void add(std::string text, std::int32_t value) { entries_.emplace_back(std::move(text), value); }
  /// To be called once, after the last add.
  void freeze();
  bool empty() const { return nodes_.size() < 2; }
  /// True when some text begins with this byte.
  bool begins_with(char byte) const { return roots_[static_cast<unsigned char>(byte)] != 0; }

  /// Calls found(bytes, value) for each text that `text` begins with, shortest first.
  template <class Found>
  void each_prefix(std::string_view text, const Found& found) const {
    if (text.empty()) return;
    std::uint32_t node = roots_[static_cast<unsigned char>(text[0])];
    for (std::size_t at = 1; node != 0; ++at) {
      if (nodes_[node].value >= 0) found(at, nodes_[node].value);
      if (at == text.size()) return;
      node = child(nodes_[node], static_cast<unsigned char>(text[at]));
    }
  }

 private:
  /// Its children are the nodes [first, first + count), by byte.
  struct Node {
    std::uint32_t first = 0;
    std::int32_t value = -1;
    std::uint16_t count = 0;
    unsigned char byte = 0;
  };
  std::uint32_t child(const Node& node, unsigned char byte) const;

  std::vector<std::pair<std::string, std::int32_t>> entries_;
  std::vector<Node> nodes_;
  std::array<std::uint32_t, 256> roots_{};
};

}  // namespace touchstone::tokenizers
