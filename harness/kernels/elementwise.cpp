// Activations of feed-forward layers (Shazeer, arXiv 2002.05202, section 2) and rotary positions (Su et al., arXiv
// 2104.09864, equation 34).
#include "harness/kernels/entries.hpp"
#include "harness/kernels/simd.hpp"

namespace touchstone::kernels {
namespace {

inline Vec sigmoid(Vec x) { return 1.0F / (1.0F + exponential(-x)); }

/// The value of an activation function, and d times its value and slope, multiplied from the left.
struct Silu {
  static Vec value(Vec x) { return x * sigmoid(x); }
  static Vec times_value(Vec d, Vec x) { return d * x * sigmoid(x); }
  static Vec times_slope(Vec d, Vec x) {
    const Vec p = sigmoid(x);
    return d * p * (1.0F + x * (1.0F - p));
  }
};

struct Gelu {
  /// The standard normal distribution function at x.
  static Vec below(Vec x) {
    for (int i = 0; i < lanes; ++i) x[i] = 0.5F * (1.0F + erff(x[i] * 0.70710678F));
    return x;
  }
  static Vec value(Vec x) { return x * below(x); }
  static Vec times_value(Vec d, Vec x) { return d * value(x); }
  static Vec times_slope(Vec d, Vec x) { return d * (below(x) + x * 0.39894228F * exponential(-0.5F * x * x)); }
};

struct GeluTanh {
  static constexpr float root_two_over_pi = 0.79788456F;
  static Vec bent(Vec x) { return tanh_of(root_two_over_pi * (x + 0.044715F * x * x * x)); }
  static Vec value(Vec x) { return 0.5F * x * (1.0F + bent(x)); }
  static Vec times_value(Vec d, Vec x) { return d * value(x); }
  static Vec times_slope(Vec d, Vec x) {
    const Vec t = bent(x);
    return d * (0.5F * (1.0F + t) + 0.5F * x * (1.0F - t * t) * root_two_over_pi * (1.0F + 0.134145F * x * x));
  }
};

struct QuickGelu {
  static Vec value(Vec x) { return x * sigmoid(1.702F * x); }
  static Vec times_value(Vec d, Vec x) { return d * value(x); }
  static Vec times_slope(Vec d, Vec x) {
    const Vec p = sigmoid(1.702F * x);
    return d * p * (1.0F + 1.702F * x * (1.0F - p));
  }
};

struct Relu {
  static Vec value(Vec x) { return x > 0.0F ? x : Vec{}; }
  static Vec times_value(Vec d, Vec x) { return d * value(x); }
  static Vec times_slope(Vec d, Vec x) { return x > 0.0F ? d : Vec{}; }
};

struct ReluSquared {
  static Vec value(Vec x) { return Relu::value(x) * Relu::value(x); }
  static Vec times_value(Vec d, Vec x) { return d * value(x); }
  static Vec times_slope(Vec d, Vec x) { return d * 2.0F * Relu::value(x); }
};

template <class Element, class Form>
void forward_rows(const Activate& a) {
  const std::int64_t stride = a.gated ? 2 * a.width : a.width;
  for (std::int64_t row = 0; row < a.rows; ++row) {
    const auto* x = static_cast<const Element*>(a.x) + row * stride;
    auto* y = static_cast<Element*>(a.y) + row * a.width;
    if (a.gated) {
      each(a.width, [&](std::int64_t i, auto part) {
        store(Form::value(load(x + i, part)) * load(x + a.width + i, part), y + i, part);
      });
    } else {
      each(a.width, [&](std::int64_t i, auto part) { store(Form::value(load(x + i, part)), y + i, part); });
    }
  }
}

template <class Element, class Form>
void backward_rows(const Activate& a) {
  const std::int64_t stride = a.gated ? 2 * a.width : a.width;
  for (std::int64_t row = 0; row < a.rows; ++row) {
    const auto* x = static_cast<const Element*>(a.x) + row * stride;
    const auto* d_y = static_cast<const Element*>(a.d_y) + row * a.width;
    auto* d_x = static_cast<Element*>(a.d_x) + row * stride;
    each(a.width, [&](std::int64_t i, auto part) {
      const Vec g = load(x + i, part), d = load(d_y + i, part);
      if (a.gated) {
        store(Form::times_slope(d * load(x + a.width + i, part), g), d_x + i, part);
        store(Form::times_value(d, g), d_x + a.width + i, part);
      } else {
        store(Form::times_slope(d, g), d_x + i, part);
      }
    });
  }
}

/// Calls run<Element, Form> for what the description names.
template <class Run>
void each_form(const Activate& a, const Run& run) {
  const auto with = [&](auto form) {
    if (a.type == Type::f32) {
      run(float{}, form);
    } else {
      run(Half{}, form);
    }
  };
  switch (a.curve) {
    case Curve::silu:
      return with(Silu{});
    case Curve::gelu:
      return with(Gelu{});
    case Curve::gelu_tanh:
      return with(GeluTanh{});
    case Curve::quick_gelu:
      return with(QuickGelu{});
    case Curve::relu:
      return with(Relu{});
    case Curve::relu2:
      return with(ReluSquared{});
  }
}

template <class Element>
void turn_rows(const Turn& t) {
  const std::int64_t half = t.dims / 2;
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

void activate_forward(const Activate& activate) {
  each_form(activate, [&](auto element, auto form) { forward_rows<decltype(element), decltype(form)>(activate); });
}

void activate_backward(const Activate& activate) {
  each_form(activate, [&](auto element, auto form) { backward_rows<decltype(element), decltype(form)>(activate); });
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
