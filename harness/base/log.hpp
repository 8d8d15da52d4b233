#pragma once
#include <iosfwd>
#include <mutex>
#include <string>
#include <string_view>

namespace touchstone {

/// Facts for people, to stderr: one line a fact. Safe to use from several threads. stdout is for results only.
class Log {
 public:
  explicit Log(std::ostream& out, bool quiet = false) : out_(&out), quiet_(quiet) {}
  void set_quiet(bool quiet) { quiet_ = quiet; }
  void info(std::string_view line);
  /// "warning: ...". Shown even when quiet.
  void warn(std::string_view line);

 private:
  void write(std::string_view prefix, std::string_view line);
  std::ostream* out_;
  bool quiet_;
  std::mutex mutex_;
};

}  // namespace touchstone
