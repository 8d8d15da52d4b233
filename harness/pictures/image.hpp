#pragma once
#include <cstdint>
#include <vector>

namespace touchstone {

/// A picture, decoded: row-major, three bytes a pixel.
struct Image {
  int width_px = 0;
  int height_px = 0;
  std::vector<std::uint8_t> rgb;
};

}  // namespace touchstone
