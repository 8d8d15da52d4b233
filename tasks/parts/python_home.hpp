#pragma once
#include <filesystem>
#include <string>
#include <vector>

namespace touchstone {

/// A Python interpreter of this machine, and the folders and files that it needs to start somewhere else.
struct PythonHome {
  std::string executable;              ///< what to execute
  std::string version;                 ///< "3.11.2"
  std::vector<std::string> read_only;  ///< files and folders, absolute
  bool site_packages = false;  ///< the user named this interpreter, so packages installed into it can be imported
};

/// $TOUCHSTONE_PYTHON, else /usr/bin/python3, else the first python3 of $PATH that is no shell script.
/// Throws Fault::sandbox when there is none, or it is older than 3.8.
PythonHome find_python();

/// The first executable file of that name in the folders of $PATH, then in /usr/bin and /bin; empty when there is none.
std::filesystem::path find_program(const std::string& name);

}  // namespace touchstone
