#include <csetjmp>
#include <cstdio>
#include <cstring>
#include <vector>

// jpeglib.h needs size_t and FILE before it.
#include <jerror.h>
#include <jpeglib.h>

#include "harness/base/error.hpp"
#include "harness/pictures/decoders.hpp"

namespace touchstone {
namespace {

/// A progressive picture with many empty scans takes minutes to decode. Real pictures have about ten scans.
constexpr int most_scans = 200;

/// libjpeg reports errors by a function that must not return. It jumps back to run(), which has no objects of its own.
class JpegReader {
 public:
  JpegReader(std::string_view bytes, const std::string& where, const PictureLimits& limits)
      : bytes_(bytes), where_(where), limits_(limits) {
    jpeg_.err = jpeg_std_error(&errors_);
    errors_.error_exit = on_error;
    errors_.emit_message = on_message;
    errors_.output_message = [](j_common_ptr) {};
    jpeg_.client_data = this;
    created_ = run(&JpegReader::create);
  }
  ~JpegReader() {
    if (created_) jpeg_destroy_decompress(&jpeg_);
  }
  JpegReader(const JpegReader&) = delete;
  JpegReader& operator=(const JpegReader&) = delete;

  Image read() {
    if (!created_ || !run(&JpegReader::read_header)) fail();
    check();
    if (!run(&JpegReader::read_pixels)) fail();
    if (truncated_) refuse_picture(where_, "damaged JPEG (its data ends too early), expected a whole picture");
    return std::move(image_);
  }

 private:
  bool run(void (JpegReader::*step)()) {
    if (setjmp(jump_) != 0) return false;  // NOLINT: libjpeg's only way
    (this->*step)();
    return true;
  }

  [[noreturn]] void fail() const {
    std::string message = message_;
    for (auto& c : message) {
      if (c < ' ' || c > '~') c = '?';
    }
    refuse_picture(where_, "damaged or unknown JPEG (" + message + "), expected a whole picture of 8 bits a sample");
  }

  void create() { jpeg_create_decompress(&jpeg_); }

  void read_header() {
    jpeg_mem_src(&jpeg_, reinterpret_cast<const unsigned char*>(bytes_.data()),
                 static_cast<unsigned long>(bytes_.size()));
    jpeg_read_header(&jpeg_, TRUE);
  }

  void check() const {
    const int components = jpeg_.num_components;
    if (components != 1 && components != 3 && components != 4) {
      refuse_picture(where_, "found a JPEG of " + std::to_string(components) + " components, expected 1, 3 or 4");
    }
    // A progressive picture keeps its coefficients, two bytes each, in memory until the last scan.
    const int kept = jpeg_has_multiple_scans(const_cast<jpeg_decompress_struct*>(&jpeg_)) != 0 ? 2 * components : 0;
    check_picture_size(jpeg_.image_width, jpeg_.image_height, 3 + kept, where_, limits_);
  }

  void read_pixels() {
    const bool inks = jpeg_.num_components == 4;
    const bool grey = jpeg_.num_components == 1;
    jpeg_.out_color_space = inks ? JCS_CMYK : grey ? JCS_GRAYSCALE : JCS_RGB;
    progress_.progress_monitor = on_progress;
    jpeg_.progress = &progress_;
    jpeg_start_decompress(&jpeg_);
    image_.width_px = static_cast<int>(jpeg_.output_width);
    image_.height_px = static_cast<int>(jpeg_.output_height);
    const auto width = static_cast<std::size_t>(jpeg_.output_width);
    image_.rgb.resize(width * jpeg_.output_height * 3);
    row_.resize(width * static_cast<std::size_t>(jpeg_.output_components));
    while (jpeg_.output_scanline < jpeg_.output_height) {
      auto* target = image_.rgb.data() + width * 3 * jpeg_.output_scanline;
      auto* row = jpeg_.num_components == 3 ? target : row_.data();
      jpeg_read_scanlines(&jpeg_, &row, 1);
      if (grey) spread_grey(target, width);
      if (inks) mix_inks(target, width);
    }
    jpeg_finish_decompress(&jpeg_);
  }

  void spread_grey(std::uint8_t* target, std::size_t width) const {
    for (std::size_t x = 0; x < width; ++x) std::memset(target + 3 * x, row_[x], 3);
  }

  /// Stored inks are complements (Adobe's convention, which all files follow): 255 of each ink is white.
  void mix_inks(std::uint8_t* target, std::size_t width) const {
    for (std::size_t x = 0; x < width; ++x) {
      const unsigned light = row_[4 * x + 3];
      for (std::size_t channel = 0; channel < 3; ++channel) {
        const unsigned ink = 255U - row_[4 * x + channel];
        const unsigned product = ink * light + 128U;
        const auto taken = ((product >> 8U) + product) >> 8U;
        target[3 * x + channel] = static_cast<std::uint8_t>(light > taken ? light - taken : 0U);
      }
    }
  }

  static JpegReader& self_of(j_common_ptr jpeg) { return *static_cast<JpegReader*>(jpeg->client_data); }

  [[noreturn]] static void on_error(j_common_ptr jpeg) {
    auto& self = self_of(jpeg);
    jpeg->err->format_message(jpeg, self.message_);
    std::longjmp(self.jump_, 1);
  }

  static void on_message(j_common_ptr jpeg, int level) {
    const auto code = jpeg->err->msg_code;
    if (level < 0 && (code == JWRN_JPEG_EOF || code == JWRN_HIT_MARKER)) self_of(jpeg).truncated_ = true;
  }

  static void on_progress(j_common_ptr jpeg) {
    auto& self = self_of(jpeg);
    if (self.jpeg_.input_scan_number <= most_scans) return;
    std::snprintf(self.message_, sizeof(self.message_), "more than %d scans", most_scans);
    std::longjmp(self.jump_, 1);
  }

  std::string_view bytes_;
  const std::string& where_;
  const PictureLimits& limits_;
  jpeg_decompress_struct jpeg_{};
  jpeg_error_mgr errors_{};
  jpeg_progress_mgr progress_{};
  std::jmp_buf jump_{};
  char message_[JMSG_LENGTH_MAX] = {};
  bool created_ = false;
  bool truncated_ = false;
  Image image_;
  std::vector<JSAMPLE> row_;
};

}  // namespace

Image decode_jpeg(std::string_view bytes, const std::string& where, const PictureLimits& limits) {
  return JpegReader(bytes, where, limits).read();
}

}  // namespace touchstone
