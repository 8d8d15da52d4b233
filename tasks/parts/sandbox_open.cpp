// Finding the parts of a sandbox, and not believing that it holds before it has been tried.
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "harness/base/error.hpp"
#include "harness/base/text.hpp"
#include "tasks/parts/python_home.hpp"
#include "tasks/parts/sandbox.hpp"
#include "tasks/parts/seccomp_filter.hpp"

namespace touchstone {
namespace {

/// Seconds that the probe's calibration takes on the machine for which a benchmark's three seconds are meant: an
/// ordinary core of 2020.
constexpr double calibration_seconds = 0.045;

/// Tries to get out. Prints a line for each attempt that succeeded, then "calibration SECONDS", then "end".
constexpr const char* probe_program = R"(
import os, time, _thread

def attempt(name, action):
    try:
        action()
    except (OSError, MemoryError, RuntimeError):
        return
    print('escaped', name)

for place in ('/probe', '/usr/probe', '/dev/probe', '/etc/probe'):
    attempt('writing ' + place, lambda: open(place, 'w'))
for place in ('/etc/passwd', '/proc/self/status', '/proc/1/environ', '/sys/kernel', '/usr/share', '/usr/local/share', 'PROGRAM'):
    attempt('reading ' + place, lambda: os.stat(place))
for name in os.environ:
    if name not in ('PYTHONHASHSEED', 'PWD', 'LC_CTYPE'): print('escaped environment', name)
import _socket
for family in (_socket.AF_INET, _socket.AF_INET6, _socket.AF_UNIX, _socket.AF_NETLINK):
    attempt('socket of family %d' % family, lambda: _socket.socket(family, _socket.SOCK_DGRAM))

def fork():
    if os.fork() == 0: os._exit(0)
attempt('a second process', fork)
attempt('memory over the limit', lambda: bytearray(MEMORY))

gate = _thread.allocate_lock()
gate.acquire()
def wait():
    with gate: pass
def many_threads():
    for _ in range(THREADS): _thread.start_new_thread(wait, ())
attempt('threads over the limit', many_threads)
gate.release()
with open('/tmp/probe', 'w') as file: file.write('x')

def work():
    began, table, total = time.perf_counter(), {}, 0
    for i in range(250000):
        table[i & 1023] = table.get(i & 511, 0) + i * i % 7
        total += len(str(i & 63))
    return time.perf_counter() - began
print('calibration', min(work() for _ in range(3)))
print('end', flush=True)
)";

struct UserRange {
  std::uint32_t first = 0;
  std::uint32_t count = 0;
};

/// User ids at the upper end of those that this process can take and that no account has: private to a sandbox each.
UserRange spare_users() {
  std::ifstream map("/proc/self/uid_map");
  std::uint64_t inside = 0;
  std::uint64_t outside = 0;
  std::uint64_t count = 0;
  std::uint64_t end = 0;
  while (map >> inside >> outside >> count) end = std::max(end, std::min<std::uint64_t>(inside + count, 2'000'000'000));
  if (end < 3000) return {};
  const std::uint64_t users = end > 1'000'000 ? 500'000 : 500;
  // Another process of ours begins elsewhere, so that the two rarely share an id.
  const std::uint64_t shift = end > 1'000'000 ? static_cast<std::uint64_t>(getpid()) % 4096 * 100 : 0;
  return {static_cast<std::uint32_t>(end - users - shift - 34), static_cast<std::uint32_t>(users / 5)};
}

/// "bubblewrap 0.8.0" as 8, 0.11.2 as 11, 1.0 as 1000; -1 when it says something else.
int bubblewrap_version(const std::string& path) {
  auto output = make_pipe();
  const auto nothing = null_device();
  ChildPlan plan;
  plan.command = {path, "--version"};
  plan.descriptors = {nothing.get(), output.writer.get(), nothing.get()};
  Child child(plan);
  output.writer.reset();
  char text[128] = {};
  const auto count = read(output.reader.get(), text, sizeof text - 1);
  int major = 0;
  int minor = 0;
  if (count <= 0 || std::sscanf(text, "bubblewrap %d.%d", &major, &minor) != 2) return -1;
  return 1000 * major + minor;
}

[[noreturn]] void refuse(const std::string& reason) { throw Error(Fault::sandbox, reason + "; " + sandbox_advice()); }

/// Where bubblewrap, the loader and Python put the reason.
std::string last_line(const std::string& text) {
  const auto stripped = strip(text);
  return stripped.empty() ? "it said nothing" : split(stripped, '\n').back();
}

}  // namespace

std::string sandbox_advice() {
  return "code that a model wrote runs only in a sandbox: install bubblewrap 0.8 or newer and python3 (Debian 12, "
         "Ubuntu "
         "24.04: apt-get install bubblewrap python3) and allow user name spaces (sysctl user.max_user_namespaces above "
         "0; "
         "Debian: kernel.unprivileged_userns_clone=1; Ubuntu: kernel.apparmor_restrict_unprivileged_userns=0 or an "
         "AppArmor "
         "profile for bwrap; Docker: --security-opt seccomp=unconfined --security-opt systempaths=unconfined)";
}

Sandbox Sandbox::open() {
  Sandbox box;
  box.bubblewrap_ = find_program("bwrap");
  if (box.bubblewrap_.empty()) refuse("bubblewrap (bwrap) is not there");
  if (bubblewrap_version(box.bubblewrap_) < 8) refuse(box.bubblewrap_ + " is not bubblewrap 0.8 or newer");
  const auto python = find_python();
  box.python_ = python.executable;
  box.python_version_ = python.version;
  box.site_packages_ = python.site_packages;
  for (const auto& path : python.read_only) box.mounts_.insert(box.mounts_.end(), {"--ro-bind", path, path});
  box.filter_ = seccomp_program();
  if (geteuid() == 0) {
    if (const auto spare = spare_users(); spare.count > 0) {
      box.first_user_ = spare.first;
      box.users_ = spare.count;
    }
  }
  box.probe();
  return box;
}

void Sandbox::probe() {
  SandboxLimits limits;
  limits.wall_seconds = static_cast<double>(start_limit.count());
  auto program = replace_all(probe_program, "MEMORY", std::to_string(limits.memory_bytes));
  std::error_code unknown;
  const auto own = std::filesystem::read_symlink("/proc/self/exe", unknown);
  if (own.string().find_first_of("'\\\n") == std::string::npos) {
    program = replace_all(std::move(program), "PROGRAM", own.string());
  }
  program = replace_all(std::move(program), "THREADS", std::to_string(limits.threads + 1));
  SandboxResult result;
  try {
    result = run(program, limits);
  } catch (const Error& error) {
    refuse(error.what());
  }
  std::optional<double> seconds;
  bool ended = false;
  for (const auto& line : split(result.output, '\n')) {
    if (line.rfind("escaped ", 0) == 0) refuse("the sandbox does not hold: a probe inside got " + line.substr(8));
    if (line.rfind("calibration ", 0) == 0) seconds = std::strtod(line.c_str() + 12, nullptr);
    ended = ended || line == "end";
  }
  if (!ended || !seconds) refuse("the sandbox does not start: " + last_line(result.errors));
  slowness_ = std::clamp(*seconds / calibration_seconds, 1.0, 10.0);
}

}  // namespace touchstone
