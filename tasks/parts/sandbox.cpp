#include "tasks/parts/sandbox.hpp"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "harness/base/error.hpp"
#include "harness/base/text.hpp"
#include "tasks/parts/python_home.hpp"
#include "tasks/parts/seccomp_filter.hpp"

namespace touchstone {
namespace {
using std::chrono::duration;
using std::chrono::seconds;

/// Reads the program from descriptor 3 and runs it. The limit on processes is set here, inside the user name space.
constexpr const char* run_program = R"(
import os, resource, sys
limit = int(sys.argv.pop())
resource.setrlimit(resource.RLIMIT_NPROC, (limit, limit))
with os.fdopen(3, 'rb') as program: source = program.read()
exec(compile(source, '<program>', 'exec'), {'__name__': '__main__'})
)";

Clock::time_point after(double wall_seconds) {
  return Clock::now() + std::chrono::duration_cast<Clock::duration>(duration<double>(wall_seconds));
}

/// The number after `"child-pid":`; 0 if bubblewrap has not written it.
pid_t first_process(int information) {
  char text[512];
  const auto count = read(information, text, sizeof text - 1);
  if (count <= 0) return 0;
  const auto found = nlohmann::json::parse(text, text + count, nullptr, false);
  return found.is_object() ? found.value("child-pid", 0) : 0;
}

/// Whether the process is a child of `parent` now, so that its number was not given to another process.
bool is_child(pid_t process, pid_t parent) {
  std::ifstream file("/proc/" + std::to_string(process) + "/stat");
  std::string line;
  std::getline(file, line);
  const auto name_end = line.rfind(')');
  char state = 0;
  int found = 0;
  return name_end != std::string::npos && std::sscanf(line.c_str() + name_end + 1, " %c %d", &state, &found) == 2 &&
         found == parent;
}

/// One stream of a program's output while it runs.
struct Stream {
  Descriptor reader;
  std::string* text;
  bool open = true;
  /// Reads what is available. False once the limit is passed.
  bool take(std::uint64_t limit_bytes) {
    char buffer[65536];
    for (;;) {
      const auto count = read(reader.get(), buffer, sizeof buffer);
      if (count < 0 && errno == EINTR) continue;
      if (count <= 0) {
        open = count < 0 && errno == EAGAIN;
        return true;
      }
      const auto room = limit_bytes - text->size();
      text->append(buffer, std::min<std::size_t>(static_cast<std::size_t>(count), room));
      if (static_cast<std::size_t>(count) > room) return false;
    }
  }
};

Stream stream_of(Pipe& pipe, std::string& text) {
  fcntl(pipe.reader.get(), F_SETFL, O_NONBLOCK);
  pipe.writer.reset();
  return {std::move(pipe.reader), &text};
}

/// Collects both streams until the process ends, the deadline passes or a stream is over its limit.
SandboxEnding collect(SandboxedProcess& process, Stream& output, Stream& errors, std::uint64_t limit_bytes,
                      Clock::time_point deadline) {
  for (;;) {
    pollfd watched[] = {{output.open ? output.reader.get() : -1, POLLIN, 0},
                        {errors.open ? errors.reader.get() : -1, POLLIN, 0},
                        {process.ended_descriptor(), POLLIN, 0}};
    const int left = milliseconds_until(deadline);
    if (left == 0) return SandboxEnding::timed_out;
    if (poll(watched, 3, left) < 0) continue;
    if (watched[0].revents != 0 && !output.take(limit_bytes)) return SandboxEnding::too_much_output;
    if (watched[1].revents != 0 && !errors.take(limit_bytes)) return SandboxEnding::too_much_output;
    if (watched[2].revents == 0) continue;
    const bool within = output.take(limit_bytes) && errors.take(limit_bytes);
    return within ? SandboxEnding::finished : SandboxEnding::too_much_output;
  }
}

/// bubblewrap gives 128 + N for a program that was ended by signal N.
void read_status(int status, SandboxResult& result) {
  result.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : 0;
  result.signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
  if (result.exit_code > 128 && result.exit_code <= 128 + 64) {
    result.signal = result.exit_code - 128;
    result.exit_code = 0;
  }
  if (result.signal != 0) result.ending = SandboxEnding::killed;
}

}  // namespace

void SandboxedProcess::end() noexcept {
  if (over_ || child_.ended_descriptor() < 0) return;
  over_ = true;
  try {
    if (child_.wait_until(Clock::now()) || ended_by_its_first_process()) return;
    child_.kill();
    child_.wait_until(Clock::now() + seconds(5));
  } catch (const std::exception&) {  // what bubblewrap says of its first process cannot be read
    child_.kill();
  }
}

bool SandboxedProcess::ended_by_its_first_process() {
  const pid_t first = first_process(information_.get());
  const Descriptor handle(first > 0 ? static_cast<int>(syscall(SYS_pidfd_open, first, 0)) : -1);
  if (handle.get() < 0 || !is_child(first, child_.pid())) return false;
  syscall(SYS_pidfd_send_signal, handle.get(), SIGKILL, nullptr, 0);
  // bubblewrap ends when the name space is empty. If it is stuck, ending it also ends the name space.
  return child_.wait_until(Clock::now() + seconds(5)).has_value();
}

