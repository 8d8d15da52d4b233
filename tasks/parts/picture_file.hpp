#pragma once
#include <filesystem>
#include <string>

#include "harness/data/example.hpp"

namespace touchstone {

/// A picture that a data set names, from the folder where its pictures lie. `where` names the row that asks for it.
/// Throws Fault::data: the name is a path, there is no such file, or it is not a picture that can be read.
Image read_named_picture(const std::filesystem::path& folder, const std::string& name, const std::string& where);

}  // namespace touchstone
