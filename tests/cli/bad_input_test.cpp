// Every kind of bad input gives one line that names the place, and exit code 2; nothing is left half written.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <functional>

#include "harness/base/files.hpp"
#include "harness/base/json.hpp"
#include "harness/base/text.hpp"
#include "tests/cli/command.hpp"
#include "tests/support/support.hpp"

namespace touchstone {
namespace {
namespace fs = std::filesystem;

using Words = std::vector<std::string>;
using testing::touchstone_command;

const fs::path source = TOUCHSTONE_SOURCE_DIR;

/// One bad input: prepares files in a fresh folder and gives the command line; `says` are pieces the message must hold.
struct BadInput {
  const char* name;
  std::function<Words(const fs::path&)> prepare;
  std::vector<std::string> says;
};

void put(const fs::path& path, const std::string& text) {
  fs::create_directories(path.parent_path());
  write_file_atomically(path, text);
}

// --- plans
// ------------------------------------------------------------------------------------------------------------
Json good_plan() {
  return {{"name", "p"},        {"models", {"stories260k"}},
          {"methods", {"sft"}}, {"train_on", {"gsm8k"}},
          {"seeds", {1}},       {"measure_on", {{{"tasks", {"gsm8k"}}, {"limit", 2}}}}};
}

Words run_words(const fs::path& folder, const std::string& plan) {
  put(folder / "plan.json", plan);
  return {"run", (folder / "plan.json").string(), "--db", (folder / "r.sqlite").string(), "--dry-run"};
}

std::function<Words(const fs::path&)> plan_text(const std::string& text) {
  return [text](const fs::path& folder) { return run_words(folder, text); };
}

/// A good plan with one key set to a value (a JSON text), or taken out when the text is empty.
std::function<Words(const fs::path&)> plan_with(const std::string& key, const std::string& value) {
  auto plan = good_plan();
  if (value.empty()) {
    plan.erase(key);
  } else {
    plan[key] = Json::parse(value);
  }
  return plan_text(plan.dump());
}

// --- recipes
// ----------------------------------------------------------------------------------------------------------
std::function<Words(const fs::path&)> recipe(const std::string& text) {
  return [text](const fs::path& folder) {
    put(folder / "recipe.json", text);
    return Words{"train", (folder / "recipe.json").string(), "--model", "stories260k", "--on", "gsm8k",
                 "--out", (folder / "out").string()};
  };
}

// --- checkpoints
// ------------------------------------------------------------------------------------------------------
Words eval_words(const fs::path& model) {
  return {"eval", "--model", model.string(), "--tasks", "gsm8k", "--limit", "1", "--quiet"};
}

std::function<Words(const fs::path&)> checkpoint(const std::function<void(const fs::path&)>& spoil) {
  return [spoil](const fs::path& folder) {
    const auto model = folder / "model";
    fs::copy(source / "models" / "stories260k", model, fs::copy_options::recursive);
    spoil(model);
    return eval_words(model);
  };
}

std::function<Words(const fs::path&)> config_with(const std::string& key, const std::string& value) {
  return checkpoint([key, value](const fs::path& model) {
    auto config = read_json(model / "config.json");
    if (value.empty()) {
      config.erase(key);
    } else {
      config[key] = Json::parse(value);
    }
    put(model / "config.json", config.dump());
  });
}

/// The weights file with its header changed; the length in front follows the new header.
std::function<Words(const fs::path&)> header_with(const std::function<void(Json&)>& change) {
  return checkpoint([change](const fs::path& model) {
    const auto bytes = read_file(model / "model.safetensors");
    std::uint64_t length = 0;
    std::memcpy(&length, bytes.data(), sizeof length);
    auto header = Json::parse(bytes.substr(8, length));
    change(header);
    const auto text = header.dump();
    std::uint64_t new_length = text.size();
    std::string all(8, '\0');
    std::memcpy(all.data(), &new_length, sizeof new_length);
    put(model / "model.safetensors", all + text + bytes.substr(8 + length));
  });
}

std::function<Words(const fs::path&)> weights_bytes(const std::function<std::string(std::string)>& change) {
  return checkpoint([change](const fs::path& model) {
    put(model / "model.safetensors", change(read_file(model / "model.safetensors")));
  });
}

std::function<Words(const fs::path&)> file_with(const std::string& name, const std::string& text) {
  return checkpoint([name, text](const fs::path& model) { put(model / name, text); });
}

const std::string first_tensor = "model.embed_tokens.weight";

// --- data sets
// --------------------------------------------------------------------------------------------------------
std::function<Words(const fs::path&)> data(const std::string& file, const std::string& text, const std::string& task) {
  return [=](const fs::path& folder) {
    put(folder / "data" / file, text);
    return Words{"eval",    "--model", "stories260k", "--tasks", task,
                 "--shots", "0",       "--quiet",     "--data",  (folder / "data").string()};
  };
}

// --- databases
// --------------------------------------------------------------------------------------------------------
std::function<Words(const fs::path&)> database(const std::string& bytes) {
  return [bytes](const fs::path& folder) {
    put(folder / "r.sqlite", bytes);
    return Words{"report", "--db", (folder / "r.sqlite").string()};
  };
}

Words words(std::initializer_list<const char*> all) { return {all.begin(), all.end()}; }

std::function<Words(const fs::path&)> plain(std::initializer_list<const char*> all) {
  return [list = words(all)](const fs::path&) { return list; };
}

const std::vector<BadInput> bad_inputs = {
    {"plan_missing", plain({"run", "no_such_plan.json"}), {"no_such_plan.json"}},
    {"plan_empty", plan_text(""), {"plan.json", "line 1"}},
    {"plan_cut", plan_text("{\"name\": \"p\","), {"plan.json", "line 1"}},
    {"plan_list", plan_text("[]"), {"plan.json", "expected an object"}},
    {"plan_twice", plan_text(R"({"name": "a", "name": "b"})"), {"name", "twice"}},
    {"plan_deep", plan_text("{\"seeds\": " + std::string(100, '[') + std::string(100, ']') + "}"), {"nested"}},
    {"plan_misspelt", plan_with("mesure_on", "[]"), {"mesure_on", "measure_on"}},
    {"plan_no_name", plan_with("name", ""), {"'name'", "missing"}},
    {"plan_no_methods", plan_with("methods", "[]"), {"methods", "empty"}},
    {"plan_unknown_method", plan_with("methods", R"(["sfft"])"), {"sfft", "did you mean 'sft'"}},
    {"plan_method_twice", plan_with("methods", R"(["sft", "sft"])"), {"sft", "twice"}},
    {"plan_unknown_train_task", plan_with("train_on", R"(["gsm8"])"), {"gsm8", "gsm8k"}},
    {"plan_unknown_task", plan_with("measure_on", R"([{"tasks": ["mmul"]}])"), {"mmul", "mmlu"}},
    {"plan_measure_key", plan_with("measure_on", R"([{"tasks": ["mmlu"], "shot": 5}])"), {"shot", "shots"}},
    {"plan_measure_limit", plan_with("measure_on", R"([{"tasks": ["gsm8k"], "limit": -1}])"), {"limit", "-1"}},
    {"plan_measure_mode",
     plan_with("measure_on", R"([{"tasks": ["gsm8k"], "mode": "strict"}])"),
     {"mode", "strict", "compat"}},
    {"plan_measure_empty", plan_with("measure_on", "[]"), {"measure_on", "empty"}},
    {"plan_no_seeds", plan_with("seeds", ""), {"seeds"}},
    {"plan_seed_negative", plan_with("seeds", "[-1]"), {"seeds", "-1"}},
    {"plan_seed_twice", plan_with("seeds", "[1, 1]"), {"seeds", "1"}},
    {"plan_seed_text", plan_with("seeds", R"(["one"])"), {"seeds", "one"}},
    {"plan_dtype", plan_with("dtype", R"("float8")"), {"dtype", "float8", "bfloat16"}},
    {"plan_threads", plan_with("threads", "0"), {"threads", "0"}},
    {"plan_jobs_text", plan_with("jobs", R"("all")"), {"jobs", "all", "whole number"}},
    {"plan_set_shape", plan_with("set", R"({"learning_rate": 1})"), {"learning_rate", "STAGE.KEY"}},
    {"plan_set_unknown", plan_with("set", R"({"train.learning_rat": 1e-3})"), {"learning_rat", "learning_rate"}},
    {"plan_set_type", plan_with("set", R"({"train.learning_rate": "fast"})"), {"learning_rate", "fast", "number"}},
    {"plan_model", plan_with("models", R"(["no-such-model"])"), {"no-such-model"}},
    {"plan_memory", plan_with("jobs", "1024"), {"memory", "jobs"}},

    {"recipe_no_stages", recipe(R"({"method": "x", "paper": "none"})"), {"recipe.json", "stages"}},
    {"recipe_empty_stages", recipe(R"({"method": "x", "paper": "none", "stages": []})"), {"recipe.json", "stages"}},
    {"recipe_unknown_stage",
     recipe(R"({"method": "x", "paper": "none", "stages": [{"use": "trian"}]})"),
     {"trian", "did you mean 'train'"}},
    {"recipe_no_use", recipe(R"({"method": "x", "paper": "none", "stages": [{"on": "data"}]})"), {"use"}},
    {"recipe_unknown_objective",
     recipe(
         R"({"method": "x", "paper": "none", "stages": [{"use": "load", "task": "$train_on", "as": "data"}, {"use": "train", "on": "data", "objective": "sftt"}]})"),
     {"sftt", "sft"}},
    {"recipe_misspelt",
     recipe(
         R"({"method": "x", "paper": "none", "stages": [{"use": "load", "task": "$train_on", "as": "data"}, {"use": "train", "on": "data", "objective": "sft", "learning_rte": 1}]})"),
     {"learning_rte", "learning_rate"}},
    {"recipe_range",
     recipe(
         R"({"method": "x", "paper": "none", "stages": [{"use": "load", "task": "$train_on", "as": "data"}, {"use": "train", "on": "data", "objective": "sft", "learning_rate": -1}]})"),
     {"learning_rate", "-1"}},
    {"recipe_not_json", recipe("method: x"), {"recipe.json"}},

    {"config_absent", checkpoint([](const fs::path& model) { fs::remove(model / "config.json"); }), {"config.json"}},
    {"config_cut", file_with("config.json", "{"), {"config.json", "line 1"}},
    {"config_architecture",
     config_with("architectures", R"(["MambaForCausalLM"])"),
     {"config.json", "MambaForCausalLM", "LlamaForCausalLM"}},
    {"config_no_hidden", config_with("hidden_size", ""), {"config.json", "hidden_size"}},
    {"config_negative", config_with("hidden_size", "-64"), {"config.json", "hidden_size", "-64"}},
    {"config_layers",
     config_with("num_hidden_layers", "1000000000"),
     {"config.json", "num_hidden_layers", "1000000000"}},
    {"config_heads", config_with("num_key_value_heads", "3"), {"config.json", "num_key_value_heads", "3"}},
    {"config_type", config_with("rms_norm_eps", R"("small")"), {"config.json", "rms_norm_eps", "small"}},
    {"config_rope", config_with("rope_scaling", R"({"rope_type": "spiral", "factor": 2})"), {"config.json", "spiral"}},
    {"config_vocabulary", config_with("vocab_size", "600"), {"embed_tokens", "512", "600"}},
    {"config_intermediate", config_with("intermediate_size", "170"), {"mlp", "172", "170"}},

    {"weights_absent",
     checkpoint([](const fs::path& model) { fs::remove(model / "model.safetensors"); }),
     {"safetensors"}},
    {"weights_pickle",
     checkpoint([](const fs::path& model) { fs::rename(model / "model.safetensors", model / "pytorch_model.bin"); }),
     {"pytorch_model.bin", "convert"}},
    {"weights_four_bytes",
     weights_bytes([](const std::string& bytes) { return bytes.substr(0, 4); }),
     {"model.safetensors"}},
    {"weights_cut",
     weights_bytes([](const std::string& bytes) { return bytes.substr(0, bytes.size() - 100); }),
     {"model.safetensors"}},
    {"weights_trailing", weights_bytes([](const std::string& bytes) { return bytes + "tail"; }), {"model.safetensors"}},
    {"weights_header_length",
     weights_bytes([](std::string bytes) {
       bytes.replace(0, 8, 8, '\x7f');
       return bytes;
     }),
     {"model.safetensors", "header"}},
    {"weights_header_text",
     weights_bytes([](std::string bytes) {
       bytes[8] = 'x';
       return bytes;
     }),
     {"model.safetensors"}},
    {"weights_dtype",
     header_with([](Json& header) { header[first_tensor]["dtype"] = "F12"; }),
     {"model.safetensors", first_tensor, "F12"}},
    {"weights_shape",
     header_with([](Json& header) {
       header[first_tensor]["shape"] = {511, 64};
     }),
     {"model.safetensors", first_tensor}},
    {"weights_negative_shape",
     header_with([](Json& header) {
       header[first_tensor]["shape"] = {-512, -64};
     }),
     {"model.safetensors", first_tensor}},
    {"weights_wrapping_shape",
     header_with([](Json& header) {
       header[first_tensor]["shape"] = {4294967296, 4294967296};
     }),
     {"model.safetensors", first_tensor}},
    {"weights_past_end",
     header_with([](Json& header) {
       header[first_tensor]["data_offsets"] = {0, 1LL << 40};
     }),
     {"model.safetensors", first_tensor}},
    {"weights_inverted",
     header_with([](Json& header) {
       header[first_tensor]["data_offsets"] = {131072, 0};
     }),
     {"model.safetensors", first_tensor}},
    {"weights_renamed",
     header_with([](Json& header) {
       header["other"] = header[first_tensor];
       header.erase(first_tensor);
     }),
     {first_tensor}},
    {"weights_nan",
     weights_bytes([](std::string bytes) {
       const float nan = std::nanf("");
       std::memcpy(bytes.data() + bytes.size() - 4, &nan, 4);
       return bytes;
     }),
     {"model.safetensors", "model.norm.weight", "finite"}},
    {"index_outside",
     checkpoint([](const fs::path& model) {
       fs::remove(model / "model.safetensors");
       put(model / "model.safetensors.index.json",
           R"({"weight_map": {"model.embed_tokens.weight": "../x.safetensors"}})");
     }),
     {"index.json", "../x.safetensors"}},

    {"tokenizer_absent",
     checkpoint([](const fs::path& model) { fs::remove(model / "tokenizer.json"); }),
     {"tokenizer"}},
    {"tokenizer_cut", file_with("tokenizer.json", "{\"model\": {"), {"tokenizer.json", "line 1"}},
    {"tokenizer_type",
     file_with("tokenizer.json", R"({"model": {"type": "Magic", "vocab": {}}})"),
     {"tokenizer.json", "Magic"}},
    {"tokenizer_larger",
     checkpoint([](const fs::path& model) {
       auto tokenizer = read_json(model / "tokenizer.json");
       tokenizer["added_tokens"].push_back({{"id", 5000},
                                            {"content", "<x>"},
                                            {"single_word", false},
                                            {"lstrip", false},
                                            {"rstrip", false},
                                            {"normalized", false},
                                            {"special", true}});
       put(model / "tokenizer.json", tokenizer.dump());
     }),
     {"5000", "512"}},
    {"template_absent",
     [](const fs::path&) {
       auto all = eval_words("stories260k");
       all.push_back("--chat");
       return all;
     },
     {"chat template"}},

    {"data_folder",
     plain({"eval", "--model", "stories260k", "--tasks", "gsm8k", "--data", "/no/such/folder"}),
     {"/no/such/folder"}},
    {"data_broken_line",
     data("gsm8k/test.jsonl", "{\"question\": \"q\", \"answer\": \"#### 1\"}\n{\"question\": ", "gsm8k"),
     {"test.jsonl", "line 2"}},
    {"data_missing_key", data("gsm8k/test.jsonl", "{\"question\": \"q\"}\n", "gsm8k"), {"test.jsonl", "answer"}},
    {"data_wrong_type",
     data("gsm8k/test.jsonl", "{\"question\": 5, \"answer\": \"x\"}\n", "gsm8k"),
     {"test.jsonl", "question"}},
    {"data_empty", data("gsm8k/test.jsonl", "", "gsm8k"), {"gsm8k"}},
    {"data_not_utf8",
     data("gsm8k/test.jsonl", "{\"question\": \"\xff\", \"answer\": \"#### 1\"}\n", "gsm8k"),
     {"test.jsonl"}},
    {"data_columns", data("mmlu/test/anatomy_test.csv", "q,a,b,c,A\n", "mmlu_anatomy"), {"anatomy_test.csv"}},
    {"data_letter", data("mmlu/test/anatomy_test.csv", "q,a,b,c,d,F\n", "mmlu_anatomy"), {"anatomy_test.csv", "F"}},

    {"database_absent", plain({"report", "--db", "/no/such/r.sqlite"}), {"/no/such/r.sqlite"}},
    {"database_text", database(std::string(5000, 'x')), {"r.sqlite"}},
    {"database_folder",
     [](const fs::path& folder) {
       return Words{"report", "--db", folder.string()};
     },
     {}},

    {"eval_unknown_task", plain({"eval", "--model", "stories260k", "--tasks", "gsm9k"}), {"gsm9k", "gsm8k"}},
    {"eval_no_model", plain({"eval", "--model", "/no/model", "--tasks", "gsm8k"}), {"/no/model"}},
    {"eval_no_cuda", plain({"eval", "--model", "stories260k", "--tasks", "gsm8k", "--device", "cuda:7"}), {"cuda"}},
    {"eval_device", plain({"eval", "--model", "stories260k", "--tasks", "gsm8k", "--device", "tpu"}), {"tpu"}},
    {"eval_filter", plain({"eval", "--model", "stories260k", "--tasks", "gsm8k", "--filter", "(", "--quiet"}), {"("}},
    {"train_set",
     plain({"train", "sft", "--model", "stories260k", "--on", "gsm8k", "--out", "/tmp/never", "--set", "x"}),
     {"--set x", "STAGE.KEY=VALUE"}},
    {"objective_unknown",
     [](const fs::path&) {
       return Words{"objective", "sftt", "--inputs", (source / "models" / "stories260k" / "model.safetensors").string(),
                    "--out",     "b"};
     },
     {"sftt", "sft"}},
    {"objective_no_file",
     plain({"objective", "sft", "--inputs", "/no/a.safetensors", "--out", "b"}),
     {"/no/a.safetensors"}},
    {"show_unknown", plain({"show", "tasks", "gsm8"}), {"gsm8", "gsm8k"}},
};

class BadInputs : public ::testing::TestWithParam<BadInput> {};

TEST_P(BadInputs, GetsOneLineThatNamesThePlace) {
  const testing::TemporaryFolder folder;
  const auto result = touchstone_command(GetParam().prepare(folder.path()));
  EXPECT_EQ(result.code, 2) << result.err;
  const auto lines = split(std::string(rstrip(result.err)), '\n');
  EXPECT_EQ(lines.size(), 1U) << result.err;
  for (const auto& piece : GetParam().says) {
    EXPECT_NE(result.err.find(piece), std::string::npos) << "no '" << piece << "' in: " << result.err;
  }
  EXPECT_FALSE(fs::exists(folder.path() / "out"));
}

void PrintTo(const BadInput& input, std::ostream* out) { *out << input.name; }

INSTANTIATE_TEST_SUITE_P(All, BadInputs, ::testing::ValuesIn(bad_inputs),
                         [](const ::testing::TestParamInfo<BadInput>& one) { return std::string(one.param.name); });

}  // namespace
}  // namespace touchstone
