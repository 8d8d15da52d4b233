#include "harness/train/stage.hpp"

#include "harness/base/stopwatch.hpp"
#include "harness/model/ops.hpp"
#include "harness/train/made_records.hpp"
#include "harness/train/session.hpp"

namespace touchstone {
namespace {

void run_one(const Stage& stage, Session& session) {
  try {
    make_or_take(stage, session);
  } catch (const c10::Error& error) {
    throw Error(Fault::shape, error.what_without_backtrace());
  }
}

}  // namespace

void run(const Recipe& recipe, Session& session) {
  for (std::size_t at = 0; at < recipe.stages.size(); ++at) {
    const auto& stage = recipe.stages[at];
    session.stage = static_cast<int>(at);
    session.stage_name = stage.name;
    session.values.clear();
    if (session.hooks->cancel != nullptr) session.hooks->cancel->check();
    const Stopwatch watch;
    try {
      run_one(stage, session);
    } catch (const Error& error) {
      throw error.in("in stage " + std::to_string(at) + " (" + stage.name + ") of " + recipe.method);
    }
    if (!session.hooks->stage) continue;
    session.hooks->stage({session.stage, stage.name, stage.options, watch.seconds(), session.values});
  }
}

}  // namespace touchstone
