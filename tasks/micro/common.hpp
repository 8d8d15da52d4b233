#pragma once
#include <array>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "harness/base/draws.hpp"

namespace touchstone::micro {

/// The part of the world in which an item may be asked. A hash of its content assigns every item to one part, so the
/// order in which items are drawn cannot leak anything.
enum class Part : std::uint8_t {
  corpus,  ///< pre-training text
  train,   ///< training splits
  tuning,  ///< validation splits, on which settings are chosen
  test     ///< test splits
};

/// A stable number below `count`, computed from a content.
inline std::uint64_t bucket(std::string_view content, std::uint64_t count) { return derive_seed(0, content) % count; }

/// Per cent of all contents of a kind in each part; the test has the rest.
struct PartShares {
  std::uint64_t corpus = 0;
  std::uint64_t train = 0;
  std::uint64_t tuning = 0;
};

/// The part of a content.
inline Part part_of(std::string_view content, const PartShares& shares) {
  const auto at = bucket(content, 100);
  if (at < shares.corpus) return Part::corpus;
  if (at < shares.corpus + shares.train) return Part::train;
  return at < shares.corpus + shares.train + shares.tuning ? Part::tuning : Part::test;
}

/// One of the values, all equally likely.
template <class Values>
const auto& pick(const Values& values, Draws& draws) {
  return values[draws.below(values.size())];
}

/// A whole number from first to last, both included.
inline int between(int first, int last, Draws& draws) {
  return first + static_cast<int>(draws.below(static_cast<std::uint64_t>(last - first + 1)));
}

/// True in `percent` of a hundred draws.
inline bool chance(std::uint64_t percent, Draws& draws) { return draws.below(100) < percent; }

/// The text for a name in braces.
struct Filling {
  std::string_view name;
  std::string_view text;
};

/// The pattern with each "{name}" replaced; names without a value stay as they are.
std::string fill(std::string_view pattern, std::initializer_list<Filling> fillings);

/// `count` different values of a pool, without the one at index `but`, in random order.
std::vector<std::string_view> others(const std::array<std::string_view, 12>& pool, std::size_t but, std::size_t count,
                                     Draws& draws);

/// An invented name of two (60 %) or three syllables and at most nine letters.
template <class Syllables>
std::string invented_name(const Syllables& syllables, Draws& draws) {
  while (true) {
    std::string name(pick(syllables, draws));
    for (int more = chance(60, draws) ? 1 : 2; more > 0; --more) name += pick(syllables, draws);
    if (name.size() <= 9) return name;
  }
}

/// The name with the spelling of its kind.
std::string cased(std::string name, bool lower_case);

}  // namespace touchstone::micro
