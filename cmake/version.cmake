# Run by every build (cmake -P): writes OUT from IN with the commit that is checked out now, and only when it differs. A
# result row names the code that made it, so the name must be that of the files that are compiled, not of those that were
# there when the build was configured.
set(TOUCHSTONE_VERSION_TEXT ${VERSION})
if(GIT)
  execute_process(COMMAND ${GIT} describe --always --dirty --abbrev=12 --exclude=* WORKING_DIRECTORY ${SOURCE}
                  OUTPUT_VARIABLE commit OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
  if(commit)
    string(APPEND TOUCHSTONE_VERSION_TEXT "+${commit}")
  endif()
endif()
set(TOUCHSTONE_COMPILER_TEXT ${COMPILER})
set(TOUCHSTONE_SYSTEM_TEXT ${SYSTEM})
configure_file(${IN} ${OUT} @ONLY)
