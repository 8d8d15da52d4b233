// Folders that are written in other ways than transformers writes them today, and mean the same.
#include <gtest/gtest.h>

#include <cstring>

#include "harness/base/files.hpp"
#include "harness/base/json.hpp"
#include "harness/model/ops.hpp"
#include "tests/backends/families.hpp"
#include "tests/support/support.hpp"

namespace touchstone {
namespace {

namespace fs = std::filesystem;

class FolderForms : public ::testing::Test {
 protected:
  void SetUp() override {
    const auto fixture = fs::path(TOUCHSTONE_SOURCE_DIR) / "tests/backends/fixtures/tied";
    for (const auto* name : {"config.json", "model.safetensors"}) fs::copy_file(fixture / name, folder() / name);
    before_ = logits();
  }
  const fs::path& folder() const { return folder_.path(); }
  Tensor logits() const {
    const at::NoGradGuard no_gradients;
    const auto ids = at::tensor(std::vector<std::int64_t>{1, 5, 9, 3}, at::kLong);
    return checkpoints_->load(folder(), {.plain_operators = true})->forward({.tokens = ids}, {}).logits;
  }
  void config(const std::function<void(Json&)>& change) const {
    auto json = read_json(folder() / "config.json");
    change(json);
    write_file_atomically(folder() / "config.json", json.dump());
  }
  void tensors(const std::function<NamedTensors(const NamedTensors&)>& change) const {
    const auto all = change(checkpoints_->read_tensors(folder() / "model.safetensors"));
    checkpoints_->write_tensors(folder() / "model.safetensors", all);
  }
  void expect_the_same() const { EXPECT_TRUE(at::equal(logits(), before_)); }
  std::string refusal() const {
    try {
      logits();
    } catch (const Error& error) {
      return error.what();
    }
    return "taken";
  }

  testing::TemporaryFolder folder_;
  std::unique_ptr<Checkpoints> checkpoints_ = testing::all_families();
  Tensor before_;
};

TEST_F(FolderForms, TheTypeTellsTheFamilyWhereNoArchitectureDoes) {
  config([](Json& json) { json.erase("architectures"); });
  expect_the_same();
  config([](Json& json) { json["architectures"] = nullptr; });
  expect_the_same();
  config([](Json& json) { json["architectures"] = {"LlamaModel"}; });
  expect_the_same();
  config([](Json& json) { json["architectures"] = {"LlamaForSequenceClassification"}; });
  EXPECT_NE(refusal().find("'LlamaForSequenceClassification' is not known"), std::string::npos) << refusal();
  config([](Json& json) {
    json.erase("architectures");
    json["model_type"] = "magic";
  });
  EXPECT_NE(refusal().find("the model_type 'magic'"), std::string::npos) << refusal();
}

TEST_F(FolderForms, ADecoderSavedAloneHasNoModelBeforeItsNames) {
  tensors([](const NamedTensors& all) {
    NamedTensors bare;
    for (const auto& [name, tensor] : all) bare[name.starts_with("model.") ? name.substr(6) : name] = tensor;
    return bare;
  });
  expect_the_same();
}

TEST_F(FolderForms, WhatNoLanguageModelReadsMayLieBesideIt) {
  tensors([](NamedTensors all) {
    all["v_head.summary.weight"] = at::ones({1, 16});
    all["v_head.summary.bias"] = at::ones({1});
    all["model.layers.0.self_attn.rotary_emb.inv_freq"] = at::ones({2});
    all["model.layers.1.self_attn.rotary_emb.cos_cached"] = at::ones({1, 1, 8, 4});
    all["nothing"] = at::empty({0, 4});
    return all;
  });
  expect_the_same();
  tensors([](NamedTensors all) {
    all["score.weight"] = at::ones({1, 16});
    return all;
  });
  EXPECT_NE(refusal().find("'score.weight' has no place"), std::string::npos) << refusal();
}

TEST_F(FolderForms, MetadataMayBeNull) {
  const auto path = folder() / "model.safetensors";
  const auto file = read_file(path);
  std::uint64_t length = 0;
  std::memcpy(&length, file.data(), sizeof length);
  auto header = parse_json(file.substr(sizeof length, length), "header");
  header["__metadata__"] = nullptr;
  auto text = header.dump();
  text.resize((text.size() + 7) / 8 * 8, ' ');
  length = text.size();
  std::uint64_t old = 0;
  std::memcpy(&old, file.data(), sizeof old);
  std::string changed(sizeof length, '\0');
  std::memcpy(changed.data(), &length, sizeof length);
  write_file_atomically(path, changed + text + file.substr(sizeof old + old));
  expect_the_same();
}

}  // namespace
}  // namespace touchstone
