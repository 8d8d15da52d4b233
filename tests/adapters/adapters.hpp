#pragma once
// A session around a model, and adapters made as recipes make them.
#include "harness/model/ops.hpp"
#include "harness/train/adapter.hpp"
#include "harness/train/session.hpp"
#include "tests/trainers/tiny.hpp"
#include "trainers/deltas/trainable.hpp"

namespace touchstone::testing {

inline std::filesystem::path peft_fixtures() {
  return std::filesystem::path(TOUCHSTONE_SOURCE_DIR) / "tests" / "golden" / "peft";
}

/// The adapter that {"use": "adapt", "kind": KIND, OPTIONS} describes.
inline Adapter adapter_of(const std::string& kind, const Json& options = Json::object()) {
  Options reader(options, "test");
  auto adapter = trainer_book().adapters.get(kind).make(reader);
  reader.done();
  return adapter;
}

/// An adapter folder's files.
inline AdapterFiles files_in(const std::filesystem::path& folder) {
  return {.config = read_json(folder / "adapter_config.json").dump(),
          .tensors = checkpoints().read_tensors(folder / "adapter_model.safetensors")};
}

/// The adapter that a config describes, of whatever kind.
inline Adapter adapter_in(const AdapterFiles& files, const std::string& where = "test") {
  const auto& book = trainer_book().adapters;
  for (const auto& name : book.names()) {
    if (auto adapter = book.get(name).read(parse_json(files.config, where), where)) return *adapter;
  }
  throw Error(Fault::checkpoint, "no kind of adapter is described like this");
}

inline Session session_of(std::unique_ptr<Model> model) {
  Session session;
  session.model = std::move(model);
  return session;
}

/// All that an adapter trains, by its names in peft's file.
inline std::map<std::string, Tensor*> trained_of(Session& session) {
  std::map<std::string, Tensor*> all;
  for (const auto& [name, tensor] : delta_parameters(*session.model)) all[name] = tensor;
  for (const auto& [name, module] : session.modules) {
    for (const auto& [key, tensor] : module.parameters) all[key] = tensor;
  }
  return all;
}

/// As training would leave it: every number moved.
inline void disturb(Session& session) {
  const at::NoGradGuard no_grad;
  auto generator = at::detail::createCPUGenerator(3);
  for (const auto& [name, tensor] : trained_of(session)) {
    tensor->add_(at::empty_like(*tensor).normal_(0.0, 0.1, generator));
  }
}

inline Tensor logits_of(Model& model, const std::vector<std::int64_t>& tokens = {1, 20, 30, 40, 50, 60, 70}) {
  const at::NoGradGuard no_grad;
  Inputs inputs;
  inputs.tokens = at::tensor(tokens, at::kLong);
  return model.forward(inputs, {}).logits;
}

}  // namespace touchstone::testing
