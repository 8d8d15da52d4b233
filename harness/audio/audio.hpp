#pragma once
#include <vector>

namespace touchstone {

/// A recording, decoded: one channel.
struct Audio {
  int rate_hz = 0;
  std::vector<float> samples;  ///< 1 is full scale
};

/// Its length.
inline double seconds_of(const Audio& audio) {
  return audio.rate_hz > 0 ? static_cast<double>(audio.samples.size()) / audio.rate_hz : 0.0;
}

}  // namespace touchstone
