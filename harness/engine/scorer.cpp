#include "harness/engine/scorer.hpp"

#include <algorithm>
#include <atomic>
#include <mutex>
#include <numeric>

#include "harness/base/stopwatch.hpp"
#include "harness/engine/workers.hpp"
#include "harness/model/ops.hpp"

namespace touchstone {
namespace {

/// Rows whose logits exist at the same time.
constexpr std::int64_t logit_rows = 128;

/// One item whose tokens are run, with the items that read the same rows (the letters of a question).
struct Group {
  std::vector<std::size_t> items;
  std::size_t first_read = 0;
};

/// The result of one item while it is filled in.
struct Partial {
  std::vector<double> logp;  ///< by target, summed in order at the end whatever the order of computing
  bool greedy = true;
};

std::vector<Group> group_equal(std::span<const ScoredTokens> items) {
  std::vector<std::size_t> order(items.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return items[a].input < items[b].input; });
  std::vector<Group> groups;
  for (const auto at : order) {
    const auto first = items[at].input.size() - items[at].targets.size();
    if (groups.empty() || items[groups.back().items.front()].input != items[at].input) {
      groups.push_back({.items = {}, .first_read = first});
    }
    groups.back().items.push_back(at);
    groups.back().first_read = std::min(groups.back().first_read, first);
  }
  return groups;
}

/// Scores a range of sorted groups with a cache of its own.
class Stretch {
 public:
  Stretch(Model& model, std::span<const ScoredTokens> items, std::vector<Scored>& results,
          const ScorerSettings& settings, EngineCounts& counts, const CancelFlag* cancel, LogitsProcessor* logits)
      : model_(&model),
        items_(items),
        results_(&results),
        batch_tokens_(static_cast<std::size_t>(std::max(settings.batch_tokens, 1))),
        runner_(model, settings.batch_tokens, counts, cancel, settings.soft, settings.use),
        logits_(logits) {}

  /// Scores the first groups, as many as fit into one batch; gives how many were taken.
  std::size_t run(std::span<const Group> groups, std::span<const std::int32_t> following) {
    groups_ = groups;
    std::vector<Sequence> sequences;
    for (const auto& group : groups) {
      sequences.push_back({.tokens = items_[group.items.front()].input, .first_read = group.first_read});
      for (const auto item : group.items) partial_[item].logp.assign(items_[item].targets.size(), 0.0);
    }
    const auto rows =
        runner_.run(sequences, [this](std::span<const ReadSpot> spots, const Tensor& hidden) { read(spots, hidden); });
    const auto last = sequences.back().tokens;
    auto shared = common_prefix(last, following);
    if (shared < min_shared_tokens) shared = 0;
    runner_.keep({}, rows.back(), last.first(shared));
    std::size_t finished = 0;
    for (const auto& group : groups) {
      for (const auto item : group.items) finish(item);
      finished += group.items.size();
    }
    partial_.clear();
    return finished;
  }

  /// How many of the groups make one batch.
  std::size_t fit(std::span<const Group> groups) const {
    std::size_t tokens = 0;
    std::size_t count = 0;
    auto before = runner_.prefix();
    for (const auto& group : groups) {
      const std::span<const std::int32_t> input = items_[group.items.front()].input;
      tokens += input.size() - common_prefix(before, input);
      if (count > 0 && tokens > batch_tokens_) break;
      before = input;
      ++count;
    }
    return count;
  }

 private:
  void read(std::span<const ReadSpot> spots, const Tensor& hidden) {
    std::size_t next = 0;
    for (std::int64_t row = 0; row < hidden.size(0); row += logit_rows) {
      const auto count = std::min(logit_rows, hidden.size(0) - row);
      const auto logits = changed(model_->project(hidden.narrow(0, row, count)), spots.subspan(next), row);
      const auto best = logits.argmax(-1).to(at::kCPU);
      const auto logp = at::log_softmax(logits, -1).to(at::kCPU).contiguous();
      const auto* best_ids = best.const_data_ptr<std::int64_t>();
      const auto* values = logp.const_data_ptr<float>();
      for (; next < spots.size() && spots[next].row < row + count; ++next) {
        const auto local = spots[next].row - row;
        take(spots[next], values + local * logp.size(1), best_ids[local]);
      }
    }
  }

