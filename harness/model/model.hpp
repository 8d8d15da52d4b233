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
  /// [N'] int64, indices into tokens, for documents that share some, such as the prompt of several answers, which is
  /// then computed once. `starts` then cuts this list. A shared token has the same place in each of its documents,
  /// after the same tokens. Undefined: the tokens in their order. Not with a cache.
  Tensor layout{};
  Tensor soft{};     ///< [S, D] float32: rows of media or latent thoughts; undefined when there are none
  Tensor soft_at{};  ///< [S] int64, indices into tokens that `soft` replaces
};

/// The outputs that the caller needs; nothing else is kept.
struct Want {
  bool logits = true;
  Tensor logits_at{};                   ///< [M] int64, indices into tokens; undefined: all N
  bool hidden = false;                  ///< the last hidden state, after the final norm
  Tensor hidden_at{};                   ///< [M] int64: `hidden` and `exits` have these rows alone; undefined: all N
  int depth = 0;                        ///< so many layers are run, and the last of them counts as last; 0: all
  std::vector<int> hidden_layers{};     ///< the states after so many layers, before any norm; 0: what enters the first
  std::vector<int> exits{};             ///< the states after so many layers, after the final norm: what project() reads
  std::vector<int> attention_layers{};  ///< layers whose attention probabilities are wanted; the first is 0
  std::vector<int> qkv_layers{};        ///< layers whose queries, keys and values are wanted
};

/// Queries, keys and values of the tokens, clipped and normed as the layer has it, before the rope turns them.
struct QueryKeyValue {
  Tensor query;  ///< [N, H, d] float32
  Tensor key;    ///< [N, KV, d] float32
  Tensor value;  ///< [N, KV, d] float32
};

struct Outputs {
  Tensor logits{};                               ///< [M, V] float32
  Tensor hidden{};                               ///< [N, D] (or [M, D], see hidden_at), what the head multiplies
  std::vector<Tensor> hidden_layers{};           ///< for each wanted layer [N, D] float32
  std::vector<Tensor> exits{};                   ///< for each wanted layer [N, D] (or [M, D], see hidden_at) float32
  std::vector<std::vector<Tensor>> attention{};  ///< for each wanted layer, one [H, T, T] a document that has tokens
  std::vector<QueryKeyValue> qkv{};              ///< for each wanted layer
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

/// Keys and values of past tokens, one row a sequence; a family defines its own storage. A row may drop entries, in
/// each layer and head others, but everywhere as many: what is left keeps its position.
class Cache {
 public:
  virtual ~Cache() = default;
  virtual int rows() const = 0;
  virtual std::int64_t length(int row) const = 0;   ///< tokens that were run in the row
  virtual std::int64_t entries(int row) const = 0;  ///< of each layer and head; the length unless some were dropped
  /// Positions of a row's entries in a layer, [KV, entries] int64, rising.
  virtual Tensor positions(int row, int layer) const = 0;
  /// Keys of a row's entries in a layer, turned by their positions, [entries, KV, d] float32. Throws Fault::internal
  /// where the storage does not give them back (LoadSettings::cache).
  virtual Tensor keys(int row, int layer) const = 0;
  /// Drops all entries of a row but these: for each layer [KV, E'] int64, indices into its entries that rise.
  virtual void retain(int row, const std::vector<Tensor>& kept) = 0;
  /// Rolls back. Throws Fault::internal when entries were dropped after more than `length` tokens, unless that is 0.
  virtual void truncate(int row, std::int64_t length) = 0;
  /// Appends a row that begins with the first `length` tokens of `row` (shared where the storage can), as truncate().
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
  /// Rows [P, D] float32 that are read before every document, as if P tokens had them as embeddings; undefined: none
  /// (see soft_prompt.hpp). No part of parameters().
  virtual Tensor soft_prompt() const { return {}; }
  /// The language model inside: this one, unless the model has encoders before it.
  virtual Model& language() { return *this; }
  virtual std::unique_ptr<Cache> make_cache(int rows, int depth = 0) const = 0;  ///< for passes of this Want::depth
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
  virtual std::int64_t cache_bytes_per_token(int depth = 0) const = 0;  ///< keys and values of one token
  virtual int max_length() const = 0;
  virtual std::string config_json() const = 0;                   ///< config.json to write beside the weights
  virtual std::string kernels(const Want& want = {}) const = 0;  ///< which implementation runs: "operators", "fused"
};

/// Of how many layers Want::depth speaks. Throws Fault::internal for more than the model has.
int layers_run(const Model& model, int depth);

/// What becomes of a cache while answers are written: it is whole, drops entries, or is looked at as well.
enum class CacheUse : std::uint8_t { whole, dropped, watched };

/// How a family is to build its model.
struct LoadSettings {
  at::ScalarType storage = at::kFloat;  ///< of the parameters
  at::ScalarType compute = at::kFloat;  ///< of the matrix products
  at::Device device = at::kCPU;
  bool answering = false;            ///< no gradient will ever be asked for: weights may be packed for products
  bool plain_operators = false;      ///< only LibTorch's own operators: the oracle of every fast path
  CacheUse cache = CacheUse::whole;  ///< with `answering`
};

}  // namespace touchstone
