#pragma once
// A decoder as data: a description of its layers. A family writes it; three forward passes read it: the operators
// (backends/decoders), training (backends/native/fused_decoder) and answering (backends/native/packed_decoder). An
// optional part is present when it is set; a tensor is present when it is defined. Before the weights are read, tensors
// lie on LibTorch's meta device and have only a shape.
#include <cstdint>
#include <optional>
#include <variant>
#include <vector>

#include "backends/layers/rope.hpp"
#include "harness/kernels/kernels.hpp"
#include "harness/model/model.hpp"

namespace touchstone {

using Activation = kernels::Curve;

/// A norm over the last dimension. RMS: "Root Mean Square Layer Normalization", arXiv:1910.07467; layer: "Layer
/// Normalization", arXiv:1607.06450.
struct Norm {
  enum class Kind : std::uint8_t { rms, layer };
  Kind kind = Kind::rms;
  double epsilon = 1e-6;
  Tensor weight{};           ///< [W]; undefined: nothing is multiplied
  Tensor bias{};             ///< [W]; undefined: nothing is added
  bool plus_one = false;     ///< multiplies with 1 + weight
  bool round_first = false;  ///< rounds to the products' dtype before the weight multiplies; otherwise after it
};

struct Attention {
  std::int64_t heads = 0;
  std::int64_t key_heads = 0;
  std::int64_t head_dim = 0;
  Linear query{}, key{}, value{}, output{};
  std::optional<Norm> query_norm{}, key_norm{}, value_norm{};  ///< before the rope, unless norms_after_rope
  bool whole_norms = false;           ///< one norm over all heads of a token; otherwise one for each head
  bool norms_after_rope = false;      ///< of queries and keys
  std::optional<Norm> output_norm{};  ///< of the mixed values, before the output map
  double scale = 1.0;                 ///< of the scores, before the cap
  double soft_cap = 0.0;              ///< c > 0: scores s become c tanh(s / c)
  std::int64_t window = 0;            ///< > 0: a token sees this many keys, its own among them
  Tensor sinks{};                     ///< [heads]: one more logit in each softmax, with value zero
  double clip = 0.0;                  ///< > 0: queries, keys and values are clamped to +- clip
  bool clip_after_norms = false;      ///< otherwise before them
  bool output_gate = false;  ///< the query map gives [q, gate] for each head; the mixed values times sigmoid(gate)
  int rope = 0;              ///< which of the decoder's ropes rotates queries and keys; -1: none
};

/// down(f(gate x) * up x). "GLU Variants Improve Transformer", arXiv:2002.05202.
struct Gated {
  Linear gate{}, up{}, down{};
  Activation activation = Activation::silu;
  std::optional<Norm> product_norm{};  ///< before the down map
};

/// down(f(up x)).
struct Plain {
  Linear up{}, down{};
  Activation activation = Activation::gelu;
};

/// Experts; each token uses the `chosen` best.
struct Mixture {
  enum class Scores : std::uint8_t { softmax, sigmoid, softmax_of_chosen };
  Linear router{};
  Tensor correction{};  ///< [experts], added to the scores only for the choice
  std::vector<Gated> experts{};
  std::int64_t chosen = 1;
  Scores scores = Scores::softmax;
  bool normalised = false;        ///< the weights of the chosen are divided by their sum
  double scale = 1.0;             ///< of the weights
  std::optional<Gated> shared{};  ///< takes every token
  Linear shared_gate{};           ///< [1, D]: the shared expert's output times sigmoid of it; undefined weight: none
};

using FeedForward = std::variant<Gated, Plain, Mixture>;

/// x + attention(x), then x + feed_forward(x), each with a norm before it, after it, both or none. Parallel: both read
/// the same x; without a norm of its own the feed-forward part reads what attention reads.
struct Block {
  std::optional<Norm> attention_before{}, attention_after{};
  std::optional<Norm> feed_before{}, feed_after{};
  Attention attention{};
  FeedForward feed_forward{};
  bool parallel = false;
  double residual_scale = 1.0;  ///< of the additions to x
};

/// The names of a block's parts in files, after "model.layers.N.". The defaults are those of Llama-like families.
struct BlockNames {
  std::string attention_before = "input_layernorm";
  std::string attention_after = "";
  std::string feed_before = "post_attention_layernorm";
  std::string feed_after = "";
  std::string query = "self_attn.q_proj", key = "self_attn.k_proj", value = "self_attn.v_proj";
  std::string output = "self_attn.o_proj";
  std::string query_norm = "self_attn.q_norm", key_norm = "self_attn.k_norm", value_norm = "self_attn.v_norm";
  std::string output_norm = "self_attn.attn_sub_norm";
  std::string sinks = "self_attn.sinks";
  std::string gate = "mlp.gate_proj", up = "mlp.up_proj", down = "mlp.down_proj";
  std::string product_norm = "mlp.ffn_sub_norm";
  std::string router = "mlp.gate", correction = "mlp.gate.e_score_correction_bias";
  std::string experts = "mlp.experts", shared = "mlp.shared_expert", shared_gate = "mlp.shared_expert_gate";
  std::string expert_gate = "gate_proj", expert_up = "up_proj", expert_down = "down_proj";
};

struct DecoderNames {
  std::string embedding = "model.embed_tokens";
  std::string positions = "model.embed_positions";
  std::string embedding_norm = "model.embedding_norm";
  std::string layers = "model.layers";
  std::string norm = "model.norm";
  std::string head = "lm_head";
  BlockNames block{};
};

/// A whole decoder.
struct DecoderParts {
  std::int64_t vocabulary = 0;
  std::int64_t hidden = 0;
  std::int64_t max_length = 0;
  Tensor embedding{};                ///< [V, D]; undefined when tied: the head's weight serves
  double embedding_scale = 1.0;      ///< of the embeddings; soft rows come scaled
  Tensor positions{};                ///< [P, D], learnt and added to the embeddings; undefined: none
  std::int64_t position_offset = 0;  ///< position p has row p + offset
  std::optional<Norm> embedding_norm{};
  std::vector<Rope> ropes{};
  std::vector<Block> blocks{};
  std::optional<Norm> norm{};  ///< the last
  Linear head{};               ///< [V, D]
  bool tied = false;
  double logit_scale = 1.0;
  double logit_cap = 0.0;  ///< c > 0: logits z become c tanh(z / c), after the scale
  DecoderNames names{};
};

}  // namespace touchstone
