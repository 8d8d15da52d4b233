#pragma once
// Recordings from outside: WAV and FLAC, decoded within bounds. Headers are read and checked before anything is
// allocated.
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

#include "harness/audio/audio.hpp"

namespace touchstone {

/// What a recording may be at most. A header that claims more is refused before its samples are read.
struct AudioLimits {
  double seconds = 7200;
  std::int64_t frames = 100'000'000;  ///< samples of one channel
  int channels = 8;
  int least_rate_hz = 1000;
  int most_rate_hz = 384'000;
  std::int64_t file_bytes = std::int64_t{512} << 20;
  float peak = 16;  ///< of samples written as floats: far over full scale they are numbers on another scale
};

/// Decodes WAV (whole numbers of 8, 16, 24 or 32 bits, floats of 32 or 64, A-law, mu-law) or FLAC (8, 16 or 24 bits) by
/// content, whatever the name says. Whole numbers lie in [-1, 1), floats are as the file has them; channels are
/// averaged in float32, as librosa.load and soundfile's users do; the rate stays. `where` names the recording in
/// messages. Throws Fault::data, one line saying what was found and what was expected: another format, a length, rate
/// or number of channels out of bounds, no sample, a sample that is no number, cut or damaged data.
Audio decode_audio(std::string_view bytes, const std::string& where, const AudioLimits& limits = {});

/// decode_audio on a file.
Audio read_audio(const std::filesystem::path& path, const AudioLimits& limits = {});

/// SHA-256 over rate and samples: what a result's key and a stored sample know of a recording.
std::string audio_hash(const Audio& audio);

}  // namespace touchstone
