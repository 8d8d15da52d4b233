#include "tasks/parts/python_home.hpp"

#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>

#include "harness/base/error.hpp"
#include "harness/base/text.hpp"
#include "tasks/parts/child_process.hpp"

namespace touchstone {
namespace {
namespace fs = std::filesystem;

/// Prints one path a line: the files and folders that this interpreter needs.
constexpr const char* ask_for_home = R"(
import os, sys, sysconfig
print('.'.join(map(str, sys.version_info[:3])))
print(sys.executable)
paths = [os.path.realpath(sys.executable), sysconfig.get_path('stdlib'), sysconfig.get_path('platstdlib')]
if sys.prefix != sys.base_prefix or 'site' in sys.modules:
    paths += [sys.prefix] if sys.prefix != sys.base_prefix else [p for p in sys.path if p.endswith('-packages')]
link = sys.executable
while os.path.islink(link):
    link = os.path.join(os.path.dirname(link), os.readlink(link))
    paths += [link]
for line in open('/proc/self/maps'):
    library = line.rstrip().split(' ')[-1]
    if 'libpython' in library: paths += [library]
triplet = sysconfig.get_config_var('MULTIARCH') or ''
paths += ['/usr/lib/' + triplet, '/lib/' + triplet] if triplet else []
for path in paths: print(os.path.abspath(path))
)";

bool is_program(const fs::path& path) {
  std::error_code ignored;
  return fs::is_regular_file(path, ignored) && access(path.c_str(), X_OK) == 0;
}

bool is_script(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return file.get() == '#' && file.get() == '!';
}

std::vector<fs::path> path_folders() {
  std::vector<fs::path> folders;
  if (const char* path = std::getenv("PATH")) {
    for (const auto& folder : split(path, ':')) {
      if (!folder.empty() && folder.front() == '/') folders.emplace_back(folder);
    }
  }
  folders.insert(folders.end(), {"/usr/bin", "/bin"});
  return folders;
}

fs::path choose_python(bool& named) {
  if (const char* wanted = std::getenv("TOUCHSTONE_PYTHON"); wanted != nullptr && *wanted != '\0') {
    named = true;
    require(fs::path(wanted).is_absolute() && is_program(wanted), Fault::sandbox, [&] {
      return "TOUCHSTONE_PYTHON is '" + std::string(wanted) + "', expected the absolute path of a Python interpreter";
    });
    return wanted;
  }
  named = false;
  if (is_program("/usr/bin/python3")) return "/usr/bin/python3";
  for (const auto& folder : path_folders()) {
    if (is_program(folder / "python3") && !is_script(folder / "python3")) return folder / "python3";
  }
  throw Error(
      Fault::sandbox,
      "there is no python3 to run the code that models write: install it (Debian, Ubuntu: apt-get install python3) "
      "or name one with TOUCHSTONE_PYTHON");
}

/// Output of the interpreter, which is the machine's own and needs no sandbox; empty when it fails.
std::string ask(const fs::path& python, bool site_packages) {
  auto output = make_pipe();
  const auto nothing = null_device();
  ChildPlan plan;
  plan.command = {python.string(), "-I", "-B", "-c", ask_for_home};
  if (!site_packages) plan.command.insert(plan.command.begin() + 1, "-S");
  plan.descriptors = {nothing.get(), output.writer.get(), nothing.get()};
  Child child(plan);
  output.writer.reset();
  std::string text;
  char buffer[4096];
  for (ssize_t count = 0; (count = read(output.reader.get(), buffer, sizeof buffer)) > 0 && text.size() < 65536;) {
    text.append(buffer, static_cast<std::size_t>(count));
  }
  const auto status = child.wait_until(Clock::now() + std::chrono::seconds(20));
  return status == 0 ? text : std::string();
}

/// Removes paths inside another entry, so that nothing is mounted twice.
std::vector<std::string> outermost(std::vector<std::string> paths) {
  std::sort(paths.begin(), paths.end());
  std::vector<std::string> kept;
  for (const auto& path : paths) {
    const bool inside = !kept.empty() && (path == kept.back() || path.rfind(kept.back() + "/", 0) == 0);
    if (!inside) kept.push_back(path);
  }
  return kept;
}

bool old_version(const std::string& version) {
  const auto parts = split(version, '.');
  return parts.size() < 2 || std::atoi(parts[0].c_str()) != 3 || std::atoi(parts[1].c_str()) < 8;
}

}  // namespace

fs::path find_program(const std::string& name) {
  for (const auto& folder : path_folders()) {
    if (is_program(folder / name)) return folder / name;
  }
  return {};
}

PythonHome find_python() {
  PythonHome home;
  const auto python = choose_python(home.site_packages);
  const auto lines = split(ask(python, home.site_packages), '\n');
  require(lines.size() > 3 && !old_version(lines[0]), Fault::sandbox, [&] {
    return python.string() + " is " + (lines[0].empty() ? "no working Python" : "Python " + lines[0]) +
           ", expected Python 3.8 or newer: name another with TOUCHSTONE_PYTHON";
  });
  home.version = lines[0];
  home.executable = lines[1];
  std::vector<std::string> paths(lines.begin() + 1, lines.end());
  for (const char* library : {"/usr/lib64", "/lib64", "/etc/ld.so.cache"}) paths.emplace_back(library);
  for (const auto& path : paths) {
    std::error_code ignored;
    if (path.size() > 1 && fs::exists(path, ignored)) home.read_only.push_back(path);
  }
  home.read_only = outermost(std::move(home.read_only));
  return home;
}

}  // namespace touchstone
