#include "tasks/parts/sandbox.hpp"

#include <arpa/inet.h>
#include <dirent.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <iterator>
#include <set>
#include <thread>

#include "harness/base/text.hpp"
#include "tests/support/support.hpp"
#include "tests/tasks/sandbox_support.hpp"

namespace touchstone {
namespace {
using testing::SandboxTest;

SandboxLimits seconds(double wall) {
  SandboxLimits limits;
  limits.wall_seconds = wall;
  return limits;
}

/// Processes of the machine whose command line holds `marker`.
int processes_with(const std::string& marker) {
  int count = 0;
  for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
    std::ifstream file(entry.path() / "cmdline", std::ios::binary);
    std::string line(std::size_t{1} << 16U, '\0');
    file.read(line.data(), static_cast<std::streamsize>(line.size()));  // fails, and throws nothing, once it has ended
    line.resize(static_cast<std::size_t>(file.gcount()));
    if (line.find(marker) != std::string::npos) ++count;
  }
  return count;
}

int open_descriptors() {
  return static_cast<int>(std::distance(std::filesystem::directory_iterator("/proc/self/fd"), {}));
}

class Escape : public SandboxTest {
 protected:
  /// Whatever a test did, the next program still runs, and this process holds no more descriptors than before.
  void SetUp() override {
    SandboxTest::SetUp();
    descriptors_ = open_descriptors();
  }
  void TearDown() override {
    if (!box()) return;
    EXPECT_EQ(box()->run("print(6 * 7)", seconds(20)).output, "42\n");
    EXPECT_EQ(open_descriptors(), descriptors_);
  }
  int descriptors_ = 0;
};

TEST_F(Escape, NothingButTheProgramIsNeeded) {
  const auto result = box()->run("import sys\nprint('out')\nprint('err', file=sys.stderr)\nsys.exit(3)", seconds(20));
  EXPECT_EQ(result.ending, SandboxEnding::finished);
  EXPECT_EQ(result.exit_code, 3);
  EXPECT_EQ(result.output, "out\n");
  EXPECT_EQ(result.errors, "err\n");
}

// Each program prints "held" when the attempt failed as it should; anything else is an escape.
struct Attempt {
  const char* name;
  const char* program;
};
void PrintTo(const Attempt& attempt, std::ostream* out) { *out << attempt.name; }

class Held : public Escape, public ::testing::WithParamInterface<Attempt> {};

constexpr const char* prologue = R"(
import os, ctypes, errno, sys
libc = ctypes.CDLL(None, use_errno=True)
def denied(action):
    try: got = action()
    except (OSError, RuntimeError, MemoryError) as error: return True
    return isinstance(got, int) and got < 0
def held(*actions):
    loose = [at for at, action in enumerate(actions) if not denied(action)]
    print('held' if not loose else 'escaped %r' % loose)
)";

