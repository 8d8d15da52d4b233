#include "harness/audio/log_mel.hpp"

#include <algorithm>
#include <cmath>
#include <complex>
#include <numbers>
#include <span>
#include <string>

#include "harness/base/error.hpp"
#include "harness/base/object_reader.hpp"
#include "harness/base/processor_file.hpp"

namespace touchstone {
namespace {

using Complex = std::complex<double>;

/// The discrete Fourier transform of one length, by its prime factors (Cooley and Tukey, 1965).
class Fourier {
 public:
  explicit Fourier(std::size_t length) : turns_(length), spare_(length) {
    for (std::size_t at = 0; at < length; ++at) {
      turns_[at] = std::polar(1.0, -2.0 * std::numbers::pi * static_cast<double>(at) / static_cast<double>(length));
    }
    for (std::size_t left = length, factor = 2; left > 1; ++factor) {
      for (; left % factor == 0; left /= factor) factors_.push_back(factor);
    }
  }

  /// out[k] = sum_n in[n] exp(-2 pi i k n / length)
  void run(std::span<const double> in, std::span<Complex> out) { part(in.data(), 1, out, 0); }

 private:
  /// The transform of every `stride`-th value: those of `factor` lists of every (stride * factor)-th, put together.
  void part(const double* in, std::size_t stride, std::span<Complex> out, std::size_t level) {
    if (level == factors_.size()) {
      out[0] = *in;
      return;
    }
    const auto factor = factors_[level];
    const auto length = out.size() / factor;
    for (std::size_t list = 0; list < factor; ++list) {
      part(in + list * stride, stride * factor, out.subspan(list * length, length), level + 1);
    }
    const auto all = std::span(spare_).first(out.size());
    for (std::size_t k = 0; k < out.size(); ++k) {
      Complex sum = out[k % length];
      for (std::size_t list = 1; list < factor; ++list) {
        sum += turns_[list * k % out.size() * stride] * out[list * length + k % length];
      }
      all[k] = sum;
    }
    std::copy(all.begin(), all.end(), out.begin());
  }

