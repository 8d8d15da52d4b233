// Stages that hold several models by name: load_model, swap, merge.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "harness/base/files.hpp"
#include "harness/base/hash.hpp"
#include "tests/trainers/tiny.hpp"

namespace touchstone {
namespace {

using ::testing::HasSubstr;

class NamedModels : public ::testing::Test {
 protected:
  /// A tiny checkpoint of that name beside the job's model, its weights changed.
  std::filesystem::path model(const std::string& name, std::uint64_t seed,
                              const std::function<void(NamedTensors&)>& change = {}) {
    const auto folder = testing::make_tiny(folder_.path() / name, seed);
    auto weights = testing::tiny_weights(seed);
    if (change) change(weights);
    testing::checkpoints().write_tensors(folder / "model.safetensors", weights);
    return folder;
  }
  TrainJob job(const std::string& stages) {
    auto made = testing::tiny_job(folder_.path());
    made.recipe = testing::write_recipe(folder_.path(), stages);
    return made;
  }
  NamedTensors weights_after(const std::string& stages) { return testing::run_for_weights(job(stages)).weights; }
  std::string said(const std::string& stages) {
    try {
      testing::run_job(job(stages));
    } catch (const Error& error) {
      EXPECT_EQ(error.fault(), Fault::config);
      return error.what();
    }
    return "taken";
  }
  testing::TemporaryFolder folder_;
};

/// Every number the same.
std::function<void(NamedTensors&)> constant(double value) {
  return [value](NamedTensors& weights) {
    for (auto& [name, tensor] : weights) tensor.fill_(value);
  };
}

TEST_F(NamedModels, ALoadedModelThatTakesTheModelsPlaceIsWritten) {
  const auto other = model("other", 8);
  const auto ran = testing::run_job(job(R"([{"use": "load_model", "from": "other", "as": "teacher"},
                                            {"use": "swap", "with": "teacher"}])"));
  EXPECT_EQ(ran.result.model_hash, testing::checkpoints().model_hash(other));
  EXPECT_EQ(ran.stages.front().values.at("parameters"), 21984.0);  // 2 * 101 * 32 + 32 + 2 * (3072 + 4608 + 64)
}

TEST_F(NamedModels, SwappingTwiceChangesNothing) {
  model("other", 8);
  const auto made = job(R"([{"use": "load_model", "from": "other", "as": "o"}, {"use": "swap", "with": "o"},
                            {"use": "swap", "with": "o"}])");
  EXPECT_EQ(testing::run_job(made).result.model_hash, testing::checkpoints().model_hash(made.model));
}

// What is trained after a swap is what a job on the other model trains.
TEST_F(NamedModels, TheSwappedInModelIsTrained) {
  const auto other = model("other", 8);
  const std::string train = R"({"use": "load", "task": "sums"}, {"use": "train", "objective": "sft", "max_steps": 3}])";
  const auto swapped = testing::run_job(job(R"([{"use": "load_model", "from": ")" + other.string() +
                                            R"(", "as": "o"}, {"use": "swap", "with": "o"}, )" + train));
  auto plain = job("[" + train);
  plain.model = other;
  EXPECT_EQ(testing::run_job(plain).result.model_hash, swapped.result.model_hash);
}

// 0.25 * 1 + 0.75 * 3 = 2.5, and 1 + 0.5 * (3 - 1) = 2 as task arithmetic writes it.
TEST_F(NamedModels, AMergeIsTheWeightedSum) {
  model("base", 7, constant(1.0));
  model("other", 8, constant(3.0));
  const std::string load = R"([{"use": "load_model", "from": "other", "as": "b"}, {"use": "freeze_copy", "as": "a"}, )";
  for (const auto& [name, tensor] : weights_after(load + R"({"use": "merge", "weights": {"": 0.25, "b": 0.75}}])")) {
    EXPECT_TRUE(tensor.equal(at::full_like(tensor, 2.5))) << name;
  }
  for (const auto& [name, tensor] : weights_after(
           load +
           R"({"use": "merge", "weights": {"": 1, "b": 0.5, "a": -0.5}, "as": "m"}, {"use": "swap", "with": "m"}])")) {
    EXPECT_TRUE(tensor.equal(at::full_like(tensor, 2.0))) << name;
  }
}

// The hash is numpy's: tests/trainers/make_merge_hash.py.
TEST_F(NamedModels, AMergeHasNumpysBits) {
  const auto filled = [](int seed) {
    return [seed](NamedTensors& weights) {
      std::int64_t number = 0;
      for (auto& [name, tensor] : weights) {
        const auto places = at::arange(tensor.numel(), at::kLong) * 7 + number++ * 13 + seed * 5;
        tensor.copy_(((places.remainder(17) - 8).to(at::kDouble) / 16.0).view(tensor.sizes()));
      }
    };
  };
  model("base", 7, filled(1));
  model("other", 8, filled(2));
  Sha256 hash;
  for (const auto& [name, tensor] : weights_after(R"([{"use": "load_model", "from": "other", "as": "b"},
                                                      {"use": "merge", "weights": {"": 0.25, "b": 0.75}}])")) {
    hash.add(tensor.const_data_ptr(), tensor.nbytes());
  }
  EXPECT_EQ(hash.hex(), "639cc62b9fb3f2804fae74da2dd1406af2cf3b22c8f9fe5d14880a13b4db90ea");
}

