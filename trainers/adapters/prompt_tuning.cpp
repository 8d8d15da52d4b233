#include <ATen/CPUGeneratorImpl.h>

#include "harness/base/json.hpp"
#include "harness/base/seed.hpp"
#include "harness/model/adapter_config.hpp"
#include "harness/model/ops.hpp"
#include "harness/model/soft_prompt.hpp"
#include "harness/train/session.hpp"
#include "harness/train/stage.hpp"
#include "trainers/deltas/changes.hpp"
#include "trainers/deltas/trainable.hpp"

namespace touchstone {
namespace {

constexpr const char* module_name = "soft_prompt";

/// peft's PromptTuningConfig, as far as we offer it.
struct PromptOptions {
  std::int64_t rows = 20;
  std::string text;  ///< the rows begin as its tokens' embeddings; empty: drawn from a normal distribution
  double learning_rate = 0.0;
};

/// The embeddings of the text's tokens, repeated or cut to the number of rows, as in peft.
Tensor rows_of_text(Session& session, const PromptOptions& options) {
  const auto ids = session.tokenizer->encode(options.text);
  require(!ids.empty(), Fault::config, [&] {
    return "prompt_tuning_init_text: found '" + options.text +
           "', which has no token, expected a text with at least one";
  });
  std::vector<std::int64_t> chosen;
  while (static_cast<std::int64_t>(chosen.size()) < options.rows) chosen.push_back(ids[chosen.size() % ids.size()]);
  return session.model->embeddings(at::tensor(chosen, at::kLong).to(session.model->head().weight.device())).clone();
}

Tensor first_rows(Session& session, const PromptOptions& options, std::uint64_t seed) {
  const at::NoGradGuard no_grad;
  if (!options.text.empty()) return rows_of_text(session, options);
  auto generator = at::detail::createCPUGenerator(derive_seed(seed, module_name));
  return at::empty({options.rows, session.model->hidden_size()}, at::kFloat).normal_(0.0, 1.0, generator);
}

Tensor rows_of(const AdapterFiles& files, const PromptOptions& options, const std::string& where) {
  const auto found = files.tensors.find(soft_prompt_key);
  require(found != files.tensors.end() && files.tensors.size() == 1, Fault::checkpoint, [&] {
    return where + ": found " + std::to_string(files.tensors.size()) + " tensors, expected one, '" + soft_prompt_key +
           "'";
  });
  require(found->second.dim() == 2 && found->second.size(0) == options.rows, Fault::checkpoint, [&] {
    return where + ": tensor '" + soft_prompt_key + "': found shape " + c10::str(found->second.sizes()) +
           ", expected " + std::to_string(options.rows) + " rows, as num_virtual_tokens says";
  });
  return found->second.to(at::kFloat).clone();
}

void attach(const PromptOptions& options, Session& session, std::uint64_t seed, const AdapterFiles* files,
            const std::string& where) {
  auto rows = files == nullptr ? first_rows(session, options, seed) : rows_of(*files, options, where);
  auto& model = session.model;
  freeze(*model);
  rows = rows.to(model->head().weight.device()).requires_grad_(true);
  model = with_soft_prompt(std::move(model), rows);
  session.modules[module_name] = {.parameters = {{soft_prompt_key, soft_prompt_of(*model)}},
                                  .learning_rate = options.learning_rate};
}

AdapterFiles files_of(const Session& session, const PromptOptions& options, const std::string& base) {
  const auto& model = *session.model;
  const auto config = parse_json(model.config_json(), "config.json");
  const auto& text = config.contains("text_config") ? config["text_config"] : config;
  const Json written = {{"base_model_name_or_path", base},
                        {"inference_mode", true},
                        {"num_attention_heads", text.value("num_attention_heads", Json())},
                        {"num_layers", model.layers()},
                        {"num_transformer_submodules", 1},
                        {"num_virtual_tokens", options.rows},
                        {"peft_type", "PROMPT_TUNING"},
                        {"prompt_tuning_init", "RANDOM"},  // no reader needs the true one
                        {"prompt_tuning_init_text", nullptr},
                        {"task_type", "CAUSAL_LM"},
                        {"token_dim", model.hidden_size()},
                        {"tokenizer_name_or_path", nullptr}};
  return {.config = written.dump(2) + "\n", .tensors = {{soft_prompt_key, model.soft_prompt().detach()}}};
}

Adapter prompt_adapter(const PromptOptions& options) {
  Adapter adapter;
  adapter.folds = false;
  adapter.attach = [options](Session& session, std::uint64_t seed, const AdapterFiles* files,
                             const std::string& where) { attach(options, session, seed, files, where); };
  adapter.files = [options](const Session& session, const std::string& base) {
    return files_of(session, options, base);
  };
  return adapter;
}

Adapter make(Options& options) {
  PromptOptions prompt;
  prompt.rows = options.integer("num_virtual_tokens", "trained rows that are read before every text",
                                {.fallback = 20, .min = 1, .max = 1 << 20});
  const auto start =
      options.text("prompt_tuning_init", "initial rows. RANDOM: normal numbers; TEXT: embeddings of a text's tokens",
                   {.fallback = "RANDOM", .choices = {"RANDOM", "TEXT"}});
  prompt.text =
      options.text("prompt_tuning_init_text", "that text, repeated or cut to the number of rows", {.fallback = ""});
  require((start == "TEXT") == !prompt.text.empty(), Fault::config, [&] {
    return options.where() + ": key 'prompt_tuning_init': found " + start +
           (start == "TEXT" ? " without" : " and also") + " prompt_tuning_init_text, expected " +
           (start == "TEXT" ? "both" : "one of the two");
  });
  prompt.learning_rate = options.number("learning_rate", "the rows' highest rate; 0: that of the stage that trains",
                                        {.fallback = 0.0, .min = 0.0, .max = 1e3});
  return prompt_adapter(prompt);
}

std::optional<Adapter> read(const Json& config, const std::string& where) {
  if (config.value("peft_type", Json()) != "PROMPT_TUNING") return std::nullopt;
  return prompt_adapter({.rows = read_prompt_config(config, where), .text = {}, .learning_rate = 0.0});
}

}  // namespace

namespace plugins {
void prompt_tuning(TrainerBook& book) {
  book.adapters.add("prompt_tuning",
                    {.summary = "rows that are read before every text; only these are trained (arXiv 2104.08691)",
                     .make = make,
                     .read = read});
}
}  // namespace plugins
}  // namespace touchstone