constexpr Attempt attempts[] = {
    {"fork",
     "held(os.fork, lambda: libc.fork(), lambda: libc.vfork(), lambda: os.posix_spawn(sys.executable, ['python'], "
     "{}))"},
    {"fork_bomb", R"(
count = 0
for _ in range(1000):
    try:
        if os.fork() == 0: os._exit(0)
        count += 1
    except OSError: pass
print('held' if count == 0 else 'escaped %d' % count))"},
    {"thread_bomb", R"(
import _thread, time
count = 0
for _ in range(1000):
    try:
        _thread.start_new_thread(time.sleep, (5,))
        count += 1
    except RuntimeError: pass
print('held' if count <= 16 else 'escaped %d' % count)
sys.stdout.flush()
os._exit(0))"},
    {"ten_gigabytes_at_once", "held(lambda: bytearray(10 << 30))"},
    {"ten_gigabytes_bit_by_bit", R"(
kept = []
try:
    while len(kept) < 10240: kept.append(bytearray(1 << 20))
    print('escaped')
except MemoryError:
    count = len(kept)
    del kept
    print('held' if count < 1024 else 'escaped'))"},
    {"shared_memory", R"(
held(lambda: libc.shmget(0, 1 << 30, 0o1600), lambda: os.memfd_create('x'), lambda: open('/dev/shm/x', 'w')))"},
    {"big_file", R"(
import signal
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
def write():
    with open('/tmp/big', 'wb') as file:
        for _ in range(64): file.write(bytes(1 << 20))
held(write))"},
    {"many_files", R"(
def write():
    for number in range(64):
        with open('/tmp/%d' % number, 'wb') as file: file.write(bytes(4 << 20))
held(write))"},
    {"write_outside", R"(
places = ['/x', '/usr/x', '/usr/lib/x', '/dev/x', '/lib/x', '/home', '/root/x', '/etc/x', '/var/x', '/opt/x', sys.executable]
held(*[lambda place=place: open(place, 'a') for place in places], lambda: os.mkdir('/y'), lambda: os.rename('/tmp', '/z')))"},
    {"loopback", R"(
import socket
held(lambda: socket.create_connection(('127.0.0.1', PORT), 1), lambda: socket.socket(socket.AF_INET6),
     lambda: socket.socket(socket.AF_UNIX), lambda: socket.socket(socket.AF_NETLINK), lambda: socket.socket(40)))"},
    {"dns",
     "import socket\nheld(lambda: socket.getaddrinfo('localhost.example', 80), lambda: "
     "socket.gethostbyname('a.example'))"},
    {"kill_others", R"(
import signal
signal.signal(signal.SIGTERM, signal.SIG_IGN)
for target in (1, os.getppid()):
    try: os.kill(target, signal.SIGKILL)
    except OSError: pass
held(lambda: os.kill(PARENT, signal.SIGKILL), lambda: os.kill(PARENT, 0)))"},
    {"ptrace",
     "held(lambda: libc.ptrace(16, 1, 0, 0), lambda: libc.ptrace(0x4206, 1, 0, 0), lambda: libc.process_vm_readv(1, 0, "
     "0, 0, 0, 0))"},
    {"read_passwd",
     "held(lambda: open('/etc/passwd'), lambda: open('/etc/shadow'), lambda: open('/root/.profile'), lambda: "
     "os.listdir('/home'))"},
    {"read_secret", "held(lambda: open('SECRET'), lambda: os.listdir(os.path.dirname('SECRET')))"},
    {"environment", R"(
import subprocess
extra = set(os.environ) - {'PYTHONHASHSEED', 'PWD', 'LC_CTYPE'}
print('held' if not extra else 'escaped %r' % extra))"},
    {"symbolic_links", R"(
os.symlink('SECRET', '/tmp/link')
os.symlink('/proc/self/root', '/tmp/root')
os.symlink('../../../../../../etc/passwd', '/tmp/up')
held(lambda: open('/tmp/link'), lambda: os.listdir('/tmp/root'), lambda: open('/tmp/up'), lambda: os.listdir('/proc'),
     lambda: open('/proc/1/root/etc/passwd'), lambda: os.chroot('/tmp'), lambda: os.link('/dev/null', '/tmp/null')))"},
    {"setsid_daemon", "held(os.setsid, os.setpgrp, os.fork, lambda: os.posix_spawn(sys.executable, ['python'], {}))"},
    {"name_spaces", R"(
flags = [0x10000000, 0x20000, 0x40000000, 0x20000000, 0x8000000, 0x4000000]
held(*[lambda flag=flag: libc.unshare(flag) for flag in flags], lambda: libc.setns(0, 0),
     lambda: libc.mount(b'none', b'/tmp', b'tmpfs', 0, None), lambda: libc.umount2(b'/tmp', 2), lambda: libc.pivot_root(b'/tmp', b'/tmp')))"},
    {"terminal_input", R"(
libc.ioctl.argtypes = [ctypes.c_int, ctypes.c_ulong, ctypes.c_char_p]
held(*[lambda fd=fd, high=high: libc.ioctl(fd, 0x5412 | high << 32, b'x') for fd in (0, 1, 2) for high in (0, 1)],
     lambda: os.open('/dev/tty', os.O_RDWR), lambda: os.open('/dev/ptmx', os.O_RDWR)))"},
    {"become_root", "held(lambda: os.setuid(0), lambda: os.setgid(0), lambda: os.setgroups([0]))"},
#if defined(__x86_64__)
    {"system_calls", R"(
def number(n, *arguments): return lambda: libc.syscall(ctypes.c_long(n), *map(ctypes.c_long, arguments))
# keyctl add_key bpf userfaultfd perf_event_open io_uring_setup fsopen open_tree pidfd_open clone3 clone(NEWUSER) personality
held(*[number(n, *a) for n, a in [(250, (0,)), (248, (0,)), (321, (0,)), (323, (0,)), (298, (0,)), (425, (1, 0)), (430, (0,)),
       (428, (0,)), (434, (1, 0)), (435, (0, 0)), (56, (0x10000000,)), (56, (0x10011,)), (135, (0,)), (101, (16, 1)), (272, (0x10000000,))]]))"},
#endif
};

