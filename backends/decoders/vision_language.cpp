#include "backends/decoders/vision_language.hpp"

#include "harness/base/error.hpp"
#include "harness/base/json.hpp"
#include "harness/model/ops.hpp"

namespace touchstone {
namespace {

constexpr const char* decoder_prefix = "model.";
constexpr const char* text_prefix = "model.text_model.";
constexpr const char* vision_prefix = "model.vision_model.";
constexpr const char* connector_name = "model.connector.modality_projection.proj";

/// The whole model's name of a decoder's tensor.
std::string outer_name(const std::string& name) {
  return name.starts_with(decoder_prefix) ? text_prefix + name.substr(std::string(decoder_prefix).size()) : name;
}

/// The text model's tensors of a checkpoint, under a decoder's own names.
class TextWeights final : public Weights {
 public:
  explicit TextWeights(const Weights& all) : all_(&all) {}
  bool has(const std::string& name) const override { return all_->has(outer_name(name)); }
  Tensor get(const std::string& name, at::IntArrayRef shape, const LoadSettings& settings) const override {
    return all_->get(outer_name(name), shape, settings);
  }
  std::vector<std::string> names() const override {
    std::vector<std::string> inner;
    for (const auto& name : all_->names()) {
      if (name.starts_with(text_prefix)) {
        inner.push_back(decoder_prefix + name.substr(std::string(text_prefix).size()));
      } else if (!name.starts_with(decoder_prefix)) {
        inner.push_back(name);
      }
    }
    return inner;
  }

 private:
  const Weights* all_;
};

/// Joins s x s neighbouring patches of a grid side by side: [T, rows * columns, D] to [T * rows * columns / s^2,
/// D * s^2].
Tensor shuffle_pixels(const Tensor& x, std::int64_t rows, std::int64_t columns, std::int64_t s) {
  const auto count = x.size(0);
  const auto width = x.size(2);
  return x.view({count, rows, columns / s, width * s})
      .permute({0, 2, 1, 3})
      .reshape({count, columns / s, rows / s, width * s * s})
      .permute({0, 2, 1, 3})
      .reshape({count * rows * columns / (s * s), width * s * s});
}

class VisionLanguage final : public Model {
 public:
  VisionLanguage(Eyes eyes, std::unique_ptr<Model> text, at::ScalarType compute, std::string config_json)
      : eyes_(std::move(eyes)), text_(std::move(text)), compute_(compute), config_json_(std::move(config_json)) {}

  Outputs forward(const Inputs& inputs, const Want& want, Cache* cache) override {
    return text_->forward(inputs, want, cache);
  }

  Tensor encode(MediaKind kind, const Tensor& tiles) override {
    if (kind != MediaKind::picture) return Model::encode(kind, tiles);
    require(tiles.dim() == 4 && tiles.size(0) > 0, Fault::shape,
            [&] { return "picture tiles have shape " + c10::str(tiles.sizes()) + ", expected [T, C, H, W]"; });
    const auto rows = tiles.size(2) / eyes_.shape.patch_px;
    const auto columns = tiles.size(3) / eyes_.shape.patch_px;
    require(rows % eyes_.shuffle == 0 && columns % eyes_.shuffle == 0, Fault::shape, [&] {
      return "a picture's tile has " + std::to_string(rows) + " x " + std::to_string(columns) +
             " patches, expected multiples of scale_factor, " + std::to_string(eyes_.shuffle);
    });
    const auto see = [&](const Tensor& some) {
      const auto seen =
          encode_tiles(eyes_.shape, eyes_.weights, some.to(eyes_.connector.weight.device(), at::kFloat), compute_);
      return linear(shuffle_pixels(seen, rows, columns, eyes_.shuffle), eyes_.connector, compute_);
    };
    // All tiles at once where gradients are needed: weights are converted, and their gradients added, only once.
    if (at::GradMode::is_enabled()) return see(tiles);
    // One at a time: products of other sizes may round differently, and a tile must not depend on the other tiles.
    std::vector<Tensor> soft;
    for (std::int64_t at = 0; at < tiles.size(0); ++at) soft.push_back(see(tiles.narrow(0, at, 1)));
    return at::cat(soft);
  }

