#include "trainers/rows/row_tokens.hpp"

#include <algorithm>
#include <span>

#include "harness/base/error.hpp"
#include "harness/base/text.hpp"
#include "harness/data/prompt.hpp"
#include "harness/engine/stop_text.hpp"
#include "harness/engine/turn_end.hpp"

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

/// The tokens of a prompt given as text without white space at its end.
Ids context_tokens(const Tokenizer& tokenizer, const std::string& head) {
  if (!head.empty()) return tokenizer.encode(head, settings_for(tokenizer, head));
  const auto prefix = prefix_token(tokenizer);
  require(prefix.has_value(), Fault::checkpoint, [] {
    return std::string(
        "the tokenizer names neither a BOS nor an EOS token, one of which must stand before an empty prompt");
  });
  return {*prefix};
}

/// Tokens without a place in the answer's own text, such as a terminator.
void append_control(Encoding& all, const Ids& ids) {
  all.ids.insert(all.ids.end(), ids.begin(), ids.end());
  all.pieces.resize(all.ids.size());
}

/// The template's text behind the prompt for this answer, in three parts.
struct ChatTail {
  std::string lead;    ///< the template's own, before the answer: a space, or a mark of empty thinking
  std::string answer;  ///< as the template writes it: as given, or without the white space around it
  std::string terminator;
};

/// The assistant's turn as a chat template sees it.
Turn answer_turn(const Answer& answer, const std::string& text) {
  Turn turn{.role = Role::assistant, .parts = {}, .delimiter = "", .members = answer.members};
  if (answer.members.empty() || !text.empty()) turn.parts.emplace_back(text);
  return turn;
}

/// The template's text for prompt and answer, behind `open`, the prompt that asks for it.
std::string closed_tail(const ChatTemplate& chat, const Record& record, const std::string& open, Turn answer) {
  Dialog whole = record.prompt;
  whole.push_back(std::move(answer));
  const auto closed = chat.render(whole, /*add_generation_prompt=*/false, record.tools);
  require(closed.starts_with(open), Fault::checkpoint, [] {
    return std::string(
        "the chat template writes a conversation with its answer differently from the prompt that asks for the answer, "
        "expected the same beginning");
  });
  return closed.substr(open.size());
}

/// An answer of text alone, separated from the text that the template writes around it.
ChatTail chat_tail(const ChatTemplate& chat, const Record& record, const std::string& open, const Answer& answer) {
  // The mark shows where the answer goes, even if the answer's own text also occurs around it.
  const auto marked = closed_tail(chat, record, open, answer_turn({}, std::string(answer_mark)));
  const auto at = marked.find(answer_mark);
  const auto tail = closed_tail(chat, record, open, answer_turn(answer, answer.text));
  if (at != std::string::npos) {
    const auto lead = marked.substr(0, at);
    const auto terminator = marked.substr(at + answer_mark.size());
    for (const auto& form : {answer.text, std::string(strip(answer.text))}) {
      if (tail == lead + form + terminator) return {lead, form, terminator};
    }
  }
  throw Error(Fault::checkpoint, "the chat template changes the answer: found '" + tail.substr(0, 60) +
                                     "', expected '" + answer.text.substr(0, 60) + "'");
}

[[noreturn]] void refuse_end(const std::string& terminator) {
  throw Error(Fault::checkpoint, "the chat template ends the assistant's turn with '" + terminator.substr(0, 60) +
                                     "', expected a special token in it");
}

/// How many of the tokens of `text` are trained: through the first control token that begins at or behind the byte
/// `from`, where decoding stops (for turns that hold control tokens themselves, the last one). With `whole_turn` the
/// tokens that the template writes behind it are trained, too.
std::size_t end_of_turn(const Tokenizer& tokenizer, const std::string& text, const Encoding& tokens, std::size_t from,
                        bool last_one, bool whole_turn) {
  std::size_t end = 0;
  for (std::size_t at = 0; at < tokens.ids.size(); ++at) {
    const auto& piece = tokens.pieces[at];
    if (piece.last <= from || piece.first == piece.last) continue;
    const auto name = std::string_view(text).substr(piece.first, piece.last - piece.first);
    if (!is_control(tokenizer, tokens.ids[at], name)) continue;
    end = at + 1;
    if (!last_one) break;
  }
  if (end == 0) refuse_end(text.substr(from));
  if (!whole_turn) return end;
  // Tokens that a post-processor adds behind the text have no bytes.
  while (end < tokens.ids.size() && tokens.pieces[end].first < tokens.pieces[end].last) ++end;
  return end;
}

/// The tokens that a template ends a turn with, by themselves.
Ids terminator_ids(const Tokenizer& tokenizer, const std::string& terminator, bool whole_turn) {
  auto tokens = tokenizer.encode_pieces(terminator, {.add_special_tokens = false, .parse_special_tokens = true});
  tokens.ids.resize(end_of_turn(tokenizer, terminator, tokens, 0, /*last_one=*/false, whole_turn));
  return tokens.ids;
}

