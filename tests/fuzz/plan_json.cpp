// Plan files, through the strict option reader that recipes are read with, too.
#include <sys/mman.h>
#include <unistd.h>

#include "harness/recipe/plan.hpp"
#include "tests/fuzz/fuzz.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  return fuzz_one(data, size, [](std::string_view text) {
    static const int file = memfd_create("plan.json", MFD_CLOEXEC);
    if (ftruncate(file, 0) != 0 || pwrite(file, text.data(), text.size(), 0) < 0) return;
    touchstone::read_plan("/proc/self/fd/" + std::to_string(file));
  });
}
