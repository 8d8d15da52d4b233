#pragma once
// A hook between the model and the choice of a token.
#include <cstdint>
#include <span>
#include <vector>

#include "harness/model/model.hpp"

namespace touchstone {

/// The context of a row of logits.
struct LogitsRow {
  std::span<const std::int32_t> tokens;  ///< all before the token that the row predicts; negative: part of a picture
  const Cache* cache = nullptr;          ///< keys and values of the answer being written; null in scoring
  int cache_row = -1;
  /// Other prompts of the answer being written (Generation::further_contexts), each with the tokens drawn so far.
  std::span<const std::vector<std::int32_t>> further{};
};

/// Changes logits before a token is drawn from them, or a given one is scored. One object serves one worker, batch
/// after batch.
class LogitsProcessor {
 public:
  virtual ~LogitsProcessor() = default;
  /// [R, V] float32 to [R, V] float32. A row's result is a function of that row alone, never of the rest of the batch
  /// or of earlier calls; state kept between calls may only save time.
  virtual Tensor process(const Tensor& logits, std::span<const LogitsRow> rows) = 0;
  /// How many tokens it runs through models of its own for each token of the model, and the bytes of their cache.
  struct Work {
    std::int64_t passes = 0;
    std::int64_t cache_bytes_per_token = 0;
  };
  virtual Work work() const { return {}; }
  /// The same for each token of LogitsRow::further, prompts that are equal to each other or to the row's own counted
  /// once. No passes: it does not read them, and requests that have some are refused.
  virtual Work further_work() const { return {}; }
  /// false: given tokens are scored by the model's own logits.
  virtual bool changes_scores() const { return true; }
};

}  // namespace touchstone
