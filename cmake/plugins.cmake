# touchstone_plugins(TARGET BOOK HEADER FOLDER...)
#
# Adds every .cpp file of the folders (or that a pattern like folder/part_*.cpp matches) to TARGET, and writes one more source: the function add_TARGET(BOOK&), which
# calls the function named after each file. Adding a plug-in is therefore adding a file; forgetting to define its
# function is a link error. (Static registrars are dropped by the linker when nothing names their object file.)
function(touchstone_plugins target book header)
  set(declarations "")
  set(calls "")
  set(sources "")
  foreach(folder IN LISTS ARGN)
    if(NOT folder MATCHES "[*]")
      string(APPEND folder "/*.cpp")
    endif()
    file(GLOB found CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/${folder})
    list(APPEND sources ${found})
  endforeach()
  foreach(source IN LISTS sources)
    get_filename_component(name ${source} NAME_WE)
    string(APPEND declarations "void ${name}(${book}&);\n")
    string(APPEND calls "  plugins::${name}(book);\n")
  endforeach()
  set(table ${CMAKE_CURRENT_BINARY_DIR}/${target}_plugins.cpp)
  file(CONFIGURE OUTPUT ${table} @ONLY CONTENT [=[
#include "@header@"

namespace touchstone {
namespace plugins {
@declarations@}
void add_@target@([[maybe_unused]] @book@& book) {
@calls@}
}  // namespace touchstone
]=])
  target_sources(${target} PRIVATE ${sources} ${table})
endfunction()
