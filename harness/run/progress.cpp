#include "harness/run/progress.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <ostream>

#include "harness/base/stopwatch.hpp"
#include "harness/base/terminal.hpp"
#include "harness/base/text.hpp"

namespace touchstone {
namespace {

constexpr double redraw_seconds = 0.2;
constexpr double plain_line_seconds = 10.0;

std::string bar(double share, int cells) {
  const int full = static_cast<int>(std::lround(std::clamp(share, 0.0, 1.0) * cells));
  std::string text = "[";
  for (int i = 0; i < cells; ++i) text += i < full ? "#" : "-";
  return text + "]";
}

}  // namespace

std::string duration_text(double seconds) {
  if (!std::isfinite(seconds)) return "?";
  if (seconds < 60) return fmt::format("{:.1f} s", seconds);
  const auto whole = std::int64_t{std::llround(seconds)};
  if (whole < 3600) return fmt::format("{} min {:02} s", whole / 60, whole % 60);
  return fmt::format("{} h {:02} min", whole / 3600, whole / 60 % 60);
}

std::string bytes_text(double bytes) {
  constexpr const char* units[] = {"B", "kB", "MB", "GB", "TB"};
  int unit = 0;
  for (; bytes >= 1000 && unit < 4; ++unit) bytes /= 1000;
  return fmt::format("{:.{}f} {}", bytes, unit == 0 ? 0 : 1, units[unit]);
}

Progress::Progress(std::ostream& out, bool terminal, bool quiet) : out_(&out), terminal_(terminal), quiet_(quiet) {}

Progress::~Progress() {
  const std::lock_guard lock(mutex_);
  erase();
}

void Progress::plan(const std::string& name, std::size_t units) {
  const std::lock_guard lock(mutex_);
  name_ = name;
  units_ = units;
  begun_.restart();
}

void Progress::begin(std::size_t id, const std::string& label) {
  const std::lock_guard lock(mutex_);
  Job job;
  job.label = label;
  job.begun.restart();
  job.printed.restart();
  jobs_[id] = job;
  if (!terminal_ && !quiet_) *out_ << label << ": begins\n" << std::flush;
  draw(true);
}

void Progress::step(std::size_t id, const StepReport& report) {
  const std::lock_guard lock(mutex_);
  const auto found = jobs_.find(id);
  if (found == jobs_.end()) return;
  Job& job = found->second;
  job.training = report.steps > 0 ? static_cast<double>(report.step) / static_cast<double>(report.steps) : 0.0;
  const double rate = report.seconds > 0 ? static_cast<double>(report.tokens) / report.seconds : 0.0;
  job.detail = fmt::format("{} {}/{} loss {:.4f} {:.0f} tokens/s", report.stage_name, report.step, report.steps,
                           report.loss, rate);
  draw(false);
  if (!terminal_ && !quiet_ && job.printed.seconds() > plain_line_seconds) {
    job.printed.restart();
    *out_ << job_line(job) << '\n' << std::flush;
  }
}

void Progress::answering(std::size_t id, double share) {
  const std::lock_guard lock(mutex_);
  const auto found = jobs_.find(id);
  if (found == jobs_.end()) return;
  Job& job = found->second;
  job.answering = share;
  job.detail = fmt::format("answering, {:.0f} %", 100.0 * share);
  draw(false);
  if (!terminal_ && !quiet_ && job.printed.seconds() > plain_line_seconds) {
    job.printed.restart();
    *out_ << job_line(job) << '\n' << std::flush;
  }
}

void Progress::score(std::size_t id, const std::string& task, const Score& score) {
  const std::lock_guard lock(mutex_);
  const auto found = jobs_.find(id);
  if (found == jobs_.end()) return;
  auto& scores = found->second.scores;
  if (scores.size() < 120) scores += fmt::format("{}{} {:.3f}", scores.empty() ? "" : ", ", task, score.value);
  draw(false);
}

void Progress::end(std::size_t id, const std::string& outcome) {
  const std::lock_guard lock(mutex_);
  const auto found = jobs_.find(id);
  ++finished_;
  if (found != jobs_.end()) {
    const Job job = found->second;
    jobs_.erase(found);
    erase();
    if (!quiet_) {
      const auto scores = job.scores.empty() ? "" : "; " + job.scores;
      *out_ << fmt::format("[{}/{}] {}: {} in {}{}\n", finished_, units_, job.label, outcome,
                           duration_text(job.begun.seconds()), scores)
            << std::flush;
    }
  }
  draw(true);
}

void Progress::line(const std::string& text) {
  const std::lock_guard lock(mutex_);
  erase();
  if (!quiet_) *out_ << text << '\n' << std::flush;
  draw(true);
}

double Progress::share_done() const {
  double done = static_cast<double>(finished_);
  for (const auto& entry : jobs_) {
    const Job& job = entry.second;
    done += 0.5 * std::max(job.training, 0.0) + 0.5 * std::max(job.answering, 0.0);
  }
  return units_ == 0 ? 0.0 : std::min(1.0, done / static_cast<double>(units_));
}

std::string Progress::plan_line() const {
  const double share = share_done();
  const double spent = begun_.seconds();
  const auto left = share > 0.02 ? duration_text(spent * (1.0 - share) / share) : std::string("?");
  return fmt::format("{} {} {}/{}  {} left", bar(share, 24), name_, finished_, units_, left);
}

std::string Progress::job_line(const Job& job) const {
  const double share = job.answering >= 0 ? job.answering : std::max(job.training, 0.0);
  return fmt::format("{} {}: {}", bar(share, 12), job.label, job.detail);
}

void Progress::erase() {
  if (!terminal_ || quiet_) return;
  for (; drawn_lines_ > 0; --drawn_lines_) *out_ << "\x1b[1A\x1b[2K";
}

void Progress::draw(bool force) {
  if (!terminal_ || quiet_ || (!force && drawn_ && drawn_->seconds() < redraw_seconds)) return;
  drawn_.emplace();
  erase();
  const auto columns = terminal_columns(STDERR_FILENO) - 1;
  const auto put = [&](const std::string& text) {
    *out_ << text.substr(0, cut_length(text, columns)) << '\n';
    ++drawn_lines_;
  };
  if (units_ > 1) put(plan_line());
  for (const auto& entry : jobs_) {
    put(job_line(entry.second));
    if (!entry.second.scores.empty()) put("               " + entry.second.scores);
  }
  *out_ << std::flush;
}

}  // namespace touchstone
