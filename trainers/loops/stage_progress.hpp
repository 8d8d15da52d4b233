#pragma once
#include <mutex>
#include <string>

#include "harness/base/stopwatch.hpp"
#include "harness/train/session.hpp"

namespace touchstone {

/// A line in the log now and then, while a stage works through what it has: "sample: 640 of 3891 prompts answered".
/// Safe to use from several threads.
class StageProgress {
 public:
  /// `things`: what is counted, and what becomes of it: "prompts answered".
  StageProgress(const Session& session, std::size_t all, std::string things);
  /// `done` of all are through; smaller numbers than before say nothing.
  void at(std::size_t done);
  /// One more is.
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
