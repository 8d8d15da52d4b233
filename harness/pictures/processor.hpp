#pragma once
// Turns a picture into the normalised tiles that a vision encoder reads, following preprocessor_config.json.
#include <array>
#include <cstdint>
#include <filesystem>
#include <vector>

#include "harness/pictures/image.hpp"

namespace touchstone {

/// PIL's filters, by PIL's numbers.
enum class Resample : std::uint8_t { nearest, lanczos, bilinear, bicubic, box, hamming };

/// Resizes, antialiased, with exactly the bytes of PIL's resize of 8-bit RGB.
Image resize_picture(const Image& image, int width_px, int height_px, Resample filter);

/// The settings of preprocessor_config.json, with transformers' defaults for missing keys.
struct PictureRules {
  bool resize = true;
  int longest_edge_px = 4 * 364;  ///< 0: resized to height_px x width_px
  int height_px = 0;
  int width_px = 0;
  Resample resample = Resample::lanczos;
  bool split = true;  ///< into tiles, and the whole picture as the last one
  int tile_px = 364;
  bool rescale = true;
  double rescale_factor = 1.0 / 255.0;
  bool normalize = true;
  std::array<float, 3> mean = {0.5F, 0.5F, 0.5F};
  std::array<float, 3> deviation = {0.5F, 0.5F, 0.5F};
};

/// Reads preprocessor_config.json of a checkpoint folder, or "image_processor" of processor_config.json. Throws
/// Fault::checkpoint naming file and key: neither file is there, a processor of another kind, a value out of range.
PictureRules read_picture_rules(const std::filesystem::path& folder);

/// The tiles of one picture.
struct PictureTiles {
  int rows = 0;     ///< of the split; 0 when the picture is one tile
  int columns = 0;  ///< of the split
  int count = 0;    ///< rows * columns + 1, or 1
  int side_px = 0;
  std::vector<float> values;  ///< [count, 3, side, side]
};

/// The split of a picture of that size: rows x columns tiles and the whole, or 0 x 0 for the whole alone.
struct PictureGrid {
  int rows = 0;
  int columns = 0;
};
PictureGrid picture_grid(int width_px, int height_px, const PictureRules& rules);

/// Computes the tiles as transformers' Idefics3ImageProcessorPil and SmolVLMImageProcessorPil do.
PictureTiles process_picture(const Image& image, const PictureRules& rules);

}  // namespace touchstone
