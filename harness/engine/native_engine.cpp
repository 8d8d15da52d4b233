#include "harness/engine/native_engine.hpp"

#include <algorithm>
#include <mutex>
#include <optional>
#include <variant>

#include "harness/base/error.hpp"
#include "harness/base/process.hpp"
#include "harness/engine/generator.hpp"
#include "harness/engine/scorer.hpp"
#include "harness/engine/token_pairs.hpp"
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
    OtherModels models;
    for (auto& [name, other] : parts_.others) {
      models[name] = other.model;
      others_[name] = make_engine(std::move(other));
    }
    if (!parts_.procedure || !parts_.procedure->logits) return;
    logits_ = [this, models] { return parts_.procedure->logits(models); };
    work_ = logits_()->work();
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

  EngineCounts counts() const override {
    auto counts = counts_;
    counts.peak_bytes = peak_resident_bytes();
    return counts;
  }

 private:
  /// Adds the tokens of one request to its cost.
  void add_work(Response& response, std::size_t tokens) const {
    const auto count = static_cast<std::int64_t>(tokens);
    response.forward_tokens += count * (1 + work_.passes);
    response.cache_bytes += count * (parts_.model->cache_bytes_per_token() + work_.cache_bytes_per_token);
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
        return parts_.settings.model.string() + ": token id " + std::to_string(id) + " ('" +
               parts_.tokenizer->token(id) + "') of a prompt has no row in the embedding, expected one below " +
               std::to_string(parts_.model->vocabulary());
      });
    }
  }

  std::vector<ScoredTokens> encode(const Request& request, PairEncoder& encoder) const {
    if (const auto* pair = std::get_if<Likelihood>(&request)) {
      if (pair->images.empty()) return {encoder.encode(*pair)};
      const auto images = images_of(request);
      auto scored =
          encoder.encode({.context = book_->expand(pair->context, images), .continuation = pair->continuation});
      book_->place(scored.input, images, scored.truncated_tokens > 0);
      return {std::move(scored)};
    }
    return encode_rolling(rules_, std::get<Rolling>(request).text);
  }

  Prompt encode(const Generation& request) const {
    if (request.images.empty()) return encode_prompt(rules_, request);
    Generation written;
    const auto images = pointers(request.images);
    written.context = book_->expand(request.context, images);
    written.max_new_tokens = request.max_new_tokens;
    auto prompt = encode_prompt(rules_, written);
    book_->place(prompt.tokens, images, prompt.truncated_tokens > 0);
    return prompt;
  }

  static std::vector<const Image*> pointers(const std::vector<Image>& images) {
    std::vector<const Image*> all;
    for (const auto& image : images) all.push_back(&image);
    return all;
  }

  static std::vector<const Image*> images_of(const Request& request) {
    if (const auto* pair = std::get_if<Likelihood>(&request)) return pointers(pair->images);
    const auto* generation = std::get_if<Generation>(&request);
    return generation != nullptr ? pointers(generation->images) : std::vector<const Image*>();
  }

  /// How many requests are answered together: all, or as many as hold about picture_block pictures.
  static std::size_t stretch_of(std::span<const Request> requests) {
    std::size_t pictures = 0;
    std::size_t count = 0;
    while (count < requests.size() && (count == 0 || pictures < picture_block))
      pictures += images_of(requests[count++]).size();
    return count;
  }

  void look_at(std::span<const Request> requests, const CancelFlag* cancel) {
    std::vector<const Image*> images;
    for (const auto& request : requests) {
      for (const auto* image : images_of(request)) images.push_back(image);
    }
    if (images.empty()) return;
    require(parts_.pictures.has_value(), Fault::config, [&] {
      return parts_.settings.model.string() + ": family " + parts_.info.family +
             " takes no images here; expected a family that does, with preprocessor_config.json beside config.json";
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
      for (auto& item : range.items) {
        response.tokens += static_cast<int>(item.targets.size());
        response.prompt_tokens += item.prompt_tokens;
        response.truncated_tokens += item.truncated_tokens;
        response.empty_continuation = item.empty_continuation;
        add_work(response, item.input.size());
        items.push_back(std::move(item));
      }
    }
    const auto scored =
        score(*parts_.model, items, parts_.settings.batch_tokens, parts_.info.threads, counts_, cancel,
              ranges.size() == items.size() ? report : std::function<void(std::size_t)>(), soft_rows(), logits_);
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
      }
    });
    GeneratorSettings settings{.tokenizer = parts_.tokenizer.get(),
                               .end_tokens = {parts_.end_tokens.begin(), parts_.end_tokens.end()},
                               .end_text = {},
                               .batch_tokens = parts_.settings.batch_tokens,
                               .rows = parts_.settings.rows,
                               .threads = parts_.info.threads,
                               .soft = soft_rows(),
                               .logits = logits_};
    if (const auto eos = parts_.tokenizer->eos()) settings.end_text = parts_.tokenizer->token(*eos);
    auto written = generate(*parts_.model, generations, prompts, settings, counts_, cancel, report);
    for (std::size_t at = 0; at < numbers.size(); ++at) {
      auto& response = responses[numbers[at]];
      response.generated = std::move(written[at]);
      response.prompt_tokens = prompts[at].prompt_tokens;
      response.truncated_tokens = prompts[at].truncated_tokens;
      add_work(response, prompts[at].tokens.size());
      // The last token of an answer is drawn but not run.
      for (const auto& answer : response.generated) add_work(response, answer.tokens.size() - 1);
    }
  }

  EngineParts parts_;
  EngineCounts counts_;
  EncodingRules rules_;
  std::optional<PictureBook> book_;  ///< of the requests that are being answered
  std::map<std::string, std::unique_ptr<Engine>> others_;
  LogitsMaker logits_;  ///< empty: logits are not changed
  LogitsProcessor::Work work_;
};

}  // namespace

std::unique_ptr<Engine> make_engine(EngineParts parts) { return std::make_unique<NativeEngine>(std::move(parts)); }

}  // namespace touchstone
