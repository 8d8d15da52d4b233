#pragma once
// The processor kernels behind the fast paths: plain loops over raw memory, compiled once for each instruction set and
// chosen at start. Nothing here uses LibTorch. The sources that implement it may not include library headers with
// inline functions: the linker keeps one copy of those, and it could be the one compiled for the newest processor.
//
// All results are the same however the work is divided among threads: a caller may split rows and heads freely.
#include <cstdint>

namespace touchstone::kernels {

enum class Type : std::uint8_t { f32, bf16 };

/// An operand in memory: element (i, j) is at data[i * stride + j], or at data[j * stride + i] when
/// `transposed`.
struct Operand {
  const void* data = nullptr;
  std::int64_t stride = 0;
  Type type = Type::f32;
  bool transposed = false;
};

/// C = A B, or C += A B. A is [rows, depth], B is [depth, columns], C is [rows, columns]. Products are summed in
/// float32, each element of C over `depth` in one fixed order. That order depends neither on the element's place nor on
/// the other sizes, and zeros at the end of the depth do not change the sum.
struct Product {
  std::int64_t rows = 0;
  std::int64_t columns = 0;
  std::int64_t depth = 0;
  Operand a;
  Operand b;
  void* c = nullptr;
  std::int64_t c_stride = 0;
  Type c_type = Type::f32;   ///< bf16: depth must not exceed Kernels::whole_depth
  bool accumulate = false;   ///< c_type must be f32
  Type factors = Type::f32;  ///< bf16: operands are rounded to bfloat16 before the product
};

/// RMS norm: y = s / sqrt(mean(s^2) + epsilon) * weight for every row, where s = x, or s = x + delta, kept in `sum`.
struct NormForward {
  std::int64_t rows = 0;
  std::int64_t width = 0;
  const float* x = nullptr;
  const void* delta = nullptr;  ///< of `type`; null: none
  float* sum = nullptr;         ///< written where delta is given
  const float* weight = nullptr;
  float epsilon = 0.0F;
  Type type = Type::f32;  ///< of delta and y
  void* y = nullptr;
  float* scale = nullptr;  ///< [rows]: 1 / sqrt(mean(s^2) + epsilon)
};

/// Gradients of NormForward. ds = d_sum (where given) + the gradient through y.
struct NormBackward {
  std::int64_t rows = 0;
  std::int64_t width = 0;
  const float* sum = nullptr;
  const float* scale = nullptr;
  const float* weight = nullptr;
  Type type = Type::f32;
  const void* d_y = nullptr;     ///< of `type`
  const float* d_sum = nullptr;  ///< null: the sum has no other reader
  float* d_x = nullptr;          ///< may be d_sum's memory
  void* d_delta = nullptr;       ///< d_x again, as `type`; null: not wanted
  float* d_weight = nullptr;     ///< [width], overwritten with the sum over these rows; null: not wanted
};

/// silu(x) = x sigmoid(x); gelu with the error function, and in Hendrycks and Gimpel's tanh form (arXiv 1606.08415,
/// section 2); quick_gelu(x) = x sigmoid(1.702 x); relu2(x) = relu(x)^2.
enum class Curve : std::uint8_t { silu, gelu, gelu_tanh, quick_gelu, relu, relu2 };

/// The activation of a feed-forward layer, all of `type`. Gated: y = f(gate) * up, with gate and up side by side in a
/// row of 2 * width elements. Not gated: y = f(x), rows of `width`.
struct Activate {
  std::int64_t rows = 0;
  std::int64_t width = 0;
  Type type = Type::f32;
  Curve curve = Curve::silu;
  bool gated = true;
  const void* x = nullptr;
  void* y = nullptr;          ///< forward: written
  const void* d_y = nullptr;  ///< backward: read
  void* d_x = nullptr;        ///< backward: written
};

/// Rotates the pairs (j, j + dims / 2) of the heads of each row, in place; elements from `dims` on stay unchanged.
struct Turn {
  std::int64_t rows = 0;
  std::int64_t heads = 0;
  std::int64_t head_dim = 0;
  std::int64_t dims = 0;    ///< number of elements of a head that rotate; even
  std::int64_t stride = 0;  ///< elements from row to row
  Type type = Type::f32;
  void* x = nullptr;
  const float* cos = nullptr;  ///< [rows, dims / 2]
  const float* sin = nullptr;
  bool backwards = false;
};

/// Causal attention within one document, for the query heads that share one key head. Row i of a query head h lies at
/// q[i * q_stride + h * head_dim]; k, v likewise with one head. Products round to bfloat16 where type is bf16.
struct Attention {
  std::int64_t tokens = 0;
  std::int64_t heads = 0;  ///< query heads of this key head
  std::int64_t head_dim = 0;
  Type type = Type::f32;
  float scale = 1.0F;
  float soft_cap = 0.0F;    ///< c > 0: scaled scores s become c tanh(s / c)
  std::int64_t window = 0;  ///< > 0: a row sees this many keys, its own included; 0: all keys up to its own
  const void* q = nullptr;
  const void* k = nullptr;
  const void* v = nullptr;
  std::int64_t stride = 0;      ///< of q, k, v, and of their gradients
  void* out = nullptr;          ///< forward: written
  std::int64_t out_stride = 0;  ///< of out and d_out
  float* log_sum = nullptr;  ///< [tokens, heads] with log_sum_stride: log sum exp of each row's scaled, capped scores
  std::int64_t log_sum_stride = 0;
  const void* d_out = nullptr;
  void* d_q = nullptr;
  void* d_k = nullptr;
  void* d_v = nullptr;
};

/// Keys and values of one key head (the KV cache), in pages of `page_tokens` tokens, packed for the products. Page i
/// holds tokens [i * page_tokens, (i + 1) * page_tokens). The memory of a page must be zero before its first token.
inline constexpr std::int64_t page_tokens = 64;

/// Adds `tokens` more rows of one key head to its pages.
struct PageAppend {
  std::int64_t tokens = 0;
  std::int64_t past = 0;  ///< tokens that are in the pages already
  std::int64_t head_dim = 0;
  Type factors = Type::f32;
  const float* key = nullptr;  ///< row i at key[i * stride]
  const float* value = nullptr;
  std::int64_t stride = 0;
  void* const* key_pages = nullptr;
  void* const* value_pages = nullptr;
};

/// Of the tokens in the pages of one key head only some are left: what lay at place from[i] lies at place i afterwards.
struct PageKeep {
  std::int64_t tokens = 0;             ///< that are left
  const std::int64_t* from = nullptr;  ///< rising
  std::int64_t head_dim = 0;
  Type factors = Type::f32;
  void* const* key_pages = nullptr;
  void* const* value_pages = nullptr;
};

/// Causal attention of the last `tokens` of `past + tokens` tokens, for the query heads that share one key head. Row i
/// of query head h lies at q[i * stride + h * head_dim]. A row's result depends only on its own keys: neither on the
/// number of rows nor on how the tokens came into the pages.
struct PagedAttention {
  std::int64_t tokens = 0;
  std::int64_t past = 0;
  std::int64_t heads = 0;  ///< query heads of this key head
  std::int64_t head_dim = 0;
  Type factors = Type::f32;
  float scale = 1.0F;
  float soft_cap = 0.0F;    ///< as in Attention
  std::int64_t window = 0;  ///< as in Attention
  const float* q = nullptr;
  std::int64_t stride = 0;
  void* const* key_pages = nullptr;
  void* const* value_pages = nullptr;
  float* out = nullptr;
  std::int64_t out_stride = 0;
};

/// Negative log-likelihood of one label a row, and its gradient (softmax - one hot) * weight.
struct CrossEntropy {
  std::int64_t rows = 0;
  std::int64_t words = 0;
  const float* logits = nullptr;  ///< [rows, words]
  const std::int64_t* labels = nullptr;
  const float* weights = nullptr;  ///< [rows]; null: all one
  Type type = Type::f32;
  void* d_logits = nullptr;  ///< of `type`, may be the logits' memory where that is f32; null: not wanted
  float* loss = nullptr;     ///< [rows], weighted
};

/// One AdamW step over `count` elements (Loshchilov and Hutter, arXiv 1711.05101, algorithm 2), as PyTorch computes it.
struct AdamStep {
  std::int64_t count = 0;
  float* parameter = nullptr;
  const float* gradient = nullptr;
  float* first = nullptr;
  float* second = nullptr;
  float gradient_scale = 1.0F;  ///< factor that the gradient is multiplied with first
  float beta1 = 0.9F;
  float beta2 = 0.999F;
  float epsilon = 1e-8F;
  float keep = 1.0F;         ///< 1 - learning rate * weight decay
  float step_size = 0.0F;    ///< learning rate / (1 - beta1^t)
  float second_root = 1.0F;  ///< sqrt(1 - beta2^t)
};

/// What one instruction set offers. Scratch memory is 64-byte aligned.
struct Kernels {
  const char* name;
  std::int64_t whole_depth;  ///< depth of a product of bfloat16 factors that is summed before C is touched
  std::int64_t product_scratch_bytes;
  void (*multiply)(const Product&, void* scratch);
  void (*norm_forward)(const NormForward&);
  void (*norm_backward)(const NormBackward&);
  void (*activate_forward)(const Activate&);
  void (*activate_backward)(const Activate&);
  void (*turn)(const Turn&);
  std::int64_t (*attention_scratch_bytes)(const Attention&);
  void (*attention_forward)(const Attention&, void* scratch);
  void (*attention_backward)(const Attention&, void* scratch);
  void (*cross_entropy)(const CrossEntropy&);
  void (*adam_step)(const AdamStep&);
  /// For many products with one B: the bytes of packed B (64-byte aligned), the packing, and the product with packed B.
  /// The results are those of `multiply`.
  std::int64_t (*packed_bytes)(const Product&);
  void (*pack_factors)(const Product&, void* packed);
  void (*multiply_packed)(const Product&, const void* packed, void* scratch);
  std::int64_t (*key_page_bytes)(std::int64_t head_dim, Type factors);
  std::int64_t (*value_page_bytes)(std::int64_t head_dim, Type factors);
  void (*page_append)(const PageAppend&);
  void (*page_keep)(const PageKeep&);
  std::int64_t (*paged_scratch_bytes)(const PagedAttention&);
  void (*paged_attention)(const PagedAttention&, void* scratch);
};

/// Names the set of kernels to use instead of the best, to test the results of an older processor. A name that
/// the build or the processor lacks is refused when the tensor library is opened.
inline constexpr const char* kernels_variable = "TOUCHSTONE_KERNELS";

/// The best kernels for this processor, or those that TOUCHSTONE_KERNELS names. The choice depends on instruction set
/// and maker, never on timing: equal machines use equal kernels, and so give equal bits.
const Kernels& chosen();
/// Whether the libraries below LibTorch are known to multiply bfloat16 here. Without AVX-512 neither MKL nor oneDNN
/// does, and LibTorch's own products handle one pair at a time, many times slower than float32.
bool libraries_multiply_halves();
/// By name ("baseline", "avx2", "avx512", "avx512bf16", "amx"); null where the build or the processor lacks it.
const Kernels* named(const char* name);

}  // namespace touchstone::kernels
