#include "harness/engine/token_reader.hpp"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <mutex>
#include <optional>

#include "harness/base/error.hpp"
#include "harness/base/stopwatch.hpp"
#include "harness/engine/workers.hpp"
#include "harness/model/ops.hpp"

namespace touchstone {
namespace {

/// Logits that exist at the same time, of each model: 32 MiB in float64.
constexpr std::int64_t reader_logits = std::int64_t{1} << 22;
constexpr std::int64_t reader_rows = 128;

/// A row that is read: the token behind `position` of an item's input.
struct ReadRow {
  std::size_t item = 0;
  std::size_t target = 0;
};

/// Runs the tokens of one model, batch after batch.
class TokenReader {
 public:
  TokenReader(const ReadModel& model, std::span<const ScoredTokens> items, int pass_tokens, EngineCounts& counts,
              const CancelFlag* cancel)
      : model_(model.model),
        items_(items),
        runner_(*model.model, pass_tokens, counts, cancel, nullptr, model.use),
        processor_(model.logits ? model.logits() : nullptr) {}

  /// The hidden rows before all targets of these items, in their order. [R, D]
  Tensor hidden(std::span<const std::size_t> batch) {
    std::vector<Sequence> sequences;
    std::vector<std::int64_t> first;
    std::int64_t rows = 0;
    for (const auto item : batch) {
      const auto& tokens = items_[item];
      sequences.push_back({.tokens = tokens.input, .first_read = tokens.input.size() - tokens.targets.size()});
      first.push_back(rows);
      rows += static_cast<std::int64_t>(tokens.targets.size());
    }
    Tensor all;
    runner_.run(sequences, [&](std::span<const ReadSpot> spots, const Tensor& hidden) {
      if (!all.defined()) all = at::empty({rows, hidden.size(1)}, hidden.options());
      std::vector<std::int64_t> from;
      std::vector<std::int64_t> to;
      for (const auto& spot : spots) {
        from.push_back(spot.row);
        to.push_back(first[spot.sequence] +
                     static_cast<std::int64_t>(spot.position - sequences[spot.sequence].first_read));
      }
      const auto device = hidden.device();
      all.index_copy_(0, at::tensor(to, at::kLong).to(device),
                      hidden.index_select(0, at::tensor(from, at::kLong).to(device)));
    });
    runner_.keep({}, 0, {});
    return all;
  }

  /// log softmax of the logits of these rows. [R, V] float64
  Tensor logp(const Tensor& hidden, std::span<const ReadRow> rows) {
    auto logits = model_->project(hidden).to(at::kFloat);
    if (processor_) {
      std::vector<LogitsRow> seen;
      for (const auto& row : rows) {
        const auto& tokens = items_[row.item];
        const auto length = tokens.input.size() - tokens.targets.size() + row.target + 1;
        seen.push_back({.tokens = std::span<const std::int32_t>(tokens.input).first(length)});
      }
      logits = processor_->process(logits, seen);
    }
    return at::log_softmax(logits.to(at::kDouble), -1);
  }

