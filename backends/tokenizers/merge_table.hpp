#pragma once
#include <cstdint>
#include <vector>

namespace touchstone::tokenizers {

/// The result of merging two neighbouring tokens.
struct Merged {
  std::uint32_t rank = 0;
  std::int32_t id = -1;  ///< -1: they do not merge
};

/// Maps pairs of ids to their merge, by open addressing: the table that encoding reads most.
class MergeTable {
 public:
  explicit MergeTable(std::size_t pairs);
  /// A pair that is there already gets the new values.
  void add(std::int32_t left, std::int32_t right, Merged merged);
  Merged find(std::int32_t left, std::int32_t right) const {
    const auto wanted = key(left, right);
    for (std::size_t slot = slot_of(wanted);; slot = (slot + 1) & mask_) {
      const auto& entry = slots_[slot];
      if (entry.key == wanted) return entry.merged;
      if (entry.key == empty) return {};
    }
  }

 private:
  static constexpr std::uint64_t empty = ~std::uint64_t{0};
  struct Entry {
    std::uint64_t key = empty;
    Merged merged;
  };
  static std::uint64_t key(std::int32_t left, std::int32_t right) {
    return (static_cast<std::uint64_t>(static_cast<std::uint32_t>(left)) << 32) | static_cast<std::uint32_t>(right);
  }
  std::size_t slot_of(std::uint64_t wanted) const {
    return static_cast<std::size_t>((wanted * 0x9e3779b97f4a7c15ULL) >> 32) & mask_;
  }
  std::vector<Entry> slots_;
  std::size_t mask_ = 0;
};

}  // namespace touchstone::tokenizers
