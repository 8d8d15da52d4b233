#include "trainers/loops/reinforce_loop.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "harness/base/draws.hpp"
#include "harness/base/stopwatch.hpp"
#include "harness/model/ops.hpp"

namespace touchstone {

ReinforceLoop::ReinforceLoop(Session& session, ReinforceOptions options)
    : session_(session),
      options_(std::move(options)),
      prompts_(rollout_prompts(session, options_.data, options_.rollout.asked.max_new_tokens)) {
  auto& model = *session.model;
  models_.policy = &model;
  if (objective().ref_logp) {
    if (options_.reference.empty()) own_reference_ = model.clone();
    models_.reference = own_reference_ ? own_reference_.get() : session.frozen.at(options_.reference).get();
  }
  if (objective().values) {
    critic_ = std::make_unique<Critic>(model);
    models_.critic = critic_.get();
  }
  groups_.emplace(trained_groups(session, {"all"}, options_.optimizer));
  if (critic_) groups_->add(critic_->module(options_.critic_learning_rate));
  loss_.model = &model;
  loss_.objective = &options_.objective;
  loss_.temperature = rollout_temperature(options_.rollout);
  loss_.critic = critic_.get();
  plan();
}

std::int64_t ReinforceLoop::steps_of(std::size_t prompts) const {
  return options_.passes * std::min(options_.mini_batches, static_cast<std::int64_t>(prompts));
}

/// The prompts of every iteration, and with them the number of optimizer steps: a pure function of data and seed.
void ReinforceLoop::plan() {
  const auto count = prompts_.rows.size();
  const auto a_rollout = std::min(static_cast<std::size_t>(options_.prompts), count);
  const auto each = static_cast<double>(count) / static_cast<double>(a_rollout);
  const auto wanted = options_.max_rollouts > 0 ? static_cast<std::size_t>(options_.max_rollouts)
                                                : static_cast<std::size_t>(std::ceil(options_.epochs * each - 1e-9));
  std::int64_t steps = 0;
  for (int epoch = 0; plan_.size() < wanted; ++epoch) {
    std::vector<std::size_t> order(count);
    std::iota(order.begin(), order.end(), std::size_t{0});
    Draws draws(options_.seed, "reinforce.prompts." + std::to_string(epoch));
    shuffle(order, draws);
    for (std::size_t first = 0; first < count && plan_.size() < wanted; first += a_rollout) {
      const auto last = std::min(first + a_rollout, count);
      plan_.emplace_back(order.begin() + static_cast<std::ptrdiff_t>(first),
                         order.begin() + static_cast<std::ptrdiff_t>(last));
      steps += steps_of(last - first);
    }
  }
  schedule_ = schedule_of(options_.optimizer, steps);
}

bool ReinforceLoop::restore() {
  checkpoints_.emplace(session_, rows_hash(prompts_.rows));
  const auto state = checkpoints_->load();
  if (!state) return false;
  groups_->restore(*state, !checkpoints_->finished());
  done_ = state->step;
  counters_ = state->counters;
  session_.result.resumed_from_step = session_.result.steps + done_;
  return checkpoints_->finished();
}

TrainState ReinforceLoop::state(bool with_moments) const {
  TrainState state;
  state.step = done_;
  groups_->save(state, with_moments);
  state.counters = counters_;
  return state;
}

LossTotals ReinforceLoop::totals_of(const Rollouts& rollouts, const std::vector<std::size_t>& rows) const {
  LossTotals totals;
  for (const auto& group : token_groups(rollouts.rows, rows, options_.rollout.batch_tokens)) {
    auto batch = make_batch(rollouts.rows, group, Normaliser::token_mean, session_.model->head().weight.device(),
                            session_.reader());
    for (const auto& [name, first] : rollouts.notes.front()) {
      std::vector<Tensor> parts;
      for (const auto row : group) parts.push_back(rollouts.notes[row].at(name));
      batch.notes[name] = at::cat(parts);
    }
    totals.add(accumulate_loss(loss_, batch));
  }
  return totals;
}

void ReinforceLoop::take_step(const LossTotals& totals, StepReport& report) {
  const double divisor = totals.count;
  report.loss = divisor > 0.0 ? totals.sum / divisor : 0.0;
  const auto norms = groups_->norms(divisor);
  report.gradient_norm = norms.front();
  require_finite(report, norms);
  if (divisor > 0.0) groups_->step(schedule_.factor(done_), divisor, norms);  // zero when every token was left out
}

void ReinforceLoop::train_on(const Rollouts& rollouts, const std::vector<std::size_t>& rows) {
  const Stopwatch watch;
  const auto totals = totals_of(rollouts, rows);
  StepReport report;
  report.stage = session_.stage;
  report.stage_name = session_.stage_name;
  report.step = done_ + 1;
  report.steps = schedule_.steps;
  report.learning_rate = options_.optimizer.learning_rate * schedule_.factor(done_);
  report.tokens = totals.tokens;
  report.trained_tokens = static_cast<std::int64_t>(totals.positions);
  report.values = rollouts.values;
  for (const auto& [name, value] : totals.logged) report.values[name] = value / totals.logged_over;
  take_step(totals, report);
  report.seconds = watch.seconds();
  ++done_;
  count_step(counters_, report);
  if (session_.hooks->step) session_.hooks->step(report);
}

/// One rollout and the training passes over it.
void ReinforceLoop::iterate(std::size_t number) {
  const auto name = "reinforce." + std::to_string(number);
  const auto rollouts = roll_out(session_, options_.rollout, objective(), models_, prompts_, plan_[number], name);
  for (const auto& [key, value] : rollouts.values) {
    if (number == 0) counters_["first_" + key] = value;
    counters_["last_" + key] = value;
  }
  const auto count = rollouts.rows.size();
  const auto parts = std::min(static_cast<std::size_t>(options_.mini_batches), count);
  for (std::int64_t pass = 0; pass < options_.passes; ++pass) {
    std::vector<std::size_t> order(count);
    std::iota(order.begin(), order.end(), std::size_t{0});
    Draws draws(options_.seed, name + ".order." + std::to_string(pass));
    shuffle(order, draws);
    for (std::size_t part = 0; part < parts; ++part) {
      const auto first = order.begin() + static_cast<std::ptrdiff_t>(count * part / parts);
      const auto last = order.begin() + static_cast<std::ptrdiff_t>(count * (part + 1) / parts);
      train_on(rollouts, {first, last});
    }
  }
}

void ReinforceLoop::run() {
  if (restore()) return end_stage(session_, counters_, done_);
  const auto& hooks = *session_.hooks;
  const auto every = session_.job->save_every_steps;
  for (auto at = static_cast<std::size_t>(counters_["rollouts"]); at < plan_.size();) {
    const auto before = done_;
    iterate(at);
    counters_["rollouts"] = static_cast<double>(++at);
    const bool cancelled = hooks.cancel != nullptr && hooks.cancel->is_set();
    const bool due = every > 0 && done_ / every > before / every;
    if (at == plan_.size() || (!due && !cancelled)) continue;
    if (hooks.saving) hooks.saving();
    checkpoints_->save(state(true));
    if (cancelled) throw Cancelled();
  }
  if (hooks.saving) hooks.saving();
  checkpoints_->finish(state(false));
  end_stage(session_, counters_, done_);
}

}  // namespace touchstone
