#include "trainers/parts/rows.hpp"

#include <algorithm>

#include "harness/base/error.hpp"
#include "harness/base/hash.hpp"
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

SeamTokens encode_chat(const Tokenizer& tokenizer, const ChatTemplate& chat, const Dialog& prompt,
                       const std::string& given, RowAudit& audit) {
  const auto open = chat.render(prompt, /*add_generation_prompt=*/true);
  const auto tail = chat_tail(chat, prompt, open, given);
  SeamTokens tokens;
  tokens.context = tokenizer.encode(open, settings_for(tokenizer, open));
  tokens.answer = encode_answer(tokenizer, tail, given);
  const EncodeSettings as_text = {.add_special_tokens = false, .parse_special_tokens = false};
  const EncodeSettings with_control = {.add_special_tokens = false, .parse_special_tokens = true};
  if (tokenizer.encode(given, with_control) != tokenizer.encode(given, as_text)) ++audit.rows_control_text;
  append_control(tokens.answer, end_of_turn(tokenizer, tail.terminator));
  return tokens;
}

SeamTokens encode_plain(const Tokenizer& tokenizer, const Dialog& prompt, const std::string& given, bool append_eos) {
  auto tokens = encode_seam(tokenizer, plain_text(prompt), given);
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

SeamTokens encode_tokens(const Record& record, const Answer& answer, const Tokenizer& tokenizer,
                         const ChatTemplate* chat, const RowSettings& settings, RowAudit& audit) {
  if (!answer.tokens.empty()) return given_tokens(tokenizer, answer);
  for (const auto& turn : record.prompt) {
    const bool text = std::all_of(turn.parts.begin(), turn.parts.end(),
                                  [](const Part& part) { return std::holds_alternative<std::string>(part); });
    require(text, Fault::data, [&] {
      return "record " + record.id + " holds a picture, expected text alone: training does not read pictures yet";
    });
  }
  if (chat != nullptr) return encode_chat(tokenizer, *chat, record.prompt, answer.text, audit);
  return encode_plain(tokenizer, record.prompt, answer.text, settings.append_eos);
}

/// A row before truncation: the prompt's tokens and every answer's.
struct WholeRow {
  Ids prompt;
  std::vector<RowAnswer> answers;
};

WholeRow encode_whole(const Record& record, const Tokenizer& tokenizer, const ChatTemplate* chat,
                      const RowSettings& settings, RowAudit& audit) {
  WholeRow row;
  const auto count = settings.answers > 0 ? record.answers.size() : 1;
  for (std::size_t number = 0; number < count; ++number) {
    const auto& source = record.answers[number];
    auto tokens = encode_tokens(record, source, tokenizer, chat, settings, audit);
    if (number == 0) row.prompt = tokens.context;
    require(tokens.context == row.prompt, Fault::data,
            [&] { return "answer " + std::to_string(number + 1) + " has a prompt of its own, expected one for all"; });
    auto facts = facts_of(tokens.answer, source, settings.roles);
    if (settings.keep_pieces) facts.pieces = std::move(tokens.answer.pieces);
    row.answers.push_back({.ids = std::move(tokens.answer.ids), .facts = std::move(facts), .reward = source.reward});
  }
  return row;
}

/// Cuts a row to the longest length and counts what is lost; false when an answer has no label left.
bool truncate(WholeRow& row, const RowSettings& settings, RowAudit& audit) {
  const auto limit = static_cast<std::size_t>(settings.max_length);
  std::size_t longest = 0;
  std::size_t before = 0;
  for (const auto& answer : row.answers) {
    longest = std::max(longest, answer.ids.size());
    before += answer.ids.size();
  }
  const auto length = row.prompt.size() + longest;
  const auto cut = length > limit ? length - limit : 0;
  const auto prompt = row.prompt.size();
  if (settings.keep_end) {
    const auto lost = std::min(cut, prompt);
    row.prompt.erase(row.prompt.begin(), row.prompt.begin() + static_cast<std::ptrdiff_t>(lost));
  } else if (prompt > limit) {
    row.prompt.resize(limit);
  }
  std::size_t after = 0;
  bool any = true;
  for (auto& answer : row.answers) {
    const auto room = limit - row.prompt.size();
    if (answer.ids.size() > room) {
      const auto lost = answer.ids.size() - room;
      if (settings.keep_end) {
        answer.ids.erase(answer.ids.begin(), answer.ids.begin() + static_cast<std::ptrdiff_t>(lost));
        answer.facts.drop_first(lost);
      } else {
        answer.ids.resize(room);
        answer.facts.keep_first(room);
      }
    }
    after += answer.ids.size();
    // The first token of a row has nothing before it that could predict it.
    any = any && row.prompt.size() + answer.ids.size() > std::max<std::size_t>(1, row.prompt.size());
  }
  if (cut > 0) ++audit.rows_truncated;
  audit.tokens_dropped += static_cast<std::int64_t>(prompt - row.prompt.size() + before - after);
  audit.labels_dropped += static_cast<std::int64_t>(before - (any ? after : 0));
  return any;
}

/// Gives an answer what the stage `reference` found, which must be of the same tokens.
void add_reference(RowAnswer& answer, const std::vector<float>& ref_logp) {
  if (ref_logp.empty()) return;
  require(ref_logp.size() == answer.ids.size(), Fault::config, [&] {
    return "reference log-probabilities of " + std::to_string(ref_logp.size()) + " tokens for an answer of " +
           std::to_string(answer.ids.size()) +
           ": give stages 'reference' and 'train' the same max_length, truncation_mode and append_eos";
  });
  answer.facts.ref_logp = ref_logp;
}

template <class Value>
void add_list(Sha256& hash, const std::vector<Value>& values) {
  hash.add(values.data(), values.size() * sizeof(Value));
}

void add_facts(Sha256& hash, const TokenFacts& facts) {
  const std::uint64_t sizes[] = {facts.weights.size(), facts.marks.size(), facts.ref_logp.size()};
  hash.add(sizes, sizeof sizes);
  add_list(hash, facts.weights);
  add_list(hash, facts.marks);
  add_list(hash, facts.ref_logp);
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

std::optional<Row> encode_row(const Record& record, const Tokenizer& tokenizer, const ChatTemplate* chat,
                              const RowSettings& settings, RowAudit& audit) {
  ++audit.rows_total;
  require(!record.answers.empty(), Fault::data, [&] { return "record '" + record.id + "' has no answer to train on"; });
  require(static_cast<std::int64_t>(record.answers.size()) >= settings.answers, Fault::data, [&] {
    return "record '" + record.id + "' has " + std::to_string(record.answers.size()) + " answers, expected at least " +
           std::to_string(settings.answers);
  });
  auto whole = encode_whole(record, tokenizer, chat, settings, audit);
  audit.tokens_total += static_cast<std::int64_t>(whole.prompt.size());
  for (const auto& answer : whole.answers) {
    const auto labels = static_cast<std::int64_t>(answer.ids.size());
    audit.tokens_total += labels;
    audit.labels_total += labels;
    audit.longest_row_tokens =
        std::max(audit.longest_row_tokens, static_cast<std::int64_t>(whole.prompt.size()) + labels);
  }
  if (!truncate(whole, settings, audit)) {
    ++audit.rows_dropped;
    return std::nullopt;
  }
  for (std::size_t number = 0; number < whole.answers.size(); ++number) {
    add_reference(whole.answers[number], record.answers[number].ref_logp_nats);
  }
  Row row;
  row.id = record.id;
  row.ids = std::move(whole.prompt);
  row.prompt_tokens = row.ids.size();
  auto& first = whole.answers.front();
  row.ids.insert(row.ids.end(), first.ids.begin(), first.ids.end());
  row.facts = std::move(first.facts);
  row.reward = first.reward;
  row.others.assign(std::make_move_iterator(whole.answers.begin() + 1), std::make_move_iterator(whole.answers.end()));
  return row;
}

std::size_t Row::tokens() const {
  auto count = ids.size();
  for (const auto& answer : others) count += answer.ids.size();
  return count;
}

std::vector<Row> encode_rows(std::span<const Record> records, const Tokenizer& tokenizer, const ChatTemplate* chat,
                             const RowSettings& settings, RowAudit& audit) {
  std::vector<Row> rows;
  rows.reserve(records.size());
  for (const auto& record : records) {
    try {
      if (auto row = encode_row(record, tokenizer, chat, settings, audit)) rows.push_back(std::move(*row));
    } catch (const Error& error) {
      throw error.in("in record '" + record.id + "'");
    }
  }
  return rows;
}

std::string rows_hash(std::span<const Row> rows) {
  Sha256 hash;
  for (const auto& row : rows) {
    const std::uint64_t sizes[] = {row.ids.size(), row.prompt_tokens, row.others.size()};
    hash.add(sizes, sizeof sizes);
    add_list(hash, row.ids);
    add_facts(hash, row.facts);
    hash.add(&row.reward, sizeof row.reward);
    for (const auto& answer : row.others) {
      const std::uint64_t labels = answer.ids.size();
      hash.add(&labels, sizeof labels);
      add_list(hash, answer.ids);
      add_facts(hash, answer.facts);
      hash.add(&answer.reward, sizeof answer.reward);
    }
  }
  return hash.hex();
}

}  // namespace touchstone
