#pragma once
#include <cstdint>
#include <iosfwd>
#include <map>
#include <mutex>
#include <optional>
#include <string>

#include "harness/base/stopwatch.hpp"
#include "harness/measure/measure.hpp"
#include "harness/model/backend.hpp"

namespace touchstone {

/// Shows progress to the person who waits: on a terminal one bar for the plan and one for each running job, redrawn
/// in place; elsewhere a plain line now and then. Safe to use from several threads.
class Progress {
 public:
  /// There are `units` jobs to do; `terminal` says whether `out` can be redrawn.
  Progress(std::ostream& out, bool terminal, bool quiet = false);
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  void plan(const std::string& name, std::size_t units);
  /// A job begins; `id` is the caller's own.
  void begin(std::size_t id, const std::string& label);
  void step(std::size_t id, const StepReport& report);
  /// `share` of the questions is answered.
  void answering(std::size_t id, double share);
  void score(std::size_t id, const std::string& task, const Score& score);
  /// A job has ended: `outcome` is "done", "stored already", or an error's text.
  void end(std::size_t id, const std::string& outcome);
  /// A line between the bars.
  void line(const std::string& text);

 private:
  struct Job {
    std::string label;
    double training = -1.0;  ///< share done; -1: not begun
    double answering = -1.0;
    std::string detail;  ///< loss, tokens/s, step
    std::string scores;
    Stopwatch begun;
    Stopwatch printed;
  };
  void draw(bool force);
  void erase();
  double share_done() const;
  std::string plan_line() const;
  std::string job_line(const Job& job) const;

  std::ostream* out_;
  bool terminal_;
  bool quiet_;
  std::mutex mutex_;
  std::string name_;
  std::size_t units_ = 0;
  std::size_t finished_ = 0;
  std::map<std::size_t, Job> jobs_;
  int drawn_lines_ = 0;
  Stopwatch begun_;
  std::optional<Stopwatch> drawn_;  ///< since the last redraw
};

/// "2 h 05 min", "3 min 10 s", "4.2 s".
std::string duration_text(double seconds);

/// "1.3 MB".
std::string bytes_text(double bytes);

}  // namespace touchstone
