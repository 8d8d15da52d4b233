#include "harness/model/objective.hpp"

namespace touchstone {
namespace {

std::vector<std::string> names(const std::string& frozen) {
  return frozen.empty() ? std::vector<std::string>() : std::vector<std::string>{frozen};
}

}  // namespace

Needs needs_of(const Objective& objective) {
  return std::visit(
      Cases{
          [](const TokenLoss& one) {
            return Needs{.frozen = names(one.frozen), .ref_logp = static_cast<bool>(one.prepare), .roles = one.roles};
          },
          [](const AnswerLoss& one) {
            return Needs{.ref_logp = one.ref_logp, .answers = one.answers, .roles = one.roles};
          },
          [](const RolloutLoss& one) {
            return Needs{
                .ref_logp = one.ref_logp, .values = one.values, .answers = {.all = true, .least = one.least_group}};
          },
          [](const ModelLoss& one) {
            return Needs{.frozen = names(one.frozen), .layers = one.layers, .roles = one.roles};
          },
      },
      objective);
}

std::map<std::string, Tensor>* memory_of(const Objective& objective) {
  const auto* answers = std::get_if<AnswerLoss>(&objective);
  return answers == nullptr ? nullptr : answers->state.get();
}

}  // namespace touchstone
