#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "tasks/parts/sandbox.hpp"

namespace touchstone {

/// A program that a model wrote, and the tests that judge it.
struct CodeCheck {
  std::string program;  ///< written by the model; defines the functions under test
  std::string prelude;  ///< the benchmark's own part of the program (imports, helpers); the tests may use it, too
  std::string tests;    ///< run after the prelude, in the same name space; an uncaught exception is a failure
  std::vector<std::string> names;  ///< functions of the program that the tests call
};

enum class CodeEnding : std::uint8_t {
  passed,
  wrong_answer,   ///< an assertion of the tests failed
  exception,      ///< the program raised another exception, or the tests did on its results
  syntax_error,   ///< the program cannot be compiled
  timed_out,      ///< the wall clock
  out_of_memory,  ///< MemoryError, or killed at the limit
  ended_early,    ///< the program's process ended or closed its channel before the tests had finished
  unsupported,    ///< the tests pass a value that cannot cross to another process (a function, say)
};
/// "passed", "wrong answer", "exception", "syntax error", "timeout", "memory", "ended early", "unsupported".
const char* code_ending_name(CodeEnding ending);

struct CodeResult {
  CodeEnding ending = CodeEnding::ended_early;
  std::string detail;    ///< one line: "wrong answer", "exception: NameError: name 'x' is not defined"
  double seconds = 0.0;  ///< of the program and its tests
};

/// Runs tests against a program in such a way that the program cannot influence its own verdict.
///
/// Two sandboxes. The program runs in one of them and receives only calls: name and arguments as plain data over
/// a pipe; answers return the same way. The tests run in the other and never execute a line of the program. They see
/// values rebuilt from plain data (numbers, text, lists, tuples, dictionaries, sets, ranges, views, iterators, deques,
/// fractions, decimals; an instance of any other class becomes an object that equals nothing but itself), so an __eq__
/// that always says yes has no effect, nor has anything the program patched, printed, or exited with. Only the tests'
/// process holds the pipe to this one, and it writes the verdict when the tests have finished.
///
/// The verdicts equal those of running everything in one interpreter, for fair programs: arguments that a call changed
/// change for the tests too, aliasing is kept, exceptions arrive under the name of their nearest built-in class, state
/// lasts from call to call, `__name__` is not "__main__". Differences: the program cannot redefine names that the tests
/// use from the prelude or the built-ins, its tests' source is not there to be read, and hashing and `random` are
/// seeded.
///
/// The program has `limits.wall_seconds` times Sandbox::slowness(), counted from when both interpreters stand ready.
/// Safe from several threads at once. Throws Fault::sandbox when the sandbox fails, Fault::data when the tests do not
/// compile.
CodeResult check_code(const Sandbox& sandbox, const CodeCheck& check, const SandboxLimits& limits = {});

}  // namespace touchstone
