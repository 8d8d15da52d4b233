#include "tasks/parts/code_check.hpp"

#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <map>

#include "harness/base/error.hpp"
#include "harness/base/text.hpp"
#include "tasks/parts/code_check_python.hpp"

namespace touchstone {
namespace {

/// Length in 4 bytes, little-endian, then the bytes: the format in which the judge reads its job.
void append_sized(std::string& job, std::string_view bytes) {
  for (int shift = 0; shift < 32; shift += 8) job.push_back(static_cast<char>(bytes.size() >> shift & 0xff));
  job += bytes;
}

/// Everything that belongs to the check's two processes, in the order in which it must be destroyed.
struct Pair {
  Descriptor verdict;  ///< the judge's output, non-blocking
  Descriptor errors;   ///< error output of either interpreter when it cannot start
  SandboxedProcess judge;
  SandboxedProcess candidate;
};

Pair start_pair(const Sandbox& sandbox, const CodeCheck& check, const SandboxLimits& limits) {
  std::string job;
  append_sized(job, check.prelude);
  append_sized(job, check.tests);
  append_sized(job, join(check.names, " "));
  const auto job_file = memory_file(job);
  const auto program = memory_file(check.program);
  const auto nothing = null_device();
  auto calls = make_pipe();
  auto answers = make_pipe();
  auto verdict = make_pipe();
  auto errors = make_pipe();
  for (const int reader : {verdict.reader.get(), errors.reader.get()}) fcntl(reader, F_SETFL, O_NONBLOCK);
  const int none = nothing.get();
  const int complaints = errors.writer.get();
  auto judge = sandbox.start(
      code_judge_source(),
      {none, none, complaints, job_file.get(), answers.reader.get(), calls.writer.get(), verdict.writer.get()}, limits);
  auto candidate =
      sandbox.start(code_candidate_source(),
                    {none, none, complaints, program.get(), calls.reader.get(), answers.writer.get()}, limits);
  return {std::move(verdict.reader), std::move(errors.reader), std::move(judge), std::move(candidate)};
}

/// One line of the judge: "kind<TAB>text". The kind is empty at the deadline, "gone" when the judge ended without it.
struct Line {
  std::string kind;
  std::string text;
};

Line read_line(int descriptor, std::string& buffer, Clock::time_point deadline) {
  for (;;) {
    if (const auto end = buffer.find('\n'); end != std::string::npos) {
      const auto line = buffer.substr(0, end);
      buffer.erase(0, end + 1);
      const auto tab = line.find('\t');
      return {line.substr(0, tab), tab == std::string::npos ? "" : line.substr(tab + 1)};
    }
    const int left = milliseconds_until(deadline);
    if (left == 0) return {};
    pollfd watched{descriptor, POLLIN, 0};
    poll(&watched, 1, left);
    char bytes[4096];
    const auto count = read(descriptor, bytes, sizeof bytes);
    if (count == 0) return {"gone", ""};
    if (count > 0) buffer.append(bytes, static_cast<std::size_t>(count));
  }
}

std::string complaint(int descriptor) {
  char bytes[4096];
  const auto count = read(descriptor, bytes, sizeof bytes);
  if (count <= 0) return "it said nothing";
  return replace_all(std::string(strip(std::string_view(bytes, static_cast<std::size_t>(count)))), "\n", " | ");
}

/// How the program's process ended, after the judge found it gone.
CodeResult ended_early(SandboxedProcess& candidate) {
  const auto status = candidate.wait_until(Clock::now() + std::chrono::milliseconds(500));
  if (!status) return {CodeEnding::ended_early, "ended early: closed its channel", 0.0};
  const int code = WIFEXITED(*status) ? WEXITSTATUS(*status) : 128 + WTERMSIG(*status);
  if (code <= 128) return {CodeEnding::ended_early, "ended early: exit code " + std::to_string(code), 0.0};
  const char* name = sigabbrev_np(code - 128);
  if (code - 128 == SIGXCPU) return {CodeEnding::timed_out, "timeout: CPU time", 0.0};
  return {CodeEnding::ended_early,
          "ended early: signal " + (name ? "SIG" + std::string(name) : std::to_string(code - 128)), 0.0};
}

CodeResult read_verdict(const Line& line, Pair& pair) {
  const auto is_memory = line.text.rfind("MemoryError", 0) == 0;
  if (line.kind == "passed") return {CodeEnding::passed, "passed", 0.0};
  if (line.kind == "wrong") return {CodeEnding::wrong_answer, "wrong answer", 0.0};
  if (line.kind == "error" && is_memory) return {CodeEnding::out_of_memory, "memory: over the limit", 0.0};
  if (line.kind == "error") return {CodeEnding::exception, "exception: " + line.text, 0.0};
  if (line.kind == "syntax") return {CodeEnding::syntax_error, "syntax error: " + line.text, 0.0};
  if (line.kind == "unsupported") return {CodeEnding::unsupported, "unsupported: " + line.text, 0.0};
  if (line.kind == "refused") return {CodeEnding::ended_early, "ended early: broke the protocol", 0.0};
  if (line.kind == "ended") return ended_early(pair.candidate);
  if (line.kind.empty()) return {CodeEnding::timed_out, "timeout", 0.0};
  if (line.kind == "gone") return {CodeEnding::ended_early, "ended early: the tests' process was killed", 0.0};
  throw Error(Fault::data, "the tests of a code problem do not run: " + line.text);
}

}  // namespace

const char* code_ending_name(CodeEnding ending) {
  switch (ending) {
    case CodeEnding::passed:
      return "passed";
    case CodeEnding::wrong_answer:
      return "wrong answer";
    case CodeEnding::exception:
      return "exception";
    case CodeEnding::syntax_error:
      return "syntax error";
    case CodeEnding::timed_out:
      return "timeout";
    case CodeEnding::out_of_memory:
      return "memory";
    case CodeEnding::ended_early:
      return "ended early";
    case CodeEnding::unsupported:
      return "unsupported";
  }
  return "";
}

CodeResult check_code(const Sandbox& sandbox, const CodeCheck& check, const SandboxLimits& limits) {
  auto scaled = limits;
  scaled.wall_seconds *= sandbox.slowness();
  auto pair = start_pair(sandbox, check, scaled);
  std::string buffer;
  const auto ready = read_line(pair.verdict.get(), buffer, Clock::now() + Sandbox::start_limit);
  require(ready.kind != "unfit", Fault::data, [&] { return "the tests of a code problem do not run: " + ready.text; });
  require(ready.kind == "ready", Fault::sandbox,
          [&] { return "the sandbox stopped working (" + complaint(pair.errors.get()) + "); " + sandbox_advice(); });
  const auto began = Clock::now();
  const std::chrono::duration<double> wall(scaled.wall_seconds);
  const auto line = read_line(pair.verdict.get(), buffer, began + std::chrono::duration_cast<Clock::duration>(wall));
  auto result = read_verdict(line, pair);
  result.seconds = std::chrono::duration<double>(Clock::now() - began).count();
  return result;
}

}  // namespace touchstone
