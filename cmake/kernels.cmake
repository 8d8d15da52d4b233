# The processor kernels, each source once for every instruction set; harness/kernels/choose.cpp takes the best that the
# processor has. Nothing else in the program is built for more than the compiler's default.
add_library(kernels STATIC harness/kernels/choose.cpp)
target_include_directories(kernels PUBLIC ${CMAKE_SOURCE_DIR})
target_link_libraries(kernels PRIVATE warnings)

set(kernel_sources product norm elementwise attention paged training table)
list(TRANSFORM kernel_sources REPLACE "(.+)" "harness/kernels/\\1.cpp")

function(touchstone_kernels isa)
  add_library(kernels_${isa} OBJECT ${kernel_sources})
  target_include_directories(kernels_${isa} PRIVATE ${CMAKE_SOURCE_DIR})
  target_compile_definitions(kernels_${isa} PRIVATE TOUCHSTONE_ISA=${isa})
  # -O3 in every configuration: kernels without it are slower than what they replace. Contraction into fused
  # multiply-adds is off by default under -std=c++20.
  target_compile_options(kernels_${isa} PRIVATE -O3 -ffp-contract=fast -fno-math-errno -fno-trapping-math ${ARGN})
  target_link_libraries(kernels_${isa} PRIVATE warnings)
  target_sources(kernels PRIVATE $<TARGET_OBJECTS:kernels_${isa}>)
endfunction()

touchstone_kernels(baseline)
if(CMAKE_SYSTEM_PROCESSOR MATCHES "^(x86_64|AMD64|amd64)$")
  set(avx512_flags -mavx2 -mfma -mavx512f -mavx512bw -mavx512vl -mavx512dq -mprefer-vector-width=512)
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")  # GCC 12 warns of its own avx512fintrin.h
    list(APPEND avx512_flags -Wno-uninitialized -Wno-maybe-uninitialized)
  endif()
  touchstone_kernels(avx2 -mavx2 -mfma)
  touchstone_kernels(avx512 ${avx512_flags})
  touchstone_kernels(avx512bf16 ${avx512_flags} -mavx512bf16)
  touchstone_kernels(amx ${avx512_flags} -mavx512bf16 -mamx-tile -mamx-bf16)
endif()
