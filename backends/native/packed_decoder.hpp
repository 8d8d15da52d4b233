#pragma once
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "backends/layers/block.hpp"
#include "backends/layers/documents.hpp"
#include "backends/native/packed_linear.hpp"
#include "backends/native/paged_cache.hpp"
#include "harness/model/family.hpp"

namespace touchstone {

/// What of these parts the answering kernels do not know; empty: nothing. `compute` is the products' dtype.
std::string packed_declines(const DecoderParts& parts, at::ScalarType compute, CacheUse cache);

/// One block with its linear maps packed.
struct PackedBlock {
  Block block;  ///< without the maps' tensors; norms have float32 weights that multiply directly
  PackedLinear query_key_value;
  PackedLinear output;
  PackedLinear wide;  ///< gate and up, or up alone
  PackedLinear down;
};

/// A decoder for answering on a CPU: float32 activations, products by our kernels. A token's result depends only on the
/// tokens up to it, to the last bit: neither on the rest of the call nor on how its prefix came into the cache. One
/// forward pass works on one thread; several may run at once, each with a cache of its own.
class PackedDecoder final : public Model {
 public:
  /// `parts` without blocks and without the head's weight. `config_json` as the file has it.
  PackedDecoder(DecoderParts parts, std::vector<PackedBlock> blocks, PackedLinear head, std::string config_json,
                kernels::Type factors);

  Outputs forward(const Inputs& inputs, const Want& want, Cache* cache = nullptr) override;
  std::unique_ptr<Cache> make_cache(int rows, int depth) const override;
  Tensor project(const Tensor& hidden) const override;
  Tensor embeddings(const Tensor& tokens) const override;
  int layers() const override { return static_cast<int>(blocks_.size()); }
  std::int64_t product_weights() override;
  std::int64_t hidden_size() const override { return parts_.hidden; }
  std::int64_t vocabulary() const override { return parts_.vocabulary; }
  std::int64_t cache_bytes_per_token(int depth) const override {
    return layout(depth).page_bytes() / kernels::page_tokens;
  }
  int max_length() const override { return static_cast<int>(parts_.max_length); }
  std::string config_json() const override { return config_json_; }
  std::string kernels(const Want& want) const override;

  // These need or change the weights themselves: they throw Fault::internal, since the weights are packed.
  std::map<std::string, Tensor*> parameters() override;
  std::map<std::string, Linear*> linears() override;
  const Linear& head() const override;
  std::unique_ptr<Model> clone() const override;
  void drop_layers(int first, int count) override;

 private:
  struct Pass;
  PageLayout layout(int depth) const;
  std::shared_ptr<const RopeTables> angles(std::size_t rope, std::int64_t length) const;
  void turn(const Attention& how, std::int64_t past, std::int64_t count, float* wide) const;
  void attend(Pass& pass, int number) const;
  float* feed_forward(Pass& pass, const PackedBlock& packed, const float* x) const;
  void keep(Pass& pass, const Tensor& x, int number, const Want& want, Outputs& outputs) const;
  Tensor run(const Inputs& inputs, const Want& want, PagedCache& cache, Outputs& outputs) const;

  DecoderParts parts_;
  std::vector<PackedBlock> blocks_;
  PackedLinear head_;
  std::string config_json_;
  kernels::Type factors_;
  mutable std::mutex mutex_;
  /// For each rope, the angles of positions from 0 on, as many as were needed so far.
  mutable std::vector<std::shared_ptr<const RopeTables>> angles_;
};

/// Reads the tensors of a decoder and packs them block by block.
std::unique_ptr<Model> build_packed(DecoderParts parts, const Weights& weights, const LoadSettings& settings,
                                    const std::string& config_json);

}  // namespace touchstone
