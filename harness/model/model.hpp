#pragma once
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "harness/data/media.hpp"
#include "harness/model/tensor.hpp"

namespace touchstone {

/// Documents laid end to end, with no padding anywhere: linear maps run over all tokens at once, attention within each
/// document.
struct Inputs {
  Tensor tokens{};  ///< [N] int64, the documents' tokens concatenated
  std::vector<std::int64_t> starts = {
      0};  ///< document d is tokens [starts[d], starts[d + 1]); its positions begin at 0, or after its cached tokens
  /// [N'] int64, indices into tokens: the documents' tokens, which `starts` then cuts, when documents share some: the
  /// prompt of several answers is computed once. A shared token has the same place in each of its documents, after the
  /// same tokens. Undefined: the tokens as they lie. Not with a cache.
  Tensor layout{};
  Tensor soft{};     ///< [S, D] float32: rows of media or latent thoughts; undefined when there are none
  Tensor soft_at{};  ///< [S] int64, indices into tokens that `soft` replaces
};

/// What the caller needs back; nothing else is kept.
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
  Tensor hidden{};                             ///< [N, D] (or [M, D], see hidden_at), what the head multiplies
  std::vector<Tensor> all_hidden;              ///< layers + 1 of [N, D]
  std::vector<std::vector<Tensor>> attention;  ///< for each wanted layer, one [H, T, T] a document
};

/// A change to one linear map, added to its output: low-rank, sparse, or anything a method brings.
class Delta {
 public:
  virtual ~Delta() = default;
  virtual Tensor apply(const Tensor& x) const = 0;  ///< [N, in] to [N, out]
  virtual Tensor dense() const = 0;                 ///< [out, in] float32, for folding
  virtual std::vector<std::pair<std::string, Tensor*>>
  parameters() = 0;  ///< peft's names after the module: "lora_A.weight"
};

/// y = x W^T + b, plus its deltas.
struct Linear {
  Tensor weight{};  ///< [out, in]
  Tensor bias{};    ///< [out]; undefined when there is none
  std::vector<std::shared_ptr<Delta>> deltas{};
};

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
  /// What the decoder reads of media of one kind, prepared as the checkpoint says: `soft` rows [N * S, D] float32, S
  /// for each of N pieces. Pictures: T normalised tiles [T, C, H, W] float32; audio: log-mel features [A, bins, frames]
  /// float32. Differentiable. Without gradients the rows of a piece do not depend on the other pieces; with them, where
  /// all run at once, to within rounding. Throws Fault::config, naming the kind, where the family takes none of it.
  virtual Tensor encode(MediaKind kind, const Tensor& pieces);
  /// S of encode() for pieces of this size: the pixels on the side of a square tile, the frames of features. Throws
  /// Fault::config where the family takes none of that kind.
  virtual std::int64_t soft_tokens(MediaKind kind, std::int64_t size) const;
  /// The language model inside: this one, unless the model has encoders before it.
  virtual Model& language() { return *this; }
  virtual std::unique_ptr<Cache> make_cache(int rows) const = 0;
  virtual std::map<std::string, Tensor*>
  parameters() = 0;  ///< by Hugging Face name ("model.layers.0.self_attn.q_proj.weight")
  virtual std::map<std::string, Linear*> linears() = 0;  ///< where a Delta can go, by module name without ".weight"
  virtual const Linear& head() const = 0;                ///< the output projection (shares the embedding when tied)
  /// Logits [M, V] float32 of hidden rows [M, D] as forward() gives them: what forward() itself would have given.
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

/// How a family is to build its model.
struct LoadSettings {
  at::ScalarType storage = at::kFloat;  ///< of the parameters
  at::ScalarType compute = at::kFloat;  ///< of the matrix products
  at::Device device = at::kCPU;
  bool answering = false;        ///< no gradient will ever be asked for: weights may be packed for products
  bool plain_operators = false;  ///< only LibTorch's own operators: the oracle of every fast path
};

}  // namespace touchstone
