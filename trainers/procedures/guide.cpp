#include "harness/engine/side_model.hpp"
#include "harness/model/ops.hpp"
#include "harness/train/stage.hpp"

namespace touchstone {
namespace {

/// log p(y) + weight * log p_guide(y), for every row.
class Guide : public LogitsProcessor {
 public:
  Guide(std::shared_ptr<Model> model, double weight) : guide_(std::move(model)), weight_(weight) {}

  Tensor process(const Tensor& logits, std::span<const LogitsRow> rows) override {
    return at::log_softmax(logits, -1) + at::log_softmax(guide_.logits(rows), -1) * weight_;
  }
  Work work() const override { return guide_.work(); }

 private:
  SideModel guide_;
  double weight_;
};

Procedure make_guide(Options& options) {
  const auto weight = options.number("weight", "of the second model's log-probabilities; below 0: away from it",
                                     {.fallback = 1.0, .min = -100.0, .max = 100.0});
  Procedure procedure;
  procedure.models = {"guide"};
  procedure.logits = [weight](const OtherModels& models) {
    return std::make_unique<Guide>(models.at("guide"), weight);
  };
  return procedure;
}

}  // namespace

namespace plugins {
void guide(TrainerBook& book) {
  book.procedures.add("guide", {.summary = "each token by the product of two models' probabilities (DExperts, arXiv "
                                           "2105.03023, equation 1, with one expert)",
                                .make = make_guide});
}
}  // namespace plugins
}  // namespace touchstone
