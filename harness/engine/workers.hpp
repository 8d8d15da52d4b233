#pragma once
#include <cstddef>
#include <functional>

namespace touchstone {

/// While it lives, tensor operators on this thread use `threads` threads.
class TensorThreads {
 public:
  explicit TensorThreads(int threads);
  ~TensorThreads();
  TensorThreads(const TensorThreads&) = delete;
  TensorThreads& operator=(const TensorThreads&) = delete;

 private:
  int before_;
};

/// Calls body(worker) for each worker in [0, workers), each on a thread of its own with one tensor thread and no
/// gradients; with one worker, on the calling thread. Rethrows the first exception of any, after all have ended.
void run_workers(std::size_t workers, const std::function<void(std::size_t)>& body);

}  // namespace touchstone