std::vector<std::string> Sandbox::command(const std::string& source, const SandboxLimits& limits, int filter_descriptor,
                                          int information_descriptor) const {
  std::vector<std::string> all{bubblewrap_,
                               "--unshare-all",
                               "--unshare-user",
                               "--disable-userns",
                               "--die-with-parent",
                               "--new-session",
                               "--clearenv",
                               "--setenv",
                               "PYTHONHASHSEED",
                               "0",
                               "--cap-drop",
                               "ALL",
                               "--uid",
                               "65534",
                               "--gid",
                               "65534",
                               "--hostname",
                               "sandbox"};
  const auto add = [&](std::initializer_list<std::string> more) { all.insert(all.end(), more); };
  // bubblewrap's own --dev is a writable tmpfs without a limit, and so is its root folder: both become read-only here.
  add({"--size", "65536", "--tmpfs", "/dev", "--dev-bind", "/dev/null", "/dev/null", "--dev-bind", "/dev/zero",
       "/dev/zero", "--dev-bind", "/dev/urandom", "/dev/urandom", "--remount-ro", "/dev"});
  add({"--size", std::to_string(limits.tmp_bytes), "--tmpfs", "/tmp"});
  all.insert(all.end(), mounts_.begin(), mounts_.end());  // after /tmp, because an interpreter may lie there
  add({"--remount-ro", "/", "--chdir", "/tmp"});
  add({"--seccomp", std::to_string(filter_descriptor), "--info-fd", std::to_string(information_descriptor), "--"});
  add({python_, "-s", "-B", "-X", "utf8"});
  if (!site_packages_) add({"-S"});
  const auto processes = std::to_string(limits.threads + 2);  // bubblewrap's first process, and Python's first thread
  add({"-c", source, processes});
  return all;
}

SandboxedProcess Sandbox::start(const std::string& source, const std::vector<int>& descriptors,
                                const SandboxLimits& limits) const {
  const auto filter = memory_file(filter_);
  auto information = make_pipe();
  fcntl(information.reader.get(), F_SETFL, O_NONBLOCK);
  ChildPlan plan;
  plan.descriptors = descriptors;
  plan.descriptors.push_back(filter.get());
  plan.descriptors.push_back(information.writer.get());
  const auto count = static_cast<int>(descriptors.size());
  plan.command = command(source, limits, count, count + 1);
  if (first_user_) plan.user = *first_user_ + next_user_->fetch_add(1) % users_;
  plan.cpu_seconds = static_cast<std::uint64_t>(std::ceil(limits.wall_seconds)) + 1;
  plan.memory_bytes = limits.memory_bytes;
  plan.file_bytes = limits.file_bytes;
  plan.open_files = 32;
  return {Child(plan), std::move(information.reader)};
}

SandboxResult Sandbox::run(std::string_view program, const SandboxLimits& limits) const {
  SandboxResult result;
  const auto began = Clock::now();
  const auto input = null_device();
  const auto source = memory_file(program);
  auto output = make_pipe();
  auto errors = make_pipe();
  auto process = start(run_program, {input.get(), output.writer.get(), errors.writer.get(), source.get()}, limits);
  auto output_stream = stream_of(output, result.output);
  auto error_stream = stream_of(errors, result.errors);
  const auto deadline = after(limits.wall_seconds);
  result.ending = collect(process, output_stream, error_stream, limits.output_bytes, deadline);
  if (result.ending == SandboxEnding::finished) {
    read_status(process.wait_until(Clock::now() + seconds(5)).value_or(0), result);
  }
  process.end();
  result.seconds = duration<double>(Clock::now() - began).count();
  return result;
}

namespace {

/// Seconds that the probe's calibration takes on the reference machine for a benchmark's three seconds: an
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

/// User ids at the upper end of this process's range that belong to no account: one for each sandbox.
UserRange spare_users() {
  std::ifstream map("/proc/self/uid_map");
  std::uint64_t inside = 0;
  std::uint64_t outside = 0;
  std::uint64_t count = 0;
  std::uint64_t end = 0;
  while (map >> inside >> outside >> count) end = std::max(end, std::min<std::uint64_t>(inside + count, 2'000'000'000));
  if (end < 3000) return {};
  const std::uint64_t users = end > 1'000'000 ? 500'000 : 500;
  // Each process starts at another id, so that two of ours rarely share one.
  const std::uint64_t shift = end > 1'000'000 ? static_cast<std::uint64_t>(getpid()) % 4096 * 100 : 0;
  return {static_cast<std::uint32_t>(end - users - shift - 34), static_cast<std::uint32_t>(users / 5)};
}

/// "bubblewrap 0.8.0" as 8, 0.11.2 as 11, 1.0 as 1000; -1 for any other text.
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

/// The error text of bubblewrap, the loader or Python.
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
  if (box.bubblewrap_.empty()) refuse("bubblewrap (bwrap) is not installed");
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
    if (line.rfind("escaped ", 0) == 0)
      refuse("the sandbox does not hold: a test program inside it reached " + line.substr(8));
    if (line.rfind("calibration ", 0) == 0) seconds = std::strtod(line.c_str() + 12, nullptr);
    ended = ended || line == "end";
  }
  if (!ended || !seconds) refuse("the sandbox does not start: " + last_line(result.errors));
  slowness_ = std::clamp(*seconds / calibration_seconds, 1.0, 10.0);
}

}  // namespace touchstone
