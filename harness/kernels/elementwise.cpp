// SwiGLU (Shazeer, arXiv 2002.05202, section 2) and rotary positions (Su et al., arXiv 2104.09864, equation 34).
#include "harness/kernels/entries.hpp"
#include "harness/kernels/simd.hpp"

namespace touchstone::kernels {
namespace {

inline Vec sigmoid(Vec x) { return 1.0F / (1.0F + exponential(-x)); }

template <class Element>
void swiglu_rows(const Swiglu& s) {
  for (std::int64_t row = 0; row < s.rows; ++row) {
    const auto* gate = static_cast<const Element*>(s.gate_up) + row * 2 * s.width;
    const auto* up = gate + s.width;
    auto* y = static_cast<Element*>(s.y) + row * s.width;
    each(s.width, [&](std::int64_t i, auto part) {
      const Vec g = load(gate + i, part);
      store(g * sigmoid(g) * load(up + i, part), y + i, part);
    });
  }
}

template <class Element>
void swiglu_gradient_rows(const Swiglu& s) {
  for (std::int64_t row = 0; row < s.rows; ++row) {
    const auto* gate = static_cast<const Element*>(s.gate_up) + row * 2 * s.width;
    const auto* up = gate + s.width;
    const auto* d_y = static_cast<const Element*>(s.d_y) + row * s.width;
    auto* d_gate = static_cast<Element*>(s.d_gate_up) + row * 2 * s.width;
    auto* d_up = d_gate + s.width;
    each(s.width, [&](std::int64_t i, auto part) {
      const Vec g = load(gate + i, part), d = load(d_y + i, part);
      const Vec p = sigmoid(g);
      store(d * load(up + i, part) * p * (1.0F + g * (1.0F - p)), d_gate + i, part);
      store(d * g * p, d_up + i, part);
    });
  }
}

template <class Element>
void turn_rows(const Turn& t) {
  const std::int64_t half = t.head_dim / 2;
  for (std::int64_t row = 0; row < t.rows; ++row) {
    const float* cos = t.cos + row * half;
    const float* sin = t.sin + row * half;
    auto* x = static_cast<Element*>(t.x) + row * t.stride;
    for (std::int64_t head = 0; head < t.heads; ++head, x += t.head_dim) {
      each(half, [&](std::int64_t i, auto part) {
        const Vec a = load(x + i, part), b = load(x + half + i, part), c = load(cos + i, part);
        const Vec s = t.backwards ? -load(sin + i, part) : load(sin + i, part);
        store(a * c - b * s, x + i, part);
        store(b * c + a * s, x + half + i, part);
      });
    }
  }
}

}  // namespace

namespace TOUCHSTONE_ISA {

void swiglu_forward(const Swiglu& swiglu) {
  if (swiglu.type == Type::f32) {
    swiglu_rows<float>(swiglu);
  } else {
    swiglu_rows<Half>(swiglu);
  }
}

void swiglu_backward(const Swiglu& swiglu) {
  if (swiglu.type == Type::f32) {
    swiglu_gradient_rows<float>(swiglu);
  } else {
    swiglu_gradient_rows<Half>(swiglu);
  }
}

void turn(const Turn& turn) {
  if (turn.type == Type::f32) {
    turn_rows<float>(turn);
  } else {
    turn_rows<Half>(turn);
  }
}

}  // namespace TOUCHSTONE_ISA
}  // namespace touchstone::kernels
