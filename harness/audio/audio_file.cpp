#include "harness/audio/audio_file.hpp"

#include <sndfile.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <memory>
#include <mutex>
#include <span>
#include <vector>

#include "harness/base/error.hpp"
#include "harness/base/files.hpp"
#include "harness/base/hash.hpp"
#include "harness/base/one_line.hpp"
#include "harness/base/signatures.hpp"

namespace touchstone {
namespace {

[[noreturn]] void refuse_audio(const std::string& where, const std::string& message) {
  throw Error(Fault::data, where + ": " + message);
}

/// What a header says.
struct AudioHeader {
  std::int64_t channels = 0;
  std::int64_t rate_hz = 0;
  std::int64_t bits = 0;  ///< a sample
  std::int64_t frames = 0;
};

std::uint64_t number_at(std::string_view bytes, std::size_t at, std::size_t count, bool big_endian) {
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < count; ++i) {
    const auto byte = static_cast<unsigned char>(bytes[at + (big_endian ? i : count - 1 - i)]);
    value = value << 8U | byte;
  }
  return value;
}

std::int64_t little(std::string_view bytes, std::size_t at, std::size_t count) {
  return static_cast<std::int64_t>(number_at(bytes, at, count, /*big_endian=*/false));
}

/// The chunk "fmt ", 16 bytes or more.
AudioHeader read_format_chunk(std::string_view chunk, const std::string& where) {
  auto kind = little(chunk, 0, 2);
  const bool extensible = kind == 0xfffe && chunk.size() >= 26;
  if (extensible) kind = little(chunk, 24, 2);
  AudioHeader header{.channels = little(chunk, 2, 2), .rate_hz = little(chunk, 4, 4), .bits = little(chunk, 14, 2)};
  const auto bits = header.bits;
  const bool known = (kind == 1 && (bits == 8 || bits == 16 || bits == 24 || bits == 32)) ||
                     (kind == 3 && (bits == 32 || bits == 64)) || ((kind == 6 || kind == 7) && bits == 8);
  if (!known) {
    refuse_audio(where, "found WAV of format " + std::to_string(kind) + " with " + std::to_string(bits) +
                            " bits a sample, expected PCM of 8, 16, 24 or 32, floats of 32 or 64, A-law or mu-law");
  }
  if (little(chunk, 12, 2) != header.channels * bits / 8) {
    refuse_audio(where, "damaged WAV (" + std::to_string(little(chunk, 12, 2)) + " bytes a frame), expected " +
                            std::to_string(header.channels) + " samples of " + std::to_string(bits) + " bits");
  }
  return header;
}

/// Walks the chunks up to the samples, which must all be there.
AudioHeader read_wav_header(std::string_view bytes, const std::string& where) {
  AudioHeader header;
  for (std::size_t at = 12; at + 8 <= bytes.size();) {
    const auto name = bytes.substr(at, 4);
    const auto size = static_cast<std::size_t>(little(bytes, at + 4, 4));
    const auto left = bytes.size() - at - 8;
    if (size > left) {
      refuse_audio(where, "damaged WAV (a chunk '" + one_line(std::string(name)) + "' of " + std::to_string(size) +
                              " bytes where " + std::to_string(left) + " are left), expected a whole recording");
    }
    if (name == "fmt ") {
      if (size < 16) refuse_audio(where, "damaged WAV (a short chunk 'fmt '), expected a whole recording");
      header = read_format_chunk(bytes.substr(at + 8, size), where);
    } else if (name == "data") {
      if (header.bits == 0) refuse_audio(where, "damaged WAV (no chunk 'fmt ' before its data), expected a recording");
      const auto frame = std::max<std::int64_t>(header.channels * header.bits / 8, 1);
      header.frames = static_cast<std::int64_t>(size) / frame;
      return header;
    }
    at += 8 + size + size % 2;
  }
  refuse_audio(where, "damaged WAV (the file ends before its data), expected a whole recording");
}

/// The block STREAMINFO, which stands first (RFC 9639, section 8.2).
AudioHeader read_flac_header(std::string_view bytes, const std::string& where) {
  if (bytes.size() < 42 || (bytes[4] & 0x7f) != 0 || number_at(bytes, 5, 3, /*big_endian=*/true) != 34) {
    refuse_audio(where, "damaged FLAC (no whole STREAMINFO at its beginning), expected a whole recording");
  }
  const auto fields = number_at(bytes, 18, 8, /*big_endian=*/true);
  AudioHeader header{.channels = static_cast<std::int64_t>(fields >> 41U & 7U) + 1,
                     .rate_hz = static_cast<std::int64_t>(fields >> 44U),
                     .bits = static_cast<std::int64_t>(fields >> 36U & 31U) + 1,
                     .frames = static_cast<std::int64_t>(fields & 0xfffffffffU)};
  if (header.bits != 8 && header.bits != 16 && header.bits != 24) {
    refuse_audio(where, "found FLAC of " + std::to_string(header.bits) + " bits a sample, expected 8, 16 or 24");
  }
  return header;
}

void check_header(const AudioHeader& header, const std::string& where, const AudioLimits& limits) {
  if (header.channels < 1 || header.channels > limits.channels) {
    refuse_audio(where, "the recording claims " + std::to_string(header.channels) + " channels, expected 1 to " +
                            std::to_string(limits.channels));
  }
  if (header.rate_hz < limits.least_rate_hz || header.rate_hz > limits.most_rate_hz) {
    refuse_audio(where, "the recording claims " + std::to_string(header.rate_hz) + " Hz, expected " +
                            std::to_string(limits.least_rate_hz) + " to " + std::to_string(limits.most_rate_hz));
  }
  if (header.frames < 1) refuse_audio(where, "the recording claims no samples, expected at least one");
  const auto seconds = static_cast<double>(header.frames) / static_cast<double>(header.rate_hz);
  if (header.frames > limits.frames || seconds > limits.seconds) {
    refuse_audio(where, "the recording claims " + std::to_string(header.frames) + " samples at " +
                            std::to_string(header.rate_hz) + " Hz, expected at most " + std::to_string(limits.frames) +
                            " and " + std::to_string(static_cast<std::int64_t>(limits.seconds)) + " s");
  }
}

/// Bytes in memory as libsndfile reads a file.
struct ByteSource {
  std::string_view bytes;
  sf_count_t at = 0;

