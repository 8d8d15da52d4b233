#include "harness/engine/native_engine.hpp"

#include <algorithm>
#include <mutex>
#include <optional>
#include <set>
#include <variant>

#include "harness/base/error.hpp"
#include "harness/base/process.hpp"
#include "harness/engine/generator.hpp"
#include "harness/engine/scorer.hpp"
#include "harness/engine/token_pairs.hpp"
#include "harness/engine/token_reader.hpp"
#include "harness/engine/turn_end.hpp"
#include "harness/engine/workers.hpp"

namespace touchstone {
namespace {

/// Requests that one worker tokenises in one piece; neighbours share contexts.
constexpr std::size_t encode_block = 64;

/// Pictures whose soft rows are in memory at the same time.
constexpr std::size_t picture_block = 512;

/// The items of one likelihood or rolling request.
struct ItemRange {
  std::size_t request = 0;
  std::vector<ScoredTokens> items;
};

class NativeEngine final : public Engine {
 public:
  explicit NativeEngine(EngineParts parts)
      : parts_(std::move(parts)),
        rules_(make_rules(*parts_.tokenizer, parts_.settings.add_bos_token, parts_.info.max_length)) {
    OtherModels models = {{"", parts_.model}};
    for (auto& [name, other] : parts_.others) {
      models[name] = other.model;
      others_[name] = make_engine(std::move(other));
    }
    if (parts_.procedure) use_model(*parts_.procedure);
    if (!parts_.procedure || !parts_.procedure->logits) return;
    logits_ = [this, models] { return parts_.procedure->logits(models); };
    const auto processor = logits_();
    work_ = processor->work();
    further_work_ = processor->further_work();
    if (processor->changes_scores()) score_logits_ = logits_;
  }

  std::vector<Response> answer(std::span<const Request> requests, const std::function<void(std::size_t)>& done,
                               const CancelFlag* cancel) override {
    std::vector<Response> responses(requests.size());
    std::size_t finished = 0;
    const auto report = [&](std::size_t more) {
      finished += more;
      if (done) done(finished);
    };
    // The soft rows of some thousand pictures would fill the memory: a limited number of requests at a time.
    for (std::size_t first = 0; first < requests.size();) {
      const auto count = stretch_of(requests.subspan(first));
      const auto some = requests.subspan(first, count);
      look_at(some, cancel);
      const std::span<Response> places(responses.data() + first, count);
      answer_likelihoods(some, places, cancel, report);
      answer_generations(some, places, cancel, report);
      book_.reset();
      first += count;
    }
    return responses;
  }

  const EngineInfo& info() const override { return parts_.info; }
  const ChatTemplate* chat_template() const override { return parts_.chat.get(); }
  std::string turn_end() const override {
    return parts_.chat ? touchstone::turn_end(*parts_.chat, *parts_.tokenizer) : std::string();
  }
  const Procedure* procedure() const override { return parts_.procedure ? &*parts_.procedure : nullptr; }
  Engine* other(const std::string& name) override {
    const auto found = others_.find(name);
    return found == others_.end() ? nullptr : found->second.get();
  }

  std::vector<std::vector<TokenReading>> read(std::span<const TokenText> texts, Engine* reference,
                                              const CancelFlag* cancel) override {
    auto* other = reference == nullptr ? nullptr : dynamic_cast<NativeEngine*>(&reference->plain());
    if (reference != nullptr) check_comparable(other);
    std::vector<std::vector<ScoredTokens>> windows(texts.size());
    in_blocks(texts.size(), cancel, [&](std::size_t first, std::size_t last) {
      PairEncoder encoder(rules_);
      for (auto at = first; at < last; ++at) windows[at] = encode_text(texts[at], encoder);
    });
    std::vector<ScoredTokens> items;
    for (auto& own : windows) std::move(own.begin(), own.end(), std::back_inserter(items));
    const ReadModel model{.model = parts_.model.get(), .logits = logits_, .use = use_};
    ReadModel compared;
    if (other != nullptr) compared = {.model = other->parts_.model.get(), .logits = other->logits_, .use = other->use_};
    auto found = read_tokens(model, other == nullptr ? nullptr : &compared, items,
                             {.batch_tokens = parts_.settings.batch_tokens, .threads = parts_.info.threads},
                             {.counts = counts_, .cancel = cancel});
    std::vector<std::vector<TokenReading>> readings(texts.size());
    std::size_t next = 0;
    for (std::size_t at = 0; at < texts.size(); ++at) {
      for (std::size_t window = 0; window < windows[at].size(); ++window, ++next) {
        readings[at].insert(readings[at].end(), found[next].begin(), found[next].end());
      }
    }
    return readings;
  }

