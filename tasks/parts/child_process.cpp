#include "tasks/parts/child_process.hpp"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "harness/base/error.hpp"

namespace touchstone {
namespace {

[[noreturn]] void fail(const std::string& what) { throw Error(Fault::sandbox, what + ": " + std::strerror(errno)); }

/// The data for the child's few lines between vfork and exec. All is made beforehand: they may only make system calls.
struct Launch {
  char* const* command;
  char* const* environment;
  const int* descriptors;
  int descriptor_count;
  const rlimit* limits;
  const int* limit_kinds;
  int limit_count;
  bool change_user;
  std::uint32_t user;
  // Written by the child, which shares this memory until it executes; volatile, because the compiler sees no code after
  // the write that reads it.
  const char* volatile failed_step;
  volatile int failed_errno;
};

constexpr int first_spare_descriptor = 64;

/// Plain system calls: glibc's wrappers would signal the other threads of the parent, because its memory is shared.
bool become(std::uint32_t user) {
  return syscall(SYS_setgroups, 0, nullptr) == 0 && syscall(SYS_setresgid, user, user, user) == 0 &&
         syscall(SYS_setresuid, user, user, user) == 0;
}

bool pass_descriptors(const Launch& launch) {
  int moved[first_spare_descriptor];
  for (int at = 0; at < launch.descriptor_count; ++at) {
    moved[at] = fcntl(launch.descriptors[at], F_DUPFD_CLOEXEC, first_spare_descriptor);
    if (moved[at] < 0) return false;
  }
  for (int at = 0; at < launch.descriptor_count; ++at) {
    if (dup2(moved[at], at) < 0) return false;
  }
  const auto first = static_cast<unsigned>(launch.descriptor_count);
  if (syscall(SYS_close_range, first, ~0U, 4U /* CLOSE_RANGE_CLOEXEC */) == 0) return true;
  rlimit open_files{};  // a kernel before 5.11
  if (getrlimit(RLIMIT_NOFILE, &open_files) != 0) return false;
  const auto last = static_cast<int>(std::min<rlim_t>(open_files.rlim_cur, 1 << 20));
  for (int number = launch.descriptor_count; number < last; ++number) fcntl(number, F_SETFD, FD_CLOEXEC);
  return true;
}

const char* prepare(const Launch& launch) {
  for (const int number : {SIGPIPE, SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGCHLD}) signal(number, SIG_DFL);
  if (setsid() < 0) return "setsid";  // so that Ctrl-C at the terminal cannot affect a verdict
  if (chdir("/") != 0) return "chdir";
  umask(022);
  const int score = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
  if (score >= 0) {  // it is killed first when memory runs out; a failure here does no harm
    if (write(score, "1000", 4) != 4) errno = 0;
    close(score);
  }
  if (!pass_descriptors(launch)) return "pass descriptors";
  for (int at = 0; at < launch.limit_count; ++at) {
    const auto kind = static_cast<__rlimit_resource>(launch.limit_kinds[at]);
    if (setrlimit(kind, &launch.limits[at]) != 0) return "setrlimit";
  }
  if (launch.change_user && !become(launch.user)) return "change user";
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  execve(launch.command[0], launch.command, launch.environment);
  return "execute";
}

std::vector<char*> pointers(const std::vector<std::string>& texts) {
  std::vector<char*> all;
  for (const auto& text : texts) all.push_back(const_cast<char*>(text.c_str()));
  all.push_back(nullptr);
  return all;
}

/// vfork, because copying the page tables of a process that holds a model takes longer than the program it starts.
pid_t launch_child(Launch& launch) {
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  const pid_t pid = vfork();
  if (pid == 0) {
    launch.failed_step = prepare(launch);
    launch.failed_errno = errno;
    _exit(127);
  }
  const int vfork_errno = errno;
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  errno = vfork_errno;
  return pid;
}

}  // namespace

Pipe make_pipe() {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) fail("cannot make a pipe");
  return {Descriptor(ends[0]), Descriptor(ends[1])};
}

