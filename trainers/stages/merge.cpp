#include "harness/base/json.hpp"
#include "harness/base/object_reader.hpp"
#include "harness/model/ops.hpp"
#include "harness/train/session.hpp"
#include "harness/train/stage.hpp"
#include "trainers/deltas/trainable.hpp"
#include "trainers/loops/answering.hpp"
#include "trainers/loops/named_models.hpp"

namespace touchstone {
namespace {

/// One of the models that are merged.
struct Part {
  std::string name;  ///< that of a frozen model; empty: the session's own
  double weight = 0.0;
};

struct MergeOptions {
  std::vector<Part> parts;
  std::string into;  ///< name of the result; empty: the session's model becomes it
};

std::string model_words(const std::string& name) { return name.empty() ? "the model" : needs_model(name); }

/// The parameter of that name in each part; each part must have it in that shape.
void require_alike(const MergeOptions& options, const std::vector<std::map<std::string, Tensor*>>& all,
                   const std::map<std::string, Tensor*>& wanted) {
  for (std::size_t at = 0; at < all.size(); ++at) {
    const auto where = model_words(options.parts[at].name);
    for (const auto& [name, tensor] : wanted) {
      const auto found = all[at].find(name);
      require(found != all[at].end(), Fault::config,
              [&, key = name] { return where + " has no '" + key + "', expected the same weights in all models"; });
      require(found->second->sizes() == tensor->sizes(), Fault::config, [&, key = name, like = tensor] {
        return where + ": '" + key + "' has shape " + c10::str(found->second->sizes()) + ", expected " +
               c10::str(like->sizes());
      });
    }
    for (const auto& [name, tensor] : all[at]) {
      require(wanted.count(name) != 0, Fault::config, [&, key = name] {
        return where + " has '" + key + "', which the others lack, expected the same weights";
      });
    }
  }
}

void run_merge(const MergeOptions& options, Session& session) {
  require_whole_weights(session, "merging");
  const at::NoGradGuard no_grad;
  std::vector<std::map<std::string, Tensor*>> all;
  for (const auto& part : options.parts) {
    auto& model = session_model(session, part.name);
    require(!model.soft_prompt().defined(), Fault::config,
            [&] { return model_words(part.name) + " has a soft prompt, expected whole weights for merging"; });
    all.push_back(model.parameters());
  }
  std::unique_ptr<Model> made;
  if (!options.into.empty()) made = session_model(session, options.parts.front().name).clone();
  auto& target = made != nullptr ? *made : *session.model;
  const auto places = target.parameters();
  require_alike(options, all, places);
  for (const auto& [name, place] : places) {
    auto sum = at::zeros(place->sizes(), place->options().dtype(at::kDouble).requires_grad(false));
    for (std::size_t at = 0; at < all.size(); ++at)
      sum.add_(all[at].at(name)->to(at::kDouble), options.parts[at].weight);
    place->copy_(sum);
  }
  session.values["models"] = static_cast<double>(all.size());
  if (made == nullptr) return;
  freeze(*made);
  session.frozen[options.into] = std::move(made);
  session.loaded.erase(options.into);
}

std::vector<Part> read_parts(Options& options) {
  const auto* given =
      options.any("weights",
                  "object: from the name of a frozen model (\"\": the model itself) to the factor of its "
                  "weights in the sum",
                  /*required=*/true);
  std::vector<Part> parts;
  if (options.describing()) return parts;
  const auto where = options.where() + ": key 'weights': ";
  require(given->is_object() && !given->empty(), Fault::config,
          [&] { return where + "found " + shown_json(*given) + ", expected an object of numbers"; });
  for (const auto& [name, weight] : given->items()) {
    require(weight.is_number(), Fault::config, [&, key = name, value = weight] {
      return where + "'" + key + "': found " + shown_json(value) + ", expected a number";
    });
    parts.push_back({.name = name, .weight = weight.get<double>()});
  }
  return parts;
}

/// theta = sum_i w_i theta_i over all parameters, summed in double precision in the order of the config. With averages
/// this is "Model soups", arXiv 2203.05482, section 2; with weights of both signs, task arithmetic (arXiv 2212.04089).
Stage make_merge(Options& options, const TrainerBook&) {
  MergeOptions merge;
  merge.parts = read_parts(options);
  merge.into =
      options.text("as", "name of a frozen model for the result; \"\": the model itself becomes it", {.fallback = ""});
  Stage stage;
  for (const auto& part : merge.parts) {
    if (!part.name.empty()) stage.needs.push_back(needs_model(part.name));
  }
  if (!merge.into.empty()) stage.gives.push_back(needs_model(merge.into));
  stage.run = [merge](Session& session) { run_merge(merge, session); };
  return stage;
}

}  // namespace

namespace plugins {
void merge(TrainerBook& book) {
  book.stages.add("merge",
                  {.summary = "a weighted sum of the weights of several models of one shape", .make = make_merge});
}
}  // namespace plugins
}  // namespace touchstone
