// The kernels that work row by row, against the same formulas in double precision. Gradients are held against
// differences of those formulas.
#include <gtest/gtest.h>

#include <functional>

#include "tests/kernels/reference.hpp"

namespace touchstone::kernels::testing {
namespace {

class Rows : public ::testing::TestWithParam<std::string> {
 protected:
  const Kernels& kernels_ = *named(GetParam().c_str());
};

double close(double found, double wanted) { return std::abs(found - wanted) / (1.0 + std::abs(wanted)); }

/// d f / d x by central differences in double precision.
double slope(const std::function<double(double)>& f, double x) { return (f(x + 1e-5) - f(x - 1e-5)) / 2e-5; }

struct NormCase {
  std::int64_t rows, width;
  Type type;
};
const double epsilon = 1e-5;

double norm_at(const std::vector<double>& s, const Numbers& weight, std::size_t i) {
  double squares = 0.0;
  for (const double x : s) squares += x * x;
  return s[i] / std::sqrt(squares / static_cast<double>(s.size()) + epsilon) * weight[static_cast<std::int64_t>(i)];
}

TEST_P(Rows, NormalisationAndItsGradient) {
  for (const auto& [rows, width, type] : {NormCase{3, 64, Type::f32}, {2, 37, Type::f32}, {3, 50, Type::bf16}}) {
    Numbers x(rows * width, Type::f32, 1), delta(rows * width, type, 2), weight(width, Type::f32, 3);
    Numbers sum(rows * width, Type::f32), y(rows * width, type), scale(rows, Type::f32);
    kernels_.norm_forward({rows, width, x.floats(), delta.data(), sum.floats(), weight.floats(),
                           static_cast<float>(epsilon), type, y.data(), scale.floats()});
    Numbers d_y(rows * width, type, 4), d_sum(rows * width, Type::f32, 5), d_x(rows * width, Type::f32);
    Numbers d_delta(rows * width, type), d_weight(width, Type::f32, 6);
    kernels_.norm_backward({rows, width, sum.floats(), scale.floats(), weight.floats(), type, d_y.data(),
                            d_sum.floats(), d_x.floats(), d_delta.data(), d_weight.floats()});
    std::vector<double> weight_gradient(static_cast<std::size_t>(width));
    for (std::int64_t row = 0; row < rows; ++row) {
      std::vector<double> s;
      for (std::int64_t i = 0; i < width; ++i) s.push_back(x[row * width + i] + delta[row * width + i]);
      for (std::size_t i = 0; i < s.size(); ++i) {
        const auto at = row * width + static_cast<std::int64_t>(i);
        EXPECT_LT(close(sum[at], s[i]), 1e-6);
        EXPECT_LT(close(y[at], norm_at(s, weight, i)), tolerance(type));
        weight_gradient[i] += d_y[at] * norm_at(s, weight, i) / weight[static_cast<std::int64_t>(i)];
        const auto loss = [&, width = width](double value) {  // clang 14 captures no structured binding
          auto moved = s;
          moved[i] = value;
          double total = 0.0;
          for (std::size_t j = 0; j < s.size(); ++j) {
            total += d_y[row * width + static_cast<std::int64_t>(j)] * norm_at(moved, weight, j);
          }
          return total;
        };
        const double wanted = slope(loss, s[i]) + d_sum[at];
        EXPECT_LT(close(d_x[at], wanted), 1e-5);
        EXPECT_LT(close(d_delta[at], wanted), tolerance(type) + 1e-5);
      }
    }
    for (std::int64_t i = 0; i < width; ++i)
      EXPECT_LT(close(d_weight[i], weight_gradient[static_cast<std::size_t>(i)]), 1e-5);
  }
}

/// The curves by their definitions.
double curve_at(Curve curve, double x) {
  switch (curve) {
    case Curve::silu:
      return x / (1.0 + std::exp(-x));
    case Curve::gelu:
      return 0.5 * x * (1.0 + std::erf(x / std::sqrt(2.0)));
    case Curve::gelu_tanh:
      return 0.5 * x * (1.0 + std::tanh(std::sqrt(2.0 / 3.14159265358979323846) * (x + 0.044715 * x * x * x)));
    case Curve::quick_gelu:
      return x / (1.0 + std::exp(-1.702 * x));
    case Curve::relu:
      return std::max(x, 0.0);
    case Curve::relu2:
      return std::max(x, 0.0) * std::max(x, 0.0);
  }
  return 0.0;
}

constexpr Curve curves[] = {Curve::silu, Curve::gelu, Curve::gelu_tanh, Curve::quick_gelu, Curve::relu, Curve::relu2};

TEST_P(Rows, GatedCurvesAndTheirGradients) {
  for (const auto curve : curves) {
    for (const Type type : {Type::f32, Type::bf16}) {
      const std::int64_t rows = 2, width = 43;
      Numbers gate_up(rows * 2 * width, type, 1), y(rows * width, type), d_y(rows * width, type, 2);
      Numbers d_gate_up(rows * 2 * width, type);
      kernels_.activate_forward({rows, width, type, curve, true, gate_up.data(), y.data(), nullptr, nullptr});
      kernels_.activate_backward(
          {rows, width, type, curve, true, gate_up.data(), nullptr, d_y.data(), d_gate_up.data()});
      const auto of = [&](double x) { return curve_at(curve, x); };
      for (std::int64_t row = 0; row < rows; ++row) {
        for (std::int64_t i = 0; i < width; ++i) {
          const double gate = gate_up[row * 2 * width + i], up = gate_up[row * 2 * width + width + i];
          const double d = d_y[row * width + i];
          EXPECT_LT(close(y[row * width + i], of(gate) * up), tolerance(type));
          EXPECT_LT(close(d_gate_up[row * 2 * width + i], d * up * slope(of, gate)), tolerance(type) + 1e-5);
          EXPECT_LT(close(d_gate_up[row * 2 * width + width + i], d * of(gate)), tolerance(type));
        }
      }
    }
  }
}

TEST_P(Rows, UngatedCurvesAndTheirGradients) {
  for (const auto curve : curves) {
    const std::int64_t rows = 2, width = 43;
    Numbers x(rows * width, Type::f32, 3), y(rows * width, Type::f32), d_y(rows * width, Type::f32, 4);
    Numbers d_x(rows * width, Type::f32);
    kernels_.activate_forward({rows, width, Type::f32, curve, false, x.data(), y.data(), nullptr, nullptr});
    kernels_.activate_backward({rows, width, Type::f32, curve, false, x.data(), nullptr, d_y.data(), d_x.data()});
    const auto of = [&](double at) { return curve_at(curve, at); };
    for (std::int64_t i = 0; i < x.size(); ++i) {
      EXPECT_LT(close(y[i], of(x[i])), tolerance(Type::f32));
      EXPECT_LT(close(d_x[i], d_y[i] * slope(of, x[i])), tolerance(Type::f32) + 1e-5);
    }
  }
}

// Far out, where e^x would overflow or vanish.
TEST_P(Rows, SiluAtTheEndsOfTheRange) {
  Numbers gate_up(16, Type::f32), y(8, Type::f32), d_y(8, Type::f32, 1), d_gate_up(16, Type::f32);
  const float gates[] = {-1e30F, -200.0F, -88.5F, -20.0F, 0.0F, 20.0F, 200.0F, 1e30F};
  for (int i = 0; i < 8; ++i) {
    gate_up.floats()[i] = gates[i];
    gate_up.floats()[8 + i] = 1.0F;
  }
  kernels_.activate_forward({1, 8, Type::f32, Curve::silu, true, gate_up.data(), y.data(), nullptr, nullptr});
  kernels_.activate_backward(
      {1, 8, Type::f32, Curve::silu, true, gate_up.data(), nullptr, d_y.data(), d_gate_up.data()});
  for (int i = 0; i < 8; ++i) {
    const double wanted = static_cast<double>(gates[i]) / (1.0 + std::exp(-static_cast<double>(gates[i])));
    EXPECT_LT(close(y[i], wanted), 1e-6) << gates[i];
    EXPECT_TRUE(std::isfinite(d_gate_up[i])) << gates[i];
  }
}

TEST_P(Rows, TurningAndTurningBack) {
  for (const Type type : {Type::f32, Type::bf16}) {
    const std::int64_t rows = 3, heads = 2, dim = 20, stride = 45;
    Numbers x(rows * stride, type, 1), angles(rows * dim / 2, Type::f32, 2);
    Numbers cosine(rows * dim / 2, Type::f32), sine(rows * dim / 2, Type::f32);
    for (std::int64_t i = 0; i < angles.size(); ++i) {
      cosine.floats()[i] = static_cast<float>(std::cos(angles[i]));
      sine.floats()[i] = static_cast<float>(std::sin(angles[i]));
    }
    const Numbers before = x;
    Turn turn{rows, heads, dim, dim, stride, type, x.data(), cosine.floats(), sine.floats(), false};
    kernels_.turn(turn);
    for (std::int64_t row = 0; row < rows; ++row) {
      for (std::int64_t i = 0; i < heads * dim; ++i) {
        const std::int64_t pair = i % dim % (dim / 2), at = row * stride + i;
        const bool second = i % dim >= dim / 2;
        const double other = before[second ? at - dim / 2 : at + dim / 2];
        const double c = cosine[row * dim / 2 + pair], s = sine[row * dim / 2 + pair];
        EXPECT_LT(close(x[at], second ? before[at] * c + other * s : before[at] * c - other * s), tolerance(type));
      }
    }
    turn.backwards = true;
    kernels_.turn(turn);
    for (std::int64_t i = 0; i < x.size(); ++i) EXPECT_LT(close(x[i], before[i]), 2 * tolerance(type));
  }
}

// The first 6 of 10 elements of a head turn, in pairs (j, j + 3); the others stay to the last bit.
TEST_P(Rows, TurningAShareOfEachHead) {
  const std::int64_t rows = 2, heads = 2, dim = 10, dims = 6, stride = 23;
  Numbers x(rows * stride, Type::f32, 1), cosine(rows * dims / 2, Type::f32, 2), sine(rows * dims / 2, Type::f32, 3);
  const Numbers before = x;
  kernels_.turn({rows, heads, dim, dims, stride, Type::f32, x.data(), cosine.floats(), sine.floats(), false});
  for (std::int64_t row = 0; row < rows; ++row) {
    for (std::int64_t i = 0; i < stride; ++i) {
      const std::int64_t at = row * stride + i, place = i % dim;
      if (i >= heads * dim || place >= dims) {
        EXPECT_EQ(x[at], before[at]);
        continue;
      }
      const std::int64_t pair = row * dims / 2 + place % (dims / 2);
      const double c = cosine[pair], s = sine[pair];
      const bool second = place >= dims / 2;
      const double other = before[second ? at - dims / 2 : at + dims / 2];
      EXPECT_LT(close(x[at], second ? before[at] * c + other * s : before[at] * c - other * s), tolerance(Type::f32));
    }
  }
}

TEST_P(Rows, CrossEntropyAndItsGradient) {
  for (const Type type : {Type::f32, Type::bf16}) {
    const std::int64_t rows = 3, words = 77;
    Numbers logits(rows * words, Type::f32, 1), weights(rows, Type::f32, 2), loss(rows, Type::f32);
    for (std::int64_t i = 0; i < logits.size(); ++i) logits.floats()[i] = logits.floats()[i] * 30.0F - 100.0F;
    const std::int64_t labels[] = {0, 76, 40};
    Numbers gradient(rows * words, type);
    kernels_.cross_entropy(
        {rows, words, logits.floats(), labels, weights.floats(), type, gradient.data(), loss.floats()});
    for (std::int64_t row = 0; row < rows; ++row) {
      double most = -1e300, total = 0.0;
      for (std::int64_t i = 0; i < words; ++i) most = std::max(most, logits[row * words + i]);
      for (std::int64_t i = 0; i < words; ++i) total += std::exp(logits[row * words + i] - most);
      EXPECT_LT(close(loss[row], weights[row] * (most + std::log(total) - logits[row * words + labels[row]])), 1e-6);
      for (std::int64_t i = 0; i < words; ++i) {
        const double p = std::exp(logits[row * words + i] - most) / total;
        EXPECT_LT(close(gradient[row * words + i], weights[row] * (p - (i == labels[row] ? 1.0 : 0.0))),
                  tolerance(type));
      }
    }
  }
}

TEST_P(Rows, AdamStepByHand) {
  const std::int64_t count = 37;
  Numbers p(count, Type::f32, 1), g(count, Type::f32, 2), m(count, Type::f32, 3), v(count, Type::f32, 4);
  for (std::int64_t i = 0; i < count; ++i) v.floats()[i] = std::abs(v.floats()[i]);
  const Numbers p0 = p, m0 = m, v0 = v;
  const double lr = 0.01, decay = 0.1, beta1 = 0.9, beta2 = 0.999;
  AdamStep step{count, p.floats(), g.floats(), m.floats(), v.floats()};
  step.gradient_scale = 0.5F;
  step.keep = static_cast<float>(1.0 - lr * decay);
  step.step_size = static_cast<float>(lr / (1.0 - std::pow(beta1, 3)));
  step.second_root = static_cast<float>(std::sqrt(1.0 - std::pow(beta2, 3)));
  kernels_.adam_step(step);
  for (std::int64_t i = 0; i < count; ++i) {
    const double gradient = 0.5 * g[i];
    const double first = beta1 * m0[i] + (1 - beta1) * gradient,
                 second = beta2 * v0[i] + (1 - beta2) * gradient * gradient;
    EXPECT_LT(close(m[i], first), 1e-6);
    EXPECT_LT(close(v[i], second), 1e-6);
    const double root = std::sqrt(second / (1.0 - std::pow(beta2, 3))) + 1e-8;
    EXPECT_LT(close(p[i], p0[i] * (1.0 - lr * decay) - lr / (1.0 - std::pow(beta1, 3)) * first / root), 1e-6);
  }
}

INSTANTIATE_TEST_SUITE_P(Sets, Rows, ::testing::ValuesIn(sets()), [](const auto& set) { return set.param; });

}  // namespace
}  // namespace touchstone::kernels::testing
