# touchstone_unity(TARGET FOLDER...)
#
# Compiles the sources of each folder as one: headers are read and templates made once, which takes a third to an eighth
# of the time. So the anonymous namespaces of a folder share their names: a helper of a plug-in is named after it
# (load_gsm8k, describe_qwen3), and two helpers of one name are an error of the compiler instead of a surprise.
# TOUCHSTONE_UNITY=OFF (preset dev) compiles file by file, which is faster after a small change.
option(TOUCHSTONE_UNITY "Compile the sources of a folder together" ON)

function(touchstone_unity target)
  if(NOT TOUCHSTONE_UNITY)
    return()
  endif()
  set_target_properties(${target} PROPERTIES UNITY_BUILD ON UNITY_BUILD_MODE GROUP)
  foreach(folder IN LISTS ARGN)
    file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/${folder}/*.cpp)
    string(REPLACE "/" "_" group ${folder})
    set_source_files_properties(${sources} PROPERTIES UNITY_GROUP ${group})
  endforeach()
endfunction()

# touchstone_not_hot(TARGET)
#
# Compiles TARGET with fewer optimisations: code that waits for people and files gains nothing from more, and builds in two
# thirds of the time.
function(touchstone_not_hot target)
  target_compile_options(${target} PRIVATE $<$<CONFIG:Release>:-O1>)
endfunction()