/// The tokens of a whole text, split at the byte `offset`. A token that reaches over it belongs to the answer.
/// `context` are the tokens of the text before it when it is encoded alone, as a prompt is.
SeamTokens cut_at(const Encoding& whole, std::size_t offset, const Ids& context) {
  std::size_t cut = 0;
  while (cut < whole.ids.size() &&
         (whole.pieces[cut].last <= offset || whole.pieces[cut].first == whole.pieces[cut].last)) {
    ++cut;
  }
  // No token with bytes lies behind the offset: the answer has none.
  while (cut == whole.ids.size() && cut > context.size()) --cut;
  SeamTokens tokens;
  const auto seam = static_cast<std::ptrdiff_t>(cut);
  tokens.context.assign(whole.ids.begin(), whole.ids.begin() + seam);
  tokens.answer.ids.assign(whole.ids.begin() + seam, whole.ids.end());
  tokens.answer.pieces.assign(whole.pieces.begin() + seam, whole.pieces.end());
  tokens.merged = tokens.context != context;
  return tokens;
}

/// Moves the byte ranges that lie in [first, last) of a text to begin at `to`; those outside become empty.
void move_pieces(Encoding& tokens, std::size_t first, std::size_t last, std::size_t to) {
  for (auto& piece : tokens.pieces) {
    piece.first = std::clamp(piece.first, first, last) - first + to;
    piece.last = std::clamp(piece.last, first, last) - first + to;
    if (piece.first == piece.last) piece = {};
  }
}

/// The answer's tokens by themselves, with the template's lead before it: for an answer that holds a control token's
/// name, which must stay text.
Encoding encode_answer(const Tokenizer& tokenizer, const ChatTail& tail, const std::string& given) {
  const EncodeSettings as_text = {.add_special_tokens = false, .parse_special_tokens = false};
  const bool joined = strip(tail.lead).empty();
  auto answer = tokenizer.encode_pieces((joined ? tail.lead : std::string()) + tail.answer, as_text);
  const auto lead = joined ? tail.lead.size() : 0;
  move_pieces(answer, lead, lead + tail.answer.size(), given.find(tail.answer));
  if (joined) return answer;
  Encoding whole;
  append_control(whole, tokenizer.encode(tail.lead, {.add_special_tokens = false, .parse_special_tokens = true}));
  whole.ids.insert(whole.ids.end(), answer.ids.begin(), answer.ids.end());
  whole.pieces.insert(whole.pieces.end(), answer.pieces.begin(), answer.pieces.end());
  return whole;
}

/// The prompt's text, with its pictures written as in evaluation.
std::string with_pictures(const RowEncoder& encoder, const Record& record, const std::string& context) {
  const auto images = pictures_of(record);
  if (images.empty() || encoder.pictures == nullptr) return context;  // place_pictures() refuses the second
  std::vector<PictureGrid> grids;
  for (const auto* image : images) {
    grids.push_back(picture_grid(image->width_px, image->height_px, encoder.pictures->rules));
  }
  return expand_pictures(*encoder.pictures, context, grids, encoder.tile_tokens);
}

/// The tokens that a model drew, and where in the answer's text each lies.
Encoding drawn_tokens(const Tokenizer& tokenizer, const Answer& answer) {
  Encoding tokens;
  const DecodeBehind decode_behind(tokenizer);
  const std::span<const std::int64_t> drawn = answer.drawn;
  const auto whole = decode_behind(drawn, /*skip_special_tokens=*/true);
  const auto first = whole.find(answer.text);
  require(first != std::string::npos, Fault::data, [&] {
    return "the tokens that the model drew spell '" + whole.substr(0, 60) + "', expected the answer's text, '" +
           answer.text.substr(0, 60) + "'";
  });
  std::size_t last = 0;
  for (std::size_t at = 0; at < drawn.size(); ++at) {
    const auto id = drawn[at];
    require(id >= 0 && id < tokenizer.size(), Fault::data, [&] {
      return "token id " + std::to_string(id) + ", expected one in [0, " + std::to_string(tokenizer.size()) + ")";
    });
    const auto text = decode_behind(drawn.first(at + 1), /*skip_special_tokens=*/true);
    const auto differ = std::mismatch(text.begin(), text.end(), whole.begin(), whole.end());
    const auto end = std::max(last, static_cast<std::size_t>(differ.first - text.begin()));  // only whole characters
    tokens.ids.push_back(id);
    tokens.pieces.push_back({last, end});
    last = end;
  }
  move_pieces(tokens, first, first + answer.text.size(), 0);
  return tokens;
}

