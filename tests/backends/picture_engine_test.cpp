// Prompts with pictures through tokenizer, processor and engine, against transformers' (make_vision_engine.py).
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

#include "harness/base/error.hpp"
#include "harness/base/json.hpp"
#include "harness/engine/open_engine.hpp"
#include "tests/backends/families.hpp"

namespace touchstone {
namespace {

namespace fs = std::filesystem;

const fs::path fixture = fs::path(TOUCHSTONE_SOURCE_DIR) / "tests/backends/vision_engine";

/// The formula of make_vision_engine.py.
Image picture(int width, int height, int shift) {
  Image image{.width_px = width, .height_px = height, .rgb = {}};
  for (int y = 0; y < height; ++y) {
    for (int x = 0; x < width; ++x) {
      for (int c = 0; c < 3; ++c) {
        image.rgb.push_back(static_cast<std::uint8_t>((x * x * 3 + y * 5 + x * y * (c + 1) + c * 80 + shift) % 256));
      }
    }
  }
  return image;
}

std::unique_ptr<Engine> open(const fs::path& folder, int batch_tokens, int threads) {
  std::ostringstream nowhere;
  Log log(nowhere, true);
  EngineSettings settings;
  settings.model = folder;
  settings.batch_tokens = batch_tokens;
  settings.threads = threads;
  return open_engine(settings, *testing::all_families(), log);
}

/// The fixture's folder with pictures split or not.
fs::path folder_of(bool split) {
  const auto folder = fs::path(::testing::TempDir()) / (split ? "split" : "whole");
  fs::remove_all(folder);
  fs::copy(fixture, folder);
  auto rules = read_json(fixture / "preprocessor_config.json");
  rules["do_image_splitting"] = split;
  std::ofstream(folder / "preprocessor_config.json") << rules.dump();
  return folder;
}

std::vector<Media> pictures_of(const Json& one) {
  std::vector<Media> images;
  for (const auto& size : one["pictures"]) {
    images.push_back(picture(size[0].get<int>(), size[1].get<int>(), size[2].get<int>()));
  }
  return images;
}

// All prompts at once: two differ in nothing but the picture, so a shared beginning that mixed pictures would show.
TEST(PictureEngine, LikelihoodsEqualTransformersWhateverTheBatch) {
  const auto cases = read_json(fixture / "expected.json");
  ASSERT_EQ(cases.size(), 8U);
  for (const bool split : {true, false}) {
    std::vector<Request> requests;
    std::vector<Json> wanted;
    for (const auto& one : cases) {
      if (one["split"].get<bool>() != split) continue;
      wanted.push_back(one);
      requests.emplace_back(Likelihood{
          .context = one["context"].get<std::string>(), .continuation = " blue picture", .media = pictures_of(one)});
    }
    const auto folder = folder_of(split);
    std::vector<double> first;
    for (const int batch : {4096, 7}) {
      const auto responses = open(folder, batch, batch == 7 ? 2 : 1)->answer(requests);
      for (std::size_t at = 0; at < wanted.size(); ++at) {
        EXPECT_NEAR(responses[at].logp_nats, wanted[at]["logp"].get<double>(), 1e-4) << wanted[at].dump();
        EXPECT_EQ(responses[at].prompt_tokens, wanted[at]["tokens"].get<int>());
        if (batch == 4096) first.push_back(responses[at].logp_nats);
        EXPECT_EQ(responses[at].logp_nats, first[at]);
      }
    }
  }
}

TEST(PictureEngine, GenerationsSeeTheirOwnPicture) {
  const auto folder = folder_of(true);
  std::vector<Request> requests;
  for (const int shift : {0, 9, 40, 0, 90}) {
    requests.emplace_back(
        Generation{.context = "what is in <image> ?", .media = {picture(50, 30, shift)}, .max_new_tokens = 12});
  }
  const auto engine = open(folder, 4096, 1);
  const auto together = engine->answer(requests);
  EXPECT_GT(engine->counts().reused_tokens, 0);
  for (std::size_t at = 0; at < requests.size(); ++at) {
    const auto alone = open(folder, 4096, 1)->answer({&requests[at], 1});
    EXPECT_EQ(alone[0].generated[0].text, together[at].generated[0].text);
    EXPECT_EQ(alone[0].generated[0].logp_nats, together[at].generated[0].logp_nats);
  }
  EXPECT_EQ(together[0].generated[0].logp_nats, together[3].generated[0].logp_nats);
  EXPECT_NE(together[0].generated[0].logp_nats, together[1].generated[0].logp_nats);
}

std::string fault_of(const fs::path& folder, const std::string& context, std::vector<Media> media) {
  const std::vector<Request> requests = {
      Likelihood{.context = context, .continuation = " blue", .media = std::move(media)}};
  try {
    open(folder, 4096, 1)->answer(requests);
  } catch (const Error& error) {
    return error.what();
  }
  return "accepted";
}

std::string fault_of(const fs::path& folder, const std::string& context, std::size_t pictures) {
  return fault_of(folder, context, std::vector<Media>(pictures, picture(20, 20, 0)));
}

TEST(PictureEngine, MediaOfOtherKindsAreRefusedByName) {
  const Audio audio{.rate_hz = 16000, .samples = {0.5F}};
  const Frames frames = {{.image = picture(20, 20, 0)}};
  const auto folder = folder_of(true);
  EXPECT_THAT(fault_of(folder, "<image><audio>", {picture(20, 20, 0), audio}),
              ::testing::HasSubstr("audio in a prompt, which the family idefics3 does not take"));
  EXPECT_THAT(fault_of(folder, "<video>", {frames}),
              ::testing::HasSubstr("frames of a film in a prompt, which the family idefics3 does not take"));
}

TEST(PictureEngine, WrongPromptsAndFoldersAreRefused) {
  const auto folder = folder_of(true);
  EXPECT_EQ(fault_of(folder, "<image> what is <image> ?", 1),
            "a prompt has 1 pictures and 2 places <image> for them, expected one for each");
  EXPECT_EQ(fault_of(folder, "what ?", 1),
            "a prompt has 1 pictures and 0 places <image> for them, expected one for each");
  EXPECT_EQ(fault_of(folder, "what ?", 0), "accepted");
  const auto hash = open(folder, 4096, 1)->info().config_hash;
  EXPECT_NE(hash, open(folder_of(false), 4096, 1)->info().config_hash);
  fs::remove(folder / "preprocessor_config.json");
  EXPECT_THAT(fault_of(folder, "<image> what ?", 1),
              ::testing::HasSubstr("expected a model of a family that takes pictures"));
  EXPECT_EQ(fault_of(folder, "what ?", 0), "accepted");
}

}  // namespace
}  // namespace touchstone
