# Targets that see LibTorch. Included by the top CMakeLists.txt; TOUCHSTONE_LIBTORCH names a LibTorch (2.6 or newer) of
# the user's, otherwise the one that scripts/setup.sh unpacked is taken.
if(TOUCHSTONE_LIBTORCH)
  set(torch_root ${TOUCHSTONE_LIBTORCH})
else()
  set(torch_root ${CMAKE_SOURCE_DIR}/.deps/libtorch)
endif()
find_package(Torch 2.6 REQUIRED PATHS ${torch_root} NO_DEFAULT_PATH)
find_package(OpenMP REQUIRED)

# The wheel brings its own fmt headers, which shadow the system's; after the system's own folders they do no harm.
add_library(libtorch INTERFACE)
foreach(folder IN LISTS TORCH_INCLUDE_DIRS)
  target_compile_options(libtorch INTERFACE "SHELL:-idirafter ${folder}")
endforeach()
target_compile_definitions(libtorch INTERFACE _GLIBCXX_USE_CXX11_ABI=1)
target_link_libraries(libtorch INTERFACE ${torch_root}/lib/libtorch_cpu.so ${torch_root}/lib/libc10.so
                      OpenMP::OpenMP_CXX)

add_library(tensor_pch OBJECT cmake/empty.cpp)
target_link_libraries(tensor_pch PUBLIC harness_core libtorch)
target_precompile_headers(tensor_pch PRIVATE <ATen/ATen.h> <ATen/Parallel.h>)

function(touchstone_tensor_target target)
  target_link_libraries(${target} PUBLIC harness_core libtorch)
  target_precompile_headers(${target} REUSE_FROM tensor_pch)
endfunction()

file(GLOB harness_tensor_sources CONFIGURE_DEPENDS harness/model/*.cpp harness/engine/*.cpp harness/train/*.cpp)
add_library(harness STATIC cmake/empty.cpp ${harness_tensor_sources})
touchstone_tensor_target(harness)
touchstone_unity(harness harness/model harness/engine harness/train)
# The engine opens tokenizers through the interface of harness/; the linker must find them after it.
target_link_libraries(harness PUBLIC tokenizers)

add_library(backends STATIC)
touchstone_plugins(backends FamilyBook backends/book.hpp backends/families)
file(GLOB backend_sources CONFIGURE_DEPENDS backends/layers/*.cpp backends/checkpoints/*.cpp backends/native/*.cpp backends/decoders/*.cpp)
target_sources(backends PRIVATE ${backend_sources})
touchstone_tensor_target(backends)
touchstone_unity(backends backends/families backends/checkpoints backends/layers backends/native backends/decoders)
target_link_libraries(backends PUBLIC harness tokenizers kernels)
# Products of bfloat16 that are summed in float32: MKL within LibTorch's x86 wheel exports them, other builds may not.
include(CheckCXXSourceCompiles)
set(CMAKE_REQUIRED_LIBRARIES ${torch_root}/lib/libtorch_cpu.so ${torch_root}/lib/libc10.so)
set(CMAKE_REQUIRED_LINK_OPTIONS -Wl,--unresolved-symbols=ignore-in-shared-libs)
check_cxx_source_compiles("extern \"C\" void cblas_gemm_bf16bf16f32(); int main() { cblas_gemm_bf16bf16f32(); }" TOUCHSTONE_HAS_MKL_BF16)
unset(CMAKE_REQUIRED_LIBRARIES)
unset(CMAKE_REQUIRED_LINK_OPTIONS)
if(TOUCHSTONE_HAS_MKL_BF16)
  set_source_files_properties(backends/native/products.cpp PROPERTIES COMPILE_DEFINITIONS TOUCHSTONE_MKL_BF16)
endif()

add_library(trainers STATIC)
touchstone_plugins(trainers TrainerBook trainers/book.hpp trainers/objectives trainers/stages trainers/rewards
                    trainers/procedures trainers/adapters)
file(GLOB trainer_sources CONFIGURE_DEPENDS trainers/loops/*.cpp trainers/losses/*.cpp trainers/rows/*.cpp trainers/text/*.cpp
     trainers/deltas/*.cpp trainers/bench/*.cpp)
target_sources(trainers PRIVATE ${trainer_sources})
touchstone_tensor_target(trainers)
touchstone_unity(trainers trainers/objectives trainers/stages trainers/rewards trainers/procedures trainers/adapters trainers/loops
                 trainers/losses trainers/rows trainers/text trainers/deltas trainers/bench)
target_link_libraries(trainers PUBLIC harness)

add_library(touchstone_tensor SHARED harness/tensor_main.cpp)
touchstone_tensor_target(touchstone_tensor)
target_link_libraries(touchstone_tensor PRIVATE backends trainers)
if(NOT TOUCHSTONE_SANITIZE)  # a name that is missing is an error here, not when the program opens the library
  target_link_options(touchstone_tensor PRIVATE -Wl,-z,defs)
endif()
