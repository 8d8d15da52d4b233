#include <dlfcn.h>

#include <cstdlib>
#include <memory>
#include <mutex>

#include "harness/base/error.hpp"
#include "harness/model/backend.hpp"
#include "harness/run/resources.hpp"

namespace touchstone {
namespace {

std::filesystem::path library_path() {
  if (const char* named = std::getenv("TOUCHSTONE_TENSOR_LIBRARY"); named != nullptr && *named != '\0') return named;
  auto beside = program_folder() / "libtouchstone_tensor.so";
  if (std::filesystem::exists(beside)) return beside;
  return program_folder().parent_path() / "lib" / "touchstone" / "libtouchstone_tensor.so";
}

BackendMaker load_maker() {
  // Waiting OpenMP threads must sleep: spinning threads take the cores from other jobs. libgomp reads this once,
  // when it is loaded.
  ::setenv("OMP_WAIT_POLICY", "passive", 0);
  // oneDNN and the layer above it cache something for every number of rows that a bfloat16 product ever had, half a
  // megabyte each. Without a limit the memory of a plan of many cells would grow without end.
  ::setenv("ONEDNN_PRIMITIVE_CACHE_CAPACITY", "32", 0);
  ::setenv("LRU_CACHE_CAPACITY", "32", 0);
  const auto path = library_path();
  void* library = ::dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  require(library != nullptr, Fault::config,
          [&] { return "the tensor library cannot be opened: " + std::string(::dlerror()); });
  void* symbol = ::dlsym(library, backend_symbol);
  require(symbol != nullptr, Fault::config, [&] { return path.string() + ": is not touchstone's tensor library"; });
  return reinterpret_cast<BackendMaker>(symbol);
}

}  // namespace

Backend& open_backend() {
  // One object for the process, never destroyed: LibTorch does not unload cleanly.
  static Backend* const backend = load_maker()();
  return *backend;
}

}  // namespace touchstone
