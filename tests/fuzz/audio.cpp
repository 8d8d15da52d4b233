// Recordings: WAV and FLAC, with limits small enough that every input takes a moment only.
#include <cmath>

#include "harness/audio/audio_file.hpp"
#include "tests/fuzz/fuzz.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  return fuzz_one(data, size, [](std::string_view bytes) {
    const touchstone::AudioLimits limits{.frames = 1 << 18};
    const auto audio = touchstone::decode_audio(bytes, "input", limits);
    if (audio.samples.empty() || audio.samples.size() > 1 << 18 || audio.rate_hz < limits.least_rate_hz)
      __builtin_trap();
    for (const auto sample : audio.samples) {
      if (!(std::abs(sample) <= limits.peak)) __builtin_trap();
    }
  });
}
