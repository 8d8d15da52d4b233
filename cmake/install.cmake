# `cmake --install build --prefix P` gives a tree that runs from any folder and can be moved: the program, the tensor library
# with the LibTorch that it was built against beside it, configs, sample data, models that come along, and licences.
set(share_folder share/touchstone)
set(document_folder share/doc/touchstone)
install(TARGETS touchstone RUNTIME DESTINATION bin)
foreach(folder configs data models)
  if(IS_DIRECTORY ${CMAKE_SOURCE_DIR}/${folder})
    install(DIRECTORY ${folder} DESTINATION ${share_folder})
  endif()
endforeach()
install(FILES LICENSE CHANGELOG.md DESTINATION ${document_folder})
install(FILES README.md DESTINATION ${document_folder} OPTIONAL)
install(DIRECTORY docs DESTINATION ${document_folder} OPTIONAL)

if(TARGET touchstone_tensor)
  # Where the program looks for it (harness/run/open_backend.cpp).
  set(library_folder lib/touchstone)
  set_target_properties(touchstone_tensor PROPERTIES INSTALL_RPATH "$ORIGIN")
  install(TARGETS touchstone_tensor LIBRARY DESTINATION ${library_folder})
  install(FILES ${CMAKE_BINARY_DIR}/catalogue.json DESTINATION ${share_folder} OPTIONAL)
  # Those libraries of LibTorch that C++ programs load; Python's and the wheel's own test libraries stay behind.
  file(GLOB torch_files ${torch_root}/lib/*.so ${torch_root}/lib/*.so.*)
  list(FILTER torch_files EXCLUDE REGEX "python|_test|with_compiler|custom_ops|libshm|global_deps")
  install(FILES ${torch_files} DESTINATION ${library_folder})
  install(DIRECTORY ${torch_root}/licenses/ DESTINATION ${document_folder}/libtorch OPTIONAL)
endif()
