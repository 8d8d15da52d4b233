#include "harness/data/example.hpp"

namespace touchstone {

const char* role_name(Role role) {
  switch (role) {
    case Role::system:
      return "system";
    case Role::user:
      return "user";
    case Role::assistant:
      return "assistant";
    case Role::tool:
      return "tool";
  }
  return "user";
}

std::string text_of(const Turn& turn) {
  std::string text;
  for (const auto& part : turn.parts) {
    if (const auto* piece = std::get_if<std::string>(&part)) text += *piece;
  }
  return text;
}

}  // namespace touchstone
