# The libFuzzer targets: one program a file of tests/fuzz/, built by the preset `fuzz` with clang. Every library is
# instrumented, so that coverage guides the fuzzer through it. scripts/fuzz.sh runs them.
if(NOT CMAKE_CXX_COMPILER_ID MATCHES "Clang")
  message(FATAL_ERROR "fuzz targets need clang: cmake --preset fuzz (scripts/setup.sh --dev installs it)")
endif()
add_compile_options(-fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer)
add_link_options(-fsanitize=address,undefined)

function(touchstone_fuzz_targets)
  file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/tests/fuzz/*.cpp)
  file(GLOB header_reader ${CMAKE_SOURCE_DIR}/backends/checkpoints/safetensors_header.cpp)
  foreach(source IN LISTS sources)
    get_filename_component(name ${source} NAME_WE)
    add_executable(fuzz_${name} ${source})
    target_link_libraries(fuzz_${name} PRIVATE tasks tokenizers harness_core)
    target_link_options(fuzz_${name} PRIVATE -fsanitize=fuzzer)
  endforeach()
  target_sources(fuzz_safetensors_header PRIVATE ${header_reader})  # its library sees LibTorch, the file does not
endfunction()
