// RMS normalisation (Zhang and Sennrich, arXiv 1910.07467, equation 4), with the residual sum before it.
#include "harness/kernels/entries.hpp"
#include "harness/kernels/simd.hpp"

namespace touchstone::kernels {
namespace {

template <class Element>
void forward(const NormForward& n) {
  for (std::int64_t row = 0; row < n.rows; ++row) {
    const float* x = n.x + row * n.width;
    Vec squares{};
    if (n.delta != nullptr) {
      const auto* delta = static_cast<const Element*>(n.delta) + row * n.width;
      float* kept = n.sum + row * n.width;
      each(n.width, [&](std::int64_t i, auto part) {
        const Vec s = load(x + i, part) + load(delta + i, part);
        store(s, kept + i, part);
        squares += s * s;
      });
      x = kept;
    } else {
      each(n.width, [&](std::int64_t i, auto part) {
        const Vec s = load(x + i, part);
        squares += s * s;
      });
    }
    const float scale = 1.0F / sqrtf(sum(squares) / static_cast<float>(n.width) + n.epsilon);
    n.scale[row] = scale;
    auto* y = static_cast<Element*>(n.y) + row * n.width;
    each(n.width, [&](std::int64_t i, auto part) {
      store(load(n.weight + i, part) * (load(x + i, part) * scale), y + i, part);
    });
  }
}

/// With u = s * scale and g = dy * weight: ds = scale * (g - u * mean(g * u)) + d_sum, dweight = sum over rows of dy *
/// u.
template <class Element>
void backward(const NormBackward& n) {
  if (n.d_weight != nullptr) std::memset(n.d_weight, 0, static_cast<std::size_t>(n.width) * sizeof(float));
  for (std::int64_t row = 0; row < n.rows; ++row) {
    const std::int64_t at = row * n.width;
    const float* s = n.sum + at;
    const auto* d_y = static_cast<const Element*>(n.d_y) + at;
    const float scale = n.scale[row];
    Vec products{};
    if (n.d_weight != nullptr) {
      each(n.width, [&](std::int64_t i, auto part) {
        const Vec along = load(d_y + i, part) * (load(s + i, part) * scale);
        products += along * load(n.weight + i, part);
        store(load(n.d_weight + i, part) + along, n.d_weight + i, part);
      });
    } else {
      each(n.width, [&](std::int64_t i, auto part) {
        products += load(d_y + i, part) * (load(s + i, part) * scale) * load(n.weight + i, part);
      });
    }
    const float mean = sum(products) / static_cast<float>(n.width);
    const float* d_sum = n.d_sum == nullptr ? nullptr : n.d_sum + at;
    auto* d_delta = n.d_delta == nullptr ? nullptr : static_cast<Element*>(n.d_delta) + at;
    each(n.width, [&](std::int64_t i, auto part) {
      const Vec u = load(s + i, part) * scale;
      Vec d = (load(d_y + i, part) * load(n.weight + i, part) - u * mean) * scale;
      if (d_sum != nullptr) d += load(d_sum + i, part);
      store(d, n.d_x + at + i, part);
      if (d_delta != nullptr) store(d, d_delta + i, part);
    });
  }
}

}  // namespace

namespace TOUCHSTONE_ISA {

void norm_forward(const NormForward& norm) {
  if (norm.type == Type::f32) {
    forward<float>(norm);
  } else {
    forward<Half>(norm);
  }
}

void norm_backward(const NormBackward& norm) {
  if (norm.type == Type::f32) {
    backward<float>(norm);
  } else {
    backward<Half>(norm);
  }
}

}  // namespace TOUCHSTONE_ISA
}  // namespace touchstone::kernels
