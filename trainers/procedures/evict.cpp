#include "harness/model/cache_policy.hpp"
#include "harness/model/ops.hpp"
#include "harness/train/stage.hpp"

namespace touchstone {
namespace {

/// A token sees the first `sinks` tokens, the last `window` before it, and itself. Source: "Efficient Streaming
/// Language Models with Attention Sinks", arXiv 2309.17453, section 3.2. There positions are counted within the cache;
/// here what is left keeps those it had.
class SinksAndWindow : public CachePolicy {
 public:
  SinksAndWindow(std::int64_t sinks, std::int64_t window) : sinks_(sinks), window_(window) {}

  std::int64_t next(std::int64_t length) const override { return std::max(length, sinks_ + window_) + 1; }
  std::int64_t entries(std::int64_t length) const override { return std::min(length, sinks_ + window_); }

  Tensor kept(const CachedLayer& layer, std::int64_t) override {
    const auto entries = layer.positions.size(1);
    const auto both = at::cat({at::arange(sinks_, at::kLong), at::arange(entries - window_, entries, at::kLong)});
    return both.expand({layer.positions.size(0), -1});
  }

 private:
  std::int64_t sinks_;
  std::int64_t window_;
};

Procedure make_evict(Options& options) {
  const auto sinks =
      options.integer("sinks", "tokens at the beginning that stay", {.fallback = 4, .min = 0, .max = 1 << 24});
  const auto window = options.integer("window", "last tokens that stay", {.min = 1, .max = 1 << 24});
  Procedure procedure;
  procedure.cache = [sinks, window] { return std::make_unique<SinksAndWindow>(sinks, window); };
  return procedure;
}

}  // namespace

namespace plugins {
void evict(TrainerBook& book) {
  book.procedures.add("evict",
                      {.summary = "keys and values of the first tokens and the last stay, others go (arXiv 2309.17453)",
                       .make = make_evict});
}
}  // namespace plugins
}  // namespace touchstone
