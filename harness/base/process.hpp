#pragma once
#include <sys/resource.h>

#include <cstdint>
#include <ctime>
#include <fstream>

namespace touchstone {

/// The most memory that this process has had in use at once so far, in bytes; 0 where the system does not say.
inline std::int64_t peak_resident_bytes() {
  rusage usage{};
  return ::getrusage(RUSAGE_SELF, &usage) == 0 ? std::int64_t{usage.ru_maxrss} * 1024 : 0;
}

/// Resets peak_resident_bytes() to the memory in use now; false where the system cannot (Linux 4.0 and newer
/// can: proc(5), /proc/PID/clear_refs).
inline bool restart_peak_resident() {
  std::ofstream clear("/proc/self/clear_refs");
  clear << "5" << std::flush;
  return clear.good();
}

/// Processor time in seconds, user and system together.
inline double cpu_seconds(clockid_t clock) {
  timespec used{};
  ::clock_gettime(clock, &used);
  return static_cast<double>(used.tv_sec) + 1e-9 * static_cast<double>(used.tv_nsec);
}
/// Of all threads of this process.
inline double process_cpu_seconds() { return cpu_seconds(CLOCK_PROCESS_CPUTIME_ID); }
/// Of the calling thread.
inline double thread_cpu_seconds() { return cpu_seconds(CLOCK_THREAD_CPUTIME_ID); }

}  // namespace touchstone
