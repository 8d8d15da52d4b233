#include "harness/model/family.hpp"

#include <algorithm>

#include "harness/base/object_reader.hpp"
#include "harness/base/one_line.hpp"
#include "harness/base/text.hpp"

namespace touchstone {

const Family& find_family(const FamilyBook& book, const Json& config, const std::string& where) {
  const ObjectReader reader(config, where, {.fault = Fault::checkpoint, .null_is_missing = true});
  const auto architectures = reader.has("architectures") ? reader.texts("architectures") : std::vector<std::string>();
  const auto* named = reader.find("model_type");
  const auto type = named != nullptr && named->is_string() ? named->get<std::string>() : std::string();
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
  reader.fail(found + ", expected one of " + join(known, ", "));
}

}  // namespace touchstone
