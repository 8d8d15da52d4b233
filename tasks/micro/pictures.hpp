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

/// What eyes learn from, in this order.
enum class PictureLesson : std::uint8_t {
  told,       ///< a maze in the signs of its text edition, a chart by its table
  bars_told,  ///< the same of charts of upright bars alone: to tell one mark from the next
  asked,      ///< as the benchmarks ask, a chart six to eight times, and then told
};

/// Document `index` of the endless pictures that a seed stands for: mazes and charts of the corpus' part, which no
/// split of a benchmark has. Rows of charts that are told alone come in any order, so that a value is found by its
/// label, as questions want it, and not by its turn. A pure function of its arguments.
PictureDocument picture_document(std::uint64_t seed, std::uint64_t index, PictureLesson lesson);

}  // namespace touchstone::micro
