#include "trainers/loops/stage_progress.hpp"

#include <algorithm>

#include "harness/model/backend.hpp"

namespace touchstone {
namespace {

constexpr double seconds_between_lines = 10.0;

}  // namespace

StageProgress::StageProgress(const Session& session, std::size_t all, std::string things)
    : session_(session), all_(all), things_(std::move(things)) {}

void StageProgress::at(std::size_t done) {
  const std::lock_guard lock(mutex_);
  done_ = std::max(done_, done);
  tell();
}

void StageProgress::one_more() {
  const std::lock_guard lock(mutex_);
  ++done_;
  tell();
}

void StageProgress::tell() {
  if (session_.hooks->log == nullptr || since_.seconds() < seconds_between_lines) return;
  since_ = Stopwatch();
  session_.hooks->log->info(session_.stage_name + ": " + std::to_string(done_) + " of " + std::to_string(all_) + " " +
                            things_);
}

}  // namespace touchstone
