#include <algorithm>
#include <cmath>

#include "harness/engine/side_model.hpp"
#include "harness/model/ops.hpp"
#include "harness/train/stage.hpp"

namespace touchstone {
namespace {

/// log (1/N sum_i p_i(y)) for every row with N - 1 further prompts, p_i after prompt i and the tokens drawn so far: the
/// mixture of RAG-Token ("Retrieval-Augmented Generation for Knowledge-Intensive NLP Tasks", arXiv 2005.11401, section
/// 2.1), with prompts for documents and equal weights.
class PromptMean : public LogitsProcessor {
 public:
  explicit PromptMean(std::shared_ptr<Model> model) : others_(std::move(model)) {}

  Tensor process(const Tensor& logits, std::span<const LogitsRow> rows) override {
    std::vector<LogitsRow> asked;
    std::vector<Members> all;
    for (const auto& row : rows) {
      all.push_back(members_of(row));
      for (const auto& tokens : all.back().others) asked.push_back({.tokens = tokens});
    }
    if (asked.empty()) return logits;
    const auto others = others_.logits(asked);
    auto means = logits.clone();
    std::int64_t next = 0;
    // Row by row, so that the sums over tokens are the same whatever else is in the batch.
    for (std::size_t at = 0; at < all.size(); ++at) {
      const auto count = static_cast<std::int64_t>(all[at].others.size());
      if (count == 0) continue;  // all prompts are equal: the mean is what the row is
      auto row = means[static_cast<std::int64_t>(at)];
      const auto logp = at::log_softmax(at::cat({row.unsqueeze(0), others.narrow(0, next, count)}), -1);
      const auto shares = at::tensor(all[at].shares, logp.options()).log().unsqueeze(1);
      row.copy_(at::logsumexp(logp + shares, 0));
      next += count;
    }
    return means;
  }

  Work further_work() const override { return others_.work(); }
  bool changes_scores() const override { return false; }  // average_prompts() combines scores

 private:
  /// The different prompts of a row: its own, then the others, and which share of the prompts equals each.
  struct Members {
    std::vector<std::span<const std::int32_t>> others;
    std::vector<float> shares;
  };

  static Members members_of(const LogitsRow& row) {
    const auto share = 1.0F / static_cast<float>(row.further.size() + 1);
    Members members{.others = {}, .shares = {share}};
    const auto equal = [](std::span<const std::int32_t> a, std::span<const std::int32_t> b) {
      return std::equal(a.begin(), a.end(), b.begin(), b.end());
    };
    for (const std::span<const std::int32_t> tokens : row.further) {
      const auto same =
          equal(tokens, row.tokens)
              ? std::size_t{0}
              : 1 + static_cast<std::size_t>(std::find_if(members.others.begin(), members.others.end(),
                                                          [&](const auto& other) { return equal(tokens, other); }) -
                                             members.others.begin());
      if (same == members.shares.size()) {
        members.others.push_back(tokens);
        members.shares.push_back(0.0F);
      }
      members.shares[same] += share;
    }
    return members;
  }

