#include "harness/engine/generator.hpp"

#include <algorithm>
#include <cmath>
#include <mutex>
#include <numeric>
#include <optional>

#include "harness/base/error.hpp"
#include "harness/base/stopwatch.hpp"
#include "harness/engine/sampler.hpp"
#include "harness/engine/stop_text.hpp"
#include "harness/engine/workers.hpp"
#include "harness/model/ops.hpp"

namespace touchstone {
namespace {

/// Memory for the keys and values of the answers being written, at most, over all workers.
constexpr std::int64_t most_cache_bytes = std::int64_t{3} << 30;

/// One answer to write: a request and the number of the sample.
struct Job {
  std::size_t request = 0;
  int sample = 0;
};

/// One answer being written, in one row of the cache.
struct Writing {
  Job job;
  Sampler sampler;
  StopText stop;
  TokenIds tokens;
  std::vector<double> logp;
  TokenIds read{};                  ///< prompt and tokens, where a LogitsProcessor wants to see them
  std::vector<TokenIds> further{};  ///< the request's other prompts, each with the tokens
};

struct Shared {
  std::span<const Generation* const> requests;
  std::span<const Prompt> prompts;
  const GeneratorSettings* settings;
  std::vector<std::vector<Generated>>* results;
  std::vector<int> left;  ///< samples of each request that are not finished
  std::mutex mutex;
  std::function<void(std::size_t)> done;
};

/// Processes a list of jobs, sorted by prompt, with a cache of its own.
class Writer {
 public:
  Writer(Model& model, Shared& shared, std::vector<Job> jobs, std::int64_t cache_tokens, EngineCounts& counts,
         const CancelFlag* cancel)
      : model_(&model),
        shared_(&shared),
        jobs_(std::move(jobs)),
        cache_tokens_(cache_tokens),
        runner_(model, shared.settings->batch_tokens, counts, cancel, shared.settings->soft, shared.settings->use),
        counts_(&counts),
        logits_(shared.settings->logits ? shared.settings->logits() : nullptr) {}

  void run() {
    while (next_ < jobs_.size() || !writing_.empty()) {
      if (next_ < jobs_.size()) admit();
      if (!writing_.empty()) step();
    }
  }

 private:
  const Prompt& prompt_of(const Job& job) const { return shared_->prompts[job.request]; }

  /// Of all its contexts together.
  std::int64_t tokens_of(const Job& job) const {
    const auto& prompt = prompt_of(job);
    auto tokens = static_cast<std::int64_t>(prompt.tokens.size()) + prompt.max_new_tokens;
    for (const auto& further : prompt.further)
      tokens += static_cast<std::int64_t>(further.size()) + prompt.max_new_tokens;
    return tokens;
  }

  /// Jobs that start now: as many as rows, memory and one batch of tokens allow; at least one when no answer is being
  /// written.
  std::size_t admissible() const {
    const auto& settings = *shared_->settings;
    const auto rows = static_cast<std::size_t>(std::max(1, std::min(settings.batch_tokens, settings.rows)));
    std::int64_t memory = 0;
    for (const auto& writing : writing_) memory += tokens_of(writing.job);
    std::size_t count = 0;
    std::size_t fresh = 0;
    std::span<const std::int32_t> before = runner_.prefix();
    while (next_ + count < jobs_.size() && writing_.size() + count < rows) {
      const auto& job = jobs_[next_ + count];
      const std::span<const std::int32_t> tokens = prompt_of(job).tokens;
      memory += tokens_of(job);
      fresh += tokens.size() - common_prefix(before, tokens);
      const bool first = writing_.empty() && count == 0;
      if (!first && memory > cache_tokens_) break;
      if (count > 0 && fresh > static_cast<std::size_t>(shared_->settings->batch_tokens)) break;
      before = tokens;
      ++count;
    }
    return count;
  }

