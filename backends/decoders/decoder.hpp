#pragma once
// A decoder that trains and answers on any device: with LibTorch's operators, or with the training kernels where they
// support all its parts.
#include <string>

#include "backends/layers/block.hpp"
#include "harness/model/family.hpp"

namespace touchstone {

class FusedLayers;

class Decoder final : public Model {
 public:
  /// `fast_lacks`: why another fast path was not taken, for kernels(); empty when none was asked for.
  Decoder(DecoderParts parts, const LoadSettings& settings, std::string config_json, std::string fast_lacks = {});
  ~Decoder() override;

  Outputs forward(const Inputs& inputs, const Want& want, Cache* cache = nullptr) override;
  std::unique_ptr<Cache> make_cache(int rows, int depth) const override;
  std::map<std::string, Tensor*> parameters() override;
  std::map<std::string, Linear*> linears() override;
  Tensor embeddings(const Tensor& tokens) const override;
  const Linear& head() const override { return parts_.head; }
  Tensor project(const Tensor& hidden) const override;
  std::unique_ptr<Model> clone() const override;
  int layers() const override { return static_cast<int>(parts_.blocks.size()); }
  void drop_layers(int first, int count) override;
  std::int64_t hidden_size() const override { return parts_.hidden; }
  std::int64_t vocabulary() const override { return parts_.vocabulary; }
  int max_length() const override { return static_cast<int>(parts_.max_length); }
  std::int64_t cache_bytes_per_token(int depth) const override;
  std::string config_json() const override;
  std::string kernels(const Want& want) const override;

 private:
  FusedLayers& fused() const;
  Outputs with_operators(const Inputs& inputs, const Want& want, int depth, Cache* cache) const;

  DecoderParts parts_;
  LoadSettings settings_;
  std::string config_json_;
  std::string fast_lacks_;
  bool fuses_ = false;                          ///< whether the training kernels are used
  mutable std::unique_ptr<FusedLayers> fused_;  ///< made when it is first needed
};

/// Reads the tensors that are still unread and builds the model for the settings: with the kernels for answering or
/// training where they support all parts, else with operators. Throws Fault::checkpoint.
std::unique_ptr<Model> build_decoder(DecoderParts parts, const Weights& weights, const LoadSettings& settings,
                                     const std::string& config_json);

}  // namespace touchstone
