// Whisper's features against transformers' WhisperFeatureExtractor.
#include "harness/audio/log_mel.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <numbers>

#include "harness/audio/audio_file.hpp"
#include "harness/base/error.hpp"
#include "harness/base/files.hpp"
#include "harness/base/json.hpp"
#include "tests/audio/recordings.hpp"

namespace touchstone {
namespace {

const std::filesystem::path folder = std::filesystem::path(TOUCHSTONE_SOURCE_DIR) / "tests/golden/audio";

/// The settings of a checkpoint folder that holds this one file.
MelSettings settings_of(const std::string& json, const char* file = "preprocessor_config.json") {
  const testing::TemporaryFolder checkpoint;
  write_file_atomically(checkpoint.path() / file, json);
  return read_mel_settings(checkpoint.path());
}

std::vector<float> features_of_transformers() {
  const auto bytes = read_file(folder / "features.f32");
  std::vector<float> values(bytes.size() / 4);
  std::memcpy(values.data(), bytes.data(), bytes.size());
  return values;
}

// float32 of values in about [-1.5, 1.5]. On the machine that wrote them no bit differs.
TEST(LogMel, IsThatOfTransformers) {
  const auto values = features_of_transformers();
  const auto cases = read_json(folder / "features.json");
  EXPECT_GE(cases.size(), 6U);
  float largest = 0;
  for (const auto& [name, one] : cases.items()) {
    SCOPED_TRACE(name);
    auto settings = settings_of(one["settings"].dump());
    settings.pad = one["pad"].get<bool>();
    const auto features = log_mel(read_audio(folder / one["file"].get<std::string>()), settings);
    ASSERT_EQ(features.bins, one["bins"].get<int>());
    ASSERT_EQ(features.frames, one["frames"].get<int>());
    const auto kept = one["kept"].get<int>();
    for (int bin = 0; bin < features.bins; ++bin) {
      for (int frame = 0; frame < features.frames; ++frame) {
        const auto at = one["at"].get<std::size_t>() + static_cast<std::size_t>(bin * kept + frame);
        const auto expected = frame < kept ? values[at] : one["rest"].get<float>();
        const auto found = features.values[static_cast<std::size_t>(bin * features.frames + frame)];
        largest = std::isnan(found) ? 1.0F : std::max(largest, std::abs(found - expected));
      }
    }
    EXPECT_LT(largest, 1e-5F);
  }
}

// A tone of amplitude 1 at the frequency of one line of the spectrum: Hann's window gives that line (400 / 4)^2 of
// power and each of the two beside it a quarter, so 1000 Hz, 25 lines up, reaches the filters by hand.
TEST(LogMel, OfATone) {
  Audio tone{.rate_hz = 16000, .samples = {}};
  for (int at = 0; at < 16000; ++at) {
    tone.samples.push_back(static_cast<float>(std::sin(2 * std::numbers::pi * at / 16.0)));
  }
  // One filter over all frequencies: corners at 0, m and 8000 Hz, where m lies halfway on Slaney's scale.
  MelSettings settings{.bins = 1, .chunk_seconds = 1};
  const auto features = log_mel(tone, settings);
  EXPECT_EQ(features.frames, 100);
  const double top = 15 + std::log(8.0) * 27 / std::log(6.4);
  const double middle = 1000 * std::exp(std::log(6.4) / 27 * (top / 2 - 15));
  const auto weight = [&](double hz) { return hz / middle * 2 / 8000; };  // 960 to 1040 Hz are on the rising side
  ASSERT_GT(middle, 1040);
  const double energy = 1e4 * (weight(1000) + (weight(960) + weight(1040)) / 4);
  EXPECT_NEAR(features.values[50], (std::log10(energy) + 4) / 4, 1e-5);
}

TEST(LogMel, OtherRatesAndShortRecordingsAreRefused) {
  const auto refused = [](const Audio& audio, const MelSettings& settings) -> std::string {
    try {
      log_mel(audio, settings);
      return "accepted";
    } catch (const Error& error) {
      EXPECT_EQ(error.fault(), Fault::data);
      return error.what();
    }
  };
  const Audio narrow{.rate_hz = 8000, .samples = std::vector<float>(8000)};
  EXPECT_THAT(refused(narrow, {}), ::testing::HasSubstr("at 8000 Hz, expected 16000 Hz"));
  const Audio brief{.rate_hz = 16000, .samples = std::vector<float>(200)};
  EXPECT_THAT(refused(brief, {.pad = false}), ::testing::HasSubstr("200 samples, expected more than 200"));
  EXPECT_EQ(refused(brief, {}), "accepted");  // filled up
}

TEST(MelSettings, AreReadFromEitherFile) {
  // openai/whisper-tiny's file, but for its table of filters.
  const auto whisper = settings_of(
      R"({"chunk_length": 30, "feature_extractor_type": "WhisperFeatureExtractor", "feature_size": 128,
          "hop_length": 160, "mel_filters": [[0.0]], "n_fft": 400, "n_samples": 480000, "nb_max_frames": 3000,
          "padding_side": "right", "padding_value": 0.0, "processor_class": "WhisperProcessor",
          "return_attention_mask": false, "sampling_rate": 16000, "dither": 0.0})");
  EXPECT_EQ(whisper.bins, 128);
  EXPECT_EQ(whisper.chunk_seconds, 30);
  const auto nested =
      settings_of(R"({"feature_extractor": {"feature_size": 64}, "image_processor": {}})", "processor_config.json");
  EXPECT_EQ(nested.bins, 64);
  EXPECT_EQ(nested.rate_hz, 16000);
}

TEST(MelSettings, WhatWouldMakeOtherFeaturesIsRefusedByItsKey) {
  const std::pair<const char*, const char*> cases[] = {
      {R"({"feature_extractor_type": "SeamlessM4TFeatureExtractor"})", "key 'feature_extractor_type': found"},
      {R"({"dither": 0.1})", "key 'dither': found 0.1, expected 0"},
      {R"({"padding_side": "left"})", "key 'padding_side'"},
      {R"({"n_fft": 401})", "key 'n_fft': found 401, expected an even number"},
      {R"({"hop_length": 0})", "key 'hop_length': found 0"},
      {R"({"feature_size": "80"})", "key 'feature_size'"},
      {R"({"n_samples": 160000})", "key 'n_samples': found 160000"},
      {R"({"nb_max_frames": 100})", "key 'nb_max_frames': found 100"},
      {R"({"feature_siz": 80})", "unknown key 'feature_siz': did you mean 'feature_size'?"},
      {R"([1])", "preprocessor_config.json"},
  };
  for (const auto& [json, message] : cases) {
    SCOPED_TRACE(json);
    try {
      settings_of(json);
      ADD_FAILURE() << "was accepted";
    } catch (const Error& error) {
      EXPECT_EQ(error.fault(), Fault::checkpoint);
      EXPECT_THAT(error.what(), ::testing::HasSubstr(message));
    }
  }
  EXPECT_THROW(settings_of("{}", "config.json"), Error);
}

// Two real recordings, whose features transformers gave: [40, 3000], some values and the mean of all.
TEST(LogMel, OfRealSpeech) {
  TOUCHSTONE_SHARED_OR_SKIP(archive, testing::spoken_digits);
  const auto recordings = testing::read_tar(archive);
  const MelSettings settings{.bins = 40, .rate_hz = 8000, .hop = 80, .window = 200};
  struct Spoken {
    const char* name;
    double mean;
    std::vector<double> values;
  };
  const Spoken cases[] = {
      {"7_jackson_0.wav",
       -1.0062439952557285,
       {-0.36034226417541504, 0.6600314974784851, -0.3599306344985962, 0.1654672622680664, 0.015080034732818604}},
      {"3_theo_5.wav",
       -1.4933581360280515,
       {-0.56630539894104, 0.3215262293815613, -0.8953726291656494, -1.5, -0.5490469932556152}}};
  const std::pair<std::size_t, std::size_t> places[] = {{0, 0}, {5, 10}, {12, 20}, {20, 25}, {29, 7}};
  for (const auto& spoken : cases) {
    const auto features = log_mel(decode_audio(recordings.at(spoken.name), spoken.name), settings);
    ASSERT_EQ(features.frames, 3000);
    double sum = 0;
    for (const auto value : features.values) sum += static_cast<double>(value);
    EXPECT_NEAR(sum / 120'000, spoken.mean, 1e-6);
    for (std::size_t at = 0; at < spoken.values.size(); ++at) {
      EXPECT_NEAR(features.values[places[at].first * 3000 + places[at].second], spoken.values[at], 1e-5);
    }
  }
}

}  // namespace
}  // namespace touchstone
