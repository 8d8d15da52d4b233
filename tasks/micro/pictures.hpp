#pragma once
#include <cstdint>
#include <string>

#include "harness/data/example.hpp"

namespace touchstone::micro {

inline constexpr int picture_side_px = 128;  ///< side of every picture of the world

/// One picture of the pre-training data with its text.
struct PictureDocument {
  const char* kind = "";  ///< "maze", "chart"
  Image picture;
  std::string text;  ///< the text after the picture
};

/// The kinds of picture documents for training a vision encoder, in this order.
enum class PictureLesson : std::uint8_t {
  told,       ///< a maze in the signs of its text edition; a chart as its table
  bars_told,  ///< the same, but only charts of upright bars: to tell one mark from the next
  asked,      ///< as in the benchmarks; a chart is asked about six to eight times, and then told
};

/// Document `index` of the endless pictures of a seed: mazes and charts of the corpus' part, which no
/// split of a benchmark has. Where a chart is only told, its rows come in any order, so that a value is found by its
/// label, as questions need it, and not by its position. A pure function of its arguments.
PictureDocument picture_document(std::uint64_t seed, std::uint64_t index, PictureLesson lesson);

}  // namespace touchstone::micro
