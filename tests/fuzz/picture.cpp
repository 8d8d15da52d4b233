// Pictures: PNG and JPEG, with limits small enough that every input takes a moment only.
#include "harness/pictures/picture.hpp"

#include "tests/fuzz/fuzz.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  return fuzz_one(data, size, [](std::string_view bytes) {
    const touchstone::PictureLimits limits{.side_px = 2048, .pixels = 1 << 18, .memory_bytes = 1 << 23};
    const auto image = touchstone::decode_picture(bytes, "input", limits);
    const auto pixels = static_cast<std::size_t>(image.width_px) * static_cast<std::size_t>(image.height_px);
    if (image.width_px < 1 || image.height_px < 1 || image.rgb.size() != 3 * pixels) __builtin_trap();
  });
}
