#include "backends/decoders/vision_encoder.hpp"

#include <cmath>

#include "harness/base/error.hpp"
#include "harness/model/ops.hpp"

namespace touchstone {
namespace {

Tensor layer_norm(const Tensor& x, const LayerNorm& norm, double epsilon) {
  return at::layer_norm(x, {x.size(-1)}, norm.weight.to(at::kFloat), norm.bias.to(at::kFloat), epsilon);
}

/// [T, C, H, W] to one row per patch: [T * H/P * W/P, C * P * P].
Tensor cut_patches(const Tensor& tiles, std::int64_t patch) {
  const auto count = tiles.size(0);
  const auto channels = tiles.size(1);
  const auto rows = tiles.size(2) / patch;
  const auto columns = tiles.size(3) / patch;
  return tiles.view({count, channels, rows, patch, columns, patch})
      .permute({0, 2, 4, 1, 3, 5})
      .reshape({count * rows * columns, channels * patch * patch});
}

/// The learned position of each of `count` patches along one side: its fraction of the side, looked up among `places`.
/// Uses the same float32 operators as transformers, since rounding decides at the borders.
Tensor places_along(std::int64_t count, std::int64_t places, at::TensorOptions options) {
  const auto floats = options.dtype(at::kFloat);
  const auto step = 1.0 / static_cast<double>(places);
  const auto borders = at::arange(step, 1.0, step, floats);
  const auto share = at::arange(0, count, 1, floats) * at::reciprocal(at::full({1}, count, floats));
  return at::bucketize(share.clamp_max(1.0 - 1e-6), borders, /*out_int32=*/false, /*right=*/true);
}

/// Attention of `count` tiles, each over its own patches: x [T * patches, D].
Tensor attend(const VisionShape& shape, const VisionLayer& layer, const Tensor& x, std::int64_t count,
              at::ScalarType compute) {
  const auto heads = [&](const Linear& map) {
    return linear(x, map, compute)
        .to(compute)
        .view({count, x.size(0) / count, shape.heads, shape.hidden / shape.heads})
        .transpose(1, 2);
  };
  const auto mixed = at::scaled_dot_product_attention(heads(layer.query), heads(layer.key), heads(layer.value));
  return linear(mixed.transpose(1, 2).reshape({x.size(0), shape.hidden}).to(at::kFloat), layer.output, compute);
}

LayerNorm read_norm(const Weights& weights, const LoadSettings& settings, const std::string& name, std::int64_t width) {
  return {.weight = weights.get(name + ".weight", {width}, settings),
          .bias = weights.get(name + ".bias", {width}, settings)};
}

Linear read_map(const Weights& weights, const LoadSettings& settings, const std::string& name, std::int64_t out,
                std::int64_t in) {
  return {.weight = weights.get(name + ".weight", {out, in}, settings),
          .bias = weights.get(name + ".bias", {out}, settings)};
}

std::string layer_name(const std::string& name, std::size_t number) {
  return name + "encoder.layers." + std::to_string(number) + ".";
}

}  // namespace

VisionShape read_vision_shape(const ConfigReader& config) {
  constexpr std::int64_t widest = 1 << 16;
  VisionShape shape;
  shape.hidden = config.integer("hidden_size", 1, widest, 1152);
  shape.feed_forward = config.integer("intermediate_size", 1, widest, 3072);
  shape.layers = config.integer("num_hidden_layers", 1, 1024, 12);
  shape.heads = config.integer("num_attention_heads", 1, 1024, 16);
  shape.channels = config.integer("num_channels", 3, 3, 3);
  shape.image_px = config.integer("image_size", 1, 8192, 224);
  shape.patch_px = config.integer("patch_size", 1, 1024, 32);
  shape.norm_epsilon = config.number("layer_norm_eps", 0, 1, 1e-6);
  if (shape.hidden % shape.heads != 0) {
    config.refuse("key 'hidden_size': found " + std::to_string(shape.hidden) +
                  ", expected a multiple of num_attention_heads, " + std::to_string(shape.heads));
  }
  if (shape.image_px < shape.patch_px) {
    config.refuse("key 'image_size': found " + std::to_string(shape.image_px) + ", expected at least the patch_size, " +
                  std::to_string(shape.patch_px));
  }
  const auto activation = config.text("hidden_act", "gelu_pytorch_tanh");
  if (!parse_activation(activation, shape.activation))
    config.refuse("key 'hidden_act': found '" + activation +
                  "', expected silu, gelu, gelu_new, gelu_fast, gelu_pytorch_tanh, quick_gelu, relu or relu2");
  return shape;
}

VisionWeights read_vision_weights(const VisionShape& shape, const Weights& weights, const LoadSettings& settings,
                                  const std::string& name) {
  const auto width = shape.hidden;
  const auto side = shape.image_px / shape.patch_px;
  VisionWeights all;
  all.patch = weights.get(name + "embeddings.patch_embedding.weight",
                          {width, shape.channels, shape.patch_px, shape.patch_px}, settings);
  all.patch_bias = weights.get(name + "embeddings.patch_embedding.bias", {width}, settings);
  all.places = weights.get(name + "embeddings.position_embedding.weight", {side * side, width}, settings);
  for (std::int64_t at = 0; at < shape.layers; ++at) {
    const auto here = layer_name(name, static_cast<std::size_t>(at));
    const auto map = [&](const char* part, std::int64_t out, std::int64_t in) {
      return read_map(weights, settings, here + part, out, in);
    };
    all.layers.push_back({.first = read_norm(weights, settings, here + "layer_norm1", width),
                          .second = read_norm(weights, settings, here + "layer_norm2", width),
                          .query = map("self_attn.q_proj", width, width),
                          .key = map("self_attn.k_proj", width, width),
                          .value = map("self_attn.v_proj", width, width),
                          .output = map("self_attn.out_proj", width, width),
                          .up = map("mlp.fc1", shape.feed_forward, width),
                          .down = map("mlp.fc2", width, shape.feed_forward)});
  }
  all.last = read_norm(weights, settings, name + "post_layernorm", width);
  return all;
}

Tensor encode_tiles(const VisionShape& shape, const VisionWeights& weights, const Tensor& tiles,
                    at::ScalarType compute) {
  const auto patch = shape.patch_px;
  require(tiles.dim() == 4 && tiles.size(0) > 0 && tiles.size(1) == shape.channels && tiles.size(2) >= patch &&
              tiles.size(3) >= patch && tiles.size(2) % patch == 0 && tiles.size(3) % patch == 0,
          Fault::shape, [&] {
            return "picture tiles have shape " + c10::str(tiles.sizes()) + ", expected [T, " +
                   std::to_string(shape.channels) + ", H, W] of multiples of the patch, " + std::to_string(patch);
          });
  const auto count = tiles.size(0);
  const auto side = shape.image_px / patch;
  const auto down = places_along(tiles.size(2) / patch, side, tiles.options());
  const auto across = places_along(tiles.size(3) / patch, side, tiles.options());
  const auto place = (down.unsqueeze(1) * side + across.unsqueeze(0)).reshape({-1});
  const Linear cut{.weight = weights.patch.reshape({shape.hidden, -1}), .bias = weights.patch_bias};
  const auto places = at::embedding(weights.places, place).to(at::kFloat);  // [patches, D], the same in every tile
  auto x = linear(cut_patches(tiles.contiguous(), patch), cut, compute);
  x = (x.view({count, -1, shape.hidden}) + places).view({-1, shape.hidden});
  for (const auto& layer : weights.layers) {
    x = x + attend(shape, layer, layer_norm(x, layer.first, shape.norm_epsilon), count, compute);
    const auto wide = linear(layer_norm(x, layer.second, shape.norm_epsilon), layer.up, compute);
    x = x + linear(activate(wide, shape.activation), layer.down, compute);
  }
  return layer_norm(x, weights.last, shape.norm_epsilon).view({count, -1, shape.hidden});
}

void name_linears(VisionWeights& weights, const std::string& name, std::map<std::string, Linear*>& all) {
  for (std::size_t at = 0; at < weights.layers.size(); ++at) {
    auto& layer = weights.layers[at];
    const auto here = layer_name(name, at);
    all[here + "self_attn.q_proj"] = &layer.query;
    all[here + "self_attn.k_proj"] = &layer.key;
    all[here + "self_attn.v_proj"] = &layer.value;
    all[here + "self_attn.out_proj"] = &layer.output;
    all[here + "mlp.fc1"] = &layer.up;
    all[here + "mlp.fc2"] = &layer.down;
  }
}

void name_parameters(VisionWeights& weights, const std::string& name, std::map<std::string, Tensor*>& all) {
  std::map<std::string, Linear*> maps;
  name_linears(weights, name, maps);
  for (const auto& [module, map] : maps) {
    all[module + ".weight"] = &map->weight;
    all[module + ".bias"] = &map->bias;
  }
  const auto add_norm = [&](const std::string& module, LayerNorm& norm) {
    all[module + ".weight"] = &norm.weight;
    all[module + ".bias"] = &norm.bias;
  };
  for (std::size_t at = 0; at < weights.layers.size(); ++at) {
    add_norm(layer_name(name, at) + "layer_norm1", weights.layers[at].first);
    add_norm(layer_name(name, at) + "layer_norm2", weights.layers[at].second);
  }
  add_norm(name + "post_layernorm", weights.last);
  all[name + "embeddings.patch_embedding.weight"] = &weights.patch;
  all[name + "embeddings.patch_embedding.bias"] = &weights.patch_bias;
  all[name + "embeddings.position_embedding.weight"] = &weights.places;
}

}  // namespace touchstone
