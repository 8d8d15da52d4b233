#include "tasks/parts/picture_file.hpp"

#include "harness/base/error.hpp"
#include "harness/base/one_line.hpp"
#include "harness/pictures/picture.hpp"

namespace touchstone {

Image read_named_picture(const std::filesystem::path& folder, const std::string& name, const std::string& where) {
  const bool plain = !name.empty() && name.front() != '.' && name.find('/') == std::string::npos &&
                     name.find('\0') == std::string::npos;
  require(plain, Fault::data, [&] {
    return where + ": found the picture name '" + one_line(name, 80) + "', expected a file name without a folder";
  });
  const auto path = folder / name;
  require(std::filesystem::is_regular_file(path), Fault::data,
          [&] { return where + ": its picture " + path.string() + " is missing"; });
  return read_picture(path);
}

}  // namespace touchstone
