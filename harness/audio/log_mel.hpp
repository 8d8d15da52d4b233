#pragma once
// From a recording to the log-mel features that a speech encoder reads, as preprocessor_config.json says.
#include <filesystem>
#include <vector>

#include "harness/audio/audio.hpp"

namespace touchstone {

/// What preprocessor_config.json says, with transformers' defaults for what it leaves out.
struct MelSettings {
  int bins = 80;         ///< "feature_size"
  int rate_hz = 16'000;  ///< "sampling_rate"
  int hop = 160;         ///< samples from frame to frame: "hop_length"
  int window = 400;      ///< samples a frame: "n_fft"
  int chunk_seconds = 30;
  float padding_value = 0.0F;
  bool pad = true;  ///< a shorter recording is filled up to chunk_seconds; a longer one is cut there in any case
};

/// Reads preprocessor_config.json of a checkpoint folder, or "feature_extractor" of processor_config.json. Throws
/// Fault::checkpoint naming file and key: none of the two is there, an extractor of another kind, an unknown key, a
/// value out of range or one that would make other features (a dither, padding on the left).
MelSettings read_mel_settings(const std::filesystem::path& folder);

/// The features of one recording.
struct LogMel {
  int bins = 0;
  int frames = 0;             ///< samples / hop, of what was padded or cut
  std::vector<float> values;  ///< [bins, frames]
};

/// As transformers' WhisperFeatureExtractor computes them with numpy: frames of `window` samples around every `hop`-th,
/// the ends mirrored, a periodic Hann window; the power spectrum through triangular filters of Slaney's scale and area
/// from 0 to 8000 Hz; log10 of at least 1e-10, at least 8 below the largest, then (x + 4) / 4. Throws Fault::data for a
/// recording at another rate than the settings', and for one too short to be mirrored.
LogMel log_mel(const Audio& audio, const MelSettings& settings);

}  // namespace touchstone