  void admit() {
    const auto count = admissible();
    if (count == 0) return;
    const Stopwatch watch;
    std::vector<Sequence> sequences;
    for (std::size_t at = next_; at < next_ + count; ++at) {
      const auto& tokens = prompt_of(jobs_[at]).tokens;
      sequences.push_back({.tokens = tokens, .first_read = tokens.size() - 1});
    }
    std::vector<Tensor> hidden(count);
    const auto rows = runner_.run(sequences, [&](std::span<const ReadSpot> spots, const Tensor& all) {
      for (const auto& spot : spots) hidden[spot.sequence] = all[spot.row];
    });
    std::vector<int> kept(writing_.size());
    std::iota(kept.begin(), kept.end(), 1);
    for (std::size_t at = 0; at < count; ++at) {
      const auto& job = jobs_[next_ + at];
      const auto& request = *shared_->requests[job.request];
      kept.push_back(runner_.fork(rows[at], sequences[at].tokens.size()));
      auto until = request.until;
      until.push_back(shared_->settings->end_text);
      writing_.push_back({.job = job,
                          .sampler = Sampler(request, job.sample),
                          .stop = StopText(*shared_->settings->tokenizer, std::move(until),
                                           // A text without context has no first space of its own.
                                           request.keep_first_space && sequences[at].tokens.size() > 1),
                          .tokens = {},
                          .logp = {},
                          .read = logits_ ? prompt_of(job).tokens : TokenIds(),
                          .further = prompt_of(job).further});
    }
    std::size_t shared = 0;
    if (next_ + count < jobs_.size()) {
      shared = common_prefix(sequences.back().tokens, prompt_of(jobs_[next_ + count]).tokens);
    }
    runner_.keep(kept, rows.back(), sequences.back().tokens.first(shared));
    next_ += count;
    counts_->prefill_seconds += watch.seconds();
    take(at::stack(hidden), writing_.size() - count);
  }

  void step() {
    const Stopwatch watch;
    std::vector<int> rows(writing_.size());
    std::iota(rows.begin(), rows.end(), 1);
    std::vector<std::int32_t> tokens;
    for (const auto& writing : writing_) tokens.push_back(writing.tokens.back());
    const auto hidden = runner_.step(rows, tokens);
    take(hidden, 0);
    counts_->decode_seconds += watch.seconds();
  }

  /// Chooses a token for each answer from `first` on, by its hidden row, and removes the answers that are finished.
  void take(const Tensor& hidden, std::size_t first) {
    const auto choices = choose(changed(model_->project(hidden).to(at::kFloat), first), first);
    std::vector<bool> ended(writing_.size(), false);
    for (std::size_t at = first; at < writing_.size(); ++at) ended[at] = add_token(writing_[at], choices[at - first]);
    if (std::find(ended.begin(), ended.end(), true) == ended.end()) return;
    std::vector<int> rows;
    std::vector<Writing> still;
    for (std::size_t at = 0; at < writing_.size(); ++at) {
      if (ended[at]) continue;
      rows.push_back(static_cast<int>(at) + 1);
      still.push_back(std::move(writing_[at]));
    }
    writing_ = std::move(still);
    const TokenIds prefix(runner_.prefix().begin(), runner_.prefix().end());
    runner_.keep(rows, 0, prefix);
  }

  /// The logits after the procedure's change.
  Tensor changed(const Tensor& logits, std::size_t first) {
    if (!logits_) return logits;
    std::vector<LogitsRow> rows;
    for (std::size_t at = first; at < writing_.size(); ++at) {
      rows.push_back({.tokens = writing_[at].read,
                      .cache = &runner_.cache(),
                      .cache_row = static_cast<int>(at) + 1,
                      .further = writing_[at].further});
    }
    return logits_->process(logits, rows);
  }

  /// A token for each answer from `first` on. Greedy tokens are chosen all at once by LibTorch operators; the result
  /// for a row does not depend on the other rows.
  std::vector<Sampler::Choice> choose(const Tensor& logits, std::size_t first) {
    std::vector<Sampler::Choice> choices(writing_.size() - first);
    const auto greedy = [](const Writing& writing) { return writing.sampler.greedy(); };
    const auto begin = writing_.begin() + static_cast<std::ptrdiff_t>(first);
    if (std::any_of(begin, writing_.end(), greedy)) {
      const auto best = logits.argmax(-1, /*keepdim=*/true);
      const auto logp = at::log_softmax(logits, -1).gather(-1, best).to(at::kCPU).contiguous();
      const auto ids = best.to(at::kCPU).contiguous();
      for (std::size_t at = 0; at < choices.size(); ++at) {
        choices[at].token = static_cast<std::int32_t>(ids.const_data_ptr<std::int64_t>()[at]);
        choices[at].logp_nats = static_cast<double>(logp.const_data_ptr<float>()[at]);
        require(std::isfinite(choices[at].logp_nats), Fault::numeric,
                "the model gave a logit that is not a finite number");
      }
    }
    if (std::all_of(begin, writing_.end(), greedy)) return choices;
    const auto rows = logits.to(at::kCPU).contiguous();
    const auto width = static_cast<std::size_t>(rows.size(1));
    const auto* values = rows.const_data_ptr<float>();
    for (std::size_t at = 0; at < choices.size(); ++at) {
      auto& sampler = writing_[first + at].sampler;
      if (!sampler.greedy()) choices[at] = sampler.choose({values + at * width, width});
    }
    return choices;
  }