TEST_P(Held, Inside) {
  const testing::TemporaryFolder folder;
  const auto secret = folder.path() / "secret";
  std::ofstream(secret) << "expected answers";
  const int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  ASSERT_EQ(bind(listener, reinterpret_cast<sockaddr*>(&address), size), 0);
  ASSERT_EQ(listen(listener, 1), 0);
  getsockname(listener, reinterpret_cast<sockaddr*>(&address), &size);
  auto program = replace_all(std::string(prologue) + GetParam().program, "SECRET", secret.string());
  program = replace_all(std::move(program), "PORT", std::to_string(ntohs(address.sin_port)));
  program = replace_all(std::move(program), "PARENT", std::to_string(getpid()));
  setenv("TOUCHSTONE_TEST_SECRET", "token", 1);
  const auto result = box()->run(program, seconds(20));
  unsetenv("TOUCHSTONE_TEST_SECRET");
  EXPECT_EQ(result.output, "held\n") << result.errors;
  EXPECT_EQ(result.ending, SandboxEnding::finished);
  pollfd called{listener, POLLIN, 0};
  EXPECT_EQ(poll(&called, 1, 0), 0) << "a connection came out of the sandbox";
  close(listener);
}

INSTANTIATE_TEST_SUITE_P(All, Held, ::testing::ValuesIn(attempts),
                         [](const auto& instance) { return std::string(instance.param.name); });

TEST_F(Escape, DescriptorsOfThisProcessStayHere) {
  const testing::TemporaryFolder folder;
  const int open_file = open((folder.path() / "database").c_str(), O_RDWR | O_CREAT, 0600);  // without close-on-exec
  ASSERT_GE(open_file, 0);
  const auto result = box()->run(R"(
import os, stat
found = []
for number in range(3, 1024):
    try: found.append((number, stat.S_IFMT(os.fstat(number).st_mode)))
    except OSError: pass
print(found))",
                                 seconds(20));
  close(open_file);
  EXPECT_EQ(result.output, "[]\n");
}

TEST_F(Escape, EndlessLoopInPythonMeetsTheWallClock) {
  const auto result = box()->run(
      "import signal\nfor n in range(1, 32):\n  try: signal.signal(n, lambda *a: None)\n"
      "  except (OSError, ValueError): pass\nwhile True: pass",
      seconds(0.4));
  EXPECT_EQ(result.ending, SandboxEnding::timed_out);
  EXPECT_LT(result.seconds, 3.0);
}

TEST_F(Escape, EndlessLoopInCMeetsTheWallClock) {
  const auto result = box()->run("import itertools\nsum(itertools.repeat(0))", seconds(0.4));
  EXPECT_EQ(result.ending, SandboxEnding::timed_out);
  EXPECT_LT(result.seconds, 3.0);
}