  SideModel others_;  ///< the model that answers, behind the further prompts
};

const std::string* context_of(const Request& request) {
  if (const auto* pair = std::get_if<Likelihood>(&request)) return &pair->context;
  const auto* generation = std::get_if<Generation>(&request);
  return generation == nullptr ? nullptr : &generation->context;
}

/// Whether the question's answers are written, not scored.
bool is_written(const Question& question) {
  return std::holds_alternative<Generation>(question.requests.front().front());
}

/// Why the prompts of a question cannot be combined; empty: they can.
std::string no_average(const Question& question) {
  const auto& plain = question.requests.front();
  for (const auto& request : plain) {
    if (std::holds_alternative<Rolling>(request)) return "a whole text is scored: it has one prompt";
    const auto* generation = std::get_if<Generation>(&request);
    if ((generation != nullptr) != is_written(question)) return "some of its answers are scored and some are written";
    if (generation != nullptr && !generation->media.empty()) {
      return "its prompts hold " + std::string(facts_of(kind_of(generation->media.front())).plural) +
             ": answers are written behind several texts alone";
    }
  }
  const bool equal = std::all_of(question.requests.begin(), question.requests.end(), [&](const auto& requests) {
    return *context_of(requests.front()) == *context_of(plain.front());
  });
  return equal && question.requests.size() > 1 ? "its prompts are all equal: no shots are drawn" : "";
}

/// The requests of a question: each choice behind each prompt, or each answer once, behind all prompts together.
std::vector<Request> combined_requests(const Question& question, bool declined) {
  auto requests = question.requests.front();
  for (std::size_t prompt = 1; prompt < question.requests.size() && !declined; ++prompt) {
    const auto& others = question.requests[prompt];
    for (std::size_t at = 0; at < others.size(); ++at) {
      if (is_written(question)) {
        std::get<Generation>(requests[at]).further_contexts.push_back(*context_of(others[at]));
      } else {
        requests.push_back(others[at]);
      }
    }
  }
  return requests;
}

double log_of_sum(const std::vector<double>& values) {
  const auto largest = *std::max_element(values.begin(), values.end());
  double sum = 0.0;
  for (const auto value : values) sum += std::exp(value - largest);
  return largest + std::log(sum);
}

/// Averages the probabilities of the choices over the prompts, by_prompt[p][c]. What a choice is given is the logarithm
/// of its mean probability among the choices, moved by the mean over prompts of what all choices have together, so that
/// rules that look at more than the ratios (a sum for each byte) see values of their usual size. A lone continuation
/// gets the logarithm of its mean probability.
std::vector<Response> average_prompts(std::vector<std::vector<Response>> by_prompt) {
  auto averaged = by_prompt.front();
  const auto prompts = static_cast<double>(by_prompt.size());
  std::vector<double> all;  // of each prompt: log of what the choices have together
  for (const auto& responses : by_prompt) {
    std::vector<double> logp;
    for (const auto& response : responses) logp.push_back(response.logp_nats);
    all.push_back(averaged.size() > 1 ? log_of_sum(logp) : 0.0);
  }
  double mean_all = 0.0;
  for (const auto value : all) mean_all += value / prompts;
  for (std::size_t choice = 0; choice < averaged.size(); ++choice) {
    std::vector<double> logp;
    for (std::size_t prompt = 0; prompt < by_prompt.size(); ++prompt) {
      const auto& response = by_prompt[prompt][choice];
      logp.push_back(response.logp_nats - all[prompt]);
      averaged[choice].greedy = averaged[choice].greedy && response.greedy;
      averaged[choice].prompt_tokens = std::max(averaged[choice].prompt_tokens, response.prompt_tokens);
      averaged[choice].truncated_tokens = std::max(averaged[choice].truncated_tokens, response.truncated_tokens);
    }
    averaged[choice].logp_nats = log_of_sum(logp) - std::log(prompts) + mean_all;
  }
  return averaged;
}

std::vector<Answered> average_over(std::span<const Question> questions, const Ask& ask) {
  std::vector<Asked> asked;
  std::vector<Answered> all(questions.size());
  for (std::size_t at = 0; at < questions.size(); ++at) {
    all[at].declined = no_average(questions[at]);
    for (auto& request : combined_requests(questions[at], !all[at].declined.empty()))
      asked.push_back({.question = at, .request = std::move(request)});
  }
  auto responses = ask(asked, "");
  for (std::size_t i = 0; i < asked.size(); ++i) all[asked[i].question].responses.push_back(std::move(responses[i]));
  for (std::size_t at = 0; at < questions.size(); ++at) {
    auto& own = all[at].responses;
    const auto choices = questions[at].requests.front().size();
    if (own.size() == choices) continue;
    std::vector<std::vector<Response>> by_prompt;
    for (auto first = own.begin(); first != own.end(); first += static_cast<std::ptrdiff_t>(choices))
      by_prompt.emplace_back(first, first + static_cast<std::ptrdiff_t>(choices));
    own = average_prompts(std::move(by_prompt));
  }
  return all;
}

Procedure make_ensemble(Options& options) {
  const auto sets = options.integer("shot_sets", "draws of a task's shots; the first is that of plain measuring",
                                    {.fallback = 4, .min = 1, .max = 256});
  const auto instructions = options.texts(
      "instructions", "system instructions; each is combined with each set of shots", std::vector<std::string>{""});
  require(options.describing() || (!instructions.empty() && instructions.front().empty()), Fault::config, [&] {
    return options.where() + ": key 'instructions': found " +
           (instructions.empty() ? "[]" : "'" + instructions.front() + "' as the first") +
           ", expected \"\" first, which is the plain prompt";
  });
  Procedure procedure;
  procedure.prompts.clear();
  for (const auto& instruction : instructions) {
    for (int set = 0; set < sets; ++set) procedure.prompts.push_back({.shot_draw = set, .instruction = instruction});
  }
  procedure.answer = average_over;
  procedure.logits = [](const OtherModels& models) { return std::make_unique<PromptMean>(models.at("")); };
  return procedure;
}

}  // namespace

namespace plugins {
void ensemble(TrainerBook& book) {
  book.procedures.add(
      "ensemble", {.summary = "several prompts for each question: the probabilities of its choices are averaged, or, "
                              "where an answer is written, those of each next token (RAG-Token, arXiv 2005.11401, "
                              "section 2.1)",
                   .make = make_ensemble});
}
}  // namespace plugins
}  // namespace touchstone
