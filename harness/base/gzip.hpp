#pragma once
#include <string>
#include <string_view>

namespace touchstone {

/// Packs the bytes as a gzip file, which read_text_file unpacks. It holds no name and no time, so equal bytes give
/// equal files.
std::string gzip(std::string_view bytes);

}  // namespace touchstone
