#pragma once
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "harness/model/tensor.hpp"

namespace touchstone {

/// Documents laid end to end, with no padding anywhere: linear maps run over all tokens at once, attention within each
/// document.
struct Inputs {
  Tensor tokens{};  ///< [N] int64, the documents' tokens concatenated
  std::vector<std::int64_t> starts = {
      0};  ///< document d is tokens [starts[d], starts[d + 1]); its positions begin at 0, or after its cached tokens
  /// [N'] int64, indices into tokens, for documents that share some, such as the prompt of several answers, which is
  /// then computed once. `starts` then cuts this list. A shared token has the same place in each of its documents,
  /// after the same tokens. Undefined: the tokens in their order. Not with a cache.
  Tensor layout{};
  Tensor soft{};     ///< [S, D] float32: image patches or latent thoughts; undefined when there are none
  Tensor soft_at{};  ///< [S] int64, indices into tokens that `soft` replaces
};

/// The outputs that the caller needs; nothing else is kept.
struct Want {
  bool logits = true;
  Tensor logits_at{};                   ///< [M] int64, indices into tokens; undefined: all N
  bool hidden = false;                  ///< the last hidden state, after the final norm
  Tensor hidden_at{};                   ///< [M] int64: `hidden` has these rows alone; undefined: all N
  bool all_hidden = false;              ///< every layer's
  std::vector<int> attention_layers{};  ///< layers whose attention probabilities are wanted
};

struct Outputs {
  Tensor logits{};                             ///< [M, V] float32
  Tensor hidden{};                             ///< [N, D] (or [M, D], see hidden_at), the head's input
  std::vector<Tensor> all_hidden;              ///< layers + 1 of [N, D]
  std::vector<std::vector<Tensor>> attention;  ///< for each wanted layer, one [H, T, T] a document
};

struct Linear;

/// A change to one linear map, added to its output: low-rank, sparse, or anything a method brings. It sees the map
/// itself, never the map's other deltas.
class Delta {
 public:
  virtual ~Delta() = default;
  /// The addition to the output for x [N, in]: [N, out]. `product` is x W^T [N, out], without the bias.
  virtual Tensor apply(const Tensor& x, const Tensor& product, const Linear& map) const = 0;
  /// The equivalent addition to W, for folding, [out, in] float32.
  virtual Tensor dense(const Linear& map) const = 0;
  /// The addition to the bias in folding, [out] float32; undefined: none.
  virtual Tensor dense_bias([[maybe_unused]] const Linear& map) const { return {}; }
  virtual std::vector<std::pair<std::string, Tensor*>>
  parameters() = 0;  ///< peft's names after the module: "lora_A.weight"
};

/// y = x W^T + b, plus its deltas.
struct Linear {
  Tensor weight{};  ///< [out, in]
  Tensor bias{};    ///< [out]; undefined when there is none
  std::vector<std::shared_ptr<Delta>> deltas{};
};

/// Adds all deltas of a map to its weight and bias, in float32, and removes them.
void fold_deltas(Linear& map);

/// Keys and values of past tokens, one row a sequence; a family defines its own storage.
class Cache {
 public:
  virtual ~Cache() = default;
  virtual int rows() const = 0;
  virtual std::int64_t length(int row) const = 0;
  virtual void truncate(int row, std::int64_t length) = 0;  ///< roll back
  /// Appends a row that begins with the first `length` tokens of `row` (shared where the storage can).
  virtual int fork(int row, std::int64_t length) = 0;
  /// Keeps these rows, in this order; the others are freed.
  virtual void keep(const std::vector<int>& rows) = 0;
};

/// A causal language model of any family. Parameters are float32 masters in training, or the compute dtype for
/// answering only.
class Model {
 public:
  virtual ~Model() = default;
  /// With a cache, document d continues cache row d (starts has rows() + 1 entries) and its keys are appended.
  virtual Outputs forward(const Inputs& inputs, const Want& want, Cache* cache = nullptr) = 0;
  /// The `soft` rows [T * S, D] float32 of T normalised picture tiles [T, C, H, W] float32, S rows per tile.
  /// Differentiable. Without gradients the rows of a tile do not depend on the other tiles at all; with gradients,
  /// where all tiles run at once, only up to rounding. Throws Fault::config where the family takes no pictures.
  virtual Tensor look(const Tensor& tiles);
  /// S of look() for square tiles of this side in pixels. Throws Fault::config where the family takes no pictures.
  virtual std::int64_t soft_tokens(std::int64_t tile_px) const;
  /// Rows [P, D] float32 that are read before every document, as if P tokens had them as embeddings; undefined: none
  /// (see soft_prompt.hpp). No part of parameters().
  virtual Tensor soft_prompt() const { return {}; }
  /// The language model inside: this one, unless the model has a vision part.
  virtual Model& language() { return *this; }
  virtual std::unique_ptr<Cache> make_cache(int rows) const = 0;
  virtual std::map<std::string, Tensor*>
  parameters() = 0;  ///< by Hugging Face name ("model.layers.0.self_attn.q_proj.weight")
  virtual std::map<std::string, Linear*> linears() = 0;  ///< where a Delta can go, by module name without ".weight"
  /// The first layer's input for tokens [N] int64, [N, D] float32, before positions and norm are applied: embeddings in
  /// the form of soft rows.
  virtual Tensor embeddings(const Tensor& tokens) const = 0;
  virtual const Linear& head() const = 0;  ///< the output projection (shares the embedding when tied)
  /// Logits [M, V] float32 of hidden rows [M, D] from forward(): the same logits that forward() would have given.
  virtual Tensor project(const Tensor& hidden) const;
  /// Numbers in the linear maps that every token goes through; the head does not count.
  virtual std::int64_t product_weights();
  virtual std::unique_ptr<Model> clone() const = 0;  ///< a deep copy, for references and merges
  virtual int layers() const = 0;
  virtual void drop_layers(int first, int count) = 0;
  virtual std::int64_t hidden_size() const = 0;
  virtual std::int64_t vocabulary() const = 0;
  virtual std::int64_t cache_bytes_per_token() const = 0;  ///< keys and values of one token in all layers
  virtual int max_length() const = 0;
  virtual std::string config_json() const = 0;  ///< config.json to write beside the weights
  virtual std::string kernels() const = 0;      ///< which implementation runs: "operators", "fused"
};

/// How a family must build its model.
struct LoadSettings {
  at::ScalarType storage = at::kFloat;  ///< of the parameters
  at::ScalarType compute = at::kFloat;  ///< of the matrix products
  at::Device device = at::kCPU;
  bool answering = false;        ///< gradients are never needed: weights may be packed for products
  bool plain_operators = false;  ///< only LibTorch's own operators: the reference for every fast path
};

}  // namespace touchstone