  static ByteSource& of(void* self) { return *static_cast<ByteSource*>(self); }
  static sf_count_t size(void* self) { return static_cast<sf_count_t>(of(self).bytes.size()); }
  static sf_count_t tell(void* self) { return of(self).at; }
  static sf_count_t seek(sf_count_t offset, int whence, void* self) {
    auto& source = of(self);
    const auto from = whence == SEEK_SET ? 0 : (whence == SEEK_CUR ? source.at : size(self));
    source.at = std::clamp<sf_count_t>(from + offset, 0, size(self));
    return source.at;
  }
  static sf_count_t read(void* into, sf_count_t count, void* self) {
    auto& source = of(self);
    const auto some = std::clamp<sf_count_t>(count, 0, size(self) - source.at);
    std::memcpy(into, source.bytes.data() + source.at, static_cast<std::size_t>(some));
    source.at += some;
    return some;
  }
};

struct CloseFile {
  void operator()(SNDFILE* file) const { sf_close(file); }
};

/// The samples of a recording whose header was checked.
class AudioReader {
 public:
  AudioReader(std::string_view bytes, const std::string& where, const char* format)
      : source_{.bytes = bytes}, where_(where), format_(format) {
    SF_VIRTUAL_IO calls{.get_filelen = ByteSource::size,
                        .seek = ByteSource::seek,
                        .read = ByteSource::read,
                        .write = nullptr,
                        .tell = ByteSource::tell};
    static std::mutex opening;  // libsndfile keeps the reason of a failed opening in one place for all threads
    const std::lock_guard lock(opening);
    file_.reset(sf_open_virtual(&calls, SFM_READ, &info_, &source_));
    if (!file_) fail(sf_strerror(nullptr));
  }

