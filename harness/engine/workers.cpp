#include "harness/engine/workers.hpp"

#include <tbb/task_arena.h>
#include <tbb/task_group.h>

#include "harness/model/ops.hpp"

namespace touchstone {
namespace {

/// While it lives, tensor operators on this thread use one thread and record nothing for gradients.
class OneThread {
 public:
  OneThread() : before_(at::get_num_threads()) { at::set_num_threads(1); }
  ~OneThread() { at::set_num_threads(before_); }
  OneThread(const OneThread&) = delete;
  OneThread& operator=(const OneThread&) = delete;

 private:
  int before_;
  at::NoGradGuard no_gradients_;
};

}  // namespace

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