/// Encodes answers of text and calls, and drawn ones, behind the prompt that asks for them.
SeamTokens encode_chat(const RowEncoder& encoder, const Record& record, const Answer& answer,
                       const RowSettings& settings, RowAudit& audit) {
  const auto& tokenizer = encoder.tokenizer;
  const auto& chat = *encoder.chat;
  const auto open = chat.render(record.prompt, /*add_generation_prompt=*/true, record.tools);
  const auto context = with_pictures(encoder, record, open);
  const auto encoding = settings_for(tokenizer, context);
  const auto prompt = tokenizer.encode(context, encoding);
  if (!answer.drawn.empty()) {
    SeamTokens tokens{.context = prompt, .answer = drawn_tokens(tokenizer, answer)};
    if (answer.finished && !answer.ended) {
      append_control(tokens.answer,
                     terminator_ids(tokenizer, chat_tail(chat, record, open, {}).terminator, settings.whole_turn));
    }
    return tokens;
  }
  if (!answer.members.empty()) {  // calls, as the template writes them
    const auto text = context + closed_tail(chat, record, open, answer_turn(answer, answer.text));
    const auto whole = tokenizer.encode_pieces(text, encoding);
    auto tokens = cut_at(whole, context.size(), prompt);
    const auto count =
        end_of_turn(tokenizer, text, tokens.answer, context.size(), /*last_one=*/true, settings.whole_turn);
    tokens.answer.ids.resize(count);
    tokens.answer.pieces.assign(count, {});
    return tokens;
  }
  const auto tail = chat_tail(chat, record, open, answer);
  const EncodeSettings as_text = {.add_special_tokens = false, .parse_special_tokens = false};
  const EncodeSettings with_control = {.add_special_tokens = false, .parse_special_tokens = true};
  if (tokenizer.encode(answer.text, with_control) != tokenizer.encode(answer.text, as_text)) {
    ++audit.rows_control_text;
    SeamTokens tokens{.context = prompt, .answer = encode_answer(tokenizer, tail, answer.text)};
    if (answer.finished) {
      append_control(tokens.answer, terminator_ids(tokenizer, tail.terminator, settings.whole_turn));
    }
    return tokens;
  }
  const auto text = context + tail.lead + tail.answer + (answer.finished ? tail.terminator : std::string());
  auto tokens = cut_at(tokenizer.encode_pieces(text, encoding), context.size(), prompt);
  const auto first = context.size() + tail.lead.size();
  const auto last = first + tail.answer.size();
  if (answer.finished) {
    const auto count = end_of_turn(tokenizer, text, tokens.answer, last, /*last_one=*/false, settings.whole_turn);
    tokens.answer.ids.resize(count);
    tokens.answer.pieces.resize(count);
  }
  move_pieces(tokens.answer, first, last, answer.text.find(tail.answer));
  return tokens;
}

SeamTokens encode_plain(const RowEncoder& encoder, const Record& record, const Answer& answer, bool append_eos) {
  const auto& tokenizer = encoder.tokenizer;
  const auto context = with_pictures(encoder, record, plain_text(record.prompt));
  SeamTokens tokens;
  if (answer.drawn.empty()) {
    tokens = encode_seam(tokenizer, context, answer.text);
  } else {
    tokens = {.context = context_tokens(tokenizer, std::string(rstrip(context))),
              .answer = drawn_tokens(tokenizer, answer)};
    if (answer.ended && !append_eos) {
      tokens.answer.ids.pop_back();
      tokens.answer.pieces.pop_back();
    }
  }
  if (!append_eos || !answer.finished || answer.ended) return tokens;
  const auto eos = tokenizer.eos();
  require(eos.has_value(), Fault::checkpoint, [] {
    return std::string(
        "the tokenizer names no EOS token, so an answer cannot be ended (append_eos: false trains without)");
  });
  if (tokens.answer.ids.empty() || tokens.answer.ids.back() != *eos) append_control(tokens.answer, {*eos});
  return tokens;
}

/// Given token ids; the model must know every one.
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
  const auto prompt = context_tokens(tokenizer, head);
  SeamTokens tokens;
  std::size_t offset = context.size() - head.size();  // where the answer begins in the text that was encoded
  if (!head.empty()) {
    tokens = cut_at(tokenizer.encode_pieces(context + answer, settings_for(tokenizer, head)), head.size(), prompt);
    offset = context.size();
  }
  if (tokens.context.empty() || tokens.answer.ids.empty()) {
    // Nothing stands before the answer, or a token spans the whole prompt: encode the answer alone, as evaluation does.
    tokens.merged = !head.empty() && tokens.context != prompt;
    tokens.context = prompt;
    tokens.answer = tokenizer.encode_pieces(text, bare);
    offset = context.size() - head.size();
  }
  move_pieces(tokens.answer, offset, offset + answer.size(), 0);
  return tokens;
}

SeamTokens encode_tokens(const Record& record, const Answer& answer, const RowEncoder& encoder,
                         const RowSettings& settings, RowAudit& audit) {
  if (!answer.tokens.empty()) return given_tokens(encoder.tokenizer, answer);
  if (encoder.chat != nullptr) return encode_chat(encoder, record, answer, settings, audit);
  require(answer.members.empty() && record.tools.empty(), Fault::data,
          [] { return std::string("holds tools or calls, which only a chat template can write, expected --chat"); });
  return encode_plain(encoder, record, answer, settings.append_eos);
}

}  // namespace touchstone
