#include "harness/model/ops.hpp"
#include "harness/train/session.hpp"
#include "harness/train/stage.hpp"
#include "trainers/deltas/low_rank.hpp"

namespace touchstone {
namespace {

constexpr std::string_view magnitude_name = "lora_magnitude_vector";

/// The lengths of the rows of W + s B A, [out] float32, without gradient: the paper holds them constant (section 4.3).
Tensor row_lengths(const LowRank& low, const Tensor& weight) {
  const at::NoGradGuard no_grad;
  return at::linalg_vector_norm(weight.to(at::kFloat) + low.dense(), 2, {1});
}

class Dora final : public Delta {
 public:
  /// The magnitudes begin as the rows' lengths, so that the map is unchanged at first.
  Dora(LowRank low, const Tensor& weight) : low_(std::move(low)), magnitude_(row_lengths(low_, weight).clone()) {
    magnitude_.requires_grad_(true);
  }

  /// y = g (W x + s B A x) with g = m / |W + s B A|: the change is (g - 1) W x + g s B A x.
  Tensor apply(const Tensor& x, const Tensor& product, const Linear& map) const override {
    const auto gain = (magnitude_ / row_lengths(low_, map.weight)).unsqueeze(0);
    return (gain - 1.0) * product + gain * low_.apply(x);
  }

  Tensor dense(const Linear& map) const override {
    const auto weight = map.weight.to(at::kFloat);
    const auto sum = weight + low_.dense();
    return sum * (magnitude_ / row_lengths(low_, map.weight)).unsqueeze(1) - weight;
  }

  std::vector<std::pair<std::string, Tensor*>> parameters() override {
    return {{"lora_A.weight", &low_.a}, {"lora_B.weight", &low_.b}, {std::string(magnitude_name), &magnitude_}};
  }

 private:
  LowRank low_;
  Tensor magnitude_;  ///< [out]
};

/// Older releases of peft wrote the magnitudes as the weight of a module of that name.
AdapterFiles with_todays_names(AdapterFiles files) {
  std::string older_ending = ".";
  older_ending.append(magnitude_name).append(".weight");
  NamedTensors renamed;
  for (auto& [name, tensor] : files.tensors) {
    const bool older = name.ends_with(older_ending);
    renamed[older ? name.substr(0, name.rfind('.')) : name] = tensor;
  }
  files.tensors = std::move(renamed);
  return files;
}

/// W' = m (W + s B A) / |W + s B A|, a length for each row: "DoRA: Weight-Decomposed Low-Rank Adaptation", arXiv
/// 2402.09353, equation 5, with the lengths held constant in the gradient (section 4.3), as in peft.
Adapter dora_adapter(const LowRankOptions& options) {
  const auto make = [options](const std::string& module, const Linear& map, std::uint64_t seed) {
    return std::make_shared<Dora>(begin_low_rank(options, module, map, seed), map.weight);
  };
  auto adapter = low_rank_adapter(options, make, /*use_dora=*/true);
  adapter.attach = [attach = adapter.attach](Session& session, std::uint64_t seed, const AdapterFiles* files,
                                             const std::string& where) {
    if (files == nullptr) return attach(session, seed, nullptr, where);
    const auto renamed = with_todays_names(*files);
    attach(session, seed, &renamed, where);
  };
  return adapter;
}

}  // namespace

namespace plugins {
void dora(TrainerBook& book) {
  book.adapters.add("dora", {.summary = "low-rank change of the directions of each matrix's rows, and their lengths "
                                        "(DoRA, arXiv 2402.09353)",
                             .make = [](Options& options) { return dora_adapter(read_low_rank(options)); },
                             .read = [](const auto& config, const std::string& where) -> std::optional<Adapter> {
                               if (!is_low_rank(config, /*use_dora=*/true)) return std::nullopt;
                               return dora_adapter(low_rank_of(config, where));
                             }});
}
}  // namespace plugins
}  // namespace touchstone
