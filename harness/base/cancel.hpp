#pragma once
#include <atomic>
#include <exception>

namespace touchstone {

/// Thrown at the next safe point after Ctrl-C or SIGTERM; not an Error, since nothing went wrong.
class Cancelled : public std::exception {
 public:
  const char* what() const noexcept override { return "stopped on request"; }
};

/// A flag that a signal handler sets and long loops look at between steps.
class CancelFlag {
 public:
  void set() noexcept { set_.store(true, std::memory_order_relaxed); }
  bool is_set() const noexcept { return set_.load(std::memory_order_relaxed); }
  /// Throws Cancelled when set.
  void check() const {
    if (is_set()) throw Cancelled();
  }

 private:
  std::atomic<bool> set_{false};
};

}  // namespace touchstone
