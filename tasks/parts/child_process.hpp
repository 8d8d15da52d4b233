#pragma once
#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "harness/base/descriptor.hpp"

namespace touchstone {

using Clock = std::chrono::steady_clock;

/// Two ends of a pipe, both closed on exec.
struct Pipe {
  Descriptor reader;
  Descriptor writer;
};
/// Throws Fault::sandbox when the system has no descriptors left.
Pipe make_pipe();

/// A file in memory with the content `bytes`, positioned at its start, closed on exec.
Descriptor memory_file(std::string_view bytes);

/// /dev/null, for reading and writing.
Descriptor null_device();

/// How a child is started. It gets nothing else of this process: no descriptor that is not listed, no environment, no
/// signal mask, no terminal (it leads a session of its own), no working folder (it starts in "/").
struct ChildPlan {
  std::vector<std::string> command;      ///< command[0] is an absolute path; no shell, no search
  std::vector<std::string> environment;  ///< "NAME=value"
  std::vector<int> descriptors;          ///< descriptors[i] becomes descriptor i of the child; at least three
  std::optional<std::uint32_t> user;     ///< the child becomes this user and group first, without supplementary groups
  std::uint64_t cpu_seconds = 0;         ///< limits; 0 keeps this process's own limit
  std::uint64_t memory_bytes = 0;        ///< address space
  std::uint64_t file_bytes = 0;
  std::uint64_t open_files = 0;
};

/// A started child process. The destructor kills it and waits.
class Child {
 public:
  /// Safe from several threads at once. Throws Fault::sandbox naming the step that failed.
  explicit Child(const ChildPlan& plan);
  ~Child();
  Child(Child&& other) noexcept;
  Child& operator=(Child&&) = delete;
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;
  pid_t pid() const { return pid_; }
  /// Readable (by poll) once the child has ended.
  int ended_descriptor() const { return ended_.get(); }
  /// Waits until the child ends or `deadline` passes. Gives the status as waitpid does; none at the deadline.
  std::optional<int> wait_until(Clock::time_point deadline);
  /// SIGKILL to the child alone. Does nothing after the child was waited for.
  void kill() noexcept;

 private:
  pid_t pid_ = -1;
  Descriptor ended_;
  std::optional<int> status_;
};

/// Milliseconds left until `deadline`, for poll; never negative.
int milliseconds_until(Clock::time_point deadline);

}  // namespace touchstone
