// Adapter folders of every kind that is read, against peft 0.21.2 (tests/trainers/peft/check_adapter.py kinds, prompt).
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "harness/base/error.hpp"
#include "harness/base/files.hpp"
#include "harness/base/json.hpp"
#include "harness/model/ops.hpp"
#include "tests/backends/families.hpp"
#include "tests/support/support.hpp"

namespace touchstone {
namespace {

namespace fs = std::filesystem;

fs::path fixtures() { return fs::path(TOUCHSTONE_SOURCE_DIR) / "tests" / "golden" / "peft"; }

class Kinds : public ::testing::TestWithParam<const char*> {};

TEST_P(Kinds, GivesPeftsLogits) {
  const std::string kind = GetParam();
  const auto wanted = kind == "prompt_tuning" ? read_json(fixtures() / "prompt_tuning.json")
                                              : read_json(fixtures() / "kinds.json")[kind];
  for (const bool answering : {false, true}) {
    const auto model = testing::all_families()->load(fixtures() / kind, {.answering = answering});
    const at::NoGradGuard no_grad;
    Inputs inputs;
    inputs.tokens = at::tensor(std::vector<std::int64_t>{1, 5, 9, 14, 3, 27, 8}, at::kLong);
    inputs.starts = {0, 7};
    const auto found = model->forward(inputs, {}).logits;
    for (std::int64_t at = 0; at < found.size(0); ++at) {
      const auto row = at::tensor(wanted[static_cast<std::size_t>(at)].get<std::vector<float>>());
      EXPECT_LE((found[at] - row).abs().max().item<double>(), 1e-5) << kind << " " << at;
    }
  }
}
INSTANTIATE_TEST_SUITE_P(Peft, Kinds, ::testing::Values("dora", "ia3", "rslora_patterns", "prompt_tuning"));

/// What loading says of a fixture with one key of its config changed.
std::string said(const std::string& kind, const std::string& key, const Json& value) {
  const testing::TemporaryFolder folder;
  fs::copy(fixtures() / kind, folder.path() / "adapter", fs::copy_options::recursive);
  const auto file = folder.path() / "adapter" / "adapter_config.json";
  auto config = read_json(file);
  config["base_model_name_or_path"] = (fixtures() / "base").string();
  config[key] = value;
  write_file_atomically(file, config.dump());
  try {
    testing::all_families()->load(folder.path() / "adapter", {});
  } catch (const Error& error) {
    EXPECT_EQ(error.fault(), Fault::checkpoint);
    return error.what();
  }
  return "taken";
}

TEST(AdapterConfig, OptionsThatChangeNumbersAreRefusedByName) {
  for (const auto* start : {"pissa", "pissa_niter_16", "olora", "loftq", "corda", "lora_ga", "mica", "anything"}) {
    EXPECT_THAT(said("rslora_patterns", "init_lora_weights", start), ::testing::HasSubstr("key 'init_lora_weights'"));
  }
  for (const auto& start : {Json(true), Json(false), Json("gaussian"), Json("eva"), Json("orthogonal")}) {
    EXPECT_EQ(said("rslora_patterns", "init_lora_weights", start), "taken");
  }
  const Json changing = {{"use_qalora", true},
                         {"lora_bias", true},
                         {"fan_in_fan_out", true},
                         {"bias", "all"},
                         {"use_bdlora", {{"a", 1}}},
                         {"modules_to_save", {"lm_head"}},
                         {"layer_replication", {{0, 1}}},
                         {"trainable_token_indices", {1}},
                         {"target_parameters", {"x"}},
                         {"kasa_config", {{"a", 1}}},
                         {"an_option_of_tomorrow", 3}};
  for (const auto& [key, value] : changing.items()) {
    EXPECT_THAT(said("rslora_patterns", key, value), ::testing::HasSubstr("key '" + key + "'"));
  }
  const Json harmless = {{"lora_dropout", 0.5}, {"peft_version", "9"}, {"an_option_of_tomorrow", nullptr}};
  for (const auto& [key, value] : harmless.items()) EXPECT_EQ(said("rslora_patterns", key, value), "taken") << key;
  EXPECT_THAT(said("ia3", "modules_to_save", Json{"lm_head"}), ::testing::HasSubstr("key 'modules_to_save'"));
}

TEST(AdapterConfig, TensorsAndKindMustAgree) {
  EXPECT_THAT(said("dora", "use_dora", false), ::testing::HasSubstr("expected none, as use_dora is false"));
  EXPECT_THAT(said("rslora_patterns", "use_dora", true), ::testing::HasSubstr("no lora_magnitude_vector"));
  EXPECT_THAT(said("rslora_patterns", "peft_type", "IA3"),
              ::testing::HasSubstr("adapter_config.json (IA3): key 'alpha_pattern'"));
  EXPECT_THAT(said("ia3", "peft_type", "LORA"), ::testing::HasSubstr("adapter_config.json: key 'r' is missing"));
  EXPECT_THAT(said("dora", "peft_type", "VERA"), ::testing::HasSubstr("expected LORA, IA3 or PROMPT_TUNING"));
}

}  // namespace
}  // namespace touchstone