  /// The logits after the procedure's change, for the rows from `first` on; their spots come first in `spots`.
  Tensor changed(const Tensor& logits, std::span<const ReadSpot> spots, std::int64_t first) {
    if (logits_ == nullptr) return logits;
    std::vector<LogitsRow> rows;
    for (const auto& spot : spots) {
      const auto local = spot.row - first;
      if (local >= logits.size(0)) break;
      // Spots of one row are adjacent, and every row has one.
      if (local < static_cast<std::int64_t>(rows.size())) continue;
      const std::span<const std::int32_t> input = items_[groups_[spot.sequence].items.front()].input;
      rows.push_back({.tokens = input.first(spot.position + 1)});
    }
    return logits_->process(logits.to(at::kFloat), rows);
  }

  void take(const ReadSpot& spot, const float* logp, std::int64_t best) {
    for (const auto item : groups_[spot.sequence].items) {
      const auto& tokens = items_[item];
      const auto first = tokens.input.size() - tokens.targets.size();
      if (spot.position < first) continue;
      const auto target = tokens.targets[spot.position - first];
      auto& partial = partial_[item];
      partial.logp[spot.position - first] = static_cast<double>(logp[target]);
      partial.greedy = partial.greedy && best == target;
    }
  }

  void finish(std::size_t item) {
    const auto& partial = partial_[item];
    double sum = 0.0;
    for (const auto value : partial.logp) sum += value;
    (*results_)[item] = {.logp_nats = sum, .greedy = partial.greedy};
  }

  Model* model_;
  std::span<const ScoredTokens> items_;
  std::vector<Scored>* results_;
  std::size_t batch_tokens_;
  PrefixRunner runner_;
  LogitsProcessor* logits_;  ///< null: logits are not changed
  std::span<const Group> groups_;
  std::map<std::size_t, Partial> partial_;
};

/// Where to cut the sorted groups so that all workers are busy and shared prefixes stay together: about every `tokens`
/// tokens, where neighbours share least.
std::vector<std::size_t> cut(std::span<const Group> groups, std::span<const ScoredTokens> items, std::size_t pieces) {
  std::vector<std::size_t> cuts = {0};
  std::size_t total = 0;
  std::vector<std::size_t> fresh(groups.size());
  for (std::size_t at = 0; at < groups.size(); ++at) {
    const auto& input = items[groups[at].items.front()].input;
    const auto shared = at == 0 ? 0 : common_prefix(items[groups[at - 1].items.front()].input, input);
    fresh[at] = input.size() - shared;
    total += fresh[at];
  }
  std::size_t sum = 0;
  for (std::size_t at = 0; at < groups.size(); ++at) {
    if (at > 0 && sum * pieces >= total * cuts.size() && cuts.size() < pieces) cuts.push_back(at);
    sum += fresh[at];
  }
  cuts.push_back(groups.size());
  return cuts;
}

}  // namespace

std::vector<Scored> score(Model& model, std::span<const ScoredTokens> items, const ScorerSettings& settings,
                          const WorkWatch& watch) {
  std::vector<Scored> results(items.size());
  const auto groups = group_equal(items);
  if (groups.empty()) return results;
  const auto workers = static_cast<std::size_t>(std::max(settings.threads, 1));
  const auto cuts = cut(groups, items, workers == 1 ? 1 : workers * 4);
  std::atomic<std::size_t> next{0};
  std::mutex mutex;
  const Stopwatch stopwatch;
  run_workers(workers, [&](std::size_t) {
    EngineCounts own;
    const auto processor = settings.logits ? settings.logits() : nullptr;
    for (auto piece = next++; piece + 1 < cuts.size(); piece = next++) {
      Stretch stretch(model, items, results, settings, own, watch.cancel, processor.get());
      for (auto at = cuts[piece]; at < cuts[piece + 1];) {
        const auto rest = std::span(groups).subspan(at, cuts[piece + 1] - at);
        const auto count = stretch.fit(rest);
        std::span<const std::int32_t> following;
        if (count < rest.size()) following = items[rest[count].items.front()].input;
        const auto finished = stretch.run(rest.first(count), following);
        at += count;
        const std::lock_guard lock(mutex);
        if (watch.done) watch.done(finished);
      }
    }
    const std::lock_guard lock(mutex);
    watch.counts.prefill_tokens += own.prefill_tokens;
    watch.counts.reused_tokens += own.reused_tokens;
  });
  watch.counts.prefill_seconds += stopwatch.seconds();
  return results;
}

}  // namespace touchstone
