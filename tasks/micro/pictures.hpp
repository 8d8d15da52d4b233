#pragma once
#include <cstdint>
#include <string>

#include "harness/data/example.hpp"

namespace touchstone::micro {

inline constexpr int kPicturePx = 128;  ///< side of every picture of the world

/// One picture of the pre-training data and what is said of it.
struct PictureDocument {
  const char* kind = "";  ///< "maze", "chart"
  Image picture;
  std::string text;  ///< what follows the picture
};

/// Document `index` of the endless pictures that a seed stands for: mazes and charts of the corpus' part, which no
/// split of a benchmark has. Told alone: a maze in the signs of its text edition, a chart by its sketch and its table.
/// Or asked as the benchmarks ask them, a chart six to eight times, and then told. A pure function of its arguments.
PictureDocument picture_document(std::uint64_t seed, std::uint64_t index, bool asked);

}  // namespace touchstone::micro
