#include "trainers/rows/rows.hpp"

#include <algorithm>

#include "harness/base/error.hpp"
#include "harness/base/hash.hpp"
#include "harness/pictures/picture.hpp"
#include "harness/train/session.hpp"
#include "trainers/loops/batches.hpp"
#include "trainers/rows/row_tokens.hpp"

namespace touchstone {
namespace {

using Ids = std::vector<std::int64_t>;

/// A row before truncation: the prompt's tokens and every answer's.
struct WholeRow {
  Ids prompt;
  std::vector<RowAnswer> answers;
};

/// All answers share one prompt. Where a token reaches from it into an answer, only the common start is the prompt.
void share_context(const Record& record, std::vector<SeamTokens>& all) {
  const auto shared = [&] {
    auto length = all.front().context.size();
    for (const auto& tokens : all) {
      const auto& first = all.front().context;
      const auto differ = std::mismatch(first.begin(), first.end(), tokens.context.begin(), tokens.context.end());
      length = std::min(length, static_cast<std::size_t>(differ.first - first.begin()));
    }
    return length;
  }();
  for (std::size_t number = 0; number < all.size(); ++number) {
    auto& [context, answer, merged] = all[number];
    if (context.size() == shared) continue;
    require(record.answers[number].tokens.empty(), Fault::data,
            [&] { return "answer " + std::to_string(number + 1) + " has a prompt of its own, expected one for all"; });
    const auto seam = context.begin() + static_cast<std::ptrdiff_t>(shared);
    answer.ids.insert(answer.ids.begin(), seam, context.end());
    answer.pieces.insert(answer.pieces.begin(), context.size() - shared, {});
    context.resize(shared);
    merged = true;
  }
}

WholeRow encode_whole(const Record& record, const RowEncoder& encoder, const RowSettings& settings, RowAudit& audit) {
  WholeRow row;
  const auto count = settings.answers > 0 ? record.answers.size() : 1;
  std::vector<SeamTokens> all;
  for (std::size_t number = 0; number < count; ++number) {
    all.push_back(encode_tokens(record, record.answers[number], encoder, settings, audit));
  }
  share_context(record, all);
  row.prompt = all.front().context;
  if (std::any_of(all.begin(), all.end(), [](const SeamTokens& tokens) { return tokens.merged; })) {
    ++audit.rows_seam_merged;
  }
  for (std::size_t number = 0; number < count; ++number) {
    const auto& source = record.answers[number];
    auto& tokens = all[number];
    auto facts = facts_of(tokens.answer, source, settings.roles);
    if (settings.keep_pieces) facts.pieces = std::move(tokens.answer.pieces);
    row.answers.push_back({.ids = std::move(tokens.answer.ids), .facts = std::move(facts), .reward = source.reward});
  }
  return row;
}

/// Notes the pictures of a row and the places of their soft rows.
void place_pictures(const RowEncoder& encoder, const Record& record, const WholeRow& whole, Row& row) {
  row.pictures = pictures_of(record);
  if (row.pictures.empty()) return;
  require(encoder.pictures != nullptr, Fault::data, [] {
    return std::string(
        "holds a picture, expected a model of a family that takes pictures, with preprocessor_config.json beside "
        "config.json");
  });
  std::int64_t wanted = 0;
  for (const auto* image : row.pictures) {
    const auto grid = picture_grid(image->width_px, image->height_px, encoder.pictures->rules);
    wanted += (std::int64_t{grid.rows} * grid.columns + 1) * encoder.tile_tokens;
  }
  for (std::size_t at = 0; at < whole.prompt.size(); ++at) {
    if (whole.prompt[at] == encoder.pictures->placeholder) row.soft_at.push_back(at);
  }
  auto found = static_cast<std::int64_t>(row.soft_at.size());
  for (const auto& answer : whole.answers) {
    found += std::count(answer.ids.begin(), answer.ids.end(), encoder.pictures->placeholder);
  }
  require(found == wanted && found == static_cast<std::int64_t>(row.soft_at.size()), Fault::data, [&] {
    return "has " + std::to_string(found) + " " + encoder.pictures->mark + " tokens, expected " +
           std::to_string(wanted) + " for its pictures, all in the prompt";
  });
}

/// The places of soft rows once the first `cut` tokens are gone.
void cut_soft(Row& row, std::size_t cut) {
  const auto first = std::lower_bound(row.soft_at.begin(), row.soft_at.end(), cut);
  row.soft_cut = static_cast<std::size_t>(first - row.soft_at.begin());
  row.soft_at.erase(row.soft_at.begin(), first);
  for (auto& at : row.soft_at) at -= cut;
  if (row.soft_at.empty()) row.pictures.clear();
}

/// Cuts a row to the maximum length and counts what is lost. False when an answer has no label left.
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

/// A tokenizer may have more ids than the embedding has rows, as long as no row uses them.
void check_ids(const Ids& ids, const RowEncoder& encoder) {
  if (encoder.vocabulary == 0) return;
  for (const auto id : ids) {
    require(id < encoder.vocabulary, Fault::data, [&] {
      return "found the token '" + encoder.tokenizer.token(id) + "' with id " + std::to_string(id) +
             ", expected ids below vocab_size, " + std::to_string(encoder.vocabulary);
    });
  }
}

/// Gives an answer its log-probabilities from the stage `reference`, which must be of the same tokens.
void add_reference(RowAnswer& answer, const std::vector<float>& ref_logp) {
  if (ref_logp.empty()) return;
  require(ref_logp.size() == answer.ids.size(), Fault::config, [&] {
    return "found reference log-probabilities of " + std::to_string(ref_logp.size()) + " tokens for an answer of " +
           std::to_string(answer.ids.size()) +
           ": give the stages 'reference' and 'train' the same max_length, truncation_mode and append_eos";
  });
  answer.facts.ref_logp = ref_logp;
}

std::optional<Row> encode(const Record& record, const RowEncoder& encoder, const RowSettings& settings,
                          RowAudit& audit) {
  ++audit.rows_total;
  require(!record.answers.empty(), Fault::data, "has no answer to train on");
  require(static_cast<std::int64_t>(record.answers.size()) >= settings.answers, Fault::data, [&] {
    return "has " + std::to_string(record.answers.size()) + " answers, expected at least " +
           std::to_string(settings.answers);
  });
  auto whole = encode_whole(record, encoder, settings, audit);
  check_ids(whole.prompt, encoder);
  for (const auto& answer : whole.answers) check_ids(answer.ids, encoder);
  Row row;
  row.id = record.id;
  row.item = record.item;
  place_pictures(encoder, record, whole, row);
  const auto prompt_tokens = whole.prompt.size();
  audit.tokens_total += static_cast<std::int64_t>(prompt_tokens);
  for (const auto& answer : whole.answers) {
    const auto labels = static_cast<std::int64_t>(answer.ids.size());
    audit.tokens_total += labels;
    audit.labels_total += labels;
    audit.longest_row_tokens = std::max(audit.longest_row_tokens, static_cast<std::int64_t>(prompt_tokens) + labels);
  }
  if (!truncate(whole, settings, audit)) {
    ++audit.rows_dropped;
    return std::nullopt;
  }
  for (std::size_t number = 0; number < whole.answers.size(); ++number) {
    add_reference(whole.answers[number], record.answers[number].ref_logp_nats);
  }
  cut_soft(row, prompt_tokens - whole.prompt.size());
  row.ids = std::move(whole.prompt);
  row.prompt_tokens = row.ids.size();
  auto& first = whole.answers.front();
  row.ids.insert(row.ids.end(), first.ids.begin(), first.ids.end());
  row.facts = std::move(first.facts);
  row.reward = first.reward;
  row.others.assign(std::make_move_iterator(whole.answers.begin() + 1), std::make_move_iterator(whole.answers.end()));
  return row;
}

template <class Value>
void add_list(Sha256& hash, const std::vector<Value>& values) {
  hash.add(values.data(), values.size() * sizeof(Value));
}

void add_facts(Sha256& hash, const TokenFacts& facts) {
  const std::uint64_t sizes[] = {facts.weights.size(), facts.marks.size(), facts.ref_logp.size(), facts.trained.size()};
  hash.add(sizes, sizeof sizes);
  add_list(hash, facts.weights);
  add_list(hash, facts.marks);
  add_list(hash, facts.ref_logp);
  add_list(hash, facts.trained);
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
          {"rows_seam_merged", number(rows_seam_merged)},
          {"longest_row_tokens", number(longest_row_tokens)}};
}

std::vector<const Image*> pictures_of(const Record& record) {
  std::vector<const Image*> images;
  for (const auto& turn : record.prompt) {
    for (const auto& part : turn.parts) {
      const auto* media = std::get_if<Media>(&part);
      if (media == nullptr) continue;
      const auto* image = std::get_if<Image>(media);
      require(image != nullptr, Fault::data, [&] {
        return std::string(facts_of(kind_of(*media)).name) +
               " in a prompt, which the model does not take, expected text and pictures";
      });
      images.push_back(image);
    }
  }
  return images;
}

RowEncoder row_encoder(const Session& session) {
  const auto* reader = session.reader();
  return {.tokenizer = *session.tokenizer,
          .chat = session.chat,
          .pictures = reader,
          .tile_tokens = reader != nullptr ? session.model->soft_tokens(MediaKind::picture, reader->rules.tile_px) : 0,
          .vocabulary = session.model != nullptr ? session.model->vocabulary() : 0};
}

std::optional<Row> encode_row(const Record& record, const RowEncoder& encoder, const RowSettings& settings,
                              RowAudit& audit) {
  try {
    return encode(record, encoder, settings, audit);
  } catch (const Error& error) {
    throw error.in("in record '" + record.id + "'");
  }
}

std::size_t Row::tokens() const {
  auto count = ids.size();
  for (const auto& answer : others) count += answer.ids.size();
  return count;
}

std::vector<Row> encode_rows(std::span<const Record> records, const RowEncoder& encoder, const RowSettings& settings,
                             RowAudit& audit) {
  std::vector<Row> rows;
  rows.reserve(records.size());
  for (const auto& record : records) {
    if (auto row = encode_row(record, encoder, settings, audit)) rows.push_back(std::move(*row));
  }
  return rows;
}

std::string rows_hash(std::span<const Row> rows) {
  Sha256 hash;
  for (const auto& row : rows) {
    const std::uint64_t sizes[] = {row.ids.size(), row.prompt_tokens, row.others.size(), row.pictures.size(),
                                   row.item.size()};
    hash.add(sizes, sizeof sizes);
    hash.add(row.item.data(), row.item.size());
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
    for (const auto* image : row.pictures) {
      const auto picture = picture_hash(*image);
      hash.add(picture.data(), picture.size());
    }
  }
  return hash.hex();
}

namespace {

/// Appends a row's tokens and their facts to those of others; a list that only some rows have is filled in.
void append_row(Row& all, const Row& row) {
  const auto before = all.ids.size();
  const auto join = [&](auto& list, const auto& more, auto otherwise) {
    if (list.empty() && more.empty()) return;
    list.resize(before + row.prompt_tokens, otherwise);
    list.insert(list.end(), more.begin(), more.end());
    list.resize(before + row.ids.size(), otherwise);
  };
  join(all.facts.weights, row.facts.weights, 1.0F);
  join(all.facts.marks, row.facts.marks, std::uint8_t{0});
  all.facts.trained.resize(before + row.prompt_tokens, 0);
  all.facts.trained.resize(before + row.ids.size(), 1);
  all.ids.insert(all.ids.end(), row.ids.begin(), row.ids.end());
}

template <class Value>
std::vector<Value> part(const std::vector<Value>& list, std::size_t first, std::size_t last) {
  if (list.empty()) return {};
  return {list.begin() + static_cast<std::ptrdiff_t>(first), list.begin() + static_cast<std::ptrdiff_t>(last)};
}

}  // namespace

std::vector<Row> wrap_rows(const std::vector<Row>& rows, std::int64_t capacity) {
  Row stream;
  for (const auto& row : rows) {
    require(row.others.empty() && row.pictures.empty() && row.facts.ref_logp.empty(), Fault::config, [&] {
      return "row '" + row.id +
             "' has several answers, pictures or reference log-probabilities, which packing_strategy 'wrapped' "
             "cannot carry over, expected 'bfd'";
    });
    append_row(stream, row);
  }
  std::vector<Row> wrapped;
  const auto step = static_cast<std::size_t>(capacity);
  for (std::size_t first = 0; first < stream.ids.size(); first += step) {
    const auto last = std::min(first + step, stream.ids.size());
    Row row;
    row.id = "stream/" + std::to_string(first);
    row.ids = part(stream.ids, first, last);
    row.facts.trained = part(stream.facts.trained, first, last);
    row.facts.weights = part(stream.facts.weights, first, last);
    row.facts.marks = part(stream.facts.marks, first, last);
    // The first token of a row has nothing before it that could predict it.
    if (std::count(row.facts.trained.begin() + 1, row.facts.trained.end(), 1) > 0) wrapped.push_back(std::move(row));
  }
  return wrapped;
}

}  // namespace touchstone
