#pragma once
// Rows with pictures: on the tiny Idefics3 checkpoint that transformers wrote, whose answers are stored.
#include <gtest/gtest.h>

#include <fstream>

#include "backends/tokenizers/tokenizers.hpp"
#include "harness/pictures/picture.hpp"
#include "tests/trainers/tiny.hpp"
#include "trainers/losses/loss.hpp"

namespace touchstone::testing {

inline const std::filesystem::path vision_fixture =
    std::filesystem::path(TOUCHSTONE_SOURCE_DIR) / "tests/backends/vision_engine";

/// The formula of make_vision_engine.py.
inline Image picture(int width, int height, int shift) {
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

/// A prompt whose placeholders are these pictures, and what follows it.
inline Record record(const std::string& prompt, std::vector<Image> images, const std::string& answer) {
  Record made{.id = prompt, .task = "test", .prompt = {Turn{}}, .answers = {Answer{}}};
  made.answers.front().text = answer;
  auto& parts = made.prompt.front().parts;
  const std::string mark = picture_placeholder;
  std::size_t from = 0;
  for (auto& image : images) {
    const auto at = prompt.find(mark, from);
    parts.emplace_back(prompt.substr(from, at - from));
    parts.emplace_back(std::move(image));
    from = at + mark.size();
  }
  parts.emplace_back(prompt.substr(from));
  return made;
}

/// Sessions on copies of that checkpoint.
class SeeingModels {
 protected:
  /// A copy of the fixture, pictures split or not.
  std::filesystem::path folder(bool split) const {
    const auto made = folder_.path() / (split ? "split" : "whole");
    if (std::filesystem::exists(made)) return made;
    std::filesystem::copy(vision_fixture, made);
    std::filesystem::permissions(made / "preprocessor_config.json", std::filesystem::perms::owner_write,
                                 std::filesystem::perm_options::add);
    auto rules = read_json(vision_fixture / "preprocessor_config.json");
    rules["do_image_splitting"] = split;
    std::ofstream(made / "preprocessor_config.json") << rules.dump();
    return made;
  }

  /// A session on it; `plain`: LibTorch's own operators alone.
  Session session(bool split, bool plain = false) const {
    Session made;
    made.model = checkpoints().load(folder(split), {.plain_operators = plain});
    made.tokenizer = load_tokenizer(folder(split));
    made.pictures = read_picture_reader(checkpoints().family(folder(split)), folder(split), *made.tokenizer);
    for (auto& [name, tensor] : made.model->parameters()) tensor->requires_grad_(true);
    return made;
  }

  static std::vector<Row> rows(const Session& session, const std::vector<Record>& records, RowSettings settings) {
    RowAudit audit;
    return encode_rows(records, row_encoder(session), settings, audit);
  }

  TemporaryFolder folder_;
};

}  // namespace touchstone::testing
