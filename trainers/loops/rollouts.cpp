#include "trainers/loops/rollouts.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "harness/base/seed.hpp"
#include "harness/model/ops.hpp"
#include "trainers/loops/answering.hpp"
#include "trainers/losses/advantages.hpp"
#include "trainers/losses/loss.hpp"
#include "trainers/rows/data_set.hpp"
#include "trainers/rows/pieces.hpp"

namespace touchstone {
namespace {

struct Mean {
  double sum = 0.0;
  double count = 0.0;
};

struct Counts {
  double answers = 0.0;
  double reward = 0.0;
  double tokens = 0.0;
  double unfinished = 0.0;
  double overlong = 0.0;
  std::map<std::string, Mean> parts;  ///< of the reward, each over the answers that it applies to
};

/// The reward of one of a group of answers.
double reward_of(const RolloutOptions& options, const Judged& judged, std::int64_t tokens, Counts& counts) {
  const auto worth = options.rewards.of(judged);
  for (const auto& [name, value] : worth.parts) {
    counts.parts[name].sum += value;
    ++counts.parts[name].count;
  }
  auto reward = worth.total;
  if (!judged.answer().finished) reward -= options.missing_eos_penalty;
  if (options.overlong_margin > 0) {
    const auto penalty = overlong_penalty(tokens, options.asked.max_new_tokens, options.overlong_margin);
    counts.overlong += penalty;
    reward += penalty;
  }
  return options.reward_clip > 0.0 ? std::clamp(reward, -options.reward_clip, options.reward_clip) : reward;
}

/// The prompt's row with the answers that the model wrote.
Row answered(const Session& session, const RolloutOptions& options, const Row& prompt, const Record& record,
             const std::vector<Generated>& written, Counts& counts) {
  auto row = prompt;
  std::vector<Answer> group;
  for (const auto& one : written) group.push_back(written_answer(session, record, one));
  for (std::size_t at = 0; at < written.size(); ++at) {
    RowAnswer answer;
    answer.ids.assign(written[at].tokens.begin(), written[at].tokens.end());
    answer.reward =
        reward_of(options, {*session.job, record, group, at}, static_cast<std::int64_t>(answer.ids.size()), counts);
    if (options.mask_truncated && !written[at].finished) answer.facts.weights.assign(answer.ids.size(), 0.0F);
    ++counts.answers;
    counts.reward += answer.reward;
    counts.tokens += static_cast<double>(answer.ids.size());
    if (!written[at].finished) ++counts.unfinished;
    if (at > 0) {
      row.others.push_back(std::move(answer));
      continue;
    }
    row.ids.insert(row.ids.end(), answer.ids.begin(), answer.ids.end());
    row.facts = std::move(answer.facts);
    row.reward = answer.reward;
  }
  return row;
}

/// All rows as one batch of answers with the models' current log-probabilities and values, without gradient.
AnswerBatch look_back(const Session& session, const RolloutOptions& options, const RolloutModels& models,
                      const std::vector<Row>& rows) {
  const at::NoGradGuard no_grad;
  const auto temperature = rollout_temperature(options);
  std::vector<std::size_t> all(rows.size());
  std::iota(all.begin(), all.end(), std::size_t{0});
  AnswerBatch whole;
  whole.starts = {0};
  std::vector<Tensor> logp, ref_logp, values, weights, answer_of;
  for (const auto& group : token_groups(rows, all, options.batch_tokens)) {
    const auto batch =
        make_batch(rows, group, Normaliser::token_mean, models.policy->head().weight.device(), session.reader());
    const auto answers = whole.starts.back();
    logp.push_back(token_logp(*models.policy, batch, temperature));
    if (models.reference != nullptr) ref_logp.push_back(token_logp(*models.reference, batch, temperature));
    if (models.critic != nullptr) values.push_back(models.critic->values(batch));
    weights.push_back(batch.weights.defined() ? batch.weights : at::ones_like(logp.back()));
    answer_of.push_back(batch.answer_of + answers);
    for (std::size_t row = 1; row < batch.record_starts.size(); ++row) {
      whole.starts.push_back(answers + batch.record_starts[row]);
    }
    whole.rewards.insert(whole.rewards.end(), batch.rewards.begin(), batch.rewards.end());
  }
  const auto joined = [](const std::vector<Tensor>& parts) { return parts.empty() ? Tensor() : at::cat(parts); };
  whole.logp = joined(logp);
  whole.ref_logp = joined(ref_logp);
  whole.values = joined(values);
  whole.weights = joined(weights);
  whole.answer_of = joined(answer_of);
  whole.numbers.resize(rows.size());
  std::iota(whole.numbers.begin(), whole.numbers.end(), std::int64_t{0});
  return whole;
}

/// Tokens of a row's answers.
std::int64_t answer_tokens(const Row& row) {
  auto count = row.ids.size() - row.prompt_tokens;
  for (const auto& answer : row.others) count += answer.ids.size();
  return static_cast<std::int64_t>(count);
}

}  // namespace

double rollout_temperature(const RolloutOptions& options) {
  return options.asked.temperature > 0.0 ? options.asked.temperature : 1.0;
}

std::vector<std::vector<std::size_t>> token_groups(const std::vector<Row>& rows, const std::vector<std::size_t>& chosen,
                                                   std::int64_t tokens) {
  std::vector<std::vector<std::size_t>> groups;
  std::int64_t size = 0;
  for (const auto row : chosen) {
    const auto more = static_cast<std::int64_t>(rows[row].tokens());
    if (groups.empty() || size + more > tokens) {
      groups.emplace_back();
      size = 0;
    }
    groups.back().push_back(row);
    size += more;
  }
  return groups;
}

RolloutPrompts rollout_prompts(Session& session, const std::string& data, int max_new_tokens) {
  RolloutPrompts prompts;
  RowSettings settings;
  settings.max_length = session.model->max_length();
  const auto encoder = row_encoder(session);
  const auto& records = session.data.at(data);
  for (const auto& record : records) {
    auto open = record;
    open.answers.assign(1, Answer{});
    open.answers.front().text = ".";  // a placeholder for the answer to be written
    RowAudit audit;
    auto row = encode_row(open, encoder, settings, audit);
    if (!row || audit.rows_truncated > 0 || row->prompt_tokens == 0 ||
        static_cast<std::int64_t>(row->prompt_tokens) + max_new_tokens > settings.max_length) {
      continue;
    }
    row->ids.resize(row->prompt_tokens);
    row->pictures = pictures_of(record);
    row->facts = {};
    prompts.rows.push_back(std::move(*row));
    prompts.records.push_back(&record);
  }
  session.values = {{"rows", static_cast<double>(prompts.rows.size())},
                    {"rows_dropped", static_cast<double>(records.size() - prompts.rows.size())}};
  require(!prompts.rows.empty(), Fault::data, [&] {
    return needs_data(data) + ": none of " + std::to_string(records.size()) +
           " prompts leaves room for max_new_tokens, " + std::to_string(max_new_tokens) + ", within max_length, " +
           std::to_string(settings.max_length);
  });
  return prompts;
}

Rollouts roll_out(const Session& session, const RolloutOptions& options, const RolloutLoss& objective,
                  const RolloutModels& models, const RolloutPrompts& prompts, const std::vector<std::size_t>& chosen,
                  const std::string& name) {
  std::vector<TokenPrompt> open;
  for (const auto at : chosen) {
    const auto& row = prompts.rows[at];
    TokenPrompt prompt{.tokens = row.ids, .pictures = row.pictures, .asked = options.asked};
    prompt.asked.until = stops_of(*session.job, *prompts.records[at], options.until);
    prompt.asked.seed = derive_seed(session.job->seed, name + "." + row.id);
    open.push_back(std::move(prompt));
  }
  const auto written = go_on_from(session, open);
  Rollouts rollouts;
  Counts counts;
  for (std::size_t at = 0; at < chosen.size(); ++at) {
    rollouts.rows.push_back(
        answered(session, options, prompts.rows[chosen[at]], *prompts.records[chosen[at]], written[at], counts));
  }
  const auto batch = look_back(session, options, models, rollouts.rows);
  const auto notes = objective.credit(batch);
  std::int64_t first = 0;
  for (const auto& row : rollouts.rows) {
    const auto count = answer_tokens(row);
    rollouts.notes.emplace_back();
    for (const auto& [key, all] : notes) rollouts.notes.back()[key] = all.narrow(0, first, count).detach();
    first += count;
  }
  rollouts.values = {{"reward", counts.reward / counts.answers},
                     {"answer_tokens", counts.tokens / counts.answers},
                     {"unfinished", counts.unfinished / counts.answers}};
  for (const auto& [part, mean] : counts.parts) rollouts.values["reward_" + part] = mean.sum / mean.count;
  if (options.overlong_margin > 0) rollouts.values["overlong_penalty"] = counts.overlong / counts.answers;
  if (batch.ref_logp.defined()) {
    rollouts.values["kl"] = logged_sum(batch.logp - batch.ref_logp) / static_cast<double>(batch.logp.size(0));
  }
  return rollouts;
}

}  // namespace touchstone
