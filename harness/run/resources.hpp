#pragma once
#include <filesystem>
#include <string>
#include <vector>

namespace touchstone {

/// The folder of the program's own files: beside a build in a checkout, below PREFIX/share/touchstone if installed, or
/// wherever $TOUCHSTONE_SHARE points.
class Resources {
 public:
  /// Finds them from the running program's place. Throws Fault::config with the places looked at.
  static Resources find();
  explicit Resources(std::filesystem::path folder) : folder_(std::move(folder)) {}

  const std::filesystem::path& folder() const { return folder_; }
  /// configs/methods/NAME.json, or `name` itself when it is a path of a file. Throws Fault::config with the nearest
  /// name.
  std::filesystem::path method(const std::string& name) const;
  std::vector<std::string> methods() const;
  /// The plan's file: `name` itself where it is one, else configs/plans/NAME.json. Throws Fault::config with the
  /// nearest name.
  std::filesystem::path plan(const std::string& name) const;
  /// The plans that come with the program: "quickstart", "papers/asft".
  std::vector<std::string> plans() const;
  /// configs/verdicts.json: the results of reproducing the methods, for those that were tried.
  std::filesystem::path verdicts() const;
  /// A checkpoint folder: a path, or the name of a model that comes with the program or lies in a data folder's
  /// models/.
  std::filesystem::path model(const std::string& name, const std::vector<std::filesystem::path>& data) const;
  /// The data folders in search order: `named` (--data), $TOUCHSTONE_DATA, the user's cache, the samples.
  std::vector<std::filesystem::path> data_folders(const std::string& named) const;
  /// The table of families, objectives and stages that the build wrote: for the library that $TOUCHSTONE_TENSOR_LIBRARY
  /// names, otherwise for the program's own.
  std::filesystem::path catalogue() const;

 private:
  std::filesystem::path folder_;
};

/// The folder that holds the running program.
std::filesystem::path program_folder();

/// $XDG_CACHE_HOME/touchstone, or ~/.cache/touchstone.
std::filesystem::path user_cache();

}  // namespace touchstone
