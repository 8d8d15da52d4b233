#include "harness/model/family.hpp"

#include <algorithm>

#include "harness/base/error.hpp"
#include "harness/base/json.hpp"
#include "harness/base/object_reader.hpp"
#include "harness/base/one_line.hpp"
#include "harness/base/text.hpp"

namespace touchstone {
namespace {

/// The texts of a list, or none.
std::vector<std::string> texts_at(const Json& config, const char* key, const std::string& where) {
  std::vector<std::string> texts;
  const auto found = config.find(key);
  if (found == config.end() || found->is_null()) return texts;
  require(
      found->is_array() && std::all_of(found->begin(), found->end(), [](const Json& one) { return one.is_string(); }),
      Fault::checkpoint,
      [&] { return where + ": key '" + key + "': found " + shown_json(*found) + ", expected a list of texts"; });
  for (const auto& one : *found) texts.push_back(one.get<std::string>());
  return texts;
}

}  // namespace

const Family& find_family(const FamilyBook& book, const Json& config, const std::string& where) {
  require(config.is_object(), Fault::checkpoint, [&] { return where + ": expected an object"; });
  const auto architectures = texts_at(config, "architectures", where);
  const auto type = config.contains("model_type") && config["model_type"].is_string()
                        ? config["model_type"].get<std::string>()
                        : std::string();
  std::vector<std::string> known;
  for (const auto& name : book.names()) {
    for (const auto& architecture : book.get(name).architectures) {
      known.push_back(architecture);
      if (std::find(architectures.begin(), architectures.end(), architecture) != architectures.end()) {
        return book.get(name);
      }
    }
  }
  // Without an architecture, or with that of a decoder without a head ("LlamaModel"), transformers also goes by the
  // type when it is asked for a language model.
  const bool untold = std::all_of(architectures.begin(), architectures.end(),
                                  [](const std::string& one) { return one.ends_with("Model"); });
  if (untold && book.has(type)) return book.get(type);
  const auto found = architectures.empty() ? std::string("no 'architectures'") +
                                                 (type.empty() ? "" : " and the model_type '" + one_line(type) + "'")
                                           : "architecture '" + one_line(architectures.front()) + "' is not known";
  throw Error(Fault::checkpoint, where + ": " + found + ", expected one of " + join(known, ", "));
}

}  // namespace touchstone