  /// True when the answer is finished and delivered.
  bool add_token(Writing& writing, const Sampler::Choice& choice) {
    const auto& ends = shared_->settings->end_tokens;
    const bool end = std::find(ends.begin(), ends.end(), choice.token) != ends.end();
    if (!end) {
      writing.tokens.push_back(choice.token);
      if (logits_) writing.read.push_back(choice.token);
      for (auto& further : writing.further) further.push_back(choice.token);
      writing.logp.push_back(choice.logp_nats);
    }
    const bool stopped = end || writing.stop.reached(writing.tokens);
    const bool full = static_cast<int>(writing.tokens.size()) >= prompt_of(writing.job).max_new_tokens;
    if (!stopped && !full) return false;
    deliver(writing, stopped, end ? std::optional(choice.token) : std::nullopt);
    return true;
  }

  void deliver(Writing& writing, bool stopped, std::optional<std::int32_t> end) {
    auto shown = writing.stop.shown(writing.tokens);
    Generated answer{.text = std::move(shown.text),
                     .logp_nats = std::move(writing.logp),
                     .finished = stopped,
                     .tokens = std::move(writing.tokens),
                     .text_tokens = static_cast<int>(shown.tokens),
                     .ended = end.has_value()};
    if (end) answer.tokens.push_back(*end);
    const auto& job = writing.job;
    const std::lock_guard lock(shared_->mutex);
    (*shared_->results)[job.request][static_cast<std::size_t>(job.sample)] = std::move(answer);
    if (--shared_->left[job.request] == 0 && shared_->done) shared_->done(1);
  }

  Model* model_;
  Shared* shared_;
  std::vector<Job> jobs_;
  std::size_t next_ = 0;
  std::int64_t cache_tokens_;
  PrefixRunner runner_;
  EngineCounts* counts_;
  std::unique_ptr<LogitsProcessor> logits_;  ///< null: logits stay as they are
  std::vector<Writing> writing_;             ///< answer i is row i + 1 of the cache
};

/// All answers to write, equal and similar prompts side by side.
std::vector<Job> sorted_jobs(std::span<const Generation* const> requests, std::span<const Prompt> prompts) {
  std::vector<std::size_t> order(requests.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return prompts[a].tokens < prompts[b].tokens; });
  std::vector<Job> jobs;
  for (const auto at : order) {
    for (int sample = 0; sample < requests[at]->samples; ++sample) jobs.push_back({.request = at, .sample = sample});
  }
  return jobs;
}

}  // namespace

std::vector<std::vector<Generated>> generate(Model& model, std::span<const Generation* const> requests,
                                             std::span<const Prompt> prompts, const GeneratorSettings& settings,
                                             const WorkWatch& watch) {
  std::vector<std::vector<Generated>> results(requests.size());
  Shared shared{requests, prompts, &settings, &results, {}, {}, watch.done};
  for (std::size_t at = 0; at < requests.size(); ++at) {
    results[at].resize(static_cast<std::size_t>(requests[at]->samples));
    shared.left.push_back(requests[at]->samples);
  }
  const auto jobs = sorted_jobs(requests, prompts);
  const auto workers = std::clamp<std::size_t>(static_cast<std::size_t>(std::max(settings.threads, 1)), 1,
                                               std::max<std::size_t>(jobs.size(), 1));
  const auto cache_tokens = most_cache_bytes /
                            std::max<std::int64_t>(model.cache_bytes_per_token(settings.use.depth), 1) /
                            static_cast<std::int64_t>(workers);
  run_workers(workers, [&](std::size_t worker) {
    const auto first = jobs.begin() + static_cast<std::ptrdiff_t>(jobs.size() * worker / workers);
    const auto last = jobs.begin() + static_cast<std::ptrdiff_t>(jobs.size() * (worker + 1) / workers);
    EngineCounts own;
    Writer writer(model, shared, {first, last}, cache_tokens, own, watch.cancel);
    writer.run();
    const std::lock_guard lock(shared.mutex);
    watch.counts.prefill_tokens += own.prefill_tokens;
    watch.counts.reused_tokens += own.reused_tokens;
    watch.counts.decoded_tokens += own.decoded_tokens;
    watch.counts.prefill_seconds += own.prefill_seconds;
    watch.counts.decode_seconds += own.decode_seconds;
  });
  return results;
}

}  // namespace touchstone
