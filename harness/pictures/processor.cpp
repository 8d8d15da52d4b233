#include "harness/pictures/processor.hpp"

#include <algorithm>
#include <cmath>

#include "harness/base/error.hpp"
#include "harness/base/object_reader.hpp"
#include "harness/base/processor_file.hpp"

namespace touchstone {
namespace {

constexpr int most_side_px = 4096;  ///< as in the reference: upper limit after the first resize

using Settings = ObjectReader;

int side(const Settings& settings, const std::string& key) {
  return static_cast<int>(settings.integer(key, 1, most_side_px));
}

/// The object under a key that contains all the given keys.
Settings size_of(const Settings& settings, const char* key) {
  return {settings.object(key), settings.where() + ": " + key, {.fault = Fault::checkpoint, .null_is_missing = true}};
}

void read_flag(const Settings& settings, const char* key, bool& value) {
  if (settings.has(key)) value = settings.flag(key);
}

void read_channels(const Settings& settings, const char* key, std::array<float, 3>& values, double min) {
  const auto* found = settings.find(key);
  if (found == nullptr) return;
  const bool list = found->is_array() && found->size() == 3;
  for (std::size_t at = 0; at < 3; ++at) {
    const auto& value = list ? (*found)[at] : *found;
    if (!value.is_number() || value.get<double>() < min || value.get<double>() > 1e4) {
      settings.wrong(key, *found, "one number or three," + range_words(min, 1e4));
    }
    values[at] = value.get<float>();
  }
}

void check_kind(const Settings& settings) {
  const auto* kind = settings.find("image_processor_type");
  if (kind == nullptr) return;
  for (const auto* name : {"Idefics3ImageProcessor", "SmolVLMImageProcessor"}) {
    for (const auto* ending : {"", "Fast", "Pil"}) {
      if (*kind == std::string(name) + ending) return;
    }
  }
  settings.wrong("image_processor_type", *kind, "Idefics3ImageProcessor or SmolVLMImageProcessor");
}

void read_size(const Settings& settings, PictureRules& rules) {
  if (!settings.has("size")) return;
  const auto size = size_of(settings, "size");
  if (size.has("longest_edge")) {
    rules.longest_edge_px = side(size, "longest_edge");
  } else if (size.has("height") && size.has("width")) {
    rules.longest_edge_px = 0;
    rules.height_px = side(size, "height");
    rules.width_px = side(size, "width");
  } else {
    settings.wrong("size", size.json(), "an object with longest_edge, or height and width");
  }
}

PictureRules rules_of(const Settings& settings) {
  check_kind(settings);
  PictureRules rules;
  read_flag(settings, "do_resize", rules.resize);
  read_flag(settings, "do_image_splitting", rules.split);
  read_flag(settings, "do_rescale", rules.rescale);
  read_flag(settings, "do_normalize", rules.normalize);
  read_size(settings, rules);
  if (settings.has("max_image_size")) rules.tile_px = side(size_of(settings, "max_image_size"), "longest_edge");
  // As PIL numbers its filters.
  if (settings.has("resample")) rules.resample = static_cast<Resample>(settings.integer("resample", 0, 5));
  if (const auto* factor = settings.find("rescale_factor")) {
    rules.rescale_factor = settings.number("rescale_factor", 0, 1e4);
    if (rules.rescale_factor <= 0) settings.wrong("rescale_factor", *factor, "a number above 0");
  }
  read_channels(settings, "image_mean", rules.mean, -1e4);
  read_channels(settings, "image_std", rules.deviation, 1e-6);
  return rules;
}

struct Size {
  int width = 0;
  int height = 0;
};

/// Scales the longer edge to `longest`; the other edge keeps the aspect ratio and is made even.
Size fit_longest(Size size, int longest) {
  const double aspect = static_cast<double>(size.width) / size.height;
  if (size.width >= size.height) {
    size.width = longest;
    size.height = static_cast<int>(longest / aspect);
    size.height += size.height % 2;
  } else {
    size.height = longest;
    size.width = static_cast<int>(longest * aspect);
    size.width += size.width % 2;
  }
  return {.width = std::max(size.width, 1), .height = std::max(size.height, 1)};
}

int up_to_multiple(int value, int unit) { return (value + unit - 1) / unit * unit; }

/// Makes both edges a multiple of the tile.
Size fit_tiles(Size size, int tile) {
  const double aspect = static_cast<double>(size.width) / size.height;
  if (size.width >= size.height) {
    size.width = up_to_multiple(size.width, tile);
    size.height = up_to_multiple(static_cast<int>(size.width / aspect), tile);
  } else {
    size.height = up_to_multiple(size.height, tile);
    size.width = up_to_multiple(static_cast<int>(size.height * aspect), tile);
  }
  return {.width = std::max(size.width, tile), .height = std::max(size.height, tile)};
}

/// The sizes to which a picture is resized in turn before it is split, and the split itself.
struct SizePlan {
  std::vector<Size> sizes;
  int rows = 0;
  int columns = 0;
};

SizePlan plan_sizes(Size now, const PictureRules& rules) {
  SizePlan plan;
  const auto to = [&](Size size) { plan.sizes.push_back(now = size); };
  if (rules.resize) {
    to(rules.longest_edge_px > 0 ? fit_longest(now, std::min(rules.longest_edge_px, most_side_px))
                                 : Size{.width = rules.width_px, .height = rules.height_px});
  }
  if (!rules.split) return plan;
  // Without a first resize, the picture's own size decides the number of tiles, which must stay below thousands.
  const auto tile = rules.tile_px;
  to(fit_tiles({.width = std::min(now.width, most_side_px), .height = std::min(now.height, most_side_px)}, tile));
  if (now.width > tile || now.height > tile) {
    plan.rows = now.height / tile;
    plan.columns = now.width / tile;
  }
  return plan;
}

/// Appends the square of `side` pixels at (left, top), channel by channel.
void append_tile(const Image& image, int left, int top, const PictureRules& rules, PictureTiles& tiles) {
  const auto side = static_cast<std::size_t>(tiles.side_px);
  const auto width = static_cast<std::size_t>(image.width_px);
  for (std::size_t channel = 0; channel < 3; ++channel) {
    std::array<float, 256> value_of{};
    for (std::size_t byte = 0; byte < 256; ++byte) {
      auto value = static_cast<float>(byte);
      if (rules.rescale) value = static_cast<float>(static_cast<double>(byte) * rules.rescale_factor);
      if (rules.normalize) value = (value - rules.mean[channel]) / rules.deviation[channel];
      value_of[byte] = value;
    }
    for (std::size_t y = 0; y < side; ++y) {
      const auto first = (static_cast<std::size_t>(top) + y) * width + static_cast<std::size_t>(left);
      for (std::size_t x = 0; x < side; ++x) tiles.values.push_back(value_of[image.rgb[(first + x) * 3 + channel]]);
    }
  }
  ++tiles.count;
}

}  // namespace

PictureRules read_picture_rules(const std::filesystem::path& folder) {
  const auto settings = read_processor_settings(folder, "image_processor", "how pictures are resized and normalised");
  return rules_of({settings.json, settings.where, {.fault = Fault::checkpoint, .null_is_missing = true}});
}

PictureGrid picture_grid(int width_px, int height_px, const PictureRules& rules) {
  const auto plan = plan_sizes({.width = width_px, .height = height_px}, rules);
  return {.rows = plan.rows, .columns = plan.columns};
}

PictureTiles process_picture(const Image& image, const PictureRules& rules) {
  const auto plan = plan_sizes({.width = image.width_px, .height = image.height_px}, rules);
  Image now = image;
  const auto to = [&](Size size) { now = resize_picture(now, size.width, size.height, rules.resample); };
  for (const auto& size : plan.sizes) to(size);
  PictureTiles tiles;
  const auto tile = tiles.side_px = rules.tile_px;
  tiles.rows = plan.rows;
  tiles.columns = plan.columns;
  const auto pixels = static_cast<std::size_t>(tile) * static_cast<std::size_t>(tile);
  tiles.values.reserve(static_cast<std::size_t>(tiles.rows * tiles.columns + 1) * pixels * 3);
  for (int row = 0; row < tiles.rows; ++row) {
    for (int column = 0; column < tiles.columns; ++column) {
      append_tile(now, column * tile, row * tile, rules, tiles);
    }
  }
  to({.width = tile, .height = tile});
  append_tile(now, 0, 0, rules, tiles);
  return tiles;
}

}  // namespace touchstone
