#pragma once
// A soft prompt: rows that a model reads before every document, as if tokens had them as embeddings. "The Power of
// Scale for Parameter-Efficient Prompt Tuning", arXiv 2104.08691, section 2; files as peft's PROMPT_TUNING has them.
#include <memory>
#include <string>

#include "harness/model/model.hpp"

namespace touchstone {

/// The key of a soft prompt in peft's adapter_model.safetensors.
inline const std::string soft_prompt_key = "prompt_embeddings";

/// `model` with `prompt` [P, D] floats before every document: whatever the model's family, its forward pass reads P
/// more rows at a document's beginning, positions count from them, and what is given back is of the tokens alone.
/// Caches count tokens alone, too. `prompt` stays the tensor that is read: with requires_grad its gradient is that of
/// the forward passes. Throws Fault::config when its width is not the model's, when it fills the model's length, and
/// when the model has a soft prompt already.
std::unique_ptr<Model> with_soft_prompt(std::unique_ptr<Model> model, Tensor prompt);

/// The model alone; one without a soft prompt as it is.
std::unique_ptr<Model> without_soft_prompt(std::unique_ptr<Model> model);

/// Where a model keeps its soft prompt, for training; null when it has none.
Tensor* soft_prompt_of(Model& model);

}  // namespace touchstone
