// Where the sandbox cannot be had, or does not hold, nothing is run, and the message says how to get it.
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "harness/base/error.hpp"
#include "tasks/parts/sandbox.hpp"
#include "tests/support/support.hpp"

namespace touchstone {
namespace {

TEST(SandboxAbsent, RefusesAndSaysHow) {
  setenv("TOUCHSTONE_PYTHON", "/nowhere/python3", 1);
  try {
    Sandbox::open();
    ADD_FAILURE() << "an interpreter that is not there was accepted";
  } catch (const Error& error) {
    EXPECT_EQ(error.fault(), Fault::sandbox);
    EXPECT_NE(std::string(error.what()).find("/nowhere/python3"), std::string::npos) << error.what();
  }
  setenv("TOUCHSTONE_PYTHON", "/bin/true", 1);
  EXPECT_THROW(Sandbox::open(), Error);
  unsetenv("TOUCHSTONE_PYTHON");
  EXPECT_NE(sandbox_advice().find("apt-get install bubblewrap"), std::string::npos);
}

/// PATH with a folder that holds this program as `bwrap`.
class OtherBubblewrap {
 public:
  explicit OtherBubblewrap(const std::string& script) : before_(std::getenv("PATH")) {
    const auto file = folder_.path() / "bwrap";
    std::ofstream(file) << "#!/bin/sh\n" << script << "\n";
    // The sandbox is started as a user of its own.
    std::filesystem::permissions(folder_.path(), std::filesystem::perms(0755));
    std::filesystem::permissions(file, std::filesystem::perms(0755));
    setenv("PATH", folder_.path().c_str(), 1);
  }
  ~OtherBubblewrap() { setenv("PATH", before_.c_str(), 1); }
  OtherBubblewrap(const OtherBubblewrap&) = delete;
  OtherBubblewrap& operator=(const OtherBubblewrap&) = delete;

 private:
  std::string before_;
  testing::TemporaryFolder folder_;
};

std::string refusal_with(const std::string& bubblewrap) {
  const OtherBubblewrap other(bubblewrap);
  try {
    Sandbox::open();
  } catch (const Error& error) {
    EXPECT_EQ(error.fault(), Fault::sandbox);
    return error.what();
  }
  return "was opened";
}

TEST(SandboxAbsent, AnOldBubblewrapOneWithoutNameSpacesAndOneThatHoldsNothing) {
  struct Case {
    std::string script;
    std::string reason;
  };
  for (const auto& [script, reason] : {Case{"echo bubblewrap 0.4.1", "not bubblewrap 0.8 or newer"},
                                       Case{"echo something else", "not bubblewrap 0.8 or newer"},
                                       Case{"test \"$1\" = --version && echo bubblewrap 0.8.0 && exit 0\n"
                                            "echo 'bwrap: No permissions to create new namespace' >&2; exit 1",
                                            "No permissions to create new namespace"},
                                       // What pretends to be a sandbox and runs the program as it is.
                                       Case{"test \"$1\" = --version && echo bubblewrap 0.8.0 && exit 0\n"
                                            "while [ \"$1\" != -- ]; do shift; done; shift; exec \"$@\"",
                                            "the sandbox does not"}}) {
    const auto said = refusal_with(script);
    EXPECT_NE(said.find(reason), std::string::npos) << said;
    EXPECT_NE(said.find(sandbox_advice()), std::string::npos) << said;
    EXPECT_EQ(said.find('\n'), std::string::npos) << said;
  }
}

}  // namespace
}  // namespace touchstone
