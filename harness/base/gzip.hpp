#pragma once
#include <string>
#include <string_view>

namespace touchstone {

/// The bytes of a gzip file that read_text_file gives back. No name and no time are in it: equal bytes give equal
/// files.
std::string gzip(std::string_view bytes);

}  // namespace touchstone
