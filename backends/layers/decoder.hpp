#pragma once
// A pre-norm decoder with grouped-query attention and a gated feed-forward part: what the Llama-like families share.
#include <string>
#include <vector>

#include "backends/layers/plain.hpp"
#include "backends/layers/rope.hpp"
#include "harness/model/family.hpp"

namespace touchstone {

/// Sizes and switches of a decoder.
struct DecoderShape {
  std::int64_t vocabulary = 0;
  std::int64_t hidden = 0;
  std::int64_t feed_forward = 0;
  std::int64_t layers = 0;
  std::int64_t heads = 0;
  std::int64_t key_heads = 0;
  std::int64_t head_dim = 0;
  std::int64_t max_length = 0;
  double norm_epsilon = 1e-6;
  Activation activation = Activation::silu;
  Rope rope;
  bool tied = false;
  bool attention_bias = false;  ///< on q, k, v and o
  bool feed_forward_bias = false;
  bool sub_norms = false;  ///< BitNet: a norm before o_proj and one before down_proj
};

struct DecoderLayer {
  Tensor input_norm;      ///< [D]
  Tensor attention_norm;  ///< [D], before o; undefined without sub_norms
  Tensor middle_norm;     ///< [D], before the feed-forward part
  Tensor product_norm;    ///< [F], before down; undefined without sub_norms
  Linear query, key, value, output, gate, up, down;
};

/// The tensors of a decoder.
struct DecoderWeights {
  Tensor embedding;  ///< [V, D]; undefined when tied: the head's weight serves
  std::vector<DecoderLayer> layers;
  Tensor norm;  ///< [D]
  Linear head;  ///< [V, D]
};

class FusedLayers;

class Decoder final : public Model {
 public:
  Decoder(DecoderShape shape, DecoderWeights weights, const LoadSettings& settings, std::string config_json);
  ~Decoder() override;

  Outputs forward(const Inputs& inputs, const Want& want, Cache* cache = nullptr) override;
  std::unique_ptr<Cache> make_cache(int rows) const override;
  std::map<std::string, Tensor*> parameters() override;
  std::map<std::string, Linear*> linears() override;
  const Linear& head() const override { return weights_.head; }
  Tensor project(const Tensor& hidden) const override;
  std::unique_ptr<Model> clone() const override;
  int layers() const override { return static_cast<int>(weights_.layers.size()); }
  void drop_layers(int first, int count) override;
  std::int64_t hidden_size() const override { return shape_.hidden; }
  std::int64_t vocabulary() const override { return shape_.vocabulary; }
  int max_length() const override { return static_cast<int>(shape_.max_length); }
  std::int64_t cache_bytes_per_token() const override;
  std::string config_json() const override;
  std::string kernels() const override;

 private:
  Tensor embed(const Inputs& inputs) const;
  bool can_fuse() const;
  FusedLayers& fused() const;

  DecoderShape shape_;
  DecoderWeights weights_;
  LoadSettings settings_;
  std::string config_json_;
  mutable std::unique_ptr<FusedLayers> fused_;  ///< made when it is first needed
};

/// Reads the tensors of a decoder by their Hugging Face names and builds it.
std::unique_ptr<Model> build_decoder(const DecoderShape& shape, const Weights& weights, const LoadSettings& settings,
                                     const std::string& config_json);

}  // namespace touchstone
