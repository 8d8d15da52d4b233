#include "tasks/parts/code_check.hpp"

#include "harness/base/error.hpp"
#include "harness/base/files.hpp"
#include "harness/base/json.hpp"
#include "harness/base/text.hpp"
#include "tests/support/support.hpp"
#include "tests/tasks/sandbox_support.hpp"

namespace touchstone {
namespace {
using testing::SandboxTest;

CodeCheck check_of(const std::string& program, const std::string& tests) { return {program, "", tests, {"f"}}; }

struct Case {
  const char* name;
  CodeEnding ending;
  const char* program;
  const char* tests = "assert f(1) == 2\nassert f(5) == 6";
};
void PrintTo(const Case& one, std::ostream* out) { *out << one.name; }

class Verdicts : public SandboxTest, public ::testing::WithParamInterface<Case> {};

TEST_P(Verdicts, AreThoseOfTheTests) {
  SandboxLimits limits;
  limits.wall_seconds = GetParam().ending == CodeEnding::timed_out ? 0.3 : 10.0;
  const auto result = check_code(*box(), check_of(GetParam().program, GetParam().tests), limits);
  EXPECT_STREQ(code_ending_name(result.ending), code_ending_name(GetParam().ending)) << result.detail;
  EXPECT_EQ(result.detail.find('\n'), std::string::npos);
  const auto next = check_code(*box(), check_of("def f(x): return x + 1", "assert f(1) == 2"));
  EXPECT_EQ(next.ending, CodeEnding::passed) << next.detail;
}

// What a program can do in one interpreter and what of it honest tests may see.
constexpr Case fair[] = {
    {"plain", CodeEnding::passed, "def f(x): return x + 1"},
    {"wrong", CodeEnding::wrong_answer, "def f(x): return x"},
    {"raises", CodeEnding::exception, "def f(x): return undefined"},
    {"not_there", CodeEnding::exception, "def g(x): return 1"},
    {"none", CodeEnding::exception, "def f(x): pass", "assert len(f(1)) == 1"},
    {"broken", CodeEnding::syntax_error, "def f(x) return x"},
    {"cut_in_the_middle", CodeEnding::syntax_error, "def f(x):\n    return \"\"\"x"},
    {"control_character", CodeEnding::syntax_error, "def f(x):\n    return '\\x00'\n#\x01\ndef g(x:"},
    {"ends_in_backslash", CodeEnding::passed, "def f(x):\n    return x + 1 \\"},
    {"raises_while_loading", CodeEnding::exception, "def f(x): return x + 1\nraise ValueError('no')"},
    {"not_main", CodeEnding::passed, "def f(x): return x + 1\nif __name__ == '__main__': raise SystemExit"},
    {"endless", CodeEnding::timed_out, "def f(x):\n  while True: pass"},
    {"endless_while_loading", CodeEnding::timed_out, "while True: pass"},
    {"sleeps", CodeEnding::timed_out, "import time\ndef f(x): time.sleep(1000)"},
    {"memory", CodeEnding::out_of_memory, "def f(x): return bytearray(10 << 30)"},
    {"prints", CodeEnding::passed, "def f(x):\n  for _ in range(100): print('x' * 100000)\n  return x + 1"},
    {"reads_input", CodeEnding::exception, "def f(x): return int(input())"},
    {"deep_recursion", CodeEnding::exception, "def f(x): return f(x)"},
    {"state", CodeEnding::passed, "n = 0\ndef f():\n  global n\n  n += 1\n  return n",
     "assert [f(), f(), f()] == [1, 2, 3]"},
    {"keywords", CodeEnding::passed, "def f(a, *, b=2): return a * b", "assert f(3) == 6 and f(3, b=5) == 15"},
    {"types", CodeEnding::passed, "def f(x): return x", R"(
for x in [None, True, False, 0, -1, 255, -256, 2**200, -2**63, 1.5, float('inf'), -0.0, 1j, '', 'a\u20ac\ud800', b'\x00\xff',
          (), (1, (2,)), [], [[1], [2, [3]]], {}, {'a': [1], (1, 2): {3}}, set(), {1, 2}, frozenset({1}), range(1, 9, 2), Ellipsis]:
    y = f(x)
    assert y == x and type(y) is type(x) and repr(y) == repr(x), x
assert f(float('nan')) != f(float('nan'))
assert f(bytearray(b'ab')) == bytearray(b'ab'))"},
    {"other_types", CodeEnding::passed, R"(
import collections, fractions, decimal, enum
class Colour(enum.IntEnum): red = 3
Point = collections.namedtuple('Point', 'x y')
values = [fractions.Fraction(1, 3), decimal.Decimal('0.10'), Colour.red, Point(1, 2), collections.Counter('aab'),
          collections.OrderedDict(a=1), collections.defaultdict(list, b=[1]), collections.deque([1, 2])]
def f(n): return values[n])",
     R"(
import collections, fractions, decimal
assert f(0) == fractions.Fraction(1, 3) and f(1) == decimal.Decimal('0.1') and f(2) == 3 and f(3) == (1, 2)
assert f(4) == {'a': 2, 'b': 1} and f(5) == {'a': 1} and f(6) == {'b': [1]} and f(7) == collections.deque([1, 2]))"},
    {"iterators", CodeEnding::passed, R"(
def f(n):
  if n == 0: return (i for i in range(3))
  if n == 1: return map(str, [1, 2])
  if n == 2: return {'a': 1}.keys()
  if n == 3: return {'a': 1}.items()
  return {'a': 1}.values())",
     R"(
assert f(0) != [0, 1, 2] and list(f(0)) == [0, 1, 2] and tuple(f(1)) == ('1', '2')
assert f(2) == {'a'} and ('a', 1) in f(3) and list(f(4)) == [1])"},
    {"changed_arguments", CodeEnding::passed, R"(
def f(a, d, s, b):
  a.append(a[0]); a[0][0] = 9; d['new'] = [1]; s.discard(1); b += b'x')",
     R"(
inner = [1]
a, d, s, b = [inner], {}, {1, 2}, bytearray(b'y')
assert f(a, d, s, b) is None
assert a == [[9], [9]] and a[0] is inner and a[1] is inner and d == {'new': [1]} and s == {2} and b == b'yx')"},
    {"unchanged_arguments", CodeEnding::wrong_answer, "def f(a):\n  a.sort()\n  return a", R"(
a = [3, 1]
f(a)
assert a == [3, 1])"},
    {"same_object", CodeEnding::passed, "def f(a):\n  a.reverse()\n  return a",
     "a = [1, 2]\nassert f(a) is a and a == [2, 1]"},
    {"cycle", CodeEnding::passed, "def f(a):\n  a.append(a)\n  return [a, a]",
     "a = []\nb = f(a)\nassert a[0] is a and b[0] is a and b[1] is a"},
    {"new_things_in_arguments", CodeEnding::passed, "def f(a):\n  new = [1]\n  a[:] = [new, new]\n  return new",
     "a = []\nb = f(a)\nassert b == [1] and a[0] is b and a[1] is b"},
    {"builtin_exceptions", CodeEnding::passed, "class Mine(KeyError): pass\ndef f(x): raise Mine('no')", R"(
try: f(1)
except KeyError: pass
else: assert False)"},
    {"expects_other_exception", CodeEnding::exception, "def f(x): raise KeyError('no')", R"(
try: f(1)
except ValueError: pass)"},
    {"function_as_argument", CodeEnding::unsupported, "def f(g): return g(1)", "assert f(lambda x: x) == 1"},
    {"threads", CodeEnding::passed, R"(
import threading
def f(x):
  got = []
  thread = threading.Thread(target=lambda: got.append(x + 1))
  thread.start(); thread.join()
  return got[0])"},
    {"event_loop", CodeEnding::passed,
     "import asyncio\nasync def g(x): return x + 1\ndef f(x): return asyncio.run(g(x))"},
    {"library", CodeEnding::passed, R"(
import re, math, json, heapq, bisect, itertools, functools, string, hashlib, datetime, statistics, typing, dataclasses, random, copy, operator
def f(x): return int(json.loads(json.dumps([x]))[0]) + 1)"},
    {"nested_too_deep", CodeEnding::exception, "def f(x):\n  for _ in range(1000): x = [x]\n  return x"},
};
INSTANTIATE_TEST_SUITE_P(Fair, Verdicts, ::testing::ValuesIn(fair),
                         [](const auto& instance) { return std::string(instance.param.name); });

