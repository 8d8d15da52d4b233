#pragma once
#include <gtest/gtest.h>

#include <optional>
#include <string>

#include "harness/base/error.hpp"
#include "tasks/parts/sandbox.hpp"

namespace touchstone::testing {

/// One sandbox for all tests of the binary, opened at the first use; a test machine without one skips, and says why.
class SandboxTest : public ::testing::Test {
 protected:
  void SetUp() override {
    static std::string reason;
    if (!box() && reason.empty()) {
      try {
        box() = Sandbox::open();
      } catch (const Error& error) {
        reason = error.what();
      }
    }
    if (!box()) GTEST_SKIP() << reason;
  }
  static std::optional<Sandbox>& box() {
    static std::optional<Sandbox> opened;
    return opened;
  }
};

}  // namespace touchstone::testing