 private:
  Model* model_;
  std::span<const ScoredTokens> items_;
  PrefixRunner runner_;
  std::unique_ptr<LogitsProcessor> processor_;  ///< null: logits are not changed
};

/// sum_v p_v (log p_v - log q_v); what has no probability adds nothing.
Tensor divergence(const Tensor& logp, const Tensor& logq) {
  const auto p = logp.exp();
  return at::where(p.gt(0.0), p * (logp - logq), 0.0).sum(-1);
}

Tensor entropy_of(const Tensor& logp) {
  const auto p = logp.exp();
  return -at::where(p.gt(0.0), p * logp, 0.0).sum(-1);
}

std::vector<double> numbers_of(const Tensor& values) {
  const auto flat = values.to(at::kCPU).contiguous();
  const auto* first = flat.const_data_ptr<double>();
  return {first, first + flat.numel()};
}

/// Reads the targets of a batch of items.
void read_batch(TokenReader& reader, TokenReader* reference, std::span<const std::size_t> batch,
                std::span<const ScoredTokens> items, std::vector<std::vector<TokenReading>>& results) {
  std::vector<ReadRow> rows;
  for (const auto item : batch) {
    results[item].resize(items[item].targets.size());
    for (std::size_t target = 0; target < items[item].targets.size(); ++target) rows.push_back({item, target});
  }
  const auto hidden = reader.hidden(batch);
  const auto other = reference == nullptr ? Tensor() : reference->hidden(batch);
  const auto all = static_cast<std::int64_t>(rows.size());
  std::int64_t step = reader_rows;
  for (std::int64_t first = 0; first < all; first += step) {
    const auto count = std::min(step, all - first);
    const std::span<const ReadRow> some(rows.data() + first, static_cast<std::size_t>(count));
    const auto logp = reader.logp(hidden.narrow(0, first, count), some);
    // The size of the vocabulary is known once the first logits are.
    step = std::clamp<std::int64_t>(reader_logits / logp.size(1), 1, reader_rows);
    std::vector<std::int64_t> labels;
    for (const auto& row : some) labels.push_back(items[row.item].targets[row.target]);
    const auto at_labels = at::tensor(labels, at::kLong).to(logp.device()).unsqueeze(-1);
    const auto own = numbers_of(logp.gather(-1, at_labels));
    const auto entropy = numbers_of(entropy_of(logp));
    std::vector<double> theirs(own.size(), 0.0);
    std::vector<double> forward(own.size(), 0.0);
    std::vector<double> reverse(own.size(), 0.0);
    if (reference != nullptr) {
      const auto logq = reference->logp(other.narrow(0, first, count), some);
      theirs = numbers_of(logq.gather(-1, at_labels));
      forward = numbers_of(divergence(logq, logp));
      reverse = numbers_of(divergence(logp, logq));
    }
    for (std::size_t at = 0; at < some.size(); ++at) {
      require(!std::isnan(own[at]) && !std::isnan(theirs[at]), Fault::numeric, "a logit of the model is not a number");
      results[some[at].item][some[at].target] = {.logp = own[at],
                                                 .entropy = entropy[at],
                                                 .reference_logp = theirs[at],
                                                 .kl_forward = forward[at],
                                                 .kl_reverse = reverse[at]};
    }
  }
}

/// The items in the order in which prefixes are shared, cut into batches of about so many tokens.
std::vector<std::vector<std::size_t>> batches_of(std::span<const ScoredTokens> items, std::size_t tokens) {
  std::vector<std::size_t> order;
  for (std::size_t item = 0; item < items.size(); ++item) {
    if (!items[item].targets.empty()) order.push_back(item);
  }
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return items[a].input < items[b].input; });
  std::vector<std::vector<std::size_t>> batches;
  std::size_t room = 0;
  for (const auto item : order) {
    const auto size = items[item].input.size();
    if (batches.empty() || size > room) {
      batches.emplace_back();
      room = std::max(tokens, size);
    }
    room -= size;
    batches.back().push_back(item);
  }
  return batches;
}

}  // namespace

std::vector<std::vector<TokenReading>> read_tokens(const ReadModel& model, const ReadModel* reference,
                                                   std::span<const ScoredTokens> items, const ReaderSettings& settings,
                                                   const WorkWatch& watch) {
  std::vector<std::vector<TokenReading>> results(items.size());
  const bool itself = reference != nullptr && reference->model == model.model;
  const auto batches = batches_of(items, static_cast<std::size_t>(std::max(settings.batch_tokens, 1)));
  std::atomic<std::size_t> next{0};
  std::mutex mutex;
  const Stopwatch stopwatch;
  const auto workers = std::min<std::size_t>(static_cast<std::size_t>(std::max(settings.threads, 1)),
                                             std::max<std::size_t>(batches.size(), 1));
  run_workers(workers, [&](std::size_t) {
    EngineCounts own;
    TokenReader reader(model, items, settings.batch_tokens, own, watch.cancel);
    std::optional<TokenReader> other;
    if (reference != nullptr && !itself) other.emplace(*reference, items, settings.batch_tokens, own, watch.cancel);
    for (auto at = next++; at < batches.size(); at = next++) {
      read_batch(reader, other ? &*other : nullptr, batches[at], items, results);
      const std::lock_guard lock(mutex);
      if (watch.done) watch.done(batches[at].size());
    }
    const std::lock_guard lock(mutex);
    watch.counts.prefill_tokens += own.prefill_tokens;
    watch.counts.reused_tokens += own.reused_tokens;
  });
  watch.counts.prefill_seconds += stopwatch.seconds();
  if (itself) {
    for (auto& item : results) {
      for (auto& token : item) token.reference_logp = token.logp;
    }
  }
  return results;
}

}  // namespace touchstone
