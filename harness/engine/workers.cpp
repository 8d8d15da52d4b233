#include "harness/engine/workers.hpp"

#include <tbb/task_arena.h>
#include <tbb/task_group.h>

#include "harness/model/ops.hpp"

namespace touchstone {
namespace {

/// While it lives, tensor operators on this thread use one thread and record nothing for gradients.
struct OneThread {
  TensorThreads threads{1};
  at::NoGradGuard no_gradients;
};

}  // namespace

TensorThreads::TensorThreads(int threads) : before_(at::get_num_threads()) { at::set_num_threads(threads); }
TensorThreads::~TensorThreads() { at::set_num_threads(before_); }

void run_workers(std::size_t workers, const std::function<void(std::size_t)>& body) {
  if (workers <= 1) {
    const OneThread guard;
    body(0);
    return;
  }
  tbb::task_arena arena(static_cast<int>(workers));
  arena.execute([&] {
    tbb::task_group group;
    for (std::size_t worker = 0; worker < workers; ++worker) {
      group.run([&body, worker] {
        const OneThread guard;
        body(worker);
      });
    }
    group.wait();
  });
}

}  // namespace touchstone
