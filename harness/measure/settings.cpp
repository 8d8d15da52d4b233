#include "harness/base/json.hpp"
#include "harness/measure/measure.hpp"

namespace touchstone {

std::string settings_json(const MeasureSettings& settings) {
  nlohmann::json json;  // sorts its keys
  json["shots"] = settings.shots;
  json["limit"] = settings.limit;
  json["seed"] = settings.seed;
  json["mode"] = settings.mode == Mode::compat ? "compat" : "fixed";
  json["chat"] = settings.chat;
  json["multiturn"] = settings.multiturn;
  json["system_instruction"] = settings.system_instruction;
  json["subjects"] = settings.subjects;
  json["filter"] = settings.filter;
  return json.dump();
}

}  // namespace touchstone
