#pragma once
#include <cstdint>
#include <string>

#include "harness/data/example.hpp"

namespace touchstone::micro {

inline constexpr int kPicturePx = 128;  ///< side of every picture of the world

/// One picture of the pre-training data and what is said of it.
struct PictureDocument {
  const char* kind = "";  ///< "maze", "maze-told", "chart", "chart-told"
  Image picture;
  std::string text;  ///< what follows the picture
};

/// Document `index` of the endless pictures that a seed stands for: mazes and charts of the corpus' part, which no
/// split of a benchmark has, either asked as the benchmarks ask them or first told in the words of the text editions. A
/// pure function of both numbers.
PictureDocument picture_document(std::uint64_t seed, std::uint64_t index);

}  // namespace touchstone::micro