  EngineCounts counts() const override {
    auto counts = counts_;
    counts.peak_bytes = peak_resident_bytes();
    return counts;
  }

 private:
  /// How the procedure runs the model. Throws Fault::config for layers that it has not.
  void use_model(const Procedure& procedure) {
    require(procedure.depth <= parts_.model->layers(), Fault::config, [&] {
      return parts_.settings.model.string() + ": " + procedure_file + ": found answers from layer " +
             std::to_string(procedure.depth) + ", expected at most the model's last, " +
             std::to_string(parts_.model->layers());
    });
    use_ = {.depth = procedure.depth, .policy = procedure.cache};
    if (use_.policy) policy_ = use_.policy();
  }

  /// What one request takes: tokens run through the model, and entries of its cache.
  struct Taken {
    std::int64_t tokens = 0;
    std::int64_t entries = 0;
  };

  /// Tokens that are run behind `before` others of the same sequence.
  void take(Taken& taken, std::size_t before, std::size_t tokens) const {
    const auto first = static_cast<std::int64_t>(before);
    const auto count = static_cast<std::int64_t>(tokens);
    taken.tokens += count;
    taken.entries += policy_ ? policy_->entries(first + count) - policy_->entries(first) : count;
  }

  /// A token that leaves the model early counts as the share of the layers that it went through.
  void add_work(Response& response, const Taken& taken) const {
    const std::int64_t layers = parts_.model->layers();
    const std::int64_t run = layers_run(*parts_.model, use_.depth);
    response.forward_tokens += (taken.tokens * run + layers - 1) / layers + taken.tokens * work_.passes;
    response.cache_bytes +=
        taken.entries * parts_.model->cache_bytes_per_token(use_.depth) + taken.tokens * work_.cache_bytes_per_token;
  }

  /// The work for the request's other prompts and, behind each, its answers. Prompts that are equal are run once.
  void add_further_work(Response& response, const Prompt& prompt) const {
    std::set<TokenIds> different(prompt.further.begin(), prompt.further.end());
    different.erase(prompt.tokens);
    for (const auto& tokens : different) {
      auto run = static_cast<std::int64_t>(tokens.size());
      // The last token of an answer is drawn and not run.
      for (const auto& answer : response.generated) run += static_cast<std::int64_t>(answer.tokens.size()) - 1;
      response.forward_tokens += run * further_work_.passes;
      response.cache_bytes += run * further_work_.cache_bytes_per_token;
    }
  }

  /// Calls body(request numbers [first, last)) for ranges of the chosen requests, on all threads.
  template <class Body>
  void in_blocks(std::size_t count, const CancelFlag* cancel, const Body& body) const {
    std::atomic<std::size_t> next{0};
    const auto blocks = (count + encode_block - 1) / encode_block;
    const auto workers = std::min<std::size_t>(static_cast<std::size_t>(std::max(parts_.info.threads, 1)),
                                               std::max<std::size_t>(blocks, 1));
    run_workers(workers, [&](std::size_t) {
      for (auto block = next++; block < blocks; block = next++) {
        if (cancel != nullptr) cancel->check();
        body(block * encode_block, std::min(count, (block + 1) * encode_block));
      }
    });
  }

  /// A tokenizer may have more ids than the embedding has rows, as long as no request uses them.
  void check_ids(const TokenIds& ids) const {
    for (const auto id : ids) {
      require(id < parts_.model->vocabulary(), Fault::checkpoint, [&] {
        return parts_.settings.model.string() + ": a prompt has the token '" + parts_.tokenizer->token(id) +
               "' with id " + std::to_string(id) + ", expected ids below vocab_size, " +
               std::to_string(parts_.model->vocabulary());
      });
    }
  }

  std::vector<ScoredTokens> encode(const Request& request, PairEncoder& encoder) const {
    if (const auto* pair = std::get_if<Likelihood>(&request)) {
      if (pair->media.empty()) return {encoder.encode(*pair)};
      const auto images = images_of(request);
      auto scored =
          encoder.encode({.context = book_->expand(pair->context, images), .continuation = pair->continuation});
      book_->place(scored.input, images, scored.truncated_tokens > 0);
      return {std::move(scored)};
    }
    return encode_rolling(rules_, std::get<Rolling>(request).text);
  }

  Prompt encode(const Generation& request) const {
    require(request.further_contexts.empty() || (further_work_.passes > 0 && request.media.empty()), Fault::internal,
            "a request with further contexts, expected one without media to a model whose procedure reads them");
    if (request.media.empty()) return encode_prompt(rules_, request);
    Generation written;
    const auto images = pointers(request.media);
    written.context = book_->expand(request.context, images);
    written.max_new_tokens = request.max_new_tokens;
    auto prompt = encode_prompt(rules_, written);
    book_->place(prompt.tokens, images, prompt.truncated_tokens > 0);
    return prompt;
  }

