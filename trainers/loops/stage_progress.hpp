#pragma once
#include <mutex>
#include <string>

#include "harness/base/stopwatch.hpp"
#include "harness/train/session.hpp"

namespace touchstone {

/// Logs the progress of a stage now and then: "sample: 640 of 3891 prompts answered".
/// Safe to use from several threads.
class StageProgress {
 public:
  /// `things`: what is counted and what is done with it: "prompts answered".
  StageProgress(const Session& session, std::size_t all, std::string things);
  /// `done` of all are finished; a smaller number than before is ignored.
  void at(std::size_t done);
  /// One more is finished.
  void one_more();

 private:
  void tell();

  const Session& session_;
  std::size_t all_;
  std::string things_;
  std::mutex mutex_;
  std::size_t done_ = 0;
  Stopwatch since_;
};

}  // namespace touchstone
