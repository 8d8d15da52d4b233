#include <algorithm>
#include <cmath>
#include <numbers>

#include "harness/base/error.hpp"
#include "harness/pictures/processor.hpp"

namespace touchstone {
namespace {

/// Weights are whole numbers of 2^-22: 32 bits leave eight bits for the sample and two to spare.
constexpr int weight_bits = 22;

double sinc(double x) {
  if (x == 0.0) return 1.0;
  x *= std::numbers::pi;
  return std::sin(x) / x;
}

/// Half the width of a filter, in samples of the smaller picture.
double reach_of(Resample filter) {
  switch (filter) {
    case Resample::box:
    case Resample::nearest:
      return 0.5;
    case Resample::bilinear:
    case Resample::hamming:
      return 1.0;
    case Resample::bicubic:
      return 2.0;
    case Resample::lanczos:
      return 3.0;
  }
  return 0.0;
}

double bicubic(double x) {
  constexpr double a = -0.5;
  x = std::abs(x);
  if (x < 1.0) return ((a + 2.0) * x - (a + 3.0)) * x * x + 1;
  return x < 2.0 ? (((x - 5) * x + 8) * x - 4) * a : 0.0;
}

double weight_at(Resample filter, double x) {
  switch (filter) {
    case Resample::box:
    case Resample::nearest:
      return x > -0.5 && x <= 0.5 ? 1.0 : 0.0;
    case Resample::bilinear:
      return std::max(0.0, 1.0 - std::abs(x));
    case Resample::hamming: {
      x = std::abs(x);
      if (x == 0.0) return 1.0;
      if (x >= 1.0) return 0.0;
      x *= std::numbers::pi;
      return std::sin(x) / x * (0.54 + 0.46 * std::cos(x));
    }
    case Resample::bicubic:
      return bicubic(x);
    case Resample::lanczos:
      return x >= -3.0 && x < 3.0 ? sinc(x) * sinc(x / 3) : 0.0;
  }
  return 0.0;
}

/// The input samples that make up one output sample.
struct Window {
  int first = 0;
  std::vector<std::int32_t> weights;
};

std::vector<Window> windows_of(int from, int to, Resample filter) {
  const double scale = static_cast<double>(from) / to;
  const double stretch = std::max(scale, 1.0);
  const double reach = reach_of(filter) * stretch;
  std::vector<Window> windows;
  std::vector<double> weights;
  for (int at = 0; at < to; ++at) {
    const double centre = (at + 0.5) * scale;
    // The reference cuts off here instead of rounding.
    const int first = std::max(static_cast<int>(centre - reach + 0.5), 0);    // NOLINT(bugprone-incorrect-roundings)
    const int last = std::min(static_cast<int>(centre + reach + 0.5), from);  // NOLINT(bugprone-incorrect-roundings)
    weights.clear();
    double sum = 0.0;
    for (int x = first; x < last; ++x) {
      weights.push_back(weight_at(filter, (x - centre + 0.5) * (1.0 / stretch)));
      sum += weights.back();
    }
    Window window{.first = first, .weights = {}};
    for (const auto weight : weights) {
      const double scaled = (sum != 0.0 ? weight / sum : weight) * (1 << weight_bits);
      window.weights.push_back(static_cast<std::int32_t>(scaled + (scaled < 0 ? -0.5 : 0.5)));
    }
    windows.push_back(std::move(window));
  }
  return windows;
}

std::uint8_t rounded(std::int32_t sum) { return static_cast<std::uint8_t>(std::clamp(sum >> weight_bits, 0, 255)); }

constexpr std::int32_t half = 1 << (weight_bits - 1);

Image across(const Image& image, int width, Resample filter) {
  const auto windows = windows_of(image.width_px, width, filter);
  Image result{.width_px = width, .height_px = image.height_px, .rgb = {}};
  result.rgb.resize(static_cast<std::size_t>(width) * static_cast<std::size_t>(image.height_px) * 3);
  auto* out = result.rgb.data();
  for (int y = 0; y < image.height_px; ++y) {
    const auto* row = image.rgb.data() + static_cast<std::size_t>(y) * static_cast<std::size_t>(image.width_px) * 3;
    for (const auto& window : windows) {
      std::int32_t sums[3] = {half, half, half};
      const auto* pixel = row + static_cast<std::size_t>(window.first) * 3;
      for (const auto weight : window.weights) {
        for (int channel = 0; channel < 3; ++channel) sums[channel] += *pixel++ * weight;
      }
      for (const auto sum : sums) *out++ = rounded(sum);
    }
  }
  return result;
}

Image down(const Image& image, int height, Resample filter) {
  const auto stride = static_cast<std::size_t>(image.width_px) * 3;
  Image result{.width_px = image.width_px, .height_px = height, .rgb = {}};
  result.rgb.resize(stride * static_cast<std::size_t>(height));
  auto* out = result.rgb.data();
  std::vector<std::int32_t> sums(stride);
  for (const auto& window : windows_of(image.height_px, height, filter)) {
    std::fill(sums.begin(), sums.end(), half);
    const auto* row = image.rgb.data() + static_cast<std::size_t>(window.first) * stride;
    for (const auto weight : window.weights) {
      for (std::size_t x = 0; x < stride; ++x) sums[x] += row[x] * weight;
      row += stride;
    }
    for (const auto sum : sums) *out++ = rounded(sum);
  }
  return result;
}

/// The nearest input sample of each output sample. The position is summed up step by step, as in PIL.
std::vector<std::size_t> nearest_of(int from, int to) {
  std::vector<std::size_t> places;
  const double scale = static_cast<double>(from) / to;
  double place = scale * 0.5;
  for (int at = 0; at < to; ++at, place += scale) {
    places.push_back(static_cast<std::size_t>(std::min(static_cast<int>(place), from - 1)));
  }
  return places;
}

Image pick_nearest(const Image& image, int width, int height) {
  Image result{.width_px = width, .height_px = height, .rgb = {}};
  const auto columns = nearest_of(image.width_px, width);
  for (const auto y : nearest_of(image.height_px, height)) {
    for (const auto x : columns) {
      const auto* pixel = image.rgb.data() + (y * static_cast<std::size_t>(image.width_px) + x) * 3;
      result.rgb.insert(result.rgb.end(), pixel, pixel + 3);
    }
  }
  return result;
}

}  // namespace

Image resize_picture(const Image& image, int width_px, int height_px, Resample filter) {
  const auto pixels = static_cast<std::size_t>(image.width_px) * static_cast<std::size_t>(image.height_px);
  require(image.width_px > 0 && image.height_px > 0 && image.rgb.size() == pixels * 3 && width_px > 0 && height_px > 0,
          Fault::internal, "a picture without pixels is to be resized");
  if (width_px == image.width_px && height_px == image.height_px) return image;
  if (filter == Resample::nearest) return pick_nearest(image, width_px, height_px);
  if (width_px == image.width_px) return down(image, height_px, filter);
  if (height_px == image.height_px) return across(image, width_px, filter);
  // Each pass rounds to bytes, so the order of passes affects the result. It was found by trying sizes on Pillow 13;
  // earlier versions always go across first.
  const int lower = image.height_px - height_px;
  const int narrower = image.width_px - width_px;
  if (lower > 0 && lower > 2 * narrower) return across(down(image, height_px, filter), width_px, filter);
  return down(across(image, width_px, filter), height_px, filter);
}

}  // namespace touchstone
