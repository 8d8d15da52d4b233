#include "harness/pictures/processor.hpp"

#include <algorithm>
#include <cmath>

#include "harness/base/error.hpp"
#include "harness/base/json.hpp"

namespace touchstone {
namespace {

constexpr int most_side_px = 4096;  ///< as the reference: never larger than this after the first resize

/// One JSON object of a processor's settings, with the file's name for messages.
class Settings {
 public:
  Settings(const Json& object, std::string where) : object_(object), where_(std::move(where)) {}

  const Json* find(const char* key) const {
    const auto found = object_.find(key);
    return found == object_.end() || found->is_null() ? nullptr : &*found;
  }
  [[noreturn]] void refuse(const std::string& key, const Json& value, const std::string& expected) const {
    auto found = value.dump(-1, ' ', true, Json::error_handler_t::replace);
    if (found.size() > 60) found = found.substr(0, 57) + "...";
    throw Error(Fault::checkpoint, where_ + ": " + key + " is " + found + ", expected " + expected);
  }
  void read(const char* key, bool& value) const {
    if (const auto* found = find(key)) {
      if (!found->is_boolean()) refuse(key, *found, "true or false");
      value = found->get<bool>();
    }
  }
  int side(const std::string& key, const Json& value) const {
    if (!value.is_number_integer() || value.get<double>() < 1 || value.get<double>() > most_side_px) {
      refuse(key, value, "a whole number from 1 to " + std::to_string(most_side_px));
    }
    return value.get<int>();
  }
  void read(const char* key, std::array<float, 3>& values, double min) const {
    const auto* found = find(key);
    if (found == nullptr) return;
    const bool list = found->is_array() && found->size() == 3;
    for (std::size_t at = 0; at < 3; ++at) {
      const auto& value = list ? (*found)[at] : *found;
      if (!value.is_number() || value.get<double>() < min || value.get<double>() > 1e4) {
        refuse(key, *found, "one number or three, from " + Json(min).dump() + " to 10000");
      }
      values[at] = value.get<float>();
    }
  }

 private:
  const Json& object_;
  std::string where_;
};

void check_kind(const Settings& settings) {
  const auto* kind = settings.find("image_processor_type");
  if (kind == nullptr) return;
  for (const auto* name : {"Idefics3ImageProcessor", "SmolVLMImageProcessor"}) {
    for (const auto* ending : {"", "Fast", "Pil"}) {
      if (*kind == std::string(name) + ending) return;
    }
  }
  settings.refuse("image_processor_type", *kind, "Idefics3ImageProcessor or SmolVLMImageProcessor");
}

void read_size(const Settings& settings, PictureRules& rules) {
  const auto* size = settings.find("size");
  if (size == nullptr) return;
  if (size->is_object() && size->contains("longest_edge")) {
    rules.longest_edge_px = settings.side("size.longest_edge", (*size)["longest_edge"]);
  } else if (size->is_object() && size->contains("height") && size->contains("width")) {
    rules.longest_edge_px = 0;
    rules.height_px = settings.side("size.height", (*size)["height"]);
    rules.width_px = settings.side("size.width", (*size)["width"]);
  } else {
    settings.refuse("size", *size, "an object with longest_edge, or height and width");
  }
}

PictureRules rules_of(const Settings& settings) {
  check_kind(settings);
  PictureRules rules;
  settings.read("do_resize", rules.resize);
  settings.read("do_image_splitting", rules.split);
  settings.read("do_rescale", rules.rescale);
  settings.read("do_normalize", rules.normalize);
  read_size(settings, rules);
  if (const auto* tile = settings.find("max_image_size")) {
    if (!tile->is_object() || !tile->contains("longest_edge")) {
      settings.refuse("max_image_size", *tile, "an object with longest_edge");
    }
    rules.tile_px = settings.side("max_image_size.longest_edge", (*tile)["longest_edge"]);
  }
  if (const auto* filter = settings.find("resample")) {
    if (!filter->is_number_integer() || filter->get<double>() < 0 || filter->get<double>() > 5) {
      settings.refuse("resample", *filter, "a filter of PIL, 0 to 5");
    }
    rules.resample = static_cast<Resample>(filter->get<int>());
  }
  if (const auto* factor = settings.find("rescale_factor")) {
    if (!factor->is_number() || !(factor->get<double>() > 0 && factor->get<double>() <= 1e4)) {
      settings.refuse("rescale_factor", *factor, "a number above 0, at most 10000");
    }
    rules.rescale_factor = factor->get<double>();
  }
  settings.read("image_mean", rules.mean, -1e4);
  settings.read("image_std", rules.deviation, 1e-6);
  return rules;
}

struct Size {
  int width = 0;
  int height = 0;
};

/// The longer edge becomes `longest`, the other keeps the shape and is even.
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

/// Both edges a multiple of the tile.
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

/// The sizes that a picture takes one after the other before it is cut, and how it is cut.
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
  // Without a first resize the picture's own size decides; it must not become thousands of tiles.
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
  for (const auto* name : {"preprocessor_config.json", "processor_config.json"}) {
    const auto path = folder / name;
    if (!std::filesystem::exists(path)) continue;
    Json json;
    try {
      json = read_json(path);
    } catch (const Error& error) {
      throw Error(Fault::checkpoint, error.what());
    }
    if (json.is_object() && json.contains("image_processor")) json = Json(json["image_processor"]);
    require(json.is_object(), Fault::checkpoint, [&] { return path.string() + ": expected a JSON object"; });
    return rules_of({json, path.string()});
  }
  throw Error(Fault::checkpoint, folder.string() +
                                     ": no preprocessor_config.json and no processor_config.json, expected one that "
                                     "says how pictures are resized and normalised");
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
