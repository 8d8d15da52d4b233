#include "backends/layers/rope.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "backends/checkpoints/config.hpp"
#include "harness/base/object_reader.hpp"
#include "harness/model/ops.hpp"

namespace touchstone {
namespace {

constexpr double most_positions = 1 << 26;

/// 0.1 * mscale * ln(scale) + 1 (YaRN, arXiv 2309.00071, section 3.4, with DeepSeek's mscale).
double yarn_scale(double scale, double mscale) { return scale <= 1.0 ? 1.0 : 0.1 * mscale * std::log(scale) + 1.0; }

void read_yarn(Rope& rope, const ConfigReader& scaling) {
  if (!scaling.has("factor")) {
    rope.factor = static_cast<double>(rope.max_positions) / static_cast<double>(rope.original_positions);
  }
  rope.beta_fast = scaling.number("beta_fast", 1e-3, 1e6, 32.0);
  rope.beta_slow = scaling.number("beta_slow", 1e-3, 1e6, 1.0);
  rope.truncate = scaling.flag("truncate", true);
  const auto mscale = scaling.number("mscale", 0, 1e3, 0.0);
  const auto mscale_all = scaling.number("mscale_all_dim", 0, 1e3, 0.0);
  const auto inferred = mscale != 0.0 && mscale_all != 0.0
                            ? yarn_scale(rope.factor, mscale) / yarn_scale(rope.factor, mscale_all)
                            : yarn_scale(rope.factor, 1.0);
  rope.attention_factor = scaling.number("attention_factor", 1e-3, 1e3, inferred);
}

/// theta^(-2j/dim) in float32, in transformers' order of operations.
std::vector<float> base_frequencies(double theta, std::int64_t dims) {
  const auto exponent = at::arange(0, dims, 2, at::kFloat) / static_cast<double>(dims);
  const auto frequencies = at::reciprocal(at::pow(at::Scalar(theta), exponent)).contiguous();
  return {frequencies.const_data_ptr<float>(), frequencies.const_data_ptr<float>() + frequencies.numel()};
}

/// Llama 3.1: long waves are stretched by the factor, short ones kept, those between interpolated.
void scale_llama3(const Rope& rope, std::vector<float>& frequencies) {
  const auto context = static_cast<double>(rope.original_positions);
  const auto long_wave = context / rope.low_frequency_factor;
  const auto short_wave = context / rope.high_frequency_factor;
  for (auto& frequency : frequencies) {
    const auto wave = 2.0 * std::numbers::pi / static_cast<double>(frequency);
    if (wave > long_wave) {
      frequency = static_cast<float>(static_cast<double>(frequency) / rope.factor);
    } else if (wave >= short_wave) {
      const auto smooth =
          (context / wave - rope.low_frequency_factor) / (rope.high_frequency_factor - rope.low_frequency_factor);
      const auto plain = static_cast<double>(frequency);
      frequency = static_cast<float>((1.0 - smooth) * plain / rope.factor + smooth * plain);
    }
  }
}

/// The dimension that rotates `rotations` times over the original context.
double yarn_dimension(const Rope& rope, double rotations) {
  return static_cast<double>(rope.dims) *
         std::log(static_cast<double>(rope.original_positions) / (rotations * 2.0 * std::numbers::pi)) /
         (2.0 * std::log(rope.theta));
}

void scale_yarn(const Rope& rope, std::vector<float>& frequencies) {
  auto low = yarn_dimension(rope, rope.beta_fast);
  auto high = yarn_dimension(rope, rope.beta_slow);
  if (rope.truncate) {
    low = std::floor(low);
    high = std::ceil(high);
  }
  low = std::max(low, 0.0);
  high = std::min(high, static_cast<double>(rope.dims - 1));
  if (low == high) high += 0.001;
  for (std::size_t at = 0; at < frequencies.size(); ++at) {
    const auto ramp = std::clamp((static_cast<double>(at) - low) / (high - low), 0.0, 1.0);
    const auto plain = static_cast<double>(frequencies[at]);
    frequencies[at] = static_cast<float>(plain / rope.factor * ramp + plain * (1.0 - ramp));
  }
}

}  // namespace

/// The object with this rope's parameters; an empty one where the file has none.
ConfigReader rope_object(const ConfigReader& config, const RopeDefaults& defaults) {
  if (config.has("rope_scaling") && defaults.scaled) return config.child("rope_scaling");
  const auto all = config.child("rope_parameters");
  return !defaults.layer_type.empty() && all.has(defaults.layer_type) ? all.child(defaults.layer_type) : all;
}

Rope read_rope(const ConfigReader& config, const RopeDefaults& defaults) {
  const auto scaling = rope_object(config, defaults);
  Rope rope;
  rope.dims = defaults.dims;
  rope.max_positions = defaults.max_positions;
  const auto old = config.number(defaults.theta_key, 1.0 + 1e-6, 1e12, defaults.theta);
  rope.theta = scaling.number("rope_theta", 1.0 + 1e-6, 1e12, old);
  rope.type = scaling.text("rope_type", scaling.text("type", "default"));
  const auto partial = scaling.number("partial_rotary_factor", 0, 1, config.number("partial_rotary_factor", 0, 1, 1.0));
  if (partial != 1.0)
    scaling.refuse("key 'partial_rotary_factor': found " + shown_json(partial) +
                   ", expected 1, which is all that this family knows");
  if (rope.type == "default") return rope;
  if (rope.type != "linear" && rope.type != "dynamic" && rope.type != "llama3" && rope.type != "yarn") {
    scaling.refuse("key 'rope_type': found '" + rope.type + "', expected default, linear, dynamic, llama3 or yarn");
  }
  rope.factor = rope.type == "yarn" ? scaling.number("factor", 1e-3, 1e6, 1.0) : scaling.number("factor", 1e-3, 1e6);
  if (rope.type == "dynamic" && rope.dims <= 2)
    scaling.refuse("key 'rope_type': found 'dynamic' with a head_dim of " + std::to_string(rope.dims) +
                   ", expected a head_dim above 2");
  if (rope.type == "llama3" || rope.type == "yarn") {
    const auto original = scaling.integer("original_max_position_embeddings", 1, 1 << 26, rope.max_positions);
    rope.original_positions = config.integer("original_max_position_embeddings", 1, 1 << 26, original);
  }
  if (rope.type == "llama3") {
    rope.low_frequency_factor = scaling.number("low_freq_factor", 1e-3, most_positions);
    rope.high_frequency_factor = scaling.number("high_freq_factor", 1e-3, most_positions);
    if (rope.high_frequency_factor <= rope.low_frequency_factor) {
      scaling.refuse("key 'high_freq_factor': found " + shown_json(rope.high_frequency_factor) +
                     ", expected more than low_freq_factor, " + shown_json(rope.low_frequency_factor));
    }
  }
  if (rope.type == "yarn") read_yarn(rope, scaling);
  return rope;
}

std::vector<float> inverse_frequencies(const Rope& rope, std::int64_t length) {
  auto theta = rope.theta;
  if (rope.type == "dynamic") {
    const auto dim = static_cast<double>(rope.dims);
    const auto stretch =
        static_cast<double>(std::max(length, rope.max_positions)) / static_cast<double>(rope.max_positions);
    theta *= std::pow(rope.factor * stretch - (rope.factor - 1.0), dim / (dim - 2.0));
  }
  auto frequencies = base_frequencies(theta, rope.dims);
  if (rope.type == "linear") {
    for (auto& frequency : frequencies) frequency = static_cast<float>(static_cast<double>(frequency) / rope.factor);
  }
  if (rope.type == "llama3") scale_llama3(rope, frequencies);
  if (rope.type == "yarn") scale_yarn(rope, frequencies);
  return frequencies;
}

RopeTables rope_tables(const Rope& rope, const std::vector<std::int64_t>& first, const std::vector<std::int64_t>& count,
                       const at::Device& device) {
  std::int64_t total = 0;
  for (const auto tokens : count) total += tokens;
  const auto half = rope.dims / 2;
  auto angles = at::empty({total, half}, at::kFloat);
  auto* out = angles.mutable_data_ptr<float>();
  const auto usual = inverse_frequencies(rope, 0);
  for (std::size_t document = 0; document < first.size(); ++document) {
    const auto length = first[document] + count[document];
    const auto stretched = rope.type == "dynamic" && length > rope.max_positions;
    const auto frequencies = stretched ? inverse_frequencies(rope, length) : usual;
    for (auto position = first[document]; position < length; ++position) {
      for (const auto frequency : frequencies) *out++ = static_cast<float>(position) * frequency;
    }
  }
  angles = angles.to(device);
  return {.cos = angles.cos() * rope.attention_factor, .sin = angles.sin() * rope.attention_factor};
}

Tensor apply_rope(const Tensor& x, const Rope& rope, const RopeTables& tables) {
  const auto cos = tables.cos.unsqueeze(1);
  const auto sin = tables.sin.unsqueeze(1);
  const auto turned = rope.dims == x.size(-1) ? x : x.narrow(-1, 0, rope.dims);
  std::vector<Tensor> parts;
  if (rope.neighbours) {
    const auto pairs = turned.unflatten(-1, {rope.dims / 2, 2});
    const auto first = pairs.select(-1, 0);
    const auto second = pairs.select(-1, 1);
    parts.push_back(at::stack({first * cos - second * sin, second * cos + first * sin}, -1).flatten(-2));
  } else {
    const auto halves = turned.chunk(2, -1);
    parts.push_back(halves[0] * cos - halves[1] * sin);
    parts.push_back(halves[1] * cos + halves[0] * sin);
  }
  if (rope.dims < x.size(-1)) parts.push_back(x.narrow(-1, rope.dims, x.size(-1) - rope.dims));
  return at::cat(parts, -1);
}

}  // namespace touchstone
