#pragma once
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "backends/layers/decoder.hpp"
#include "backends/native/packed_linear.hpp"
#include "backends/native/paged_cache.hpp"

namespace touchstone {

/// One layer with its weights packed. Norm weights are [D] float32.
struct PackedLayer {
  Tensor input_norm;
  Tensor attention_norm;  ///< undefined without sub_norms
  Tensor middle_norm;
  Tensor product_norm;  ///< undefined without sub_norms
  PackedLinear query_key_value;
  PackedLinear output;
  PackedLinear gate_up;
  PackedLinear down;
};

/// The tensors of a decoder as answering needs them.
struct PackedWeights {
  Tensor embedding;  ///< [V, D], of the dtype asked for
  std::vector<PackedLayer> layers;
  Tensor norm;
  PackedLinear head;
};

/// A decoder for answering on a processor: float32 activations, products by our kernels. The numbers of a token follow
/// from the tokens up to it alone: not from what else is in the call, nor from how its beginning came into the cache,
/// to the last bit. One forward pass works on one thread; several may run at once, each with a cache of its own.
class PackedDecoder final : public Model {
 public:
  PackedDecoder(DecoderShape shape, PackedWeights weights, std::string config_json, kernels::Type factors);

  Outputs forward(const Inputs& inputs, const Want& want, Cache* cache = nullptr) override;
  std::unique_ptr<Cache> make_cache(int rows) const override;
  Tensor project(const Tensor& hidden) const override;
  int layers() const override { return static_cast<int>(weights_.layers.size()); }
  std::int64_t product_weights() override;
  std::int64_t hidden_size() const override { return shape_.hidden; }
  std::int64_t vocabulary() const override { return shape_.vocabulary; }
  std::int64_t cache_bytes_per_token() const override { return layout().page_bytes() / kernels::page_tokens; }
  int max_length() const override { return static_cast<int>(shape_.max_length); }
  std::string config_json() const override { return config_json_; }
  std::string kernels() const override;

  // What needs the weights themselves, or changes them: Fault::internal, since they are packed.
  std::map<std::string, Tensor*> parameters() override;
  std::map<std::string, Linear*> linears() override;
  const Linear& head() const override;
  std::unique_ptr<Model> clone() const override;
  void drop_layers(int first, int count) override;

 private:
  struct Pass;
  PageLayout layout() const;
  std::shared_ptr<const RopeTables> angles(std::int64_t length) const;
  Tensor embed(const Inputs& inputs) const;
  void attend(Pass& pass, int number) const;
  void feed_forward(Pass& pass, const PackedLayer& layer) const;
  Tensor run(const Inputs& inputs, const Want& want, PagedCache& cache) const;

  DecoderShape shape_;
  PackedWeights weights_;
  std::string config_json_;
  kernels::Type factors_;
  mutable std::mutex mutex_;
  mutable std::shared_ptr<const RopeTables> angles_;  ///< of positions from 0 on, as many as were needed so far
};

/// Reads the tensors of a decoder and packs them one by one.
std::unique_ptr<Model> build_packed(const DecoderShape& shape, const Weights& weights, const LoadSettings& settings,
                                    const std::string& config_json);

}  // namespace touchstone
