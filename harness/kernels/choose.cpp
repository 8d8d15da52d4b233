#if defined(__x86_64__)
#include <cpuid.h>
#endif
#if defined(__linux__)
#include <sys/syscall.h>
#include <unistd.h>
#endif

#include <cstdlib>
#include <cstring>

#include "harness/kernels/kernels.hpp"

namespace touchstone::kernels {

namespace baseline {
Kernels table();
}
#if defined(__x86_64__)
namespace avx2 {
Kernels table();
}
namespace avx512 {
Kernels table();
}
namespace avx512bf16 {
Kernels table();
}
namespace amx {
Kernels table();
}
#endif

namespace {

struct Choice {
  Kernels kernels;
  bool runs;
};

/// Takes a table only where the processor has the instructions: the function that fills it is compiled with them.
Choice choice(Kernels (*table)(), bool runs) { return {runs ? table() : Kernels{}, runs}; }

#if defined(__x86_64__)
/// Read from the processor itself: some compilers' __builtin_cpu_supports do not know the name.
bool has_tiles() {
  unsigned a = 0, b = 0, c = 0, d = 0;
  constexpr unsigned bf16 = 1U << 22U, tile = 1U << 24U;
  return __get_cpuid_count(7, 0, &a, &b, &c, &d) != 0 && (d & bf16) != 0 && (d & tile) != 0;
}

/// Linux gives a process the state of the tile registers on request. It refuses where the kernel is old or forbids
/// it.
bool may_use_tiles() {
#if defined(__linux__)
  constexpr long request_permission = 0x1023;  // ARCH_REQ_XCOMP_PERM
  constexpr long tile_data = 18;
  return syscall(SYS_arch_prctl, request_permission, tile_data) == 0;
#else
  return false;
#endif
}
#endif

/// All tables that were built, the best last.
const auto& choices() {
#if defined(__x86_64__)
  static const bool has_avx2 = __builtin_cpu_supports("avx2") != 0 && __builtin_cpu_supports("fma") != 0;
  static const bool has_avx512 = has_avx2 && __builtin_cpu_supports("avx512f") != 0 &&
                                 __builtin_cpu_supports("avx512bw") != 0 && __builtin_cpu_supports("avx512vl") != 0 &&
                                 __builtin_cpu_supports("avx512dq") != 0;
  static const bool has_bf16 = has_avx512 && __builtin_cpu_supports("avx512bf16") != 0;
  static const bool has_amx = has_bf16 && has_tiles() && may_use_tiles();
  static const Choice all[] = {choice(baseline::table, true), choice(avx2::table, has_avx2),
                               choice(avx512::table, has_avx512), choice(avx512bf16::table, has_bf16),
                               choice(amx::table, has_amx)};
#else
  static const Choice all[] = {choice(baseline::table, true)};
#endif
  return all;
}

}  // namespace

const Kernels& chosen() {
  static const Kernels& set = []() -> const Kernels& {
    const char* const wanted = std::getenv(kernels_variable);
    if (wanted != nullptr && named(wanted) != nullptr) return *named(wanted);
    const Kernels* best = nullptr;
    for (const auto& choice : choices()) {
      if (choice.runs) best = &choice.kernels;
    }
    return *best;
  }();
  return set;
}

bool libraries_multiply_halves() {
  // A named set stands for the processor on which it would be the best.
  static const bool wide = std::strcmp(chosen().name, "baseline") != 0 && std::strcmp(chosen().name, "avx2") != 0;
  return wide;
}

const Kernels* named(const char* name) {
  for (const auto& choice : choices()) {
    if (choice.runs && std::strcmp(choice.kernels.name, name) == 0) return &choice.kernels;
  }
  return nullptr;
}

}  // namespace touchstone::kernels
