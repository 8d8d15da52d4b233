#pragma once
// A tiny Llama checkpoint with a character tokenizer, and a task, made on the spot: what tests of training run on.
#include <ATen/CPUGeneratorImpl.h>

#include <fstream>
#include <memory>

#include "harness/base/json.hpp"
#include "harness/model/checkpoint.hpp"
#include "harness/model/ops.hpp"
#include "harness/train/session.hpp"
#include "harness/train/stage.hpp"
#include "harness/train/train_job.hpp"
#include "tests/support/support.hpp"

namespace touchstone::testing {

inline const Checkpoints& checkpoints() {
  static const FamilyBook book = [] {
    FamilyBook filled{"family"};
    add_backends(filled);
    return filled;
  }();
  static const auto made = make_checkpoints(book);
  return *made;
}

inline const TrainerBook& trainer_book() {
  static const TrainerBook filled = [] {
    TrainerBook made;
    add_trainers(made);
    return made;
  }();
  return filled;
}

/// <unk>, <s>, </s>, <|im_start|>, <|im_end|>, the printable ASCII characters, the line break.
inline constexpr int tiny_vocabulary = 101;

/// A BPE without merges: every printable character is a token.
inline Json tiny_tokenizer() {
  Json vocabulary = Json::object();
  Json added = Json::array();
  int next = 0;
  for (const auto* name : {"<unk>", "<s>", "</s>", "<|im_start|>", "<|im_end|>"}) {
    added.push_back({{"id", next},
                     {"content", name},
                     {"single_word", false},
                     {"lstrip", false},
                     {"rstrip", false},
                     {"normalized", false},
                     {"special", true}});
    vocabulary[name] = next++;
  }
  for (char c = ' '; c <= '~'; ++c) vocabulary[std::string(1, c)] = next++;
  vocabulary["\n"] = next++;
  const Json bos = {{"SpecialToken", {{"id", "<s>"}, {"type_id", 0}}}};
  const Json text = {{"Sequence", {{"id", "A"}, {"type_id", 0}}}};
  const Json second = {{"Sequence", {{"id", "B"}, {"type_id", 1}}}};
  const Json post = {
      {"type", "TemplateProcessing"},
      {"single", Json::array({bos, text})},
      {"pair", Json::array({bos, text, second})},
      {"special_tokens", {{"<s>", {{"id", "<s>"}, {"ids", Json::array({1})}, {"tokens", Json::array({"<s>"})}}}}}};
  const Json model = {{"type", "BPE"},
                      {"dropout", nullptr},
                      {"unk_token", "<unk>"},
                      {"continuing_subword_prefix", nullptr},
                      {"end_of_word_suffix", nullptr},
                      {"fuse_unk", false},
                      {"byte_fallback", false},
                      {"vocab", vocabulary},
                      {"merges", Json::array()}};
  return {{"version", "1.0"},       {"truncation", nullptr},         {"padding", nullptr},
          {"added_tokens", added},  {"normalizer", nullptr},         {"pre_tokenizer", nullptr},
          {"post_processor", post}, {"decoder", {{"type", "Fuse"}}}, {"model", model}};
}

inline Json tiny_config() {
  return {{"architectures", Json::array({"LlamaForCausalLM"})},
          {"model_type", "llama"},
          {"vocab_size", tiny_vocabulary},
          {"hidden_size", 32},
          {"intermediate_size", 48},
          {"num_hidden_layers", 2},
          {"num_attention_heads", 4},
          {"num_key_value_heads", 2},
          {"head_dim", 8},
          {"max_position_embeddings", 128},
          {"rms_norm_eps", 1e-5},
          {"rope_theta", 10000.0},
          {"hidden_act", "silu"},
          {"tie_word_embeddings", false},
          {"attention_bias", false},
          {"mlp_bias", false},
          {"bos_token_id", 1},
          {"eos_token_id", 2},
          {"torch_dtype", "float32"}};
}

/// Random weights of a tiny Llama by Hugging Face name.
inline NamedTensors tiny_weights(std::uint64_t seed = 7) {
  auto generator = at::detail::createCPUGenerator(seed);
  NamedTensors all;
  const auto normal = [&](const std::string& name, std::int64_t rows, std::int64_t columns) {
    all[name] = at::empty({rows, columns}).normal_(0.0, 0.15, generator);
  };
  normal("model.embed_tokens.weight", tiny_vocabulary, 32);
  normal("lm_head.weight", tiny_vocabulary, 32);
  all["model.norm.weight"] = at::ones({32});
  for (int layer = 0; layer < 2; ++layer) {
    const auto at = "model.layers." + std::to_string(layer) + ".";
    normal(at + "self_attn.q_proj.weight", 32, 32);
    normal(at + "self_attn.k_proj.weight", 16, 32);
    normal(at + "self_attn.v_proj.weight", 16, 32);
    normal(at + "self_attn.o_proj.weight", 32, 32);
    normal(at + "mlp.gate_proj.weight", 48, 32);
    normal(at + "mlp.up_proj.weight", 48, 32);
    normal(at + "mlp.down_proj.weight", 32, 48);
    all[at + "input_layernorm.weight"] = at::ones({32});
    all[at + "post_attention_layernorm.weight"] = at::ones({32});
  }
  return all;
}

inline void write_text(const std::filesystem::path& path, const std::string& text) {
  std::ofstream(path, std::ios::binary) << text;
}

/// Writes the tiny checkpoint into `folder` and gives it back.
inline std::filesystem::path make_tiny(const std::filesystem::path& folder, std::uint64_t seed = 7) {
  std::filesystem::create_directories(folder);
  write_text(folder / "config.json", tiny_config().dump());
  write_text(folder / "tokenizer.json", tiny_tokenizer().dump());
  write_text(folder / "tokenizer_config.json",
             R"({"tokenizer_class": "PreTrainedTokenizerFast", "bos_token": "<s>", "eos_token": "</s>",
                 "unk_token": "<unk>", "model_max_length": 128})");
  checkpoints().write_tensors(folder / "model.safetensors", tiny_weights(seed));
  return folder;
}

