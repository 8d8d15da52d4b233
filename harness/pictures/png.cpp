#include <png.h>

#include <csetjmp>
#include <cstring>
#include <vector>

#include "harness/base/error.hpp"
#include "harness/pictures/decoders.hpp"

namespace touchstone {
namespace {

/// libpng reports errors by longjmp, which runs no destructor. So run() has no objects of its own; all are members.
class PngReader {
 public:
  PngReader(std::string_view bytes, const std::string& where, const PictureLimits& limits)
      : bytes_(bytes), where_(where), limits_(limits) {
    png_ = png_create_read_struct(PNG_LIBPNG_VER_STRING, this, on_error, on_warning);
    if (png_ != nullptr) info_ = png_create_info_struct(png_);
    require(info_ != nullptr, Fault::internal, "libpng cannot be set up");
  }
  ~PngReader() { png_destroy_read_struct(&png_, &info_, nullptr); }
  PngReader(const PngReader&) = delete;
  PngReader& operator=(const PngReader&) = delete;

  Image read() {
    if (!run(&PngReader::read_header)) fail();
    check();
    if (!run(&PngReader::read_pixels)) fail();
    return std::move(image_);
  }

 private:
  bool run(void (PngReader::*step)()) {
    if (setjmp(png_jmpbuf(png_)) != 0) return false;  // NOLINT: libpng's only way
    (this->*step)();
    return true;
  }

  [[noreturn]] void fail() const { refuse_picture(where_, "damaged PNG (" + message_ + "), expected a whole picture"); }

  void read_header() {
    png_set_read_fn(png_, this, on_read);
    png_set_user_limits(png_, static_cast<png_uint_32>(limits_.side_px) + 1,
                        static_cast<png_uint_32>(limits_.side_px) + 1);
    png_set_chunk_malloc_max(png_, png_alloc_size_t{1} << 20);
    png_set_chunk_cache_max(png_, 64);
    // Texts, colour profiles and the like are not used; skipping them costs nothing.
    png_set_keep_unknown_chunks(png_, PNG_HANDLE_CHUNK_NEVER, nullptr, -1);
    png_read_info(png_, info_);
  }

  /// Checks sizes before libpng's own checks do, because its messages do not name the value found.
  static std::int64_t number_at(std::string_view bytes, std::size_t at) {
    std::int64_t value = 0;
    for (std::size_t next = at; next < at + 4; ++next) value = value * 256 + static_cast<unsigned char>(bytes[next]);
    return value;
  }

  void check() const {
    const auto colour = png_get_color_type(png_, info_);
    if (png_get_bit_depth(png_, info_) == 16 && (colour & PNG_COLOR_MASK_COLOR) == 0) {
      refuse_picture(where_,
                     "found 16-bit grey, which programs turn into 8 bits in different ways; expected 8 bits a sample");
    }
  }

  void read_pixels() {
    // Drops alpha, keeps the high byte of 16 bits, and turns palettes and grey into RGB.
    png_set_palette_to_rgb(png_);
    png_set_expand_gray_1_2_4_to_8(png_);
    png_set_strip_16(png_);
    png_set_gray_to_rgb(png_);
    png_set_strip_alpha(png_);
    png_set_interlace_handling(png_);
    png_read_update_info(png_, info_);
    image_.width_px = static_cast<int>(png_get_image_width(png_, info_));
    image_.height_px = static_cast<int>(png_get_image_height(png_, info_));
    const auto stride = static_cast<std::size_t>(image_.width_px) * 3;
    if (png_get_rowbytes(png_, info_) != stride) png_error(png_, "a row of another length than three bytes a pixel");
    image_.rgb.resize(stride * static_cast<std::size_t>(image_.height_px));
    for (int y = 0; y < image_.height_px; ++y)
      rows_.push_back(image_.rgb.data() + stride * static_cast<std::size_t>(y));
    png_read_image(png_, rows_.data());
  }

  static void on_read(png_structp png, png_bytep target, png_size_t count) {
    auto* self = static_cast<PngReader*>(png_get_io_ptr(png));
    if (count > self->bytes_.size() - self->at_) png_error(png, "the file ends too early");
    std::memcpy(target, self->bytes_.data() + self->at_, count);
    self->at_ += count;
  }

  [[noreturn]] static void on_error(png_structp png, png_const_charp message) {
    // Kept in an array, because a text that allocates could throw through libpng.
    auto* self = static_cast<PngReader*>(png_get_error_ptr(png));
    self->keep(message);
    png_longjmp(png, 1);
  }
  static void on_warning(png_structp, png_const_charp) {}

  void keep(const char* message) noexcept {
    try {
      message_.clear();
      for (const char* at = message; *at != '\0' && message_.size() < 80; ++at) {
        if (*at >= ' ' && *at <= '~') message_ += *at;
      }
    } catch (...) {
      message_.clear();
    }
  }

  std::string_view bytes_;
  const std::string& where_;
  const PictureLimits& limits_;
  std::size_t at_ = 0;
  png_structp png_ = nullptr;
  png_infop info_ = nullptr;
  std::string message_;
  Image image_;
  std::vector<png_bytep> rows_;

 public:
  /// Reads the header by hand: IHDR is always the first chunk, and an animation is marked before its first pixels.
  void check_claims() const {
    constexpr std::size_t header_end = 33;
    if (bytes_.size() < header_end || bytes_.substr(12, 4) != "IHDR") {
      refuse_picture(where_, "damaged PNG (no header), expected a whole picture");
    }
    check_picture_size(number_at(bytes_, 16), number_at(bytes_, 20), 3, where_, limits_);
    for (auto at = header_end; bytes_.size() - at >= 12;) {
      const auto length = number_at(bytes_, at);
      const auto kind = bytes_.substr(at + 4, 4);
      if (kind == "IDAT" || kind == "IEND" || static_cast<std::size_t>(length) + 12 > bytes_.size() - at) break;
      if (kind == "acTL" && length >= 4 && number_at(bytes_, at + 8) > 1) {
        refuse_picture(where_, "found an animated PNG of " + std::to_string(number_at(bytes_, at + 8)) +
                                   " frames, expected a single picture");
      }
      at += static_cast<std::size_t>(length) + 12;
    }
  }
};

}  // namespace

Image decode_png(std::string_view bytes, const std::string& where, const PictureLimits& limits) {
  PngReader reader(bytes, where, limits);
  reader.check_claims();
  return reader.read();
}

}  // namespace touchstone
