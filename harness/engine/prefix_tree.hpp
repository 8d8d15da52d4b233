#pragma once
// Runs token sequences through a model so that shared prefixes are computed once.
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "harness/base/cancel.hpp"
#include "harness/engine/token_pairs.hpp"
#include "harness/model/cache_policy.hpp"
#include "harness/model/engine.hpp"
#include "harness/model/model.hpp"

namespace touchstone {

/// A shared prefix shorter than this is computed again for each sequence: a pass of its own would cost more.
inline constexpr std::size_t min_shared_tokens = 16;

/// Number of tokens in the common prefix.
std::size_t common_prefix(std::span<const std::int32_t> a, std::span<const std::int32_t> b);

/// A sequence to run. Positions from first_read on are handed to the reader.
struct Sequence {
  std::span<const std::int32_t> tokens;  ///< at least one; the caller keeps them alive
  std::size_t first_read = 0;
};

/// One read position: row `row` of the hidden rows handed over belongs to `position` of `sequence`.
struct ReadSpot {
  std::size_t sequence = 0;
  std::size_t position = 0;
  std::int64_t row = 0;
};

/// The soft rows of pictures among tokens: the number -1 - r means row r.
struct SoftRows {
  Tensor rows{};                 ///< [S, D]; undefined when there are none
  std::int64_t placeholder = 0;  ///< the token whose place they take
};

/// How much of a model is run, and what becomes of its cache.
struct ModelUse {
  int depth = 0;                                           ///< Want::depth
  std::function<std::unique_ptr<CachePolicy>()> policy{};  ///< makes a runner's own; empty: the cache is whole
};

/// Hears of hidden rows [M, D] as they are computed.
using RowReader = std::function<void(std::span<const ReadSpot> spots, const Tensor& hidden)>;

/// Owns a cache and runs sequences in it. Row 0 is the runner's own: it keeps the tokens of an earlier sequence, so
/// that later ones can share them. Where a policy drops entries, a sequence is run in pieces that end where the policy
/// looks at it, whatever else is run, and row 0 is empty: what is left of a longer sequence is not what a shorter one
/// has.
class PrefixRunner {
 public:
  /// `batch_tokens`: most tokens of one forward pass. `soft` is kept; null: all tokens are of the vocabulary.
  PrefixRunner(Model& model, int batch_tokens, EngineCounts& counts, const CancelFlag* cancel,
               const SoftRows* soft = nullptr, const ModelUse& use = {});

  /// Runs sequences given in lexicographic order. A prefix that several share, or share with row 0, is computed once.
  /// Gives the cache row that holds each sequence's tokens. It may hold more tokens behind them, and may be the row of
  /// other sequences, too: fork it to go on from there.
  std::vector<int> run(std::span<const Sequence> sequences, const RowReader& read);

  /// A row of its own that begins with the first `length` tokens of `row`.
  int fork(int row, std::size_t length);

  /// Drops all rows but these, which become 1, 2, ...; row 0 becomes a copy of row `prefix_row`'s first tokens, which
  /// are `prefix` (empty: later sequences share nothing with it).
  void keep(const std::vector<int>& rows, int prefix_row, std::span<const std::int32_t> prefix);

  /// Runs one more token in each of these rows. Gives their hidden rows, [rows, D].
  Tensor step(std::span<const int> rows, std::span<const std::int32_t> tokens);

  std::span<const std::int32_t> prefix() const { return prefix_; }
  const Cache& cache() const { return *cache_; }

 private:
  struct Node;
  struct Feed;
  class Tree;
  void run_wave(std::vector<Feed> feeds, const RowReader& read);
  void run_pass(std::vector<Feed>& pieces, const RowReader& read);
  std::size_t piece_end(const Feed& feed, std::size_t room) const;
  Outputs forward(const Inputs& inputs, const std::vector<std::int64_t>& wanted);
  void drop_entries(const Inputs& inputs, const Outputs& outputs);

  Model* model_;
  std::size_t batch_tokens_;
  EngineCounts* counts_;
  const CancelFlag* cancel_;
  const SoftRows* soft_;
  int depth_;
  std::unique_ptr<CachePolicy> policy_;  ///< null: nothing is dropped
  std::unique_ptr<Cache> cache_;
  TokenIds prefix_;  ///< tokens of row 0
};

}  // namespace touchstone