/// A task of sums; `count` items, whose answers begin at `base`.
inline Task tiny_task(const std::string& name, int count, int base) {
  Task task;
  task.name = name;
  task.version = "1";
  task.load = [name, count, base](Split split, const DataFolders&) {
    std::vector<Example> all;
    for (int i = 0; i < count; ++i) {
      Example example;
      example.id = name + "/" + split_name(split) + "/" + std::to_string(i);
      example.question = std::to_string(i % 7) + "+" + std::to_string(i % 5) + "=";
      example.targets = {std::to_string(base + i % 7 + i % 5)};
      all.push_back(std::move(example));
    }
    return all;
  };
  return task;
}

inline const TaskBook& tiny_tasks() {
  static const TaskBook filled = [] {
    TaskBook book;
    book.tasks.add("sums", tiny_task("sums", 24, 0));
    book.tasks.add("gsm8k", tiny_task("gsm8k", 24, 10));
    book.tasks.add("mmlu", tiny_task("mmlu", 24, 20));
    return book;
  }();
  return filled;
}

inline const DataFolders& no_data() {
  static const DataFolders none;
  return none;
}

/// A job on the tiny checkpoint below `folder`; the caller sets the recipe.
inline TrainJob tiny_job(const std::filesystem::path& folder) {
  TrainJob job;
  job.model = folder / "base";
  if (!std::filesystem::exists(job.model)) make_tiny(job.model);
  job.train_on = "sums";
  job.seed = 5;
  job.work = folder / "work";
  job.out = folder / "out";
  job.device = "cpu";
  job.tasks = &tiny_tasks();
  job.data = &no_data();
  return job;
}

inline std::filesystem::path write_recipe(const std::filesystem::path& folder, const std::string& stages) {
  const auto path = folder / "recipe.json";
  write_text(path, R"({"method": "test", "paper": "none", "stages": )" + stages + "}");
  return path;
}

}  // namespace touchstone::testing
