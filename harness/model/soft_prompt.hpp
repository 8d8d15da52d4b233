#pragma once
// A soft prompt: rows that a model reads before every document, as if tokens had them as embeddings. "The Power of
// Scale for Parameter-Efficient Prompt Tuning", arXiv 2104.08691, section 2; files as peft's PROMPT_TUNING has them.
#include <memory>
#include <string>

#include "harness/model/model.hpp"

namespace touchstone {

/// The key of a soft prompt in peft's adapter_model.safetensors.
inline const std::string soft_prompt_key = "prompt_embeddings";

/// `model` with `prompt` [P, D] floats before every document. For every family, the forward pass reads P more rows at a
/// document's beginning and positions count from them, but outputs and caches are of the tokens only. `prompt` itself
/// is read, not a copy: with requires_grad it gets its gradient from the forward passes. Throws Fault::config when its
/// width is not the model's, when it fills the model's length, and when the model has a soft prompt already.
std::unique_ptr<Model> with_soft_prompt(std::unique_ptr<Model> model, Tensor prompt);

/// The model without its soft prompt; unchanged when it has none.
std::unique_ptr<Model> without_soft_prompt(std::unique_ptr<Model> model);

/// Where a model keeps its soft prompt, for training; null when it has none.
Tensor* soft_prompt_of(Model& model);

}  // namespace touchstone
