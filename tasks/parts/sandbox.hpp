#pragma once
#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tasks/parts/child_process.hpp"

namespace touchstone {

/// The limits of a sandboxed program. The wall clock ends whatever the other limits let through.
struct SandboxLimits {
  double wall_seconds = 3.0;                            ///< from the start of the program's own code
  std::uint64_t memory_bytes = std::uint64_t{1} << 30;  ///< address space of its one process
  std::uint64_t file_bytes = std::uint64_t{8} << 20;    ///< of one file
  std::uint64_t tmp_bytes = std::uint64_t{16} << 20;    ///< of /tmp, the only writable place
  std::uint64_t output_bytes = std::uint64_t{1} << 20;  ///< of stdout and of stderr, each
  int threads = 16;
};

enum class SandboxEnding : std::uint8_t {
  finished,         ///< the program ended by itself, with `exit_code`
  killed,           ///< by signal `signal`: a limit of the kernel, or the program's own doing
  timed_out,        ///< the wall-clock limit passed, and everything in the sandbox got SIGKILL
  too_much_output,  ///< stdout or stderr exceeded its limit, and everything got SIGKILL
};

struct SandboxResult {
  SandboxEnding ending = SandboxEnding::finished;
  int exit_code = 0;
  int signal = 0;
  std::string output;  ///< stdout, cut at the limit
  std::string errors;  ///< stderr, cut at the limit
  double seconds = 0.0;
};

/// A program inside the sandbox that talks with the caller over its descriptors. The destructor ends everything in it.
class SandboxedProcess {
 public:
  SandboxedProcess(Child child, Descriptor information)
      : child_(std::move(child)), information_(std::move(information)) {}
  SandboxedProcess(SandboxedProcess&&) noexcept = default;
  ~SandboxedProcess() { end(); }
  /// SIGKILL to the sandbox's first process, which ends the whole process space, and waits for that.
  void end() noexcept;
  /// The status as waitpid gives it (bubblewrap reports signal N as exit code 128 + N); none at the deadline.
  std::optional<int> wait_until(Clock::time_point deadline) { return child_.wait_until(deadline); }
  int ended_descriptor() const { return child_.ended_descriptor(); }

 private:
  /// False: it cannot be told which process that is.
  bool ended_by_its_first_process();
  Child child_;
  Descriptor information_;  ///< bubblewrap writes {"child-pid": N} here
  bool over_ = false;
};

/// Runs Python programs that a model wrote, under bubblewrap. They cannot change, read or reach anything outside of it,
/// and nothing of them outlives the call.
///
/// The barriers: name spaces of their own (users, processes, network without any interface, mounts, IPC, host name);
/// a root folder that is read-only and holds the interpreter, its library and the C libraries alone (no /etc, no /home,
/// no /proc, no data sets); an empty environment; no capabilities, no new privileges, no further user name spaces; a
/// list of allowed system calls (seccomp_filter.hpp) without any that makes a process or a socket; limits on address
/// space, CPU time, file size, descriptors and threads; a /tmp of limited size; the wall clock with SIGKILL. If root
/// starts it, the sandbox runs as an unused user id of its own, because the kernel exempts root from the limit on
/// processes; the limit is set inside the user name space, where it does not count other processes.
///
/// open() does not trust this: it runs a probe inside that tries to get out, and refuses unless every attempt
/// fails.
///
/// Remaining risks: a flaw in the kernel that the allowed system calls can reach; kernel memory for empty files in /tmp
/// (bounded by the wall clock, freed at its end); information that a program gains from timing.
class Sandbox {
 public:
  /// Finds bubblewrap and Python ($TOUCHSTONE_PYTHON, else /usr/bin/python3, else python3 on the path; packages other
  /// than the standard library can be imported only from an interpreter that the user named), and tests the sandbox.
  /// Throws Fault::sandbox saying what is missing and how to get it.
  static Sandbox open();

  /// Runs a program given as source text and waits for its end. Safe from several threads at once.
  /// Throws Fault::sandbox when the sandbox itself cannot be started.
  SandboxResult run(std::string_view program, const SandboxLimits& limits = {}) const;

  /// Starts `source` with descriptors 0, 1, 2, ... as given. It goes on the command line, so it must be short (64 KiB).
  SandboxedProcess start(const std::string& source, const std::vector<int>& descriptors,
                         const SandboxLimits& limits) const;

  /// How many times longer a calibration program takes here than on the machine for which time limits were chosen;
  /// in [1, 10]. Time limits of benchmarks are multiplied by it.
  double slowness() const { return slowness_; }
  const std::string& python_version() const { return python_version_; }

  /// Time for starting an interpreter; if it takes longer, that is a fault of the machine.
  static constexpr std::chrono::seconds start_limit{20};

 private:
  Sandbox() = default;
  void probe();
  std::vector<std::string> command(const std::string& source, const SandboxLimits& limits, int filter_descriptor,
                                   int information_descriptor) const;

  std::string bubblewrap_;
  std::string python_;
  std::string python_version_;
  std::vector<std::string> mounts_;  ///< arguments of bubblewrap
  bool site_packages_ = false;
  std::string filter_;  ///< compiled seccomp program
  std::optional<std::uint32_t> first_user_;
  std::uint32_t users_ = 0;
  std::unique_ptr<std::atomic<std::uint32_t>> next_user_ = std::make_unique<std::atomic<std::uint32_t>>(0);
  double slowness_ = 1.0;
};

/// The end of a refusal's message: how to get a sandbox on this kind of machine.
std::string sandbox_advice();

}  // namespace touchstone
