#include "harness/data/chat_template.hpp"

#include <algorithm>
#include <array>

#include "harness/base/error.hpp"
#include "harness/base/hash.hpp"
#include "harness/base/json.hpp"
#include "harness/base/text.hpp"
#include "harness/jinja/template.hpp"

namespace touchstone {
namespace {

/// A turn as templates know it: {"role": ..., "content": text}, or a list of parts.
Json message(const Turn& turn, bool as_parts) {
  Json content;
  if (!as_parts) {
    content = to_utf8(text_of(turn));
  } else {
    content = Json::array();
    for (const auto& part : turn.parts) {
      const auto* text = std::get_if<std::string>(&part);
      content.push_back(text != nullptr ? Json{{"type", "text"}, {"text", to_utf8(*text)}}
                                        : Json{{"type", facts_of(kind_of(std::get<Media>(part))).type}});
    }
  }
  Json made = {{"role", role_name(turn.role)}};
  if (!turn.parts.empty() || turn.members.empty()) made["content"] = std::move(content);
  if (!turn.members.empty()) made.update(parse_json(turn.members, "members of a turn"));
  return made;
}

SpecialTokens named_pair(const std::string& bos_token, const std::string& eos_token) {
  SpecialTokens tokens;
  if (!bos_token.empty()) tokens.named["bos_token"] = bos_token;
  if (!eos_token.empty()) tokens.named["eos_token"] = eos_token;
  return tokens;
}

}  // namespace

struct ChatTemplate::Impl {
  /// How the content of a turn is passed to the template.
  struct Content {
    bool text = false;   ///< the template prints content that is one text
    bool parts = false;  ///< the template prints the texts of content that is a list of parts
  };

  Impl(jinja::Template read, std::string where_it_stands, std::string of_source, Json named)
      : program(std::move(read)),
        where(std::move(where_it_stands)),
        hash(std::move(of_source)),
        tokens(std::move(named)) {}

  std::string run(Json messages, bool add_generation_prompt, Json tools = nullptr) const {
    auto values = tokens;
    values["messages"] = std::move(messages);
    values["tools"] = std::move(tools);
    values["documents"] = nullptr;
    values["add_generation_prompt"] = add_generation_prompt;
    return program.render(values);
  }

  /// Whether the text of a turn of this role is shown, as the dialog's last turn. If a template refuses the dialog, it
  /// is not. A template that prints a list as Python would does not count as taking parts.
  bool shows(Role role, bool as_parts) const {
    const std::string word = "touchstone-probe";
    auto messages = Json::array();
    if (role != Role::user) {
      const auto user = message({.role = Role::user, .parts = {std::string("Hi")}, .delimiter = {}},
                                content[index(Role::user)].parts && !content[index(Role::user)].text);
      messages.push_back(user);
      messages.insert(role == Role::system ? messages.begin() : messages.end(), Json());
    } else {
      messages.push_back(Json());
    }
    auto& probe = role == Role::system ? messages.front() : messages.back();
    probe = message({.role = role, .parts = {word}, .delimiter = {}}, as_parts);
    try {
      const auto text = run(std::move(messages), false);
      return text.find(word) != std::string::npos && text.find("'text': '" + word) == std::string::npos &&
             text.find("\"text\": \"" + word) == std::string::npos;
    } catch (const Error&) {
      return false;
    }
  }

  void probe() {
    // The user's role comes first: the other roles are probed next to a user turn.
    for (const auto role : {Role::user, Role::system, Role::assistant, Role::tool}) {
      auto& found = content[index(role)];
      found.text = shows(role, false);
      found.parts = shows(role, true);
    }
  }

  static std::size_t index(Role role) { return static_cast<std::size_t>(role); }

  bool takes_parts(const Turn& turn) const {
    const auto& takes = content[index(turn.role)];
    const auto media = std::find_if(turn.parts.begin(), turn.parts.end(),
                                    [](const Part& part) { return std::holds_alternative<Media>(part); });
    if (media == turn.parts.end()) return takes.parts && !takes.text;
    require(takes.parts || !takes.text, Fault::checkpoint, [&] {
      return where + ": a turn of the " + std::string(role_name(turn.role)) + " holds " +
             facts_of(kind_of(std::get<Media>(*media))).name + ", but the chat template takes text only";
    });
    return true;
  }

  std::string render(const Dialog& dialog, bool add_generation_prompt, const std::string& tools) const {
    auto messages = Json::array();
    for (const auto& turn : dialog) messages.push_back(message(turn, takes_parts(turn)));
    return run(std::move(messages), add_generation_prompt, tools.empty() ? Json() : parse_json(tools, "tools"));
  }

  /// A template passes over types of parts that it does not know, and the prompt would be about nothing.
  void check_written(const Dialog& dialog, bool add_generation_prompt, const std::string& tools,
                     const std::string& text) const {
    for (const auto kind : media_kinds) {
      if (facts_of(kind).counted_in_prompts) continue;
      auto without = dialog;
      std::size_t dropped = 0;
      for (auto& turn : without) {
        dropped += std::erase_if(turn.parts, [&](const Part& part) {
          const auto* media = std::get_if<Media>(&part);
          return media != nullptr && kind_of(*media) == kind;
        });
        if (turn.parts.empty() && turn.members.empty()) turn.parts.emplace_back(std::string());
      }
      require(dropped == 0 || render(without, add_generation_prompt, tools) != text, Fault::checkpoint, [&] {
        return where + ": a turn holds " + facts_of(kind).name + ", which the chat template does not write";
      });
    }
  }

  jinja::Template program;
  std::string where;
  std::string hash;
  Json tokens;
  std::array<Content, 4> content;  ///< by role
};

ChatTemplate::ChatTemplate(const std::string& source, const std::string& where, const SpecialTokens& tokens) {
  constexpr std::size_t longest = std::size_t{1} << 20;
  require(source.size() <= longest, Fault::checkpoint, [&] {
    return where + ": the chat template has " + std::to_string(source.size()) + " bytes, expected at most " +
           std::to_string(longest);
  });
  require(is_utf8(source), Fault::checkpoint, [&] { return where + ": the chat template is not UTF-8"; });
  auto named = Json::object();
  for (const auto& token : tokens.named) named[token.first] = token.second;
  if (!tokens.additional.empty()) named["additional_special_tokens"] = tokens.additional;
  impl_ = std::make_unique<Impl>(jinja::Template(source, where), where, sha256(source), std::move(named));
  impl_->probe();
}

ChatTemplate::ChatTemplate(const std::string& source, const std::string& where, const std::string& bos_token,
                           const std::string& eos_token)
    : ChatTemplate(source, where, named_pair(bos_token, eos_token)) {}

ChatTemplate::~ChatTemplate() = default;
ChatTemplate::ChatTemplate(ChatTemplate&&) noexcept = default;

std::string ChatTemplate::render(const Dialog& dialog, bool add_generation_prompt, const std::string& tools) const {
  auto text = impl_->render(dialog, add_generation_prompt, tools);
  impl_->check_written(dialog, add_generation_prompt, tools, text);
  return text;
}

const std::string& ChatTemplate::hash() const { return impl_->hash; }

}  // namespace touchstone