TEST_F(Escape, SleepMeetsTheWallClock) {
  const auto result = box()->run("import time\ntime.sleep(1000)", seconds(0.3));
  EXPECT_EQ(result.ending, SandboxEnding::timed_out);
  EXPECT_LT(result.seconds, 3.0);
}

TEST_F(Escape, OutputIsCutAtItsLimit) {
  for (const char* stream : {"stdout", "stderr"}) {
    auto program =
        replace_all("import sys\nline = 'x' * 65536\nfor _ in range(163840): sys.STREAM.write(line)", "STREAM", stream);
    const auto result = box()->run(program, seconds(20));
    EXPECT_EQ(result.ending, SandboxEnding::too_much_output);
    EXPECT_EQ(std::max(result.output.size(), result.errors.size()), std::size_t{1} << 20);
    EXPECT_LT(result.seconds, 10.0);
  }
}

TEST_F(Escape, AMillionLinesAreTooMuchToo) {
  EXPECT_EQ(box()->run("for n in range(1000000): print(n, flush=True)", seconds(20)).ending,
            SandboxEnding::too_much_output);
}

TEST_F(Escape, ADeathIsReportedWithItsSignal) {
  const auto result = box()->run("import ctypes\nctypes.string_at(0)", seconds(20));
  EXPECT_EQ(result.ending, SandboxEnding::killed);
  EXPECT_EQ(result.signal, 11);
}

TEST_F(Escape, NothingOutlivesTheCall) {
  const std::string marker = "marker-" + std::to_string(getpid());
  const std::string program =
      "import os, sys\nos.execv(sys.executable, [sys.executable, '-c', 'import time; time.sleep(60)', '" + marker +
      "'])";
  std::optional<SandboxResult> result;
  std::thread other([&] { result = box()->run(program, seconds(3.0)); });
  bool seen = false;
  for (int round = 0; round < 1400 && !seen; ++round) {
    seen = processes_with(marker) > 0;
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  other.join();
  EXPECT_TRUE(seen) << "the program was never seen running, so its absence would say nothing";
  EXPECT_EQ(result->ending, SandboxEnding::timed_out);
  EXPECT_EQ(processes_with(marker), 0);
}

TEST_F(Escape, NothingOutlivesThisProgram) {
  const std::string marker = "orphan-" + std::to_string(getpid());
  const std::string program =
      "import os, sys\nos.execv(sys.executable, [sys.executable, '-c', 'import time; time.sleep(60)', '" + marker +
      "'])";
  const pid_t other = fork();
  if (other == 0) {
    box()->run(program, seconds(60));
    _exit(0);
  }
  const auto count_becomes = [&](bool wanted) {
    for (int round = 0; round < 1000; ++round) {
      if ((processes_with(marker) > 0) == wanted) return true;
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    return false;
  };
  EXPECT_TRUE(count_becomes(true));
  ::kill(other, SIGKILL);
  waitpid(other, nullptr, 0);
  EXPECT_TRUE(count_becomes(false));
}

TEST_F(Escape, SeveralAtOnce) {
  std::vector<std::thread> threads;
  std::vector<std::string> outputs(6);
  for (std::size_t at = 0; at < outputs.size(); ++at) {
    threads.emplace_back([&, at] {
      const auto program = "open('/tmp/x', 'w').write('" + std::to_string(at) + "')\nprint(open('/tmp/x').read())";
      for (int round = 0; round < 3; ++round) outputs[at] += box()->run(program, seconds(20)).output;
    });
  }
  for (auto& thread : threads) thread.join();
  for (std::size_t at = 0; at < outputs.size(); ++at) {
    const auto line = std::to_string(at) + "\n";
    EXPECT_EQ(outputs[at], line + line + line);
  }
}

}  // namespace
}  // namespace touchstone
