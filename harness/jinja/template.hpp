#pragma once
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <string>

namespace touchstone::jinja {

/// A template as Hugging Face's apply_chat_template renders it: Jinja with trim_blocks, lstrip_blocks, break and
/// continue, {% generation %}, tojson, raise_exception and strftime_now, over texts, numbers, lists and dictionaries.
/// No attribute of the host can be reached, and limits apply: 10^6 operations, 1 MiB of output, depth 32. Features that
/// are not implemented are refused by name, never rendered differently. The only header of this room for use outside.
class Template {
 public:
  /// Throws Fault::checkpoint naming `where`, the line and what is wrong. `where`: "FILE: chat template".
  Template(const std::string& source, const std::string& where);
  ~Template();
  Template(Template&&) noexcept;
  Template& operator=(Template&&) noexcept;

  /// The text. `values` is an object with the names that the template sees. Throws Fault::checkpoint when the template
  /// raises, or does something that Jinja2 would refuse.
  std::string render(const nlohmann::ordered_json& values) const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace touchstone::jinja
