#include "tasks/parts/seccomp_filter.hpp"

#include <asm/termbits.h>
#include <linux/sched.h>
#include <seccomp.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <memory>

#include "harness/base/error.hpp"
#include "tasks/parts/child_process.hpp"

namespace touchstone {
namespace {

/// Names, not numbers: a name that this architecture does not have is skipped.
constexpr const char* allowed[] = {
    // memory
    "brk", "mmap", "mmap2", "munmap", "mprotect", "mremap", "madvise", "msync",
    // files (what may be reached is decided by the mounts)
    "read", "write", "readv", "writev", "pread64", "pwrite64", "lseek", "_llseek", "open", "openat", "close",
    "close_range", "stat", "fstat", "lstat", "newfstatat", "statx", "stat64", "fstat64", "lstat64", "fstatat64",
    "access", "faccessat", "faccessat2", "readlink", "readlinkat", "getdents", "getdents64", "getcwd", "chdir",
    "fchdir", "mkdir", "mkdirat", "rmdir", "unlink", "unlinkat", "rename", "renameat", "renameat2", "link", "linkat",
    "symlink", "symlinkat", "chmod", "fchmod", "fchmodat", "truncate", "ftruncate", "fsync", "fdatasync", "dup", "dup2",
    "dup3", "fcntl", "fcntl64", "flock", "pipe", "pipe2", "umask", "utimensat", "utimes", "statfs", "fstatfs",
    "sendfile",
    // who and how much
    "getuid", "geteuid", "getgid", "getegid", "getresuid", "getresgid", "getgroups", "getpid", "getppid", "gettid",
    "getpgrp", "getpgid", "getsid", "getrlimit", "setrlimit", "ugetrlimit", "prlimit64", "getrusage", "sysinfo",
    "uname", "times", "getpriority", "getcpu", "sched_yield", "sched_getaffinity", "sched_getparam",
    "sched_getscheduler", "getrandom",
    // time
    "clock_gettime", "clock_getres", "gettimeofday", "time", "nanosleep", "clock_nanosleep", "alarm", "setitimer",
    "getitimer", "clock_gettime64", "clock_nanosleep_time64",
    // signals, among the sandbox's own processes
    "rt_sigaction", "rt_sigprocmask", "rt_sigreturn", "rt_sigpending", "rt_sigtimedwait", "rt_sigsuspend",
    "sigaltstack", "kill", "tkill", "tgkill", "pause", "restart_syscall",
    // starting, threads, ending
    "execve", "exit", "exit_group", "wait4", "waitid", "arch_prctl", "set_tid_address", "set_robust_list", "futex",
    "futex_time64", "rseq", "membarrier",
    // waiting for descriptors, and the pair that an event loop wakes itself with
    "poll", "ppoll", "select", "_newselect", "pselect6", "epoll_create", "epoll_create1", "epoll_ctl", "epoll_wait",
    "epoll_pwait", "eventfd", "eventfd2", "sendto", "recvfrom", "shutdown", "getsockopt", "getsockname", "getpeername"};

constexpr const char* forbidden[] = {"fork",
                                     "vfork",
                                     "unshare",
                                     "setns",
                                     "ptrace",
                                     "process_vm_readv",
                                     "process_vm_writev",
                                     "kcmp",
                                     "pidfd_getfd",
                                     "pidfd_open",
                                     "pidfd_send_signal",
                                     "mount",
                                     "umount",
                                     "umount2",
                                     "pivot_root",
                                     "chroot",
                                     "open_tree",
                                     "move_mount",
                                     "fsopen",
                                     "fsconfig",
                                     "fsmount",
                                     "fspick",
                                     "mount_setattr",
                                     "keyctl",
                                     "add_key",
                                     "request_key",
                                     "bpf",
                                     "userfaultfd",
                                     "perf_event_open",
                                     "io_uring_setup",
                                     "io_uring_enter",
                                     "io_uring_register",
                                     "socket",
                                     "socketcall",
                                     "connect",
                                     "bind",
                                     "listen",
                                     "accept",
                                     "accept4",
                                     "sendmsg",
                                     "sendmmsg",
                                     "recvmsg",
                                     "recvmmsg",
                                     "setsid",
                                     "setpgid",
                                     "personality",
                                     "memfd_create",
                                     "memfd_secret",
                                     "shmget",
                                     "shmat",
                                     "semget",
                                     "msgget",
                                     "mq_open",
                                     "init_module",
                                     "finit_module",
                                     "delete_module",
                                     "kexec_load",
                                     "kexec_file_load",
                                     "reboot",
                                     "swapon",
                                     "swapoff",
                                     "acct",
                                     "quotactl",
                                     "syslog",
                                     "open_by_handle_at",
                                     "name_to_handle_at",
                                     "setuid",
                                     "setgid",
                                     "setresuid",
                                     "setresgid",
                                     "setgroups",
                                     "capset",
                                     "mknod",
                                     "mknodat",
                                     "settimeofday",
                                     "clock_settime",
                                     "sethostname",
                                     "setdomainname",
                                     "iopl",
                                     "ioperm",
                                     "seccomp"};

constexpr std::array<unsigned long, 6> requests = {TCGETS, TIOCGWINSZ, FIONREAD, FIONBIO, FIOCLEX, FIONCLEX};

void check(int result, const char* step) {
  require(result == 0, Fault::sandbox,
          [&] { return std::string("libseccomp refuses ") + step + ": " + std::strerror(-result); });
}

void add(scmp_filter_ctx filter, std::uint32_t action, const char* name, const scmp_arg_cmp* condition = nullptr) {
  const int number = seccomp_syscall_resolve_name(name);
  if (number == __NR_SCMP_ERROR) return;  // a libseccomp older than the system call; unlisted is not implemented
  const int result = seccomp_rule_add_array(filter, action, number, condition == nullptr ? 0 : 1, condition);
  if (result == -EDOM || result == -EOPNOTSUPP) return;  // not a system call of this architecture
  check(result, name);
}

/// Argument number `argument`, masked with `mask`, equals `value`. (libseccomp's own macros are no C++.)
scmp_arg_cmp masked(unsigned argument, std::uint64_t mask, std::uint64_t value) {
  return {.arg = argument, .op = SCMP_CMP_MASKED_EQ, .datum_a = mask, .datum_b = value};
}

constexpr std::uint64_t low_word = 0xffffffffULL;  // the kernel reads these bits of an int

void add_conditions(scmp_filter_ctx filter) {
  constexpr std::uint64_t spaces =
      CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET;
#if defined(__s390__) || defined(__s390x__)
  constexpr unsigned flags_at = 1;
#else
  constexpr unsigned flags_at = 0;
#endif
  const scmp_arg_cmp thread = masked(flags_at, CLONE_THREAD | spaces, CLONE_THREAD);
  add(filter, SCMP_ACT_ALLOW, "clone", &thread);
  const scmp_arg_cmp process = masked(flags_at, CLONE_THREAD, 0);
  add(filter, SCMP_ACT_ERRNO(EPERM), "clone", &process);
  const scmp_arg_cmp unix_pair = masked(0, low_word, AF_UNIX);
  add(filter, SCMP_ACT_ALLOW, "socketpair", &unix_pair);
  for (const auto request : requests) {
    const scmp_arg_cmp same = masked(1, low_word, request);
    add(filter, SCMP_ACT_ALLOW, "ioctl", &same);
  }
  for (const auto option : {PR_SET_NAME, PR_GET_NAME}) {
    const scmp_arg_cmp same = masked(0, low_word, static_cast<std::uint64_t>(option));
    add(filter, SCMP_ACT_ALLOW, "prctl", &same);
  }
}

}  // namespace

std::string seccomp_program() {
  const std::unique_ptr<void, void (*)(scmp_filter_ctx)> filter(seccomp_init(SCMP_ACT_ERRNO(ENOSYS)), seccomp_release);
  require(filter != nullptr, Fault::sandbox, [] { return "libseccomp cannot make a filter"; });
  for (const char* name : allowed) add(filter.get(), SCMP_ACT_ALLOW, name);
  for (const char* name : forbidden) add(filter.get(), SCMP_ACT_ERRNO(EPERM), name);
  add_conditions(filter.get());
  const auto file = memory_file("");
  check(seccomp_export_bpf(filter.get(), file.get()), "to write the filter");
  const auto bytes = lseek(file.get(), 0, SEEK_END);
  std::string program(static_cast<std::size_t>(bytes), '\0');
  require(pread(file.get(), program.data(), program.size(), 0) == bytes, Fault::sandbox,
          [] { return "cannot read the seccomp filter back"; });
  return program;
}

}  // namespace touchstone
