#include "trainers/parts/rows.hpp"

#include <algorithm>

#include "harness/base/error.hpp"
#include "harness/base/hash.hpp"
#include "harness/base/text.hpp"
#include "harness/data/picture.hpp"
#include "harness/data/prompt.hpp"
#include "harness/train/session.hpp"

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

/// Weight of each token: the mean over its bytes; tokens without bytes weigh one.
std::vector<float> token_weights(const Encoding& answer, const Answer& source) {
  if (source.spans.empty()) return {};
  std::vector<double> bytes(source.text.size(), 1.0);
  for (const auto& span : source.spans) {
    const auto first = static_cast<std::size_t>(std::max(0, span.first));
    const auto last = std::min(bytes.size(), static_cast<std::size_t>(std::max(0, span.last)));
    for (auto at = first; at < last; ++at) bytes[at] = span.weight;
  }
  std::vector<float> weights;
  for (const auto& piece : answer.pieces) {
    const auto last = std::min(piece.last, bytes.size());
    double sum = 0.0;
    for (auto at = piece.first; at < last; ++at) sum += bytes[at];
    weights.push_back(piece.first < last ? static_cast<float>(sum / static_cast<double>(last - piece.first)) : 1.0F);
  }
  return weights;
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

/// The pictures of a record's prompt, in order.
std::vector<const Image*> pictures_of(const Record& record) {
  std::vector<const Image*> images;
  for (const auto& turn : record.prompt) {
    for (const auto& part : turn.parts) {
      if (const auto* image = std::get_if<Image>(&part)) images.push_back(image);
    }
  }
  return images;
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

/// Notes the pictures of a row and the places of their soft rows.
void place_pictures(const RowEncoder& encoder, const Record& record, Row& row) {
  row.pictures = pictures_of(record);
  if (row.pictures.empty()) return;
  require(encoder.pictures != nullptr, Fault::data, [] {
    return std::string(
        "holds a picture, but the model takes none; expected one of a family that does, with "
        "preprocessor_config.json beside config.json");
  });
  std::int64_t wanted = 0;
  for (const auto* image : row.pictures) {
    const auto grid = picture_grid(image->width_px, image->height_px, encoder.pictures->rules);
    wanted += (std::int64_t{grid.rows} * grid.columns + 1) * encoder.tile_tokens;
  }
  for (std::size_t at = 0; at < row.ids.size(); ++at) {
    if (row.ids[at] == encoder.pictures->placeholder) row.soft_at.push_back(at);
  }
  const bool fits = static_cast<std::int64_t>(row.soft_at.size()) == wanted &&
                    (row.soft_at.empty() || row.soft_at.back() < row.prompt_tokens);
  require(fits, Fault::data, [&] {
    return "has " + std::to_string(row.soft_at.size()) + " " + encoder.pictures->mark + " tokens, expected " +
           std::to_string(wanted) + " for its pictures, all in the prompt";
  });
}

SeamTokens encode_chat(const RowEncoder& encoder, const Record& record, RowAudit& audit) {
  const auto& tokenizer = encoder.tokenizer;
  const auto& chat = *encoder.chat;
  const auto open = chat.render(record.prompt, /*add_generation_prompt=*/true);
  const auto& given = record.answers.front().text;
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

SeamTokens encode_plain(const RowEncoder& encoder, const Record& record, bool append_eos) {
  const auto& tokenizer = encoder.tokenizer;
  auto tokens =
      encode_seam(tokenizer, with_pictures(encoder, record, plain_text(record.prompt)), record.answers.front().text);
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

SeamTokens encode_tokens(const Record& record, const RowEncoder& encoder, const RowSettings& settings,
                         RowAudit& audit) {
  if (!record.answers.front().tokens.empty()) return given_tokens(encoder.tokenizer, record.answers.front());
  return encoder.chat != nullptr ? encode_chat(encoder, record, audit)
                                 : encode_plain(encoder, record, settings.append_eos);
}

/// The places of soft rows once the first `cut` tokens are gone.
void cut_soft(Row& row, std::size_t cut) {
  const auto first = std::lower_bound(row.soft_at.begin(), row.soft_at.end(), cut);
  row.soft_cut = static_cast<std::size_t>(first - row.soft_at.begin());
  row.soft_at.erase(row.soft_at.begin(), first);
  for (auto& at : row.soft_at) at -= cut;
  if (row.soft_at.empty()) row.pictures.clear();
}

/// Cuts a row to the longest length and counts what is lost; false when no label is left.
bool truncate(Row& row, const RowSettings& settings, RowAudit& audit) {
  const auto limit = static_cast<std::size_t>(settings.max_length);
  const auto length = row.ids.size();
  const auto labels = length - row.prompt_tokens;
  if (length > limit) {
    ++audit.rows_truncated;
    audit.tokens_dropped += static_cast<std::int64_t>(length - limit);
    const auto cut = length - limit;
    if (settings.keep_end) {
      row.ids.erase(row.ids.begin(), row.ids.begin() + static_cast<std::ptrdiff_t>(cut));
      cut_soft(row, cut);
      const auto lost = cut > row.prompt_tokens ? cut - row.prompt_tokens : 0;
      if (!row.weights.empty())
        row.weights.erase(row.weights.begin(), row.weights.begin() + static_cast<std::ptrdiff_t>(lost));
      row.prompt_tokens -= std::min(cut, row.prompt_tokens);
    } else {
      row.ids.resize(limit);
      row.prompt_tokens = std::min(row.prompt_tokens, limit);
      if (!row.weights.empty()) row.weights.resize(limit - row.prompt_tokens);
    }
  }
  // The first token of a row has nothing before it that could predict it.
  const bool any = row.ids.size() > std::max<std::size_t>(1, row.prompt_tokens);
  audit.labels_dropped += static_cast<std::int64_t>(labels - (any ? row.ids.size() - row.prompt_tokens : 0));
  return any;
}

}  // namespace

std::map<std::string, double> RowAudit::values() const {
  const auto number = [](std::int64_t count) { return static_cast<double>(count); };
  return {{"rows_total", number(rows_total)},
          {"rows_truncated", number(rows_truncated)},
          {"rows_dropped", number(rows_dropped)},
          {"tokens_total", number(tokens_total)},
          {"tokens_dropped", number(tokens_dropped)},
          {"labels_total", number(labels_total)},
          {"labels_dropped", number(labels_dropped)},
          {"rows_control_text", number(rows_control_text)},
          {"longest_row_tokens", number(longest_row_tokens)}};
}

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

RowEncoder row_encoder(const Session& session) {
  RowEncoder encoder{.tokenizer = *session.tokenizer, .chat = session.chat, .pictures = nullptr, .tile_tokens = 0};
  if (session.pictures) {
    encoder.pictures = &*session.pictures;
    encoder.tile_tokens = session.model->soft_tokens(session.pictures->rules.tile_px);
  }
  return encoder;
}

std::optional<Row> encode_row(const Record& record, const RowEncoder& encoder, const RowSettings& settings,
                              RowAudit& audit) {
  ++audit.rows_total;
  require(!record.answers.empty(), Fault::data, [&] { return "record '" + record.id + "' has no answer to train on"; });
  const auto tokens = encode_tokens(record, encoder, settings, audit);
  Row row;
  row.id = record.id;
  row.ids = tokens.context;
  row.prompt_tokens = tokens.context.size();
  row.ids.insert(row.ids.end(), tokens.answer.ids.begin(), tokens.answer.ids.end());
  row.weights = token_weights(tokens.answer, record.answers.front());
  place_pictures(encoder, record, row);
  const auto length = static_cast<std::int64_t>(row.ids.size());
  audit.tokens_total += length;
  audit.labels_total += static_cast<std::int64_t>(tokens.answer.ids.size());
  audit.longest_row_tokens = std::max(audit.longest_row_tokens, length);
  if (truncate(row, settings, audit)) return row;
  ++audit.rows_dropped;
  return std::nullopt;
}

std::vector<Row> encode_rows(std::span<const Record> records, const RowEncoder& encoder, const RowSettings& settings,
                             RowAudit& audit) {
  std::vector<Row> rows;
  rows.reserve(records.size());
  for (const auto& record : records) {
    try {
      if (auto row = encode_row(record, encoder, settings, audit)) rows.push_back(std::move(*row));
    } catch (const Error& error) {
      throw error.in("in record '" + record.id + "'");
    }
  }
  return rows;
}

std::string rows_hash(std::span<const Row> rows) {
  Sha256 hash;
  for (const auto& row : rows) {
    const std::uint64_t sizes[] = {row.ids.size(), row.prompt_tokens, row.weights.size(), row.pictures.size()};
    hash.add(sizes, sizeof sizes);
    hash.add(row.ids.data(), row.ids.size() * sizeof row.ids.front());
    hash.add(row.weights.data(), row.weights.size() * sizeof(float));
    for (const auto* image : row.pictures) {
      const auto picture = picture_hash(*image);
      hash.add(picture.data(), picture.size());
    }
  }
  return hash.hex();
}

}  // namespace touchstone
