#include <tbb/parallel_for.h>

#include <map>

#include "harness/base/seed.hpp"
#include "harness/train/stage.hpp"

namespace touchstone {
namespace {

struct VoteOptions {
  int answers = 5;
  double temperature = 0.7;
  double top_p = 1.0;
  std::uint64_t seed = 0;
};

/// Why the requests of an example cannot be voted on; empty: they can.
std::string no_vote(const std::vector<Request>& requests) {
  bool written = false;
  for (const auto& request : requests) {
    const auto* generation = std::get_if<Generation>(&request);
    if (generation == nullptr) continue;
    written = true;
    if (generation->samples != 1) return "the task asks for several answers itself";
  }
  return written ? "" : "nothing is written: log-likelihoods are scored plainly";
}

/// The number-th answer to each request, as if it alone had been asked for.
std::vector<Response> answer_alone(const std::vector<Response>& responses, std::size_t number) {
  auto alone = responses;
  for (auto& response : alone) {
    if (!response.generated.empty()) response.generated = {response.generated.at(number)};
  }
  return alone;
}

/// The majority of what the task itself reads out of the answers. An answer out of which nothing can be read votes only
/// where all are so; of equally many votes those win whose first came earliest.
Answered count_votes(const Question& question, const std::vector<Response>& responses, int answers) {
  struct Ballot {
    std::size_t first = 0;
    int votes = 0;
  };
  Answered answered;
  std::map<std::string, Ballot> parsed;
  std::map<std::string, Ballot> unparsed;
  for (std::size_t number = 0; number < static_cast<std::size_t>(answers); ++number) {
    const auto alone = answer_alone(responses, number);
    const auto verdict = question.task->judge(*question.example, alone, question.asking);
    auto& ballot = (verdict.parsed ? parsed : unparsed).try_emplace(verdict.extracted, Ballot{number, 0}).first->second;
    ++ballot.votes;
    for (const auto& response : alone) {
      for (const auto& generated : response.generated) answered.considered.push_back(generated.text);
    }
  }
  Ballot best;
  for (const auto& [extracted, ballot] : parsed.empty() ? unparsed : parsed) {
    const bool earlier = ballot.votes == best.votes && ballot.first < best.first;
    if (ballot.votes > best.votes || earlier) best = ballot;
  }
  answered.responses = answer_alone(responses, best.first);
  answered.detail = std::to_string(best.votes) + " of " + std::to_string(answers) + " votes";
  return answered;
}

std::vector<Answered> vote_on(std::span<const Question> questions, const Ask& ask, const VoteOptions& options) {
  std::vector<Asked> asked;
  for (std::size_t at = 0; at < questions.size(); ++at) {
    const bool plain = !no_vote(questions[at].requests.front()).empty();
    for (auto request : questions[at].requests.front()) {
      if (auto* generation = std::get_if<Generation>(&request); generation != nullptr && !plain) {
        generation->samples = options.answers;
        generation->temperature = options.temperature;
        generation->top_p = options.top_p;
        generation->seed = derive_seed(generation->seed, "vote " + std::to_string(options.seed));
      }
      asked.push_back({.question = at, .request = std::move(request)});
    }
  }
  auto responses = ask(asked, "");
  std::vector<std::vector<Response>> own(questions.size());
  for (std::size_t i = 0; i < asked.size(); ++i) own[asked[i].question].push_back(std::move(responses[i]));
  std::vector<Answered> all(questions.size());
  tbb::parallel_for(std::size_t{0}, questions.size(), [&](std::size_t at) {
    auto declined = no_vote(questions[at].requests.front());
    if (!declined.empty()) {
      all[at] = {.responses = std::move(own[at]), .considered = {}, .detail = {}, .declined = std::move(declined)};
    } else if (options.answers == 1) {
      all[at].responses = std::move(own[at]);
    } else {
      all[at] = count_votes(questions[at], own[at], options.answers);
    }
  });
  return all;
}

Procedure make_vote(Options& options) {
  VoteOptions vote;
  vote.answers = static_cast<int>(
      options.integer("k", "answers that are written to each question", {.fallback = 5, .min = 1, .max = 1024}));
  vote.temperature = options.number("temperature", "of the draws; 0: the likeliest token",
                                    {.fallback = 0.7, .min = 0.0, .max = 100.0});
  vote.top_p = options.number("top_p", "draws from the likeliest tokens that have so much probability together",
                              {.fallback = 1.0, .min = 1e-6, .max = 1.0});
  vote.seed =
      static_cast<std::uint64_t>(options.integer("seed", "another number: other draws", {.fallback = 0, .min = 0}));
  Procedure procedure;
  procedure.answer = [vote](std::span<const Question> questions, const Ask& ask) {
    return vote_on(questions, ask, vote);
  };
  return procedure;
}

}  // namespace

namespace plugins {
void vote(TrainerBook& book) {
  book.procedures.add("vote",
                      {.summary = "several answers are drawn; the one that most agree on, by what the task reads "
                                  "out of them (Self-Consistency, arXiv 2203.11171, section 2)",
                       .make = make_vote});
}
}  // namespace plugins
}  // namespace touchstone