  std::int64_t soft_tokens(MediaKind kind, std::int64_t tile_px) const override {
    if (kind != MediaKind::picture) return Model::soft_tokens(kind, tile_px);
    const auto side = tile_px / eyes_.shape.patch_px / eyes_.shuffle;
    return side * side;
  }

  Model& language() override { return *text_; }

  std::unique_ptr<Cache> make_cache(int rows, int depth) const override { return text_->make_cache(rows, depth); }

  std::map<std::string, Tensor*> parameters() override {
    std::map<std::string, Tensor*> all;
    for (const auto& [name, tensor] : text_->parameters()) all[outer_name(name)] = tensor;
    name_parameters(eyes_.weights, vision_prefix, all);
    all[std::string(connector_name) + ".weight"] = &eyes_.connector.weight;
    return all;
  }

  std::map<std::string, Linear*> linears() override {
    std::map<std::string, Linear*> all;
    for (const auto& [name, map] : text_->linears()) all[outer_name(name)] = map;
    name_linears(eyes_.weights, vision_prefix, all);
    all[connector_name] = &eyes_.connector;
    return all;
  }

  std::unique_ptr<Model> clone() const override {
    auto eyes = eyes_;
    VisionLanguage copy(std::move(eyes), text_->clone(), compute_, config_json_);
    std::map<std::string, Tensor*> parameters;
    name_parameters(copy.eyes_.weights, vision_prefix, parameters);
    parameters[connector_name] = &copy.eyes_.connector.weight;
    for (const auto& [name, tensor] : parameters) *tensor = tensor->detach().clone();
    for (const auto& [name, map] : copy.eye_linears()) fold_deltas(*map);
    return std::make_unique<VisionLanguage>(std::move(copy));
  }

  std::string config_json() const override {
    auto config = Json::parse(config_json_);
    config["text_config"]["num_hidden_layers"] = layers();
    return config.dump(2) + "\n";
  }

  Tensor embeddings(const Tensor& tokens) const override { return text_->embeddings(tokens); }
  const Linear& head() const override { return text_->head(); }
  Tensor project(const Tensor& hidden) const override { return text_->project(hidden); }
  int layers() const override { return text_->layers(); }
  void drop_layers(int first, int count) override { text_->drop_layers(first, count); }
  std::int64_t hidden_size() const override { return text_->hidden_size(); }
  std::int64_t vocabulary() const override { return text_->vocabulary(); }
  std::int64_t cache_bytes_per_token(int depth) const override { return text_->cache_bytes_per_token(depth); }
  int max_length() const override { return text_->max_length(); }
  std::string kernels(const Want& want) const override { return text_->kernels(want); }

 private:
  std::map<std::string, Linear*> eye_linears() {
    std::map<std::string, Linear*> all;
    name_linears(eyes_.weights, vision_prefix, all);
    all[connector_name] = &eyes_.connector;
    return all;
  }

  Eyes eyes_;
  std::unique_ptr<Model> text_;
  at::ScalarType compute_;
  std::string config_json_;
};

}  // namespace

std::unique_ptr<Model> build_vision_language(Eyes eyes, const Weights& weights, const LoadSettings& settings,
                                             const std::string& config_json,
                                             const std::function<std::unique_ptr<Model>(const Weights&)>& build_text) {
  auto text = build_text(TextWeights(weights));
  eyes.weights = read_vision_weights(eyes.shape, weights, settings, vision_prefix);
  eyes.connector.weight = weights.get(std::string(connector_name) + ".weight",
                                      {text->hidden_size(), eyes.shape.hidden * eyes.shuffle * eyes.shuffle}, settings);
  return std::make_unique<VisionLanguage>(std::move(eyes), std::move(text), settings.compute, config_json);
}

}  // namespace touchstone
