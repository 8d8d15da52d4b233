#include "harness/engine/turn_end.hpp"

#include "harness/base/error.hpp"
#include "harness/base/text.hpp"

namespace touchstone {

bool is_control(const Tokenizer& tokenizer, std::int64_t id, std::string_view name) {
  if (strip(name).empty()) return false;  // runs of spaces can be added tokens, too
  const std::vector<std::int64_t> alone = {id};
  return tokenizer.encode(name, {.add_special_tokens = false, .parse_special_tokens = true}) == alone &&
         tokenizer.encode(name, {.add_special_tokens = false, .parse_special_tokens = false}) != alone;
}

std::string turn_end(const ChatTemplate& chat, const Tokenizer& tokenizer) {
  std::string text;
  try {
    text = chat.render({{.role = Role::user, .parts = {std::string("Hi")}, .delimiter = {}},
                        {.role = Role::assistant, .parts = {std::string(answer_mark)}, .delimiter = {}}},
                       /*add_generation_prompt=*/false);
  } catch (const Error& error) {
    if (error.fault() != Fault::checkpoint) throw;
    return {};  // a template that refuses such dialogs
  }
  const auto at = text.rfind(answer_mark);
  if (at == std::string::npos) return {};
  const auto behind = text.substr(at + answer_mark.size());
  const auto tokens = tokenizer.encode_pieces(behind, {.add_special_tokens = false, .parse_special_tokens = true});
  for (std::size_t token = 0; token < tokens.ids.size(); ++token) {
    const auto& piece = tokens.pieces[token];
    const auto name = std::string_view(behind).substr(piece.first, piece.last - piece.first);
    if (is_control(tokenizer, tokens.ids[token], name)) return tokenizer.token(tokens.ids[token]);
  }
  return {};
}

}  // namespace touchstone
