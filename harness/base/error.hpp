#pragma once
#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>

namespace touchstone {

/// What kind of thing went wrong. The program leaves with exit code 2 for all but `internal`, which gives 70.
enum class Fault : std::uint8_t { usage, config, data, checkpoint, shape, numeric, store, sandbox, device, internal };

/// The one exception type of the program. what() reads inside out: "loss is nan; in stage 1 (train) of asft".
class Error : public std::runtime_error {
 public:
  Error(Fault fault, const std::string& message) : std::runtime_error(message), fault_(fault) {}
  /// A copy that says one more thing about where it happened.
  Error in(std::string_view context) const { return {fault_, std::string(what()) + "; " + std::string(context)}; }
  Fault fault() const noexcept { return fault_; }

 private:
  Fault fault_;
};

/// Throws Error unless `holds`.
inline void require(bool holds, Fault fault, const char* message) {
  if (!holds) throw Error(fault, message);
}

/// Throws Error unless `holds`. `message` is a function, so that the text is built only when it is needed.
template <class Message>
requires std::is_invocable_v<const Message&>
void require(bool holds, Fault fault, const Message& message) {
  if (!holds) throw Error(fault, message());
}

}  // namespace touchstone
