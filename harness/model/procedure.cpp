#include "harness/model/procedure.hpp"

#include <algorithm>

#include "harness/base/error.hpp"
#include "harness/base/json.hpp"
#include "harness/base/object_reader.hpp"
#include "harness/base/text.hpp"

namespace touchstone {
namespace {

namespace fs = std::filesystem;

[[noreturn]] void refuse(const std::string& where, const std::string& key, const Json& found,
                         const std::string& expected) {
  throw Error(Fault::checkpoint, where + ": key '" + key + "': found " + shown_json(found) + ", expected " + expected);
}

ProcedureFile read_file(const fs::path& path) {
  Json object;
  try {
    object = read_json(path);
  } catch (const Error& error) {
    throw Error(Fault::checkpoint, error.what());
  }
  ProcedureFile file;
  file.where = path.string();
  require(object.is_object(), Fault::checkpoint, [&] {
    return file.where + ": found " + shown_json(object) + ", expected an object with the key 'procedure'";
  });
  if (const auto models = object.find("models"); models != object.end()) {
    if (!models->is_object()) refuse(file.where, "models", *models, "an object of names and checkpoint folders");
    for (const auto& [name, folder] : models->items()) {
      if (!folder.is_string()) refuse(file.where, "models: " + name, folder, "a checkpoint folder");
      file.models[name] = path.parent_path() / folder.get<std::string>();
    }
    object.erase("models");
  }
  file.json = nlohmann::json(object).dump();
  return file;
}

}  // namespace

const ProcedureBook& no_procedures() {
  static const ProcedureBook none{"procedure"};
  return none;
}

std::optional<ProcedureFile> find_procedure(const fs::path& folder, const fs::path& base) {
  for (const auto& place : {folder, base}) {
    if (fs::exists(place / procedure_file)) return read_file(place / procedure_file);
  }
  return std::nullopt;
}

std::string procedure_text(const std::string& json, const std::map<std::string, std::string>& models) {
  auto object = parse_json(json, procedure_file);
  if (!models.empty()) object["models"] = models;
  return object.dump(2) + "\n";
}

Procedure read_procedure(const ProcedureFile& file, const ProcedureBook& book) {
  Options options(parse_json(file.json, file.where), file.where);
  const auto name = options.text("procedure", "which procedure");
  if (!book.has(name)) {
    throw Error(Fault::config, file.where + ": " + unknown_name(book.kind(), name, book.names()));
  }
  auto procedure = book.get(name).make(options);
  options.done();
  for (const auto& wanted : procedure.models) {
    require(file.models.count(wanted) != 0, Fault::config, [&] {
      return file.where + ": procedure '" + name + "' needs a second model, expected the key 'models' with {\"" +
             wanted + "\": FOLDER}";
    });
  }
  for (const auto& [given, folder] : file.models) {
    const auto& wanted = procedure.models;
    require(std::find(wanted.begin(), wanted.end(), given) != wanted.end(), Fault::config, [&, &given = given] {
      return file.where + ": models: " +
             (wanted.empty() ? "found '" + given + "', but procedure '" + name + "' takes none"
                             : unknown_name("model", given, wanted));
    });
  }
  procedure.json = file.json;
  return procedure;
}

}  // namespace touchstone
