#include "trainers/rows/row_tokens.hpp"

#include <algorithm>

#include "harness/base/error.hpp"
#include "harness/base/text.hpp"
#include "harness/data/prompt.hpp"

namespace touchstone {
namespace {

using Ids = std::vector<std::int64_t>;

/// The token that stands before a text without context.
std::optional<std::int64_t> prefix_token(const Tokenizer& tokenizer) {
  return tokenizer.bos() ? tokenizer.bos() : tokenizer.eos();
}

/// A text that already begins with the prefix token's name must not get a second one.
EncodeSettings settings_for(const Tokenizer& tokenizer, std::string_view text) {
  EncodeSettings settings;
  if (const auto prefix = prefix_token(tokenizer)) {
    settings.add_special_tokens = !text.starts_with(tokenizer.token(*prefix));
  }
  return settings;
}

/// Tokens with no place in the answer's own text: a terminator.
void append_control(Encoding& all, const Ids& ids) {
  all.ids.insert(all.ids.end(), ids.begin(), ids.end());
  all.pieces.resize(all.ids.size());
}

/// What the template writes behind the prompt for this answer, in three parts.
struct ChatTail {
  std::string lead;    ///< the template's own, before the answer: a space, or a mark of empty thinking
  std::string answer;  ///< as the template writes it: as given, or without the white space around it
  std::string terminator;
};

/// What the template writes for prompt and answer, without the prompt that asks for the answer.
std::string closed_tail(const ChatTemplate& chat, const Dialog& prompt, const std::string& open,
                        const std::string& answer) {
  Dialog whole = prompt;
  whole.push_back({Role::assistant, {answer}, ""});
  const auto closed = chat.render(whole, /*add_generation_prompt=*/false);
  require(closed.starts_with(open), Fault::checkpoint, [] {
    return std::string("chat template: a conversation with the answer does not begin with the prompt that asks for it");
  });
  return closed.substr(open.size());
}

ChatTail chat_tail(const ChatTemplate& chat, const Dialog& prompt, const std::string& open, const std::string& answer) {
  // A word that no template knows shows where an answer goes, even when the answer's own text occurs around it.
  constexpr std::string_view mark = "touchstone-answer-goes-here";
  const auto marked = closed_tail(chat, prompt, open, std::string(mark));
  const auto at = marked.find(mark);
  const auto tail = closed_tail(chat, prompt, open, answer);
  if (at != std::string::npos) {
    const auto lead = marked.substr(0, at);
    const auto terminator = marked.substr(at + mark.size());
    for (const auto& form : {answer, std::string(strip(answer))}) {
      if (tail == lead + form + terminator) return {lead, form, terminator};
    }
  }
  throw Error(Fault::checkpoint,
              "chat template: the answer is not written as given, found '" + tail.substr(0, 60) + "'");
}

/// The end of turn: the template's tokens behind the answer up to and with the first control token, which is where
/// decoding stops; a line break behind it is never asked for.
Ids end_of_turn(const Tokenizer& tokenizer, const std::string& terminator) {
  auto ids = tokenizer.encode(terminator, {.add_special_tokens = false, .parse_special_tokens = true});
  const auto plain = tokenizer.encode(terminator, {.add_special_tokens = false, .parse_special_tokens = false});
  require(!ids.empty() && ids != plain, Fault::checkpoint, [&] {
    return "chat template: no control token ends the assistant's turn, found '" + terminator.substr(0, 60) + "'";
  });
  for (std::size_t count = 1; count <= ids.size(); ++count) {
    const auto text = tokenizer.token(ids[count - 1]);
    const auto as_text = tokenizer.encode(text, {.add_special_tokens = false, .parse_special_tokens = false});
    if (as_text == Ids{ids[count - 1]}) continue;
    ids.resize(count);
    break;
  }
  return ids;
}

/// The answer's tokens, with the template's lead before it: white space joins the answer as it does in running text.
Encoding encode_answer(const Tokenizer& tokenizer, const ChatTail& tail, const std::string& given) {
  const EncodeSettings as_text = {.add_special_tokens = false, .parse_special_tokens = false};
  const bool joined = strip(tail.lead).empty();
  auto answer = tokenizer.encode_pieces((joined ? tail.lead : std::string()) + tail.answer, as_text);
  const auto lead = joined ? tail.lead.size() : 0;
  const auto cut = given.find(tail.answer);  // white space that the template took away from the front
  for (auto& piece : answer.pieces) {
    piece.first = cut + piece.first - std::min(piece.first, lead);
    piece.last = cut + piece.last - std::min(piece.last, lead);
  }
  if (joined) return answer;
  Encoding whole;
  append_control(whole, tokenizer.encode(tail.lead, {.add_special_tokens = false, .parse_special_tokens = true}));
  whole.ids.insert(whole.ids.end(), answer.ids.begin(), answer.ids.end());
  whole.pieces.insert(whole.pieces.end(), answer.pieces.begin(), answer.pieces.end());
  return whole;
}

/// The prompt's text with its pictures written as evaluation writes them.
std::string with_pictures(const RowEncoder& encoder, const Record& record, const std::string& context) {
  const auto images = pictures_of(record);
  if (images.empty() || encoder.pictures == nullptr) return context;  // place_pictures() refuses the second
  std::vector<PictureGrid> grids;
  for (const auto* image : images) {
    grids.push_back(picture_grid(image->width_px, image->height_px, encoder.pictures->rules));
  }
  return expand_pictures(*encoder.pictures, context, grids, encoder.tile_tokens);
}

SeamTokens encode_chat(const RowEncoder& encoder, const Record& record, const std::string& given, RowAudit& audit) {
  const auto& tokenizer = encoder.tokenizer;
  const auto& chat = *encoder.chat;
  const auto open = chat.render(record.prompt, /*add_generation_prompt=*/true);
  const auto tail = chat_tail(chat, record.prompt, open, given);
  SeamTokens tokens;
  const auto context = with_pictures(encoder, record, open);
  tokens.context = tokenizer.encode(context, settings_for(tokenizer, context));
  tokens.answer = encode_answer(tokenizer, tail, given);
  const EncodeSettings as_text = {.add_special_tokens = false, .parse_special_tokens = false};
  const EncodeSettings with_control = {.add_special_tokens = false, .parse_special_tokens = true};
  if (tokenizer.encode(given, with_control) != tokenizer.encode(given, as_text)) ++audit.rows_control_text;
  append_control(tokens.answer, end_of_turn(tokenizer, tail.terminator));
  return tokens;
}

SeamTokens encode_plain(const RowEncoder& encoder, const Record& record, const std::string& given, bool append_eos) {
  const auto& tokenizer = encoder.tokenizer;
  auto tokens = encode_seam(tokenizer, with_pictures(encoder, record, plain_text(record.prompt)), given);
  if (!append_eos) return tokens;
  const auto eos = tokenizer.eos();
  require(eos.has_value(), Fault::checkpoint, [] {
    return std::string(
        "tokenizer names no end-of-text token, so an answer cannot be ended (append_eos: false trains without)");
  });
  if (tokens.answer.ids.empty() || tokens.answer.ids.back() != *eos) append_control(tokens.answer, {*eos});
  return tokens;
}

/// Tokens as they were given, of which the model must know every one.
SeamTokens given_tokens(const Tokenizer& tokenizer, const Answer& answer) {
  SeamTokens tokens;
  const auto count = static_cast<std::int64_t>(answer.tokens.size());
  const auto prompt = std::clamp<std::int64_t>(answer.prompt_tokens, 0, count);
  const auto seam = answer.tokens.begin() + prompt;
  tokens.context.assign(answer.tokens.begin(), seam);
  append_control(tokens.answer, {seam, answer.tokens.end()});
  for (const auto id : answer.tokens) {
    require(id >= 0 && id < tokenizer.size(), Fault::data, [&] {
      return "token id " + std::to_string(id) + ", expected one in [0, " + std::to_string(tokenizer.size()) + ")";
    });
  }
  return tokens;
}

}  // namespace

SeamTokens encode_seam(const Tokenizer& tokenizer, const std::string& context, const std::string& answer) {
  const EncodeSettings bare = {.add_special_tokens = false, .parse_special_tokens = true};
  const std::string head(rstrip(context));
  const std::string text = context.substr(head.size()) + answer;
  SeamTokens tokens;
  std::size_t offset = context.size();  // where the answer begins in the text that was encoded
  if (head.empty()) {
    const auto prefix = prefix_token(tokenizer);
    require(prefix.has_value(), Fault::checkpoint, [] {
      return std::string("tokenizer names neither a begin nor an end token to put before an empty prompt");
    });
    tokens.context = {*prefix};
    tokens.answer = tokenizer.encode_pieces(text, bare);
  } else {
    const auto settings = settings_for(tokenizer, head);
    tokens.context = tokenizer.encode(head, settings);
    const auto whole = tokenizer.encode_pieces(context + answer, settings);
    const auto first = static_cast<std::ptrdiff_t>(std::min(tokens.context.size(), whole.ids.size()));
    tokens.answer.ids.assign(whole.ids.begin() + first, whole.ids.end());
    tokens.answer.pieces.assign(whole.pieces.begin() + first, whole.pieces.end());
    if (tokens.answer.ids.empty()) {  // a token spans the seam: the answer alone, as evaluation does
      tokens.answer = tokenizer.encode_pieces(text, bare);
      offset = context.size() - head.size();
    }
  }
  for (auto& piece : tokens.answer.pieces) {
    piece.first -= std::min(piece.first, offset);
    piece.last -= std::min(piece.last, offset);
  }
  return tokens;
}

SeamTokens encode_tokens(const Record& record, const Answer& answer, const RowEncoder& encoder,
                         const RowSettings& settings, RowAudit& audit) {
  if (!answer.tokens.empty()) return given_tokens(encoder.tokenizer, answer);
  return encoder.chat != nullptr ? encode_chat(encoder, record, answer.text, audit)
                                 : encode_plain(encoder, record, answer.text, settings.append_eos);
}

}  // namespace touchstone
