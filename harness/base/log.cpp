#include "harness/base/log.hpp"

#include <ostream>

namespace touchstone {

void Log::info(std::string_view line) {
  if (!quiet_) write("", line);
}

void Log::warn(std::string_view line) { write("warning: ", line); }

void Log::write(std::string_view prefix, std::string_view line) {
  const std::lock_guard lock(mutex_);
  *out_ << prefix << line << '\n' << std::flush;
}

}  // namespace touchstone