  /// Distributions can be compared token by token where both models have the same tokens.
  void check_comparable(const NativeEngine* reference) const {
    const auto refuse = [&](const std::string& found, const std::string& wanted) {
      throw Error(Fault::config,
                  parts_.settings.model.string() + ": compared token by token with " + found + ", expected " + wanted);
    };
    if (reference == nullptr) refuse("a model that this program does not run", "a checkpoint folder");
    const auto& other = reference->parts_;
    if (other.tokenizer->hash() != parts_.tokenizer->hash() ||
        other.model->vocabulary() != parts_.model->vocabulary()) {
      refuse(other.settings.model.string() + ", which has another tokenizer or vocabulary", "the same");
    }
    if (other.info.max_length < parts_.info.max_length) {
      refuse(other.settings.model.string() + ", which takes " + std::to_string(other.info.max_length) + " tokens",
             "at least " + std::to_string(parts_.info.max_length));
    }
  }

  /// The windows of a text that is read token by token.
  std::vector<ScoredTokens> encode_text(const TokenText& text, PairEncoder& encoder) const {
    const auto check = [&](const std::vector<Media>& media) {
      require(media.empty(), Fault::config, [&] {
        return parts_.settings.model.string() + ": a prompt with " + facts_of(kind_of(media.front())).plural +
               " is to be read token by token, expected text alone";
      });
    };
    std::vector<ScoredTokens> windows;
    if (const auto* pair = std::get_if<Likelihood>(&text)) {
      check(pair->media);
      windows = {encoder.encode(*pair)};
    } else if (const auto* whole = std::get_if<Rolling>(&text)) {
      windows = encode_rolling(rules_, whole->text);
    } else {
      const auto& written = std::get<Written>(text);
      check(written.request.media);
      if (written.tokens.empty()) return {};
      auto& window = windows.emplace_back();
      window.input = encode_prompt(rules_, written.request).tokens;
      window.input.insert(window.input.end(), written.tokens.begin(), written.tokens.end() - 1);
      window.targets = written.tokens;
    }
    for (const auto& window : windows) {
      check_ids(window.input);
      check_ids(window.targets);
    }
    return windows;
  }

  /// The pictures of a request. Media of another kind are refused by look_at() before anything is encoded.
  static std::vector<const Image*> pointers(const std::vector<Media>& media) {
    std::vector<const Image*> all;
    for (const auto& one : media) all.push_back(&std::get<Image>(one));
    return all;
  }

  static const std::vector<Media>& media_of(const Request& request) {
    static const std::vector<Media> none;
    if (const auto* pair = std::get_if<Likelihood>(&request)) return pair->media;
    const auto* generation = std::get_if<Generation>(&request);
    return generation != nullptr ? generation->media : none;
  }

  static std::vector<const Image*> images_of(const Request& request) { return pointers(media_of(request)); }

  /// How many requests are answered together: all, or those of about picture_block pictures.
  static std::size_t stretch_of(std::span<const Request> requests) {
    std::size_t pictures = 0;
    std::size_t count = 0;
    while (count < requests.size() && (count == 0 || pictures < picture_block))
      pictures += media_of(requests[count++]).size();
    return count;
  }

  void refuse_unseen(const Media& media) const {
    require(kind_of(media) == MediaKind::picture, Fault::config, [&] {
      return parts_.settings.model.string() + ": " + facts_of(kind_of(media)).name + " in a prompt, which the family " +
             parts_.info.family + " does not take, expected text or pictures";
    });
  }

  void look_at(std::span<const Request> requests, const CancelFlag* cancel) {
    std::vector<const Image*> images;
    for (const auto& request : requests) {
      for (const auto& media : media_of(request)) refuse_unseen(media);
      for (const auto* image : images_of(request)) images.push_back(image);
    }
    if (images.empty()) return;
    require(parts_.pictures.has_value(), Fault::config, [&] {
      return parts_.settings.model.string() +
             ": a prompt holds a picture, expected a model of a family that takes pictures, with "
             "preprocessor_config.json beside config.json";
    });
    book_.emplace(*parts_.model, *parts_.pictures, images, parts_.info.threads, cancel);
  }

  const SoftRows* soft_rows() const { return book_ ? &book_->rows() : nullptr; }

