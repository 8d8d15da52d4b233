// Checkpoints made from nothing: with pictures, and with the language part of another model.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "backends/book.hpp"
#include "backends/tokenizers/tokenizers.hpp"
#include "harness/base/error.hpp"
#include "harness/base/json.hpp"
#include "harness/engine/adopt_weights.hpp"
#include "harness/engine/init_checkpoint.hpp"
#include "harness/model/ops.hpp"
#include "harness/model/tokenizer.hpp"
#include "harness/pictures/processor.hpp"
#include "tests/backends/families.hpp"
#include "tests/support/support.hpp"

namespace touchstone {
namespace {

namespace fs = std::filesystem;

const fs::path source = TOUCHSTONE_SOURCE_DIR;

const FamilyBook& families() {
  static const FamilyBook book = [] {
    FamilyBook filled{"family"};
    add_backends(filled);
    return filled;
  }();
  return book;
}

class Init : public ::testing::Test {
 protected:
  /// A job for configs/models/micro-vision.json with these keys changed.
  InitJob job(const Json& changed = Json::object()) {
    auto config = read_json(source / "configs/models/micro-vision.json");
    config.update(changed, /*merge_objects=*/true);
    const auto path = folder_.path() / "config.json";
    std::ofstream(path) << config.dump();
    InitJob made;
    made.config = path;
    made.tokenizer = source / "models/micro-text";
    made.seed = 4;
    made.out = folder_.path() / "out";
    return made;
  }
  std::string fault(const InitJob& job) {
    try {
      init_checkpoint(job, *checkpoints_, families());
    } catch (const Error& error) {
      EXPECT_EQ(error.fault(), Fault::checkpoint);
      EXPECT_FALSE(fs::exists(job.out));
      return error.what();
    }
    return "accepted";
  }
  testing::TemporaryFolder folder_;
  std::unique_ptr<Checkpoints> checkpoints_ = testing::all_families();
};

TEST_F(Init, APictureModelTakesTheLanguagePartOfAnother) {
  auto made = job();
  made.from = source / "models/micro-text";
  init_checkpoint(made, *checkpoints_, families());
  const auto model = checkpoints_->load(made.out, {});
  const auto text = checkpoints_->load(made.from, {});
  auto places = model->parameters();
  for (const auto& [name, weight] : text->parameters()) {
    const auto& place = *places.at("model.text_model." + name.substr(6));
    const bool table = name == "model.embed_tokens.weight";
    EXPECT_TRUE(at::equal(table ? place.narrow(0, 0, 1024) : place, *weight)) << name;
    if (!table) continue;
    EXPECT_EQ(place.size(0), 1028);
    EXPECT_GT(place.narrow(0, 1024, 4).abs().max().item<double>(), 0.01);  // the new tokens' rows are drawn
  }
  // Text alone is continued as the text model continues it: its words' logits do not know of the new tokens.
  const at::NoGradGuard no_gradients;
  const Inputs inputs{.tokens = at::arange(100, 140, at::kLong)};
  const auto logits = model->forward(inputs, {}).logits.narrow(1, 0, 1024);
  EXPECT_LT((logits - text->forward(inputs, {}).logits).abs().max().item<double>(), 1e-5);
}

TEST_F(Init, TokensAndFilesForPicturesAreThere) {
  const auto made = job();
  init_checkpoint(made, *checkpoints_, families());
  const auto tokenizer = load_tokenizer(made.out);
  EXPECT_EQ(tokenizer->size(), 1028);
  EXPECT_EQ(tokenizer->id_of("<image>"), 1024);
  EXPECT_EQ(tokenizer->id_of("<end_of_utterance>"), 1027);
  EXPECT_EQ(tokenizer->encode("a<global-img>b", {.add_special_tokens = false, .parse_special_tokens = true})[1], 1026);
  const auto plain = load_tokenizer(source / "models/micro-text");
  EXPECT_EQ(tokenizer->encode("Maze:\nMoves: R D"), plain->encode("Maze:\nMoves: R D"));
  const auto rules = read_picture_rules(made.out);
  EXPECT_EQ(rules.longest_edge_px, 128);
  EXPECT_EQ(rules.tile_px, 128);
  EXPECT_FALSE(rules.split);
  const auto model = checkpoints_->load(made.out, {});
  EXPECT_EQ(model->soft_tokens(MediaKind::picture, 128),
            model->encode(MediaKind::picture, at::zeros({1, 3, 128, 128})).size(0));
  EXPECT_EQ(read_json(made.out / "processor_config.json")["image_seq_len"],
            model->soft_tokens(MediaKind::picture, 128));
  const auto& text = families().get("idefics3").media.at(MediaKind::picture).write(0, 0, 2);
  EXPECT_EQ(tokenizer->encode(text, {.add_special_tokens = false, .parse_special_tokens = true}),
            (std::vector<std::int64_t>{1025, 1026, 1024, 1024, 1025}));
}

TEST_F(Init, WhatDoesNotFitIsNamed) {
  EXPECT_THAT(fault(job({{"image_token_id", 7}})),
              ::testing::HasSubstr("key 'image_token_id': found 7, expected 1024"));
  EXPECT_THAT(fault(job({{"text_config", {{"vocab_size", 1027}}}})),
              ::testing::HasSubstr("key 'vocab_size': found 1027, expected at least 1028"));
  auto wide = job({{"text_config", {{"hidden_size", 384}}}});
  wide.from = source / "models/micro-text";
  EXPECT_THAT(fault(wide), ::testing::ContainsRegex("model\\.[a-z.0-9_]+' has shape .*192.*, expected .*384"));
  auto deep = job({{"text_config", {{"num_hidden_layers", 5}}}});
  deep.from = source / "models/micro-text";
  EXPECT_THAT(fault(deep), ::testing::HasSubstr("has no tensor 'model.layers.4."));
  auto shallow = job({{"text_config", {{"num_hidden_layers", 3}}}});
  shallow.from = source / "models/micro-text";
  EXPECT_THAT(fault(shallow), ::testing::HasSubstr("'model.layers.3.input_layernorm.weight' has no place"));
}

}  // namespace
}  // namespace touchstone
