#pragma once
// A second model that reads the same tokens.
#include <map>
#include <memory>

#include "harness/engine/prefix_tree.hpp"
#include "harness/model/logits.hpp"

namespace touchstone {

/// The logits of another model behind the same tokens, or of the same model behind others, for a LogitsProcessor. It
/// keeps the keys and values of the last rows, so that an answer that grows by a token costs one token.
class SideModel {
 public:
  explicit SideModel(std::shared_ptr<Model> model);

  /// [R, V] float32. Throws Fault::config for rows with pictures, which belong to the first model.
  Tensor logits(std::span<const LogitsRow> rows);

  LogitsProcessor::Work work() const { return {.passes = 1, .cache_bytes_per_token = model_->cache_bytes_per_token()}; }

 private:
  std::map<TokenIds, Tensor> run_fresh(const std::vector<TokenIds>& wanted, std::map<TokenIds, int>& rows);
  void hold(const std::map<TokenIds, int>& asked);

  std::shared_ptr<Model> model_;
  EngineCounts counts_;
  PrefixRunner runner_;
  struct Held {
    int row = 0;         ///< of the cache: it has exactly these tokens
    bool asked = false;  ///< in the last call. Between two tokens of an answer one call may be about new answers alone.
  };
  std::map<TokenIds, Held> held_;
};

}  // namespace touchstone
