#include "harness/engine/adopt_weights.hpp"

#include "harness/base/error.hpp"
#include "harness/model/ops.hpp"

namespace touchstone {
namespace {

bool is_vocabulary(const std::string& name) { return name == "model.embed_tokens.weight" || name == "lm_head.weight"; }

}  // namespace

std::int64_t adopt_weights(Model& target, Model& source, const std::string& where) {
  const at::NoGradGuard no_gradients;
  const auto places = target.language().parameters();
  const auto weights = source.language().parameters();
  for (const auto& [name, place] : places) {
    require(weights.count(name) != 0, Fault::checkpoint,
            [&, key = name] { return where + ": has no tensor '" + key + "', expected all of the language part's"; });
  }
  std::int64_t copied = 0;
  for (const auto& [name, weight] : weights) {
    const auto found = places.find(name);
    require(found != places.end(), Fault::checkpoint, [&, key = name] {
      return where + ": tensor '" + key + "' has no place in the model, expected a language part of the same config";
    });
    auto place = found->second->detach();
    if (is_vocabulary(name) && place.size(0) > weight->size(0)) place = place.narrow(0, 0, weight->size(0));
    require(place.sizes() == weight->sizes(), Fault::checkpoint, [&, key = name, from = weight] {
      return where + ": tensor '" + key + "' has shape " + c10::str(from->sizes()) + ", expected " +
             c10::str(place.sizes());
    });
    place.copy_(*weight);
    copied += weight->numel();
  }
  return copied;
}

}  // namespace touchstone
