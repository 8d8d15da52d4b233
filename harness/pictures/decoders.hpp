#pragma once
// The two decoders behind decode_picture. Each checks the header against the limits.
#include <string>
#include <string_view>

#include "harness/pictures/picture.hpp"

namespace touchstone {

Image decode_png(std::string_view bytes, const std::string& where, const PictureLimits& limits);
Image decode_jpeg(std::string_view bytes, const std::string& where, const PictureLimits& limits);

/// Throws Fault::data for a size that is impossible or over the limits. `bytes_a_pixel`: of the result together with
/// the decoder's own buffers.
void check_picture_size(std::int64_t width, std::int64_t height, std::int64_t bytes_a_pixel, const std::string& where,
                        const PictureLimits& limits);

[[noreturn]] void refuse_picture(const std::string& where, const std::string& message);

}  // namespace touchstone