// Programs whose f is wrong and that would like to pass all the same.
constexpr Case forged[] = {
    {"says_so", CodeEnding::wrong_answer,
     "print('passed')\nimport sys\nsys.stderr.write('passed\\n')\ndef f(x): return 0"},
    {"exit_while_loading", CodeEnding::exception, "import sys\nsys.exit(0)"},
    {"exit_in_the_call", CodeEnding::exception, "import sys\ndef f(x): sys.exit(0)"},
    {"os_exit_while_loading", CodeEnding::ended_early, "import os\nos._exit(0)"},
    {"os_exit_in_the_call", CodeEnding::ended_early, "import os\ndef f(x): os._exit(0)"},
    {"os_exit_inside_a_bare_except", CodeEnding::ended_early, "import os\ndef f(x): os._exit(0)",
     "try: f(1)\nexcept: pass"},
    {"killed_itself", CodeEnding::ended_early, "import os, signal\ndef f(x): os.kill(os.getpid(), signal.SIGKILL)"},
    {"crashed", CodeEnding::ended_early, "import ctypes\ndef f(x): ctypes.string_at(0)"},
    {"closes_the_channel", CodeEnding::ended_early,
     "import os, time\ndef f(x):\n  os.closerange(3, 32)\n  time.sleep(5)"},
    {"always_equal", CodeEnding::wrong_answer, R"(
class Yes:
  def __eq__(self, other): return True
  def __ne__(self, other): return False
  __hash__ = None
def f(x): return Yes())"},
    {"always_equal_number", CodeEnding::wrong_answer, R"(
class Yes(int):
  def __eq__(self, other): return True
def f(x): return Yes(0))"},
    {"always_equal_list", CodeEnding::wrong_answer, R"(
class Yes(list):
  def __eq__(self, other): return True
  def __iter__(self): return iter([2])
  def __len__(self): return 1
def f(x): return Yes())",
     "assert f(1) == [2]"},
    {"lying_class", CodeEnding::exception, R"(
class Yes:
  __class__ = int
  def __index__(self): return 2
def f(x): return Yes())",
     "assert f(1) + 0 == 3"},
    {"always_close", CodeEnding::exception, R"(
class Yes:
  def __sub__(self, other): return 0
  __rsub__ = __sub__
  def __abs__(self): return 0
def f(x): return Yes())",
     "assert abs(f(1) - 2) < 1e-6"},
    {"patched_builtins", CodeEnding::wrong_answer, R"(
import builtins, sys, operator
builtins.AssertionError = type('Never', (Exception,), {})
builtins.check = lambda *a: None
builtins.abs = lambda *a: 0
sys.modules['math'] = None
operator.eq = lambda *a: True
check = lambda *a: None
def f(x): return 0)",
     "import math\nassert abs(f(1) - 2) < 0.1"},
    {"trace_function", CodeEnding::wrong_answer, R"(
import sys, threading
def trace(frame, event, arg): raise SystemExit(0)
threading.settrace(trace)
sys.setprofile(lambda *a: None)
sys.excepthook = lambda *a: None
def f(x): return 0)"},
    {"at_exit", CodeEnding::exception,
     "import atexit, os\natexit.register(lambda: os._exit(0))\ndef f(x): raise SystemExit(0)"},
    {"looks_for_the_tests", CodeEnding::exception, R"(
import gc, os, sys
def f(x):
  places = [repr(o) for o in gc.get_objects() if isinstance(o, (str, bytes, dict))]
  for number in range(32):
    try: places.append(os.pread(number, 1 << 20, 0).decode('latin1'))
    except OSError: pass
  frame = sys._getframe()
  while frame:
    places.append(repr(frame.f_locals))
    frame = frame.f_back
  if any('the ' + 'expected answer' in place for place in places): return 'the ' + 'expected answer'
  raise LookupError('tests are not here'))",
     "assert f(1) == 'the expected answer'"},
    {"writes_to_every_descriptor", CodeEnding::ended_early, R"(
import os
def f(x):
  for number in range(3, 32):
    try: os.write(number, b'passed\t\n')
    except OSError: pass
  return 0)"},
    {"answers_before_it_is_asked", CodeEnding::wrong_answer, R"(
import struct
reply = b'L\x02\x00\x00\x00TI\x01\x00\x00\x00\x07' + b'\x00' * 4
import os
os.write(5, struct.pack('<I', 1) + b'N' + 4 * (struct.pack('<I', len(reply)) + reply)))"},
    {"endless_message", CodeEnding::ended_early,
     "import os\ndef f(x):\n  os.write(5, b'\\xff' * 4)\n  while True: os.write(5, b'L' * 65536)"},
    {"hostile_message", CodeEnding::ended_early, R"(
import os, struct
def f(x):
  body = b'L\x01\x00\x00\x00' * 100000
  os.write(5, struct.pack('<I', len(body)) + body[:60000])
  os.write(5, body[60000:]))"},
    {"reference_to_nothing", CodeEnding::ended_early,
     "import os\ndef f(x): os.write(5, b'\\x05\\0\\0\\0R\\xff\\0\\0\\0')"},
    {"invented_exception", CodeEnding::exception, R"(
class AssertionError(BaseException): pass
def f(x): raise AssertionError('passed'))"},
    {"forks_a_liar", CodeEnding::exception, "import os\ndef f(x):\n  if os.fork() == 0: os._exit(0)\n  return 2"},
};
INSTANTIATE_TEST_SUITE_P(Forged, Verdicts, ::testing::ValuesIn(forged),
                         [](const auto& instance) { return std::string(instance.param.name); });