  Audio read(const AudioHeader& header, const AudioLimits& limits) {
    if (info_.channels != header.channels || info_.samplerate != header.rate_hz || info_.frames != header.frames) {
      fail("its headers contradict each other");
    }
    Audio audio{.rate_hz = info_.samplerate, .samples = {}};
    audio.samples.reserve(static_cast<std::size_t>(header.frames));
    const auto channels = static_cast<std::size_t>(header.channels);
    std::vector<float> block(block_frames * channels);
    for (auto left = header.frames; left > 0;) {
      const auto count = sf_readf_float(file_.get(), block.data(), std::min<sf_count_t>(left, block_frames));
      if (sf_error(file_.get()) != SF_ERR_NO_ERROR) fail(sf_strerror(file_.get()));
      if (count <= 0) fail("its data ends after " + std::to_string(audio.samples.size()) + " samples");
      append(std::span(block).first(static_cast<std::size_t>(count) * channels), channels, limits, audio);
      left -= count;
    }
    return audio;
  }

 private:
  static constexpr sf_count_t block_frames = 4096;

  [[noreturn]] void fail(const std::string& reason) const {
    refuse_audio(where_, std::string("damaged ") + format_ + " (" + one_line(reason) + "), expected a whole recording");
  }

  void append(std::span<const float> block, std::size_t channels, const AudioLimits& limits, Audio& audio) const {
    for (std::size_t first = 0; first < block.size(); first += channels) {
      float sum = 0;
      for (const auto sample : block.subspan(first, channels)) {
        if (!(std::abs(sample) <= limits.peak)) {
          refuse_audio(where_, "sample " + std::to_string(audio.samples.size()) + " is " + std::to_string(sample) +
                                   ", expected a number of at most " + std::to_string(limits.peak) +
                                   " (1 is full scale)");
        }
        sum += sample;
      }
      audio.samples.push_back(sum / static_cast<float>(channels));
    }
  }

  ByteSource source_;
  const std::string& where_;
  const char* format_;
  SF_INFO info_{};
  std::unique_ptr<SNDFILE, CloseFile> file_;
};

}  // namespace

Audio decode_audio(std::string_view bytes, const std::string& where, const AudioLimits& limits) {
  if (static_cast<std::int64_t>(bytes.size()) > limits.file_bytes) {
    refuse_audio(where, "has " + std::to_string(bytes.size()) + " bytes, expected a recording of at most " +
                            std::to_string(limits.file_bytes));
  }
  const bool flac = bytes.starts_with("fLaC");
  const bool wav = bytes.starts_with("RIFF") && bytes.substr(0, 12).ends_with("WAVE");
  if (!flac && !wav) {
    refuse_audio(where, "found " + describe_bytes(bytes, "a recording", {"RIFF", "fLaC"}) + ", expected WAV or FLAC");
  }
  const auto header = flac ? read_flac_header(bytes, where) : read_wav_header(bytes, where);
  check_header(header, where, limits);
  return AudioReader(bytes, where, flac ? "FLAC" : "WAV").read(header, limits);
}

Audio read_audio(const std::filesystem::path& path, const AudioLimits& limits) {
  return decode_audio(read_file(path, static_cast<std::uint64_t>(limits.file_bytes)), path.string(), limits);
}

std::string audio_hash(const Audio& audio) {
  Sha256 digest;
  digest.add("audio " + std::to_string(audio.rate_hz) + " Hz\n");
  digest.add(audio.samples.data(), audio.samples.size() * sizeof(float));
  return digest.hex();
}

}  // namespace touchstone