TEST_F(NamedModels, WhatDoesNotGoTogetherIsRefusedByName) {
  testing::make_tiny(folder_.path() / "base");
  EXPECT_THAT(said(R"([{"use": "load_model", "from": "nowhere"}])"), HasSubstr("'nowhere' is not a checkpoint folder"));
  const auto wider = model("wider", 8);
  auto config = testing::tiny_config();
  config["intermediate_size"] = 40;
  testing::write_text(wider / "config.json", config.dump());
  auto weights = testing::tiny_weights(8);
  for (auto& [name, tensor] : weights) {
    if (name.find("mlp.down") != std::string::npos) tensor = tensor.narrow(1, 0, 40).contiguous();
    if (name.find("gate_proj") != std::string::npos || name.find("up_proj") != std::string::npos)
      tensor = tensor.narrow(0, 0, 40).contiguous();
  }
  testing::checkpoints().write_tensors(wider / "model.safetensors", weights);
  const std::string load = R"([{"use": "load_model", "from": "wider", "as": "w"}, )";
  EXPECT_THAT(
      said(load + R"({"use": "merge", "weights": {"": 0.5, "w": 0.5}}])"),
      HasSubstr("frozen model 'w': 'model.layers.0.mlp.down_proj.weight' has shape [32, 40], expected [32, 48]"));
  EXPECT_THAT(said(load + R"({"use": "adapt"}, {"use": "merge", "weights": {"": 1}}])"),
              HasSubstr("the model carries an adapter, expected whole weights for merging"));
  EXPECT_THAT(said(load + R"({"use": "adapt", "kind": "prompt_tuning"}, {"use": "swap", "with": "w"}])"),
              HasSubstr("the model carries an adapter, expected whole weights for swapping"));
  const auto strange = model("strange", 8);
  auto words = testing::tiny_tokenizer();
  words["added_tokens"][0]["content"] = "<none>";
  words["model"]["vocab"].erase("<unk>");
  words["model"]["vocab"]["<none>"] = 0;
  words["model"]["unk_token"] = "<none>";
  testing::write_text(strange / "tokenizer.json", words.dump());
  EXPECT_THAT(said(R"([{"use": "load_model", "from": "strange"}])"),
              HasSubstr("has a different tokenizer or vocabulary"));
}

// A shorter model has names that the other lacks, and the other way round.
TEST_F(NamedModels, MergingNeedsTheSameNames) {
  const auto shallow = model("shallow", 8, [](NamedTensors& weights) {
    std::erase_if(weights, [](const auto& entry) { return entry.first.find("layers.1.") != std::string::npos; });
  });
  auto config = testing::tiny_config();
  config["num_hidden_layers"] = 1;
  testing::write_text(shallow / "config.json", config.dump());
  const std::string load = R"([{"use": "load_model", "from": "shallow", "as": "s"}, )";
  EXPECT_THAT(said(load + R"({"use": "merge", "weights": {"": 0.5, "s": 0.5}}])"),
              HasSubstr("frozen model 's' has no 'model.layers.1.input_layernorm.weight'"));
  EXPECT_THAT(said(load + R"({"use": "merge", "weights": {"s": 0.5, "": 0.5}, "as": "m"}])"),
              HasSubstr("the model has 'model.layers.1.input_layernorm.weight', which the others lack"));
}

// A checkpoint of training belongs to the job with that model beside it.
TEST_F(NamedModels, AResumedJobMustHaveLoadedTheSame) {
  model("other", 8);
  auto made = job(R"([{"use": "load_model", "from": "other", "as": "reference"}, {"use": "load", "task": "sums"},
                      {"use": "train", "objective": "asft", "max_steps": 6}])");
  CancelFlag cancel;
  EXPECT_THROW(testing::run_job(
                   made,
                   [&](const StepReport& report) {
                     if (report.step == 2) cancel.set();
                   },
                   &cancel),
               Cancelled);
  model("other", 9);
  try {
    testing::run_job(made);
    FAIL();
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), HasSubstr("is a checkpoint of another job: loaded was"));
  }
  model("other", 8);
  EXPECT_EQ(testing::run_job(made).result.resumed_from_step, 2);
}

// The loaded folder's hash stands with every answer that its model wrote.
TEST_F(NamedModels, AnswersSayWhichModelWroteThem) {
  const auto other = model("other", 8);
  auto made = job(R"([{"use": "load_model", "from": "other"}, {"use": "load", "task": "sums"},
                      {"use": "sample", "model": "teacher", "answers": 1, "max_new_tokens": 3}])");
  const auto ran = testing::run_job(made);
  ASSERT_EQ(ran.result.records.size(), 1U);
  const auto text = read_text_file(records_folder(made.out) / ran.result.records.front().file, record_bytes);
  EXPECT_THAT(text, HasSubstr(testing::checkpoints().model_hash(other)));
}

}  // namespace
}  // namespace touchstone
