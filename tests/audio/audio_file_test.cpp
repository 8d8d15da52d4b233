// Recordings of every form of sample against numpy, and what must be refused in one line.
#include "harness/audio/audio_file.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "harness/base/error.hpp"
#include "harness/base/files.hpp"
#include "harness/base/json.hpp"
#include "tests/audio/recordings.hpp"

namespace touchstone {
namespace {

using namespace std::string_literals;

const std::filesystem::path folder = std::filesystem::path(TOUCHSTONE_SOURCE_DIR) / "tests/golden/audio";

std::string bytes_of(const std::string& name) { return read_file(folder / name); }

// Whole numbers over a power of two are exact, and so are A-law and mu-law; a mean over channels is of float32.
TEST(AudioFile, EveryFormOfSampleIsAsNumpyReadsIt) {
  const auto expected = read_json(folder / "samples.json");
  EXPECT_GE(expected.size(), 13U);
  for (const auto& [name, recording] : expected.items()) {
    SCOPED_TRACE(name);
    const auto audio = read_audio(folder / name);
    EXPECT_EQ(audio.rate_hz, recording["rate"].get<int>());
    EXPECT_EQ(audio.samples, recording["samples"].get<std::vector<float>>());
  }
}

TEST(AudioFile, TheContentDecidesNotTheName) {
  EXPECT_EQ(decode_audio(bytes_of("pcm16.flac"), "wrong.wav").rate_hz, 16000);
}

/// A WAV of one chunk "fmt " and one "data".
std::string wav(int kind, int channels, std::uint32_t rate, int bits, const std::string& data, std::uint32_t claimed) {
  const auto little = [](std::uint32_t value, int count) {
    std::string text;
    for (int i = 0; i < count; ++i, value >>= 8U) text += static_cast<char>(value & 255U);
    return text;
  };
  const auto two = [&](int value) { return little(static_cast<std::uint32_t>(value), 2); };
  const auto frame = channels * bits / 8;
  return "RIFF" + little(36 + claimed, 4) + "WAVEfmt " + little(16, 4) + two(kind) + two(channels) + little(rate, 4) +
         little(rate * static_cast<std::uint32_t>(frame), 4) + two(frame) + two(bits) + "data" + little(claimed, 4) +
         data;
}

std::string floats(const std::vector<float>& values) {
  std::string data(values.size() * 4, '\0');
  std::memcpy(data.data(), values.data(), data.size());
  return wav(3, 1, 8000, 32, data, static_cast<std::uint32_t>(data.size()));
}

/// FLAC's rate (20 bits), channels - 1 (3), bits - 1 (5) and samples (36) lie 18 bytes into the file.
std::string with_flac_fields(std::string bytes, std::uint64_t rate, std::uint64_t channels, std::uint64_t bits,
                             std::uint64_t samples) {
  auto fields = rate << 44U | (channels - 1) << 41U | (bits - 1) << 36U | samples;
  for (std::size_t at = 26; at-- > 18; fields >>= 8U) bytes[at] = static_cast<char>(fields & 255U);
  return bytes;
}

struct BadAudio {
  const char* name;
  std::function<std::string()> bytes;
  const char* message;
};

class BadRecording : public ::testing::TestWithParam<BadAudio> {};

TEST_P(BadRecording, IsRefusedInOneLine) {
  try {
    decode_audio(GetParam().bytes(), "data/a.wav");
    FAIL() << "was accepted";
  } catch (const Error& error) {
    EXPECT_EQ(error.fault(), Fault::data);
    const std::string message = error.what();
    EXPECT_THAT(message, ::testing::StartsWith("data/a.wav: "));
    EXPECT_THAT(message, ::testing::HasSubstr(GetParam().message));
    EXPECT_THAT(message, ::testing::HasSubstr("expected"));
    EXPECT_EQ(message.find('\n'), std::string::npos);
  }
}

const std::string four = "\1\2\3\4";

const BadAudio bad_recordings[] = {
    {"empty", [] { return ""s; }, "found nothing (0 bytes), expected WAV or FLAC"},
    {"two_bytes", [] { return "fL"s; }, "the first 2 bytes of a recording"},
    {"text", [] { return "hello there"s; }, "no recording that is known here"},
    {"mp3", [] { return "ID3\4\0"s; }, "an MP3 recording"},
    {"ogg", [] { return "OggS\0\2"s; }, "an Ogg file"},
    {"aiff", [] { return "FORM1234AIFF"s; }, "an AIFF recording"},
    {"big_endian", [] { return "RIFX1234WAVE"s; }, "WAV recording of big-endian numbers"},
    {"picture", [] { return "\x89PNG\r\n\x1a\n"s; }, "a PNG picture"},
    {"pointer", [] { return "version https://git-lfs.github.com/spec/v1"s; }, "a Git LFS pointer"},
    {"video", [] { return "RIFF1234AVI LIST"s; }, "an AVI video file"},
    {"wav_alone", [] { return "RIFF1234WAVE"s; }, "damaged WAV (the file ends before its data)"},
    {"wav_cut", [] { return bytes_of("pcm16.wav").substr(0, 100); }, "'data' of 96 bytes where 56 are left"},
    {"wav_streamed", [] { return wav(1, 1, 8000, 16, four, 0xffffffffU); }, "of 4294967295 bytes where 4 are left"},
    {"wav_no_format", [] { return bytes_of("pcm16.wav").replace(12, 4, "junk"); }, "no chunk 'fmt ' before its data"},
    {"wav_short_format", [] { return bytes_of("pcm16.wav").replace(16, 1, "\6"); }, "a short chunk 'fmt '"},
    {"wav_no_sample", [] { return wav(1, 1, 8000, 16, "", 0); }, "claims no sample"},
    {"wav_half_a_sample", [] { return wav(1, 1, 8000, 16, "\1", 1); }, "claims no sample"},
    {"wav_no_channel", [] { return wav(1, 0, 8000, 16, four, 4); }, "claims 0 channels, expected 1 to 8"},
    {"wav_many_channels", [] { return wav(1, 9, 8000, 16, four, 4); }, "claims 9 channels, expected 1 to 8"},
    {"wav_no_rate", [] { return wav(1, 1, 0, 16, four, 4); }, "claims 0 Hz, expected 1000 to 384000"},
    {"wav_rate", [] { return wav(1, 1, 4000000000U, 16, four, 4); }, "claims 4000000000 Hz"},
    {"wav_adpcm", [] { return wav(2, 1, 8000, 4, four, 4); }, "found WAV of format 2 with 4 bits a sample"},
    {"wav_mp3", [] { return wav(0x55, 1, 8000, 16, four, 4); }, "found WAV of format 85"},
    {"wav_twelve", [] { return wav(1, 1, 8000, 12, four, 4); }, "format 1 with 12 bits a sample"},
    {"wav_frame", [] { return wav(1, 1, 8000, 16, four, 4).replace(32, 1, "\7"); }, "7 bytes a frame"},
    {"wav_nan",
     [] {
       return floats({0.5F, std::numeric_limits<float>::quiet_NaN()});
     },
     "sample 1 is nan"},
    {"wav_infinite", [] { return floats({-std::numeric_limits<float>::infinity()}); }, "sample 0 is -inf"},
    {"wav_other_scale",
     [] {
       return floats({0, 0, 20000});
     },
     "sample 2 is 20000"},
    {"flac_cut", [] { return bytes_of("chirp.flac").substr(0, 9000); }, "damaged FLAC"},
    {"flac_start", [] { return bytes_of("chirp.flac").substr(0, 30); }, "no whole STREAMINFO"},
    {"flac_other_block", [] { return bytes_of("chirp.flac").replace(4, 1, "\4"); }, "no whole STREAMINFO"},
    {"flac_header_only", [] { return bytes_of("chirp.flac").substr(0, 42); }, "damaged FLAC"},
    {"flac_flipped",
     [] {
       auto bytes = bytes_of("chirp.flac");
       bytes[12000] = static_cast<char>(bytes[12000] ^ 0x55);
       return bytes;
     },
     "damaged FLAC"},
    {"flac_bomb", [] { return with_flac_fields(bytes_of("chirp.flac"), 16000, 1, 16, (1ULL << 36U) - 1); },
     "claims 68719476735 samples at 16000 Hz, expected at most 100000000 and 7200 s"},
    {"flac_hours", [] { return with_flac_fields(bytes_of("chirp.flac"), 1000, 1, 16, 8'000'000); },
     "claims 8000000 samples at 1000 Hz"},
    {"flac_streamed", [] { return with_flac_fields(bytes_of("chirp.flac"), 16000, 1, 16, 0); }, "claims no sample"},
    {"flac_longer", [] { return with_flac_fields(bytes_of("chirp.flac"), 16000, 1, 16, 20000); }, "damaged FLAC"},
    {"flac_channels", [] { return with_flac_fields(bytes_of("chirp.flac"), 16000, 2, 16, 19200); }, "damaged FLAC"},
    {"flac_twenty", [] { return with_flac_fields(bytes_of("chirp.flac"), 16000, 1, 20, 19200); },
     "FLAC of 20 bits a sample"},
};

INSTANTIATE_TEST_SUITE_P(All, BadRecording, ::testing::ValuesIn(bad_recordings),
                         [](const auto& one) { return std::string(one.param.name); });

TEST(AudioFile, FilesHashesAndLength) {
  EXPECT_THROW(read_audio(folder / "absent.wav"), Error);
  EXPECT_THROW(read_audio(folder / "pcm16.wav", {.file_bytes = 10}), Error);
  EXPECT_THROW(read_audio(folder / "pcm16.wav", {.frames = 47}), Error);
  const Audio slow{.rate_hz = 8000, .samples = {0.5F, -0.5F, 0.25F, 0}};
  Audio fast = slow;
  fast.rate_hz = 16000;
  Audio other = slow;
  other.samples[3] = 1e-9F;
  EXPECT_NE(audio_hash(slow), audio_hash(fast));
  EXPECT_NE(audio_hash(slow), audio_hash(other));
  EXPECT_EQ(audio_hash(slow), audio_hash(Audio(slow)));
  EXPECT_DOUBLE_EQ(seconds_of(slow), 0.0005);
}

// Every WAV of the Free Spoken Digit Dataset: 44 bytes of header, then 16-bit samples.
TEST(AudioFile, RealRecordingsAreReadWhole) {
  TOUCHSTONE_SHARED_OR_SKIP(archive, testing::spoken_digits);
  const auto recordings = testing::read_tar(archive);
  ASSERT_EQ(recordings.size(), 900U);
  std::size_t samples = 0;
  for (const auto& [name, bytes] : recordings) {
    const auto audio = decode_audio(bytes, name);
    EXPECT_EQ(audio.rate_hz, 8000) << name;
    samples += audio.samples.size();
    std::int16_t last = 0;
    std::memcpy(&last, bytes.data() + 44 + 2 * (audio.samples.size() - 1), 2);
    EXPECT_EQ(audio.samples.back(), static_cast<float>(last) / 32768.0F) << name;
  }
  EXPECT_EQ(samples, 3127443U);  // as Python's module wave counts them
}

}  // namespace
}  // namespace touchstone
