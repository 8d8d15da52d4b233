// Checkpoints: configuration, weights, tokenizer, chat template, adapters.
#include <sys/stat.h>

#include <cmath>
#include <cstring>

#include "harness/base/files.hpp"
#include "harness/base/text.hpp"
#include "tests/cli/bad_input.hpp"

namespace touchstone::testing {
namespace {
namespace fs = std::filesystem;

const std::string first_tensor = "model.embed_tokens.weight";

Prepare config(const std::string& key, const std::string& value) { return json_with("config.json", key, value); }

/// A safetensors file cut in two: the JSON of its header, and the bytes behind it.
struct Parts {
  std::string header;
  std::string data;
};

Parts parts_of(const std::string& bytes) {
  std::uint64_t length = 0;
  std::memcpy(&length, bytes.data(), sizeof length);
  return {bytes.substr(8, length), bytes.substr(8 + length)};
}

std::string joined(const Parts& parts) {
  const std::uint64_t length = parts.header.size();
  std::string start(8, '\0');
  std::memcpy(start.data(), &length, sizeof length);
  return start + parts.header + parts.data;
}

Prepare weights(const std::function<std::string(std::string)>& change) {
  return checkpoint([change](const fs::path& model) {
    put(model / "model.safetensors", change(read_file(model / "model.safetensors")));
  });
}

/// The text of the header changed; the length in front follows.
Prepare header_text(const std::function<std::string(std::string)>& change) {
  return weights([change](const std::string& bytes) {
    auto parts = parts_of(bytes);
    parts.header = change(parts.header);
    return joined(parts);
  });
}

Prepare header(const std::function<void(Json&)>& change) {
  return header_text([change](const std::string& text) {
    auto json = Json::parse(text);
    change(json);
    return json.dump();
  });
}

/// One key of the first tensor's entry.
Prepare first_entry(const std::string& key, const std::string& value) {
  return header([=](Json& json) { json[first_tensor][key] = Json::parse(value); });
}

/// The last number of the file, which belongs to model.norm.weight.
Prepare last_value(float value) {
  return weights([value](std::string bytes) {
    std::memcpy(bytes.data() + bytes.size() - 4, &value, 4);
    return bytes;
  });
}

/// The index of a sharded checkpoint, with nothing else of its weights.
Prepare index(const std::string& text) {
  return checkpoint([text](const fs::path& model) {
    fs::remove(model / "model.safetensors");
    put(model / "model.safetensors.index.json", text);
  });
}

Prepare without(const char* file) {
  return checkpoint([file](const fs::path& model) { fs::remove(model / file); });
}

/// Something else than a file in the place of one.
Prepare in_place_of(const char* file, const std::function<void(const fs::path&)>& make) {
  return checkpoint([=](const fs::path& model) {
    fs::remove(model / file);
    make(model / file);
  });
}

const std::vector<BadInput> configs = {
    {"absent", without("config.json"), {"config.json", "No such file"}},
    {"cut", file_with("config.json", "{"), {"config.json", "line 1"}},
    {"list", file_with("config.json", "[]"), {"config.json", "expected an object"}},
    {"architecture",
     config("architectures", R"(["MambaForCausalLM"])"),
     {"config.json", "MambaForCausalLM", "LlamaForCausalLM"}},
    {"no_architecture",
     checkpoint([](const fs::path& model) {
       auto json = read_json(model / "config.json");
       json.erase("architectures");
       json["model_type"] = "magic";
       put(model / "config.json", json.dump());
     }),
     {"config.json", "no 'architectures' and the model_type 'magic'", "LlamaForCausalLM"}},
    {"architecture_text",
     config("architectures", R"("LlamaForCausalLM")"),
     {"config.json", "architectures", "a list of texts"}},
    {"no_hidden", config("hidden_size", ""), {"config.json", "hidden_size"}},
    {"hidden_negative", config("hidden_size", "-64"), {"config.json", "key 'hidden_size': found -64", "whole number"}},
    {"hidden_half", config("hidden_size", "64.5"), {"config.json", "key 'hidden_size': found 64.5", "whole number"}},
    {"hidden_text",
     config("hidden_size", R"("64")"),
     {"config.json", "key 'hidden_size': found \"64\"", "whole number"}},
    {"layers", config("num_hidden_layers", "1000000000"), {"config.json", "key 'num_hidden_layers': found 1000000000"}},
    {"layers_more", config("num_hidden_layers", "6"), {"model.safetensors", "model.layers.5."}},
    {"layers_less", config("num_hidden_layers", "4"), {"model.safetensors", "model.layers.4.", "no place"}},
    {"vocabulary_huge", config("vocab_size", "2147483648"), {"config.json", "key 'vocab_size': found 2147483648"}},
    {"heads", config("num_key_value_heads", "3"), {"config.json", "num_key_value_heads", "3"}},
    {"heads_zero", config("num_attention_heads", "0"), {"config.json", "key 'num_attention_heads': found 0"}},
    {"head_odd", config("head_dim", "7"), {"config.json", "head_dim", "7"}},
    {"epsilon", config("rms_norm_eps", R"("small")"), {"config.json", "key 'rms_norm_eps': found \"small\""}},
    {"activation", config("hidden_act", R"("mish2")"), {"config.json", "hidden_act", "mish2", "silu"}},
    {"tied_text",
     config("tie_word_embeddings", R"("yes")"),
     {"config.json", "key 'tie_word_embeddings': found \"yes\"", "true or false"}},
    {"rope",
     config("rope_scaling", R"({"rope_type": "spiral", "factor": 2})"),
     {"config.json", "rope_scaling", "spiral", "llama3"}},
    {"rope_no_factor", config("rope_scaling", R"({"rope_type": "linear"})"), {"config.json", "rope_scaling", "factor"}},
    {"rope_list", config("rope_scaling", "[2]"), {"config.json", "rope_scaling", "an object"}},
    {"quantised",
     config("quantization_config", R"({"quant_method": "gptq", "bits": 4})"),
     {"config.json", "quantization_config", "gptq"}},
    {"vocabulary", config("vocab_size", "600"), {"model.safetensors", "embed_tokens", "[512, 64]", "[600, 64]"}},
    {"intermediate", config("intermediate_size", "170"), {"model.safetensors", "mlp", "172", "170"}},
};
TOUCHSTONE_BAD_INPUTS(Config, configs);

const std::vector<BadInput> weight_files = {
    {"absent", without("model.safetensors"), {"holds no weights, expected model.safetensors"}},
    {"pickle",
     checkpoint([](const fs::path& model) { fs::rename(model / "model.safetensors", model / "pytorch_model.bin"); }),
     {"pytorch_model.bin", "pickle", "convert"}},
    {"folder",
     in_place_of("model.safetensors", [](const fs::path& at) { fs::create_directory(at); }),
     {"model.safetensors", "not a regular file"}},
    {"fifo",
     in_place_of("model.safetensors", [](const fs::path& at) { mkfifo(at.c_str(), 0600); }),
     {"model.safetensors", "not a regular file"}},
    {"link_outside",
     in_place_of("model.safetensors", [](const fs::path& at) { fs::create_symlink("/etc/hostname", at); }),
     {"model.safetensors", "link", "/etc/hostname"}},
    {"link_to_nothing",
     in_place_of("model.safetensors", [](const fs::path& at) { fs::create_symlink("gone", at); }),
     {"model.safetensors", "link to a file that does not exist"}},
    {"empty", file_with("model.safetensors", ""), {"model.safetensors", "0 bytes"}},
    {"four_bytes", file_with("model.safetensors", "abcd"), {"model.safetensors", "4 bytes"}},
    {"cut",
     weights([](const std::string& bytes) { return bytes.substr(0, bytes.size() - 100); }),
     {"model.safetensors", "model.norm.weight", "1044992", "1044892"}},
    {"cut_in_header",
     weights([](const std::string& bytes) { return bytes.substr(0, 100); }),
     {"model.safetensors", "header's length"}},
    {"trailing",
     weights([](const std::string& bytes) { return bytes + "tail"; }),
     {"model.safetensors", "1044992", "1044996"}},
    {"header_length_zero",
     weights([](std::string bytes) { return bytes.replace(0, 8, 8, '\0'); }),
     {"model.safetensors", "header's length is 0"}},
    {"header_length_huge",
     weights([](std::string bytes) { return bytes.replace(0, 8, 8, '\x7f'); }),
     {"model.safetensors", "header's length is 9187201950435737471"}},
    {"header_text",
     header_text([](std::string text) { return text.replace(0, 1, "x"); }),
     {"model.safetensors", "'{'", "\"x\""}},
    {"header_cut",
     header_text([](const std::string& text) { return text.substr(0, text.size() - 40); }),
     {"model.safetensors", "header"}},
    {"header_not_utf8",
     header_text([](std::string text) { return text.replace(3, 1, "\xff"); }),
     {"model.safetensors", "UTF-8"}},
    {"header_deep",
     header([](Json& json) { json["x"] = Json::parse(std::string(50, '[') + std::string(50, ']')); }),
     {"model.safetensors", "nested"}},
    {"metadata",
     header([](Json& json) {
       json["__metadata__"] = {{"format", 1}};
     }),
     {"model.safetensors", "__metadata__", "format"}},
    {"tensor_twice",
     header_text([](const std::string& text) {
       return replace_all(text, "model.norm.weight", "model.layers.0.input_layernorm.weight");
     }),
     {"model.safetensors", "twice"}},
    {"entry_list", header([](Json& json) { json[first_tensor] = Json::array(); }), {"model.safetensors", first_tensor}},
    {"entry_no_shape",
     header([](Json& json) { json[first_tensor].erase("shape"); }),
     {"model.safetensors", first_tensor, "shape"}},
    {"dtype", first_entry("dtype", R"("F12")"), {"model.safetensors", first_tensor, "F12", "BF16"}},
    {"dtype_whole", first_entry("dtype", R"("I32")"), {"model.safetensors", first_tensor, "I32", "BF16"}},
    {"shape", first_entry("shape", "[511, 64]"), {"model.safetensors", first_tensor, "[511,64]", "131072", "130816"}},
    {"shape_turned", first_entry("shape", "[64, 512]"), {"model.safetensors", first_tensor, "[64, 512]", "[512, 64]"}},
    {"shape_negative", first_entry("shape", "[-512, -64]"), {"model.safetensors", first_tensor, "-512"}},
    {"shape_half", first_entry("shape", "[512.5, 64]"), {"model.safetensors", first_tensor, "512.5"}},
    {"shape_wraps",
     first_entry("shape", "[4294967296, 4294967296]"),
     {"model.safetensors", first_tensor, "4294967296"}},
    {"shape_many", first_entry("shape", "[1,1,1,1,1,1,1,1,512,64]"), {"model.safetensors", first_tensor, "at most 8"}},
    {"offsets_past_end",
     first_entry("data_offsets", "[0, 1099511627776]"),
     {"model.safetensors", first_tensor, "1099511627776"}},
    {"offsets_inverted", first_entry("data_offsets", "[131072, 0]"), {"model.safetensors", first_tensor, "[131072,0]"}},
    {"offsets_one", first_entry("data_offsets", "[0]"), {"model.safetensors", first_tensor, "[first, last]"}},
    {"offsets_overlap",
     first_entry("data_offsets", "[4, 131076]"),
     {"model.safetensors", "begins at byte", "expected"}},
    {"renamed",
     header([](Json& json) {
       json["other"] = json[first_tensor];
       json.erase(first_tensor);
     }),
     {"model.safetensors", first_tensor, "[512, 64]"}},
    {"one_more",
     header([](Json& json) {
       json["model.extra"] = {{"dtype", "F32"}, {"shape", {0}}, {"data_offsets", {1040000, 1040000}}};
     }),
     {"model.safetensors", "model.extra"}},
    {"nan", last_value(std::nanf("")), {"model.safetensors", "model.norm.weight", "finite"}},
    {"infinite", last_value(INFINITY), {"model.safetensors", "model.norm.weight", "finite"}},
    {"index_cut", index("{\"weight_map\": {"), {"index.json", "line 1"}},
    {"index_no_map", index("{}"), {"index.json", "weight_map"}},
    {"index_empty", index(R"({"weight_map": {}})"), {"index.json", "key 'weight_map': found {}"}},
    {"index_number",
     index(R"({"weight_map": {"a": 1}})"),
     {"index.json", "key 'weight_map.a': found 1, expected a file name"}},
    {"index_outside",
     index(R"({"weight_map": {"a": "../x.safetensors"}})"),
     {"index.json", "../x.safetensors", "expected the name of a file in the same folder"}},
    {"shard_missing",
     index(R"({"weight_map": {"a": "model-00001-of-00002.safetensors"}})"),
     {"model-00001-of-00002.safetensors", "No such file"}},
    {"tensor_in_two_shards",
     checkpoint([](const fs::path& model) {
       fs::copy(model / "model.safetensors", model / "a.safetensors");
       fs::rename(model / "model.safetensors", model / "b.safetensors");
       put(model / "model.safetensors.index.json", R"({"weight_map": {"x": "a.safetensors", "y": "b.safetensors"}})");
     }),
     {"b.safetensors", "also in", "a.safetensors"}},
};
TOUCHSTONE_BAD_INPUTS(Weights, weight_files);

/// The carried tokenizer with a change.
Prepare tokenizer(const std::function<void(Json&)>& change) {
  return checkpoint([change](const fs::path& model) {
    auto json = read_json(model / "tokenizer.json");
    change(json);
    put(model / "tokenizer.json", json.dump());
  });
}

Json added(const std::string& text, int id) {
  return {{"id", id},        {"content", text},     {"single_word", false}, {"lstrip", false},
          {"rstrip", false}, {"normalized", false}, {"special", true}};
}

/// A chat template, used.
Prepare chat(const std::string& source) {
  return [source](const fs::path& folder) {
    auto words = file_with("chat_template.jinja", source)(folder);
    words.push_back("--chat");
    return words;
  };
}

const std::vector<BadInput> tokenizers = {
    {"absent", without("tokenizer.json"), {"tokenizer.json", "there is no such file"}},
    {"cut", file_with("tokenizer.json", "{\"model\": {"), {"tokenizer.json", "line 1"}},
    {"no_model", tokenizer([](Json& json) { json.erase("model"); }), {"tokenizer.json", "model"}},
    {"type",
     file_with("tokenizer.json", R"({"model": {"type": "Magic", "vocab": {}}})"),
     {"tokenizer.json", "Magic", "BPE"}},
    {"vocabulary_empty", tokenizer([](Json& json) { json["model"]["vocab"] = Json::object(); }), {"tokenizer.json"}},
    {"vocabulary_text", tokenizer([](Json& json) { json["model"]["vocab"]["zz"] = "7"; }), {"tokenizer.json", "zz"}},
    {"id_negative", tokenizer([](Json& json) { json["model"]["vocab"]["zz"] = -1; }), {"tokenizer.json", "zz", "-1"}},
    {"id_huge",
     tokenizer([](Json& json) { json["model"]["vocab"]["zz"] = 4000000000; }),
     {"tokenizer.json", "4000000000"}},
    {"id_twice", tokenizer([](Json& json) { json["model"]["vocab"]["zz"] = 5; }), {"tokenizer.json", "zz", "5"}},
    // Ids that nobody uses may be there; the prompts of this task all hold the word.
    {"larger",
     tokenizer([](Json& json) { json["added_tokens"].push_back(added("Question", 5000)); }),
     {"Question", "5000", "512"}},
    {"added_without_content",
     tokenizer([](Json& json) {
       json["added_tokens"].push_back({{"id", 3}});
     }),
     {"tokenizer.json", "added_tokens", "content"}},
    {"merge_of_nothing",
     tokenizer([](Json& json) { json["model"]["merges"].push_back("qqq zzz"); }),
     {"tokenizer.json", "merge", "qqq"}},
    {"normaliser",
     tokenizer([](Json& json) {
       json["normalizer"] = {{"type", "Rot13"}};
     }),
     {"tokenizer.json", "normalizer", "Rot13"}},
    {"splitter",
     tokenizer([](Json& json) {
       json["pre_tokenizer"] = {{"type", "Rot13"}};
     }),
     {"tokenizer.json", "pre_tokenizer", "Rot13"}},
    {"pattern",
     tokenizer([](Json& json) {
       json["pre_tokenizer"] = {
           {"type", "Split"}, {"pattern", {{"Regex", "(a"}}}, {"behavior", "Isolated"}, {"invert", false}};
     }),
     {"tokenizer.json", "(a"}},
    {"settings_cut", file_with("tokenizer_config.json", "{"), {"tokenizer_config.json", "line 1"}},
    {"settings_list", file_with("tokenizer_config.json", "[]"), {"tokenizer_config.json", "object"}},
    {"generation_cut", file_with("generation_config.json", "{\"a\": 1,}"), {"generation_config.json", "line 1"}},
    {"template_absent",
     [](const fs::path&) {
       auto all = eval_words("stories260k");
       all.push_back("--chat");
       return all;
     },
     {"stories260k", "chat template"}},
    {"template_open", chat("{% for m in messages %}"), {"chat template", "for"}},
    {"template_unknown", chat("{{ messages | exec }}"), {"chat template", "exec"}},
    {"template_refuses",
     chat("{{ raise_exception('no system turn, please') }}"),
     {"chat template", "no system turn, please"}},
    {"template_of_many_lines",
     chat("{{ raise_exception('one\\ntwo \x1b[31mred') }}"),
     {"chat template", "the template refuses: one two  [31mred"}},
    {"template_endless",
     chat("{% for a in range(1000000000) %}{% for b in range(1000000000) %}x{% endfor %}{% endfor %}"),
     {"chat template"}},
};
TOUCHSTONE_BAD_INPUTS(Tokenizers, tokenizers);

/// An adapter of rank 1 on one matrix of the carried checkpoint, spoilt.
Prepare adapter(const std::function<void(Json&, Json&)>& spoil) {
  return [spoil](const fs::path& folder) {
    const auto place = folder / "adapter";
    Json config = {{"peft_type", "LORA"},
                   {"r", 1},
                   {"lora_alpha", 1},
                   {"target_modules", {"q_proj"}},
                   {"base_model_name_or_path", carried_model().string()}};
    const std::string at = "base_model.model.model.layers.0.self_attn.q_proj.lora_";
    Json tensors = {{at + "A.weight", {{"dtype", "F32"}, {"shape", {1, 64}}, {"data_offsets", {0, 256}}}},
                    {at + "B.weight", {{"dtype", "F32"}, {"shape", {64, 1}}, {"data_offsets", {256, 512}}}}};
    spoil(config, tensors);
    put(place / "adapter_config.json", config.dump());
    put(place / "adapter_model.safetensors", joined({tensors.dump(), std::string(512, '\0')}));
    return eval_words(place);
  };
}

const std::string lora_b = "base_model.model.model.layers.0.self_attn.q_proj.lora_B.weight";

const std::vector<BadInput> adapters = {
    {"base_missing",
     adapter([](Json& config, Json&) { config["base_model_name_or_path"] = "no/base"; }),
     {"adapter_config.json", "base_model_name_or_path", "no/base"}},
    {"no_base",
     adapter([](Json& config, Json&) { config.erase("base_model_name_or_path"); }),
     {"adapter_config.json", "base_model_name_or_path"}},
    {"kind", adapter([](Json& config, Json&) { config["peft_type"] = "IA3"; }), {"adapter_config.json", "IA3", "'r'"}},
    {"other_kind",
     adapter([](Json& config, Json&) { config["peft_type"] = "VERA"; }),
     {"adapter_config.json", "VERA", "LORA, IA3 or PROMPT_TUNING"}},
    {"start",
     adapter([](Json& config, Json&) { config["init_lora_weights"] = "pissa"; }),
     {"adapter_config.json", "init_lora_weights", "pissa"}},
    {"dora",
     adapter([](Json& config, Json&) { config["use_dora"] = true; }),
     {"adapter_model.safetensors", "use_dora"}},
    {"rank", adapter([](Json& config, Json&) { config["r"] = 2; }), {"adapter_model.safetensors", "q_proj", "rank"}},
    {"rank_text",
     adapter([](Json& config, Json&) { config["r"] = "1"; }),
     {"adapter_config.json", "key 'r': found \"1\""}},
    {"half",
     adapter([](Json&, Json& tensors) {
       tensors["x"] = tensors[lora_b];
       tensors.erase(lora_b);
     }),
     {"adapter_model.safetensors", "x"}},
    {"module",
     adapter([](Json&, Json& tensors) { tensors = Json::parse(replace_all(tensors.dump(), "layers.0", "layers.77")); }),
     {"adapter_model.safetensors", "layers.77"}},
    {"shape",
     adapter([](Json&, Json& tensors) {
       tensors[lora_b]["shape"] = {32, 2};
     }),
     {"adapter_model.safetensors", "lora_B of rank 2"}},
    {"cut",
     [](const fs::path& folder) {
       auto words = adapter([](Json&, Json&) {})(folder);
       put(folder / "adapter" / "adapter_model.safetensors", "short");
       return words;
     },
     {"adapter_model.safetensors", "5 bytes"}},
    {"no_weights",
     [](const fs::path& folder) {
       auto words = adapter([](Json&, Json&) {})(folder);
       fs::remove(folder / "adapter" / "adapter_model.safetensors");
       return words;
     },
     {"adapter_model.safetensors", "No such file"}},
};
TOUCHSTONE_BAD_INPUTS(Adapters, adapters);

}  // namespace
}  // namespace touchstone::testing
