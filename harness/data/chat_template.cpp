#include "harness/data/chat_template.hpp"

#include <algorithm>

#include "harness/base/error.hpp"
#include "harness/base/hash.hpp"
#include "harness/base/text.hpp"
#include "harness/jinja/machine.hpp"
#include "harness/jinja/node.hpp"

namespace touchstone {
namespace {

/// A turn as templates know it: {"role": ..., "content": text}, or a list of parts when it holds more than text.
jinja::Value message(const Turn& turn) {
  using jinja::Value;
  Value content;
  const bool only_text = std::all_of(turn.parts.begin(), turn.parts.end(),
                                     [](const Part& part) { return std::holds_alternative<std::string>(part); });
  if (only_text) {
    content = Value::of(to_utf8(text_of(turn)));
  } else {
    std::vector<Value> parts;
    for (const auto& part : turn.parts) {
      const auto* text = std::get_if<std::string>(&part);
      std::vector<std::pair<Value, Value>> entry{{Value::of("type"), Value::of(text != nullptr ? "text" : "image")}};
      if (text != nullptr) entry.emplace_back(Value::of("text"), Value::of(to_utf8(*text)));
      parts.push_back(Value::dict(std::move(entry)));
    }
    content = Value::list(std::move(parts));
  }
  return Value::dict(
      {{Value::of("role"), Value::of(role_name(turn.role))}, {Value::of("content"), std::move(content)}});
}

}  // namespace

struct ChatTemplate::Impl {
  std::string where;
  std::string hash;
  std::map<std::string, std::string> special_tokens;
  jinja::Nodes nodes;
};

ChatTemplate::ChatTemplate(const std::string& source, const std::string& where, std::string bos_token,
                           std::string eos_token, std::map<std::string, std::string> other_tokens)
    : impl_(std::make_unique<Impl>()) {
  constexpr std::size_t longest = std::size_t{1} << 20;
  require(source.size() <= longest, Fault::checkpoint, [&] {
    return where + ": chat template of " + std::to_string(source.size()) + " bytes; wanted at most " +
           std::to_string(longest);
  });
  require(is_utf8(source), Fault::checkpoint, [&] { return where + ": chat template is not UTF-8"; });
  impl_->where = where;
  impl_->hash = sha256(source);
  impl_->special_tokens = std::move(other_tokens);
  if (!bos_token.empty()) impl_->special_tokens["bos_token"] = std::move(bos_token);
  if (!eos_token.empty()) impl_->special_tokens["eos_token"] = std::move(eos_token);
  impl_->nodes = jinja::parse(source, where);
}

ChatTemplate::~ChatTemplate() = default;
ChatTemplate::ChatTemplate(ChatTemplate&&) noexcept = default;

std::string ChatTemplate::render(const Dialog& dialog, bool add_generation_prompt) const {
  using jinja::Value;
  std::vector<Value> messages;
  for (const auto& turn : dialog) messages.push_back(message(turn));
  jinja::Machine machine(impl_->where, jinja::Limits{});
  jinja::add_globals(machine);
  for (const auto& token : impl_->special_tokens) machine.set(token.first, Value::of(token.second));
  machine.set("messages", Value::list(std::move(messages)));
  machine.set("tools", Value::none());
  machine.set("documents", Value::none());
  machine.set("add_generation_prompt", Value::of(add_generation_prompt));
  return machine.run(impl_->nodes);
}

const std::string& ChatTemplate::hash() const { return impl_->hash; }

}  // namespace touchstone
