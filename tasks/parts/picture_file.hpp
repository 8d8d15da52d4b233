#pragma once
#include <filesystem>
#include <string>

#include "harness/data/example.hpp"

namespace touchstone {

/// A picture that a data set names, read from the folder of its pictures. `where` names the row that asks for it.
/// Throws Fault::data when the name is a path, there is no such file, or it is not a readable picture.
Image read_named_picture(const std::filesystem::path& folder, const std::string& name, const std::string& where);

}  // namespace touchstone
