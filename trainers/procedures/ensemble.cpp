#include <algorithm>
#include <cmath>

#include "harness/train/stage.hpp"

namespace touchstone {
namespace {

std::string no_average(const Question& question) {
  const auto& plain = question.requests.front();
  for (const auto& request : plain) {
    if (std::holds_alternative<Generation>(request)) return "answers are written: only scored choices are averaged";
    if (std::holds_alternative<Rolling>(request)) return "a whole text is scored: it has one prompt";
  }
  const auto& context = std::get<Likelihood>(plain.front()).context;
  const bool equal = std::all_of(question.requests.begin(), question.requests.end(), [&](const auto& requests) {
    return std::get<Likelihood>(requests.front()).context == context;
  });
  return equal && question.requests.size() > 1 ? "its prompts are all equal: no shots are drawn" : "";
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
  std::vector<std::vector<std::vector<Response>>> own(questions.size());
  for (std::size_t at = 0; at < questions.size(); ++at) {
    all[at].declined = no_average(questions[at]);
    const auto prompts = all[at].declined.empty() ? questions[at].requests.size() : 1;
    for (std::size_t prompt = 0; prompt < prompts; ++prompt) {
      for (const auto& request : questions[at].requests[prompt]) asked.push_back({.question = at, .request = request});
    }
    own[at].resize(prompts);
  }
  auto responses = ask(asked, "");
  std::size_t next = 0;
  for (std::size_t at = 0; at < questions.size(); ++at) {
    for (std::size_t prompt = 0; prompt < own[at].size(); ++prompt) {
      for (std::size_t i = 0; i < questions[at].requests[prompt].size(); ++i)
        own[at][prompt].push_back(std::move(responses[next++]));
    }
    all[at].responses = own[at].size() == 1 ? std::move(own[at].front()) : average_prompts(std::move(own[at]));
  }
  return all;
}

Procedure make_ensemble(Options& options) {
  const auto sets = options.integer("shot_sets", "draws of a task's shots; the first is that of plain measuring",
                                    {.fallback = 4, .min = 1, .max = 256});
  const auto instructions = options.texts(
      "instructions", "system instructions; each is combined with each set of shots", std::vector<std::string>{""});
  require(options.describing() || (!instructions.empty() && instructions.front().empty()), Fault::config, [&] {
    return options.where() + ": key 'instructions': the first must be \"\", the prompt of plain measuring";
  });
  Procedure procedure;
  procedure.prompts.clear();
  for (const auto& instruction : instructions) {
    for (int set = 0; set < sets; ++set) procedure.prompts.push_back({.shot_draw = set, .instruction = instruction});
  }
  procedure.answer = average_over;
  return procedure;
}

}  // namespace

namespace plugins {
void ensemble(TrainerBook& book) {
  book.procedures.add("ensemble",
                      {.summary = "choices are scored behind several prompts; their probabilities are averaged",
                       .make = make_ensemble});
}
}  // namespace plugins
}  // namespace touchstone