  void answer_likelihoods(std::span<const Request> requests, std::span<Response> responses, const CancelFlag* cancel,
                          const std::function<void(std::size_t)>& report) {
    std::vector<ItemRange> ranges;
    for (std::size_t at = 0; at < requests.size(); ++at) {
      if (!std::holds_alternative<Generation>(requests[at])) ranges.push_back({.request = at, .items = {}});
    }
    if (ranges.empty()) return;
    in_blocks(ranges.size(), cancel, [&](std::size_t first, std::size_t last) {
      PairEncoder encoder(rules_);
      for (auto at = first; at < last; ++at) {
        ranges[at].items = encode(requests[ranges[at].request], encoder);
        for (const auto& item : ranges[at].items) {
          check_ids(item.input);
          check_ids(item.targets);
        }
      }
    });
    std::vector<ScoredTokens> items;
    for (auto& range : ranges) {
      auto& response = responses[range.request];
      Taken taken;
      for (auto& item : range.items) {
        response.tokens += static_cast<int>(item.targets.size());
        response.prompt_tokens += item.prompt_tokens;
        response.truncated_tokens += item.truncated_tokens;
        response.empty_continuation = item.empty_continuation;
        take(taken, 0, item.input.size());
        items.push_back(std::move(item));
      }
      add_work(response, taken);
    }
    const ScorerSettings settings{.batch_tokens = parts_.settings.batch_tokens,
                                  .threads = parts_.info.threads,
                                  .soft = soft_rows(),
                                  .logits = score_logits_,
                                  .use = use_};
    WorkWatch watch{.counts = counts_, .cancel = cancel};
    if (ranges.size() == items.size()) watch.done = report;
    const auto scored = score(*parts_.model, items, settings, watch);
    std::size_t next = 0;
    for (const auto& range : ranges) {
      auto& response = responses[range.request];
      response.greedy = true;
      for (std::size_t window = 0; window < range.items.size(); ++window, ++next) {
        response.logp_nats += scored[next].logp_nats;
        response.greedy = response.greedy && scored[next].greedy;
      }
    }
    if (ranges.size() != items.size()) report(ranges.size());
  }

  void answer_generations(std::span<const Request> requests, std::span<Response> responses, const CancelFlag* cancel,
                          const std::function<void(std::size_t)>& report) {
    std::vector<std::size_t> numbers;
    std::vector<const Generation*> generations;
    for (std::size_t at = 0; at < requests.size(); ++at) {
      const auto* generation = std::get_if<Generation>(&requests[at]);
      if (generation == nullptr) continue;
      require(generation->max_new_tokens >= 1 && generation->samples >= 1, Fault::config,
              "a generation needs at least one new token and one sample");
      numbers.push_back(at);
      generations.push_back(generation);
    }
    if (numbers.empty()) return;
    std::vector<Prompt> prompts(numbers.size());
    in_blocks(numbers.size(), cancel, [&](std::size_t first, std::size_t last) {
      for (auto at = first; at < last; ++at) {
        prompts[at] = encode(*generations[at]);
        check_ids(prompts[at].tokens);
        for (const auto& tokens : prompts[at].further) check_ids(tokens);
      }
    });
    GeneratorSettings settings{.tokenizer = parts_.tokenizer.get(),
                               .end_tokens = {parts_.end_tokens.begin(), parts_.end_tokens.end()},
                               .end_text = {},
                               .batch_tokens = parts_.settings.batch_tokens,
                               .rows = parts_.settings.rows,
                               .threads = parts_.info.threads,
                               .soft = soft_rows(),
                               .logits = logits_,
                               .use = use_};
    if (const auto eos = parts_.tokenizer->eos()) settings.end_text = parts_.tokenizer->token(*eos);
    auto written = generate(*parts_.model, generations, prompts, settings, {counts_, cancel, report});
    for (std::size_t at = 0; at < numbers.size(); ++at) {
      auto& response = responses[numbers[at]];
      response.generated = std::move(written[at]);
      response.prompt_tokens = prompts[at].prompt_tokens;
      response.truncated_tokens = prompts[at].truncated_tokens;
      const auto before = prompts[at].tokens.size();
      Taken taken;
      take(taken, 0, before);
      // The last token of an answer is drawn and not run.
      for (const auto& answer : response.generated) take(taken, before, answer.tokens.size() - 1);
      add_work(response, taken);
      add_further_work(response, prompts[at]);
    }
  }

  EngineParts parts_;
  EngineCounts counts_;
  EncodingRules rules_;
  std::optional<PictureBook> book_;  ///< of the requests that are being answered
  std::map<std::string, std::unique_ptr<Engine>> others_;
  LogitsMaker logits_;        ///< empty: logits are not changed
  LogitsMaker score_logits_;  ///< the same in scoring
  LogitsProcessor::Work work_;
  LogitsProcessor::Work further_work_;
  ModelUse use_;
  std::unique_ptr<CachePolicy> policy_;  ///< for what it says of lengths; null: the cache is whole
};

}  // namespace

std::unique_ptr<Engine> make_engine(EngineParts parts) { return std::make_unique<NativeEngine>(std::move(parts)); }

}  // namespace touchstone