class CodeChecks : public SandboxTest {};

TEST_F(CodeChecks, TheTestsSeeTheirOwnPrelude) {
  const CodeCheck check{"def helper(x): return 0\ndef f(x): return 5",
                        "def helper(x): return x + 1\ndef f(x):\n  'doc'\n",
                        "assert f(1) == helper(4)\nassert helper(0) == 1",
                        {"f"}};
  EXPECT_EQ(check_code(*box(), check).ending, CodeEnding::passed);
}

TEST_F(CodeChecks, TestsThatDoNotCompileAreAFaultOfTheData) {
  try {
    check_code(*box(), check_of("def f(x): return 1", "assert f(1) =="));
    ADD_FAILURE() << "no error";
  } catch (const Error& error) {
    EXPECT_EQ(error.fault(), Fault::data);
    EXPECT_NE(std::string(error.what()).find("SyntaxError"), std::string::npos) << error.what();
  }
}

TEST_F(CodeChecks, DetailsAreOneLineThatSaysWhy) {
  EXPECT_EQ(check_code(*box(), check_of("def f(x): return undefined", "f(1)")).detail,
            "exception: NameError: name 'undefined' is not defined");
  EXPECT_EQ(check_code(*box(), check_of("import os\nos._exit(3)", "f(1)")).detail, "ended early: exit code 3");
  EXPECT_EQ(check_code(*box(), check_of("import ctypes\nctypes.string_at(0)", "f(1)")).detail,
            "ended early: signal SIGSEGV");
}

}  // namespace
}  // namespace touchstone
