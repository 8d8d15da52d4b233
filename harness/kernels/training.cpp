// The two ends of a training step: cross-entropy with its gradient, and AdamW.
#include "harness/kernels/entries.hpp"
#include "harness/kernels/simd.hpp"

namespace touchstone::kernels {
namespace {

template <class Element>
void likelihood_rows(const CrossEntropy& c) {
  for (std::int64_t row = 0; row < c.rows; ++row) {
    const float* logits = c.logits + row * c.words;
    const float weight = c.weights == nullptr ? 1.0F : c.weights[row];
    const std::int64_t label = c.labels[row];
    const float at_label = logits[label];
    const float most = largest(logits, c.words);
    Vec sums{};
    each(c.words, [&](std::int64_t i, auto part) { sums += keep(exponential(load(logits + i, part) - most), part); });
    const float total = sum(sums);
    c.loss[row] = weight * (most + logf(total) - at_label);
    if (c.d_logits == nullptr) continue;
    auto* gradient = static_cast<Element*>(c.d_logits) + row * c.words;
    const float factor = weight / total;
    const float p_label = expf(at_label - most) / total;
    each(c.words, [&](std::int64_t i, auto part) {
      store(exponential(load(logits + i, part) - most) * factor, gradient + i, part);
    });
    narrow(weight * (p_label - 1.0F), gradient[label]);
  }
}

void adam(const AdamStep& a) {
  const float new1 = 1.0F - a.beta1, new2 = 1.0F - a.beta2;
  each(a.count, [&](std::int64_t i, auto part) {
    const Vec g = load(a.gradient + i, part) * a.gradient_scale;
    const Vec m = load(a.first + i, part) * a.beta1 + g * new1;
    const Vec v = load(a.second + i, part) * a.beta2 + g * g * new2;
    const Vec p = load(a.parameter + i, part) * a.keep - m * a.step_size / (square_root(v) / a.second_root + a.epsilon);
    store(m, a.first + i, part);
    store(v, a.second + i, part);
    store(p, a.parameter + i, part);
  });
}

}  // namespace

namespace TOUCHSTONE_ISA {

void cross_entropy(const CrossEntropy& loss) {
  if (loss.type == Type::f32) {
    likelihood_rows<float>(loss);
  } else {
    likelihood_rows<Half>(loss);
  }
}

void adam_step(const AdamStep& step) { adam(step); }

}  // namespace TOUCHSTONE_ISA
}  // namespace touchstone::kernels