Descriptor memory_file(std::string_view bytes) {
  Descriptor file(memfd_create("touchstone", MFD_CLOEXEC));
  if (file.get() < 0) fail("cannot make a file in memory");
  for (std::size_t done = 0; done < bytes.size();) {
    const auto count = write(file.get(), bytes.data() + done, bytes.size() - done);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) fail("cannot write a file in memory");
    done += static_cast<std::size_t>(count);
  }
  if (lseek(file.get(), 0, SEEK_SET) != 0) fail("cannot rewind a file in memory");
  return file;
}

Descriptor null_device() {
  Descriptor file(open("/dev/null", O_RDWR | O_CLOEXEC));
  if (file.get() < 0) fail("cannot open /dev/null");
  return file;
}

Child::Child(const ChildPlan& plan) {
  const bool fits = plan.descriptors.size() >= 3 && plan.descriptors.size() < first_spare_descriptor;
  require(fits && !plan.command.empty(), Fault::internal, [] { return "a child needs a command and 3 descriptors"; });
  const auto command = pointers(plan.command);
  const auto environment = pointers(plan.environment);
  std::vector<rlimit> limits{{0, 0}};
  std::vector<int> kinds{RLIMIT_CORE};
  const auto limit = [&](int kind, std::uint64_t value) {
    if (value == 0) return;
    limits.push_back({value, value});
    kinds.push_back(kind);
  };
  limit(RLIMIT_CPU, plan.cpu_seconds);
  limit(RLIMIT_AS, plan.memory_bytes);
  limit(RLIMIT_FSIZE, plan.file_bytes);
  limit(RLIMIT_NOFILE, plan.open_files);
  Launch launch{command.data(),
                environment.data(),
                plan.descriptors.data(),
                static_cast<int>(plan.descriptors.size()),
                limits.data(),
                kinds.data(),
                static_cast<int>(kinds.size()),
                plan.user.has_value(),
                plan.user.value_or(0),
                nullptr,
                0};
  pid_ = launch_child(launch);
  if (pid_ < 0) fail("cannot start a process");
  if (launch.failed_step != nullptr) {
    waitpid(pid_, nullptr, 0);
    errno = launch.failed_errno;
    fail("cannot start " + plan.command[0] + " (" + launch.failed_step + ")");
  }
  ended_ = Descriptor(static_cast<int>(syscall(SYS_pidfd_open, pid_, 0)));
  if (ended_.get() < 0) {
    const int reason = errno;
    kill();
    waitpid(pid_, nullptr, 0);
    errno = reason;
    fail("cannot watch a process (pidfd_open, Linux 5.3 or newer)");
  }
}

Child::Child(Child&& other) noexcept : pid_(other.pid_), ended_(std::move(other.ended_)), status_(other.status_) {
  other.pid_ = -1;
}

Child::~Child() {
  if (pid_ < 0) return;
  kill();
  if (!status_) waitpid(pid_, nullptr, 0);
}

void Child::kill() noexcept {
  if (pid_ > 0 && !status_) ::kill(pid_, SIGKILL);
}

std::optional<int> Child::wait_until(Clock::time_point deadline) {
  while (!status_) {
    int status = 0;
    const pid_t got = waitpid(pid_, &status, WNOHANG);
    if (got == pid_ || (got < 0 && errno == ECHILD)) {  // ECHILD: this process ignores SIGCHLD, so the status is gone
      status_ = status;
      break;
    }
    const int left = milliseconds_until(deadline);
    if (left == 0) return std::nullopt;
    pollfd watched{ended_.get(), POLLIN, 0};
    poll(&watched, 1, left);
  }
  return status_;
}

int milliseconds_until(Clock::time_point deadline) {
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now()).count();
  return static_cast<int>(std::clamp<decltype(left)>(left, 0, 1 << 30));
}

}  // namespace touchstone
