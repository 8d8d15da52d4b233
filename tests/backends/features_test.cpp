// The table feature x path: with every feature that a block can have, each fast path equals the operators or declines
// by the feature's name. What a fast path takes it takes for every call: pieces through the cache and documents side by
// side give the bits of one call on one document.
#include <gtest/gtest.h>

#include "backends/decoders/decoder.hpp"
#include "backends/decoders/decoder_config.hpp"
#include "backends/layers/plain.hpp"
#include "backends/layers/visit.hpp"
#include "harness/base/error.hpp"
#include "harness/model/ops.hpp"

namespace touchstone {
namespace {

constexpr double bound = 3e-5;

/// Weights drawn by name: norms around one, the rest around zero, each large enough to be seen.
class DrawnWeights final : public Weights {
 public:
  bool has(const std::string&) const override { return false; }
  std::vector<std::string> names() const override { return {}; }
  Tensor get(const std::string& name, at::IntArrayRef shape, const LoadSettings& settings) const override {
    at::manual_seed(std::hash<std::string>{}(name) % 1000003);
    auto values = at::randn(shape, at::kFloat) * 0.3;
    if (name.find("norm") != std::string::npos && name.ends_with("weight")) values += 1.0;
    return values.to(settings.storage);
  }
};

/// A Llama of odd sizes, its tensors still to be read.
DecoderParts small_decoder(std::int64_t layers) {
  auto parts = llama_parts({.vocabulary = 31,
                            .hidden = 20,
                            .feed_forward = 23,
                            .layers = layers,
                            .heads = 4,
                            .key_heads = 2,
                            .head_dim = 10,
                            .max_length = 64});
  parts.ropes = {{.dims = 10, .max_positions = 64}};
  return parts;
}

struct Feature {
  const char* name;
  std::function<void(DecoderParts&)> set;
  const char* declined = "";  ///< why both fast paths decline; empty: they take it
};

void PrintTo(const Feature& feature, std::ostream* out) { *out << feature.name; }

/// What a feature does to every block.
std::function<void(DecoderParts&)> each(const std::function<void(Block&)>& change) {
  return [change](DecoderParts& parts) {
    for (auto& block : parts.blocks) change(block);
  };
}

Norm layer_norm(std::int64_t width, bool bias) {
  return {.kind = Norm::Kind::layer, .weight = unread({width}), .bias = bias ? unread({width}) : Tensor()};
}

Gated& gated_of(Block& block) { return std::get<Gated>(block.feed_forward); }

Gated expert() { return {.gate = unread_map(9, 20), .up = unread_map(9, 20), .down = unread_map(20, 9)}; }

Mixture mixture(bool shared) {
  Mixture part{.router = unread_map(5, 20), .experts = {}, .chosen = 2, .normalised = shared, .scale = 1.3};
  for (int at = 0; at < 5; ++at) part.experts.push_back(expert());
  if (!shared) return part;
  part.scores = Mixture::Scores::sigmoid;
  part.correction = unread({5});
  part.shared = expert();
  part.shared_gate = unread_map(1, 20);
  return part;
}

std::function<void(DecoderParts&)> curve(Activation activation) {
  return each([activation](Block& block) { gated_of(block).activation = activation; });
}

std::vector<Feature> features() {
  return {
      {"Llama", [](DecoderParts&) {}},
      {"NormsWithOneAdded", [](DecoderParts& parts) { add_one_to_norms(parts); }},
      {"NormsWithoutWeight", each([](Block& b) { b.attention_before = b.feed_before = Norm{}; })},
      {"LayerNorms", each([](Block& b) { b.attention_before = b.feed_before = layer_norm(20, true); })},
      {"LayerNormsWithoutBias", each([](Block& b) { b.attention_before = b.feed_before = layer_norm(20, false); })},
      {"LayerNormsWithoutWeight",
       each([](Block& b) { b.attention_before = b.feed_before = Norm{.kind = Norm::Kind::layer}; })},
      {"LayerNormAtTheEnd", [](DecoderParts& parts) { parts.norm = layer_norm(20, true); }},
      {"NoNormAtTheEnd", [](DecoderParts& parts) { parts.norm.reset(); }},
      {"NormsBeforeAndAfter", each([](Block& b) { b.attention_after = b.feed_after = unread_norm(20, 1e-6); })},
      {"NormsAfterAlone", each([](Block& b) {
         b.attention_after = b.feed_after = unread_norm(20, 1e-6);
         b.attention_before.reset();
         b.feed_before.reset();
       })},
      {"ParallelWithOneNorm", each([](Block& b) {
         b.parallel = true;
         b.feed_before.reset();
       })},
      {"ParallelWithTwoNorms", each([](Block& b) { b.parallel = true; })},
      {"NormOfEachHead", each([](Block& b) {
         b.attention.query_norm = unread_norm(10, 1e-6);
         b.attention.key_norm = unread_norm(10, 1e-6);
       })},
      {"NormOfAllHeads", each([](Block& b) {
         b.attention.whole_norms = true;
         b.attention.query_norm = unread_norm(40, 1e-6);
         b.attention.key_norm = unread_norm(20, 1e-6);
       })},
      {"LayerNormOfEachHead", each([](Block& b) {
         b.attention.query_norm = layer_norm(10, true);
         b.attention.key_norm = layer_norm(10, true);
       })},
      {"NormOfValues", each([](Block& b) { b.attention.value_norm = Norm{}; })},
      {"NormBeforeTheOutput", each([](Block& b) { b.attention.output_norm = unread_norm(40, 1e-6); })},
      {"NormBeforeDown", each([](Block& b) { gated_of(b).product_norm = unread_norm(23, 1e-6); })},
      {"AllBiases", [](DecoderParts& parts) { add_biases(parts, {.attention = true, .feed_forward = true}); }},
      {"BiasOfKeysAlone", each([](Block& b) { b.attention.key.bias = unread({20}); })},
      {"BiasOfUpAlone", each([](Block& b) { gated_of(b).up.bias = unread({23}); })},
      {"BiasOfTheHead", [](DecoderParts& parts) { parts.head.bias = unread({31}); }},
      {"Scale", each([](Block& b) { b.attention.scale = 0.7; })},
      {"SoftCap", each([](Block& b) { b.attention.soft_cap = 0.8; })},
      {"WindowOfOneLayer", [](DecoderParts& parts) { parts.blocks.front().attention.window = 5; }},
      {"WindowOfOneToken", [](DecoderParts& parts) { parts.blocks.back().attention.window = 1; }},
      {"TwoRopes",
       [](DecoderParts& parts) {
         parts.ropes.push_back({.theta = 50.0, .dims = 10});
         parts.blocks.back().attention.rope = 1;
       }},
      {"NoRopeInOneLayer", [](DecoderParts& parts) { parts.blocks.front().attention.rope = -1; }},
      {"TurnedShare", [](DecoderParts& parts) { parts.ropes.front().dims = 4; }},
      {"Clip", each([](Block& b) { b.attention.clip = 0.4; })},
      {"ClipAfterNorms", each([](Block& b) {
         b.attention.query_norm = b.attention.key_norm = unread_norm(10, 1e-6);
         b.attention.clip = 0.4;
         b.attention.clip_after_norms = true;
       })},
      {"GeluGate", curve(Activation::gelu)},
      {"TanhGeluGate", curve(Activation::gelu_tanh)},
      {"QuickGeluGate", curve(Activation::quick_gelu)},
      {"ReluGate", curve(Activation::relu)},
      {"SquaredReluGate", curve(Activation::relu2)},
      {"UngatedFeedForward", each([](Block& b) {
         b.feed_forward = Plain{.up = unread_map(23, 20, true), .down = unread_map(20, 23, true)};
       })},
      {"EmbeddingScale", [](DecoderParts& parts) { parts.embedding_scale = 3.7; }},
      {"EmbeddingNorm", [](DecoderParts& parts) { parts.embedding_norm = unread_norm(20, 1e-6); }},
      {"LearntPositions",
       [](DecoderParts& parts) {
         parts.positions = unread({66, 20});
         parts.position_offset = 2;
       }},
      {"ResidualScale", each([](Block& b) { b.residual_scale = 0.6; })},
      {"LogitScale", [](DecoderParts& parts) { parts.logit_scale = 0.3; }},
      {"LogitCap", [](DecoderParts& parts) { parts.logit_cap = 2.0; }},
      {"TiedHead",
       [](DecoderParts& parts) {
         parts.tied = true;
         parts.embedding = Tensor();
       }},
      {"Sinks", each([](Block& b) { b.attention.sinks = unread({4}); }), "sinks"},
      {"GateOfAttention", each([](Block& b) {
         b.attention.output_gate = true;
         b.attention.query = unread_map(80, 20);
       }),
       "gates of attention"},
      {"NormsAfterRope", each([](Block& b) {
         b.attention.query_norm = b.attention.key_norm = unread_norm(10, 1e-6);
         b.attention.norms_after_rope = true;
       }),
       "norms after the turning"},
      {"Neighbours", [](DecoderParts& parts) { parts.ropes.front().neighbours = true; }, "ropes of neighbours"},
      {"Mixture", each([](Block& b) { b.feed_forward = mixture(false); }), "mixtures of experts"},
      {"MixtureWithAllSwitches", each([](Block& b) { b.feed_forward = mixture(true); }), "mixtures of experts"},
  };
}

class FeatureTable : public ::testing::TestWithParam<Feature> {
 protected:
  DecoderParts parts() const {
    auto parts = small_decoder(3);
    GetParam().set(parts);
    return parts;
  }
  std::unique_ptr<Model> build(const LoadSettings& settings) const {
    return build_decoder(parts(), DrawnWeights(), settings, R"({"num_hidden_layers": 3})");
  }
  bool declined() const { return GetParam().declined[0] != '\0'; }
  /// Whether the model runs on kernels of that name, or declines as the table says.
  bool takes(const Model& model, const std::string& kernels) const {
    if (!declined()) {
      EXPECT_EQ(model.kernels().substr(0, kernels.size()), kernels);
      return true;
    }
    EXPECT_EQ(model.kernels(), std::string("operators (kernels lack ") + GetParam().declined + ")");
    return false;
  }
  const Tensor ids_ = at::tensor({1,  5, 9, 12, 3, 3,  17, 30, 22, 8, 14, 2, 0,  7, 19, 25, 11, 4,
                                  16, 6, 6, 28, 1, 10, 13, 29, 20, 5, 9,  9, 12, 3, 18, 27, 15, 26},
                                 at::kLong);
};

/// The largest difference of all gradients, each over its own largest value, or a hundredth of the largest of all where
/// that is more: what is zero on paper is noise.
double gradient_difference(Model& found, Model& expected, const Inputs& inputs) {
  for (auto* model : {&found, &expected}) {
    for (const auto& [name, tensor] : model->parameters()) tensor->set_requires_grad(true);
    const auto logits = model->forward(inputs, {}).logits;
    at::cross_entropy_loss(logits.slice(0, 0, -1), inputs.tokens.slice(0, 1)).backward();
  }
  const auto size_of = [](const Tensor& x) { return x.defined() ? x.abs().max().item<double>() : 0.0; };
  const auto wanted = expected.parameters();
  double largest = 0.0;
  for (const auto& [name, tensor] : wanted) largest = std::max(largest, size_of(tensor->grad()));
  double most = 0.0;
  for (const auto& [name, tensor] : found.parameters()) {
    const auto& reference = wanted.at(name)->grad();
    if (!reference.defined()) continue;  // an expert that no token took
    most = std::max(most, size_of(tensor->grad() - reference) / std::max(size_of(reference), 0.01 * largest));
  }
  return most;
}

TEST_P(FeatureTable, TrainingKernelsEqualOperatorsOrDecline) {
  const auto operators = build({.plain_operators = true});
  EXPECT_EQ(operators->kernels(), "operators");
  const auto fused = build({});
  takes(*fused, "fused-");
  const Inputs inputs{.tokens = ids_, .starts = {0, 21, 21, 22, 36}};
  EXPECT_LT(gradient_difference(*fused, *operators, inputs), bound);
  const at::NoGradGuard no_gradients;
  const auto expected = operators->forward(inputs, {}).logits;
  const auto size = expected.abs().max().item<double>();
  EXPECT_LT((fused->forward(inputs, {}).logits - expected).abs().max().item<double>(), bound * size);
  Want want;
  want.logits_at = at::tensor({20, 21, 30, 35}, at::kLong);
  const auto some = fused->forward(inputs, want).logits;
  EXPECT_LT((some - expected.index_select(0, want.logits_at)).abs().max().item<double>(), bound * size);
}

TEST_P(FeatureTable, AnsweringKernelsEqualOperatorsOrDecline) {
  const at::NoGradGuard no_gradients;
  const Inputs inputs{.tokens = ids_, .starts = {0, 21, 21, 22, 36}};
  const auto expected = build({.plain_operators = true})->forward(inputs, {}).logits;
  const auto packed = build({.answering = true});
  takes(*packed, "packed-");
  const auto found = packed->forward(inputs, {}).logits;
  EXPECT_LT((found - expected).abs().max().item<double>(), bound * expected.abs().max().item<double>());
  Want want;
  want.logits_at = at::tensor({20, 21, 30, 35}, at::kLong);
  const auto some = packed->forward(inputs, want).logits;
  const auto wanted = found.index_select(0, want.logits_at);
  if (declined()) {
    EXPECT_LT((some - wanted).abs().max().item<double>(), bound);
  } else {
    EXPECT_TRUE(at::equal(some, wanted));
  }
}

TEST_P(FeatureTable, BitsDoNotDependOnTheCall) {
  if (declined()) return;  // operators: the sum's order follows the number of rows
  const at::NoGradGuard no_gradients;
  for (const auto dtype : {at::kFloat, at::kBFloat16}) {
    const auto model = build({.storage = dtype, .compute = dtype, .answering = true});
    const auto whole = model->forward({.tokens = ids_}, {}).logits;
    const auto cache = model->make_cache(2);
    const Inputs first{.tokens = at::cat({ids_.slice(0, 0, 11), ids_.slice(0, 0, 4)}), .starts = {0, 11, 15}};
    const auto a = model->forward(first, {}, cache.get()).logits;
    EXPECT_TRUE(at::equal(a, at::cat({whole.slice(0, 0, 11), whole.slice(0, 0, 4)})));
    const Inputs second{.tokens = at::cat({ids_.slice(0, 11, 36), ids_.slice(0, 4, 5)}), .starts = {0, 25, 26}};
    const auto b = model->forward(second, {}, cache.get()).logits;
    EXPECT_TRUE(at::equal(b, at::cat({whole.slice(0, 11, 36), whole.slice(0, 4, 5)})));
  }
}

TEST_P(FeatureTable, OperatorsWithACacheEqualOneCall) {
  const at::NoGradGuard no_gradients;
  const auto model = build({.plain_operators = true});
  const auto whole = model->forward({.tokens = ids_}, {}).logits;
  const auto cache = model->make_cache(1);
  const auto a = model->forward({.tokens = ids_.slice(0, 0, 13)}, {}, cache.get()).logits;
  const auto b = model->forward({.tokens = ids_.slice(0, 13, 36)}, {}, cache.get()).logits;
  EXPECT_LT((at::cat({a, b}) - whole).abs().max().item<double>(), bound * whole.abs().max().item<double>());
}

double relative(const Tensor& found, const Tensor& wanted) {
  return (found - wanted).abs().max().item<double>() / wanted.abs().max().item<double>();
}

/// A weighted sum of everything that went on inside, and the model's gradients of it.
std::map<std::string, Tensor> inner_gradients(Model& model, const Inputs& inputs, const Want& want) {
  for (const auto& [name, tensor] : model.parameters()) tensor->set_requires_grad(true);
  const auto outputs = model.forward(inputs, want);
  auto sum = outputs.hidden.square().sum();
  for (const auto& state : outputs.hidden_layers) sum = sum + state.square().sum() * 0.3;
  for (const auto& state : outputs.exits) sum = sum + state.square().sum() * 0.7;
  for (const auto& layer : outputs.qkv) {
    sum = sum + layer.query.square().sum() + layer.key.square().sum() * 2.0 + layer.value.square().sum() * 3.0;
  }
  sum.backward();
  std::map<std::string, Tensor> all;
  for (const auto& [name, tensor] : model.parameters()) {
    if (tensor->grad().defined()) all[name] = tensor->grad().clone();
  }
  return all;
}

TEST_P(FeatureTable, TrainingKernelsGiveTheInsideOfTheOperators) {
  const auto operators = build({.plain_operators = true});
  const auto fused = build({});
  const Inputs inputs{.tokens = ids_, .starts = {0, 21, 21, 22, 36}};
  Want want;
  want.logits = false;
  want.hidden = true;
  want.hidden_at = at::tensor({3, 20, 30}, at::kLong);
  want.hidden_layers = {2, 0};
  want.exits = {3, 1};
  want.qkv_layers = {2, 0};
  const auto found = fused->forward(inputs, want);
  const auto wanted = operators->forward(inputs, want);
  EXPECT_EQ(found.hidden.size(0), 3);
  EXPECT_LT(relative(found.hidden, wanted.hidden), bound);
  EXPECT_TRUE(at::equal(found.exits[0], found.hidden));
  for (std::size_t at = 0; at < 2; ++at) {
    EXPECT_LT(relative(found.hidden_layers[at], wanted.hidden_layers[at]), bound);
    EXPECT_LT(relative(found.exits[at], wanted.exits[at]), bound);
    EXPECT_LT(relative(found.qkv[at].query, wanted.qkv[at].query), bound);
    EXPECT_LT(relative(found.qkv[at].key, wanted.qkv[at].key), bound);
    EXPECT_LT(relative(found.qkv[at].value, wanted.qkv[at].value), bound);
  }
  want.hidden_layers = {3, 1};  // the last state is that of all tokens
  EXPECT_LT(relative(fused->forward(inputs, want).hidden_layers[0], operators->forward(inputs, want).hidden_layers[0]),
            bound);
  const auto slopes = inner_gradients(*fused, inputs, want);
  const auto expected = inner_gradients(*operators, inputs, want);
  double largest = 0.0;
  for (const auto& [name, slope] : expected) largest = std::max(largest, slope.abs().max().item<double>());
  for (const auto& [name, slope] : expected) {
    if (slopes.count(name) == 0) {
      EXPECT_EQ(slope.abs().max().item<double>(), 0.0) << name;
      continue;
    }
    const auto size = std::max(slope.abs().max().item<double>(), 0.01 * largest);
    // Squares of all states: their sums round more than a cross-entropy's.
    EXPECT_LT((slopes.at(name) - slope).abs().max().item<double>() / size, 3 * bound) << name;
  }
  // Attention probabilities are what the kernels never write out.
  want.attention_layers = {1};
  EXPECT_TRUE(fused->kernels(want).starts_with("operators")) << fused->kernels(want);
  if (!declined()) {
    EXPECT_EQ(fused->kernels(want), "operators (kernels lack attention probabilities)");
  }
  const auto watched = fused->forward(inputs, want);
  ASSERT_EQ(watched.attention.at(0).size(), 3U);
  EXPECT_TRUE(watched.attention[0][0].requires_grad());
}

/// A model of the first `count` of the three layers.
std::unique_ptr<Model> first_layers(DecoderParts parts, int count, const LoadSettings& settings) {
  parts.blocks.resize(static_cast<std::size_t>(count));
  return build_decoder(std::move(parts), DrawnWeights(), settings, R"({"num_hidden_layers": 3})");
}

// A pass that ends early gives what a model without the layers above gives, with and without a cache.
TEST_P(FeatureTable, AnExitEqualsAModelWithoutTheLayersAbove) {
  const at::NoGradGuard no_gradients;
  const Inputs inputs{.tokens = ids_, .starts = {0, 21, 21, 22, 36}};
  for (const auto& settings :
       {LoadSettings{.plain_operators = true}, LoadSettings{}, LoadSettings{.answering = true}}) {
    const auto model = build(settings);
    const auto cut = first_layers(parts(), 2, settings);
    Want want;
    want.depth = 2;
    const auto found = model->forward(inputs, want).logits;
    EXPECT_TRUE(at::equal(found, cut->forward(inputs, {}).logits));
    Want exit;
    exit.logits = false;
    exit.exits = {2};
    exit.hidden_at = at::tensor({20, 35}, at::kLong);
    const auto projected = model->project(model->forward(inputs, exit).exits[0]);
    EXPECT_LT(relative(projected, found.index_select(0, exit.hidden_at)), bound);
    EXPECT_EQ(model->cache_bytes_per_token(2), cut->cache_bytes_per_token());
    EXPECT_EQ(3 * model->cache_bytes_per_token(2), 2 * model->cache_bytes_per_token());
    const auto cache = model->make_cache(1, 2);
    const auto other = cut->make_cache(1);
    for (const auto& piece : {ids_.slice(0, 0, 13), ids_.slice(0, 13, 36)}) {
      EXPECT_TRUE(at::equal(model->forward({.tokens = piece}, want, cache.get()).logits,
                            cut->forward({.tokens = piece}, {}, other.get()).logits));
    }
    EXPECT_THROW(model->forward({.tokens = ids_.slice(0, 0, 1)}, {}, cache.get()), Error);
    want.depth = 4;
    EXPECT_THROW(model->forward(inputs, want), Error);
  }
}

/// Entries that each head keeps: of `entries` the first and the last, and one that is another by layer and head.
std::vector<Tensor> unlike_entries(int layers, std::int64_t heads, std::int64_t entries) {
  std::vector<Tensor> kept;
  for (int layer = 0; layer < layers; ++layer) {
    std::vector<Tensor> rows;
    for (std::int64_t head = 0; head < heads; ++head) {
      const auto own = 1 + (layer + 2 * head) % (entries - 3);
      rows.push_back(at::tensor({std::int64_t{0}, own, entries - 2, entries - 1}, at::kLong));
    }
    kept.push_back(at::stack(rows));
  }
  return kept;
}

// Entries that differ by head are dropped, tokens follow, and entries are dropped again: the packed pages give what the
// operators give; with everything kept, the bits of a whole cache.
TEST_P(FeatureTable, DroppedEntriesAreTheOperatorsOrDeclined) {
  const at::NoGradGuard no_gradients;
  const auto operators = build({.plain_operators = true});
  const auto packed = build({.answering = true, .cache = CacheUse::dropped});
  const auto run = [&](Model& model) {
    const auto cache = model.make_cache(2);
    const Inputs first{.tokens = at::cat({ids_.slice(0, 0, 20), ids_.slice(0, 0, 5)}), .starts = {0, 20, 25}};
    model.forward(first, {}, cache.get());
    cache->fork(0, 20);
    cache->retain(0, unlike_entries(3, 2, 20));
    EXPECT_EQ(cache->length(0), 20);
    EXPECT_EQ(cache->entries(0), 4);
    EXPECT_EQ(cache->entries(2), 20);
    EXPECT_EQ(cache->positions(0, 1)[1][1].item<std::int64_t>(), 1 + 3);
    const Inputs second{.tokens = at::cat({ids_.slice(0, 20, 28), ids_.slice(0, 5, 6), ids_.slice(0, 20, 28)}),
                        .starts = {0, 8, 9, 17}};
    const auto b = model.forward(second, {}, cache.get()).logits;
    EXPECT_EQ(cache->entries(0), 12);
    cache->retain(0, unlike_entries(3, 2, 12));
    EXPECT_EQ(cache->positions(0, 0)[0].select(0, 3).item<std::int64_t>(), 27);
    const Inputs third{.tokens = at::cat({ids_.slice(0, 28, 29), ids_.slice(0, 6, 7), ids_.slice(0, 28, 29)}),
                       .starts = {0, 1, 2, 3}};
    const auto c = model.forward(third, {}, cache.get()).logits;
    EXPECT_THROW(cache->truncate(0, 20), Error);
    cache->truncate(0, 28);
    EXPECT_EQ(cache->entries(0), 4);
    cache->truncate(0, 0);
    EXPECT_EQ(cache->entries(0), 0);
    return at::cat({b, c});
  };
  const auto wanted = run(*operators);
  EXPECT_LT(relative(run(*packed), wanted), bound);
  // The row that was forked before is whole.
  const auto whole = operators->forward({.tokens = ids_}, {}).logits;
  EXPECT_LT(relative(wanted.slice(0, 9, 17), whole.slice(0, 20, 28)), bound);
  EXPECT_GT(relative(wanted.slice(0, 0, 8), whole.slice(0, 20, 28)), 1e-3);
}

TEST_P(FeatureTable, EveryTensorIsNamedOnceAndMatters) {
  const auto model = build({.plain_operators = true});
  for (const auto& [name, tensor] : model->parameters()) tensor->set_requires_grad(true);
  model->forward({.tokens = ids_}, {}).logits.square().sum().backward();
  std::set<const void*> seen;
  for (const auto& [name, tensor] : model->parameters()) {
    EXPECT_TRUE(seen.insert(tensor->const_data_ptr()).second) << name;
    // The correction of a router's choice has no gradient; a bias of keys shifts a whole row of scores.
    const bool silent = name.ends_with("correction_bias") || name.ends_with("k_proj.bias");
    const bool unused_expert = name.find(".experts.") != std::string::npos && !tensor->grad().defined();
    if (silent || unused_expert) continue;
    ASSERT_TRUE(tensor->grad().defined()) << name;
    EXPECT_GT(tensor->grad().abs().max().item<double>(), 0.0) << name;
  }
}

INSTANTIATE_TEST_SUITE_P(Features, FeatureTable, ::testing::ValuesIn(features()),
                         [](const auto& one) { return std::string(one.param.name); });

// A norm that rounds before its weight multiplies differs in bfloat16 alone, where the kernels decline it.
TEST(RoundingFirst, IsTakenInFloat32AndDeclinedInBfloat16) {
  auto parts = small_decoder(1);
  auto rounding = parts;
  rounding.blocks.front().attention_before->round_first = true;
  const at::NoGradGuard no_gradients;
  const auto ids = at::tensor({3, 8, 20, 1, 17}, at::kLong);
  const auto logits = [&](const DecoderParts& some, at::ScalarType compute) {
    return build_decoder(some, DrawnWeights(), {.compute = compute, .plain_operators = true}, "{}")
        ->forward({.tokens = ids}, {})
        .logits;
  };
  EXPECT_TRUE(at::equal(logits(parts, at::kFloat), logits(rounding, at::kFloat)));
  EXPECT_FALSE(at::equal(logits(parts, at::kBFloat16), logits(rounding, at::kBFloat16)));
  const auto kernels = [&](at::ScalarType compute, bool answering) {
    return build_decoder(rounding, DrawnWeights(), {.compute = compute, .answering = answering}, "{}")->kernels();
  };
  for (const bool answering : {false, true}) {
    EXPECT_NE(kernels(at::kFloat, answering).substr(0, 9), "operators");
    EXPECT_EQ(kernels(at::kBFloat16, answering), "operators (kernels lack norms that round first)");
  }
}

// Dropped layers leave the others as they are, and the lists of the config that have an entry a layer.
TEST(DroppedLayers, TheOthersStay) {
  auto parts = small_decoder(3);
  const auto config = R"({"num_hidden_layers": 3, "layer_types": ["a", "b", "c"], "eos_token_id": [1, 2, 3]})";
  const at::NoGradGuard no_gradients;
  const auto ids = at::tensor({3, 8, 20, 1, 17}, at::kLong);
  for (const bool plain : {false, true}) {
    const auto model = build_decoder(parts, DrawnWeights(), {.plain_operators = plain}, config);
    Want want;
    want.hidden_layers = {0, 1};
    const auto before = build_decoder(parts, DrawnWeights(), {.plain_operators = plain}, config);
    const auto states = before->forward({.tokens = ids}, want).hidden_layers;
    model->forward({.tokens = ids}, {});
    model->drop_layers(1, 2);
    EXPECT_EQ(model->layers(), 1);
    EXPECT_EQ(model->parameters().count("model.layers.1.mlp.up_proj.weight"), 0U);
    const auto after = model->forward({.tokens = ids}, want).hidden_layers;
    ASSERT_EQ(after.size(), 2U);
    EXPECT_TRUE(at::equal(after[1], states[1]));
    EXPECT_NE(model->config_json().find("\"num_hidden_layers\": 1"), std::string::npos);
    EXPECT_EQ(model->config_json().find("\"b\""), std::string::npos);
    EXPECT_NE(model->config_json().find("2,\n"), std::string::npos) << "ends of turns are no layers";
    EXPECT_THROW(model->drop_layers(0, 1), Error);
  }
}

}  // namespace
}  // namespace touchstone