  std::vector<Complex> turns_;
  std::vector<Complex> spare_;
  std::vector<std::size_t> factors_;
};

constexpr double half_rate_hz = 8000.0;

/// Slaney's scale: linear up to 1000 Hz, logarithmic above (Auditory Toolbox, 1998).
double mel_of(double hz) {
  return hz < 1000.0 ? 3.0 * hz / 200.0 : 15.0 + std::log(hz / 1000.0) * 27.0 / std::log(6.4);
}

double hz_of(double mel) {
  return mel < 15.0 ? 200.0 * mel / 3.0 : 1000.0 * std::exp(std::log(6.4) / 27.0 * (mel - 15.0));
}

/// A triangle over the frequencies of a spectrum, without the zeros around it.
struct MelFilter {
  std::size_t first = 0;
  std::vector<double> weights;
};

/// Each of area 1 over its frequencies in Hz, up to the factor 2 / width that Slaney has.
std::vector<MelFilter> mel_filters(const MelSettings& settings) {
  const auto frequencies = static_cast<std::size_t>(settings.window) / 2 + 1;
  const auto last = static_cast<double>(settings.bins + 1);
  const auto corner = [&](std::size_t number) {
    return hz_of(mel_of(half_rate_hz) * static_cast<double>(number) / last);
  };
  const int whole_nyquist_hz = settings.rate_hz / 2;  // half a hertz is dropped
  std::vector<MelFilter> filters;
  for (std::size_t bin = 0; bin < static_cast<std::size_t>(settings.bins); ++bin) {
    const auto left = corner(bin);
    const auto middle = corner(bin + 1);
    const auto right = corner(bin + 2);
    MelFilter filter;
    for (std::size_t at = 0; at < frequencies; ++at) {
      const auto hz =
          static_cast<double>(whole_nyquist_hz) * static_cast<double>(at) / static_cast<double>(frequencies - 1);
      const auto weight = std::min((hz - left) / (middle - left), (right - hz) / (right - middle));
      if (weight <= 0) continue;
      if (filter.weights.empty()) filter.first = at;
      filter.weights.push_back(weight * 2.0 / (right - left));
    }
    filters.push_back(std::move(filter));
  }
  return filters;
}

std::vector<double> hann_window(std::size_t length) {
  std::vector<double> window(length);
  for (std::size_t at = 0; at < length; ++at) {
    window[at] = 0.5 - 0.5 * std::cos(2.0 * std::numbers::pi * static_cast<double>(at) / static_cast<double>(length));
  }
  return window;
}

/// The samples as far as they count, with half a window mirrored at both ends.
std::vector<double> framed_samples(const Audio& audio, const MelSettings& settings) {
  const auto most = static_cast<std::size_t>(settings.chunk_seconds) * static_cast<std::size_t>(settings.rate_hz);
  const auto half = static_cast<std::size_t>(settings.window / 2);
  std::vector<double> samples(
      audio.samples.begin(), audio.samples.begin() + static_cast<std::ptrdiff_t>(std::min(most, audio.samples.size())));
  if (settings.pad) samples.resize(most, static_cast<double>(settings.padding_value));
  const auto count = samples.size();
  require(count > half && count >= static_cast<std::size_t>(settings.hop), Fault::data, [&] {
    return "a recording of " + std::to_string(count) + " samples, expected more than " +
           std::to_string(std::max<std::size_t>(half, static_cast<std::size_t>(settings.hop) - 1)) +
           " for one frame of features";
  });
  std::vector<double> framed;
  framed.reserve(count + 2 * half);
  for (std::size_t at = half; at > 0; --at) framed.push_back(samples[at]);
  framed.insert(framed.end(), samples.begin(), samples.end());
  for (std::size_t at = 0; at < half; ++at) framed.push_back(samples[count - 2 - at]);
  return framed;
}

MelSettings mel_settings_of(const ObjectReader& reader) {
  if (const auto* kind = reader.find("feature_extractor_type"); kind != nullptr && *kind != "WhisperFeatureExtractor") {
    reader.wrong("feature_extractor_type", *kind, "WhisperFeatureExtractor");
  }
  MelSettings settings;
  const auto whole = [&](const char* key, int& value, int min, int max) {
    if (reader.has(key)) value = static_cast<int>(reader.integer(key, min, max));
  };
  whole("feature_size", settings.bins, 1, 512);
  whole("sampling_rate", settings.rate_hz, 1000, 384'000);
  whole("hop_length", settings.hop, 1, 65'536);
  whole("n_fft", settings.window, 2, 4096);
  whole("chunk_length", settings.chunk_seconds, 1, 3600);
  if (settings.window % 2 != 0) reader.wrong("n_fft", reader.at("n_fft"), "an even number");
  if (reader.has("padding_value")) settings.padding_value = static_cast<float>(reader.number("padding_value", -16, 16));
  if (reader.has("dither") && reader.number("dither") != 0.0) {
    reader.wrong("dither", reader.at("dither"), "0: features must not be random");
  }
  if (reader.has("padding_side") && reader.text("padding_side") != "right") {
    reader.wrong("padding_side", reader.at("padding_side"), "right");
  }
  // Follow from the others, as transformers computes them again.
  const auto samples = std::int64_t{settings.chunk_seconds} * settings.rate_hz;
  if (reader.has("n_samples")) reader.integer("n_samples", samples, samples);
  if (reader.has("nb_max_frames")) {
    reader.integer("nb_max_frames", samples / settings.hop, samples / settings.hop);
  }
  // Say nothing of the features: the filters follow from the settings, and what is asked of a mask is its caller's.
  for (const auto* key : {"mel_filters", "return_attention_mask", "processor_class"}) reader.find(key);
  reader.refuse_unread();
  return settings;
}

}  // namespace

MelSettings read_mel_settings(const std::filesystem::path& folder) {
  const auto settings = read_processor_settings(folder, "feature_extractor", "how recordings become features");
  return mel_settings_of({settings.json, settings.where, {.fault = Fault::checkpoint, .null_is_missing = true}});
}

LogMel log_mel(const Audio& audio, const MelSettings& settings) {
  require(audio.rate_hz == settings.rate_hz, Fault::data, [&] {
    return "a recording at " + std::to_string(audio.rate_hz) + " Hz, expected " + std::to_string(settings.rate_hz) +
           " Hz, which the model was trained with (recordings are not resampled here)";
  });
  const auto samples = framed_samples(audio, settings);
  const auto width = static_cast<std::size_t>(settings.window);
  const auto hop = static_cast<std::size_t>(settings.hop);
  const auto frames = (samples.size() - width) / hop;  // the last frame is dropped, as Whisper does
  const auto window = hann_window(width);
  const auto filters = mel_filters(settings);
  Fourier fourier(width);
  std::vector<double> frame(width);
  std::vector<Complex> spectrum(width);
  std::vector<double> power(width / 2 + 1);
  LogMel features{.bins = settings.bins, .frames = static_cast<int>(frames), .values = {}};
  features.values.resize(filters.size() * frames);
  float largest = -10.0F;
  for (std::size_t number = 0; number < frames; ++number) {
    for (std::size_t at = 0; at < width; ++at) frame[at] = samples[number * hop + at] * window[at];
    fourier.run(frame, spectrum);
    for (std::size_t at = 0; at < power.size(); ++at) {
      // numpy keeps the spectrum as complex64.
      power[at] = std::norm(Complex(static_cast<float>(spectrum[at].real()), static_cast<float>(spectrum[at].imag())));
    }
    for (std::size_t bin = 0; bin < filters.size(); ++bin) {
      double sum = 0;
      for (std::size_t at = 0; at < filters[bin].weights.size(); ++at) {
        sum += filters[bin].weights[at] * power[filters[bin].first + at];
      }
      const auto value = static_cast<float>(std::log10(std::max(sum, 1e-10)));
      features.values[bin * frames + number] = value;
      largest = std::max(largest, value);
    }
  }
  for (auto& value : features.values) value = (std::max(value, largest - 8.0F) + 4.0F) / 4.0F;
  return features;
}

}  // namespace touchstone
