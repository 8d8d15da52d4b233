#include "backends/tokenizers/bpe.hpp"
#include "backends/tokenizers/builders.hpp"
#include "backends/tokenizers/unigram.hpp"
#include "backends/tokenizers/word_models.hpp"
#include "harness/base/error.hpp"
#include "harness/base/text.hpp"

namespace touchstone::tokenizers {
namespace {

/// {"token": id, ...}
Vocabulary read_vocabulary(const Section& section) {
  const auto& vocab = section.at("vocab");
  const auto where = section.place("vocab");
  if (!vocab.is_object()) section.wrong("vocab", "an object of token to id");
  Vocabulary vocabulary;
  for (auto entry = vocab.begin(); entry != vocab.end(); ++entry) {
    require(entry->is_number_unsigned() && entry->get<std::uint64_t>() <= INT32_MAX, Fault::checkpoint, [&] {
      return where + ": token '" + entry.key().substr(0, 80) + "' has id " + shown_json(*entry) +
             ", expected a whole number from 0 to 2147483647";
    });
    require(is_utf8(entry.key()), Fault::checkpoint,
            [&] { return where + ": found a token that is not UTF-8: " + shown_json(Json(entry.key())); });
    if (!entry.key().empty()) vocabulary.add(entry.key(), entry->get<std::int64_t>(), where);
  }
  vocabulary.freeze();
  return vocabulary;
}

/// "a b" or ["a", "b"]
Merge read_merge(const Json& value, const std::string& where) {
  Merge merge;
  if (value.is_string()) {
    const auto& text = value.get_ref<const std::string&>();
    const auto space = text.find(' ');
    require(space != std::string::npos && text.find(' ', space + 1) == std::string::npos, Fault::checkpoint, [&] {
      return where + ": found '" + text.substr(0, 80) + "', expected two tokens with one space between them";
    });
    merge.left = text.substr(0, space);
    merge.right = text.substr(space + 1);
  } else {
    require(value.is_array() && value.size() == 2 && value[0].is_string() && value[1].is_string(), Fault::checkpoint,
            [&] { return where + ": found " + shown_json(value) + ", expected two tokens"; });
    merge.left = value[0].get<std::string>();
    merge.right = value[1].get<std::string>();
  }
  return merge;
}

std::unique_ptr<Model> build_bpe(const Section& section, bool plain_bytes) {
  if (section.has("dropout")) {
    const auto& dropout = section.at("dropout");
    if (!dropout.is_number() || dropout.get<double>() != 0.0) {
      section.wrong("dropout", "0 or null: random tokens are not supported");
    }
  }
  const auto& list = section.at("merges");
  if (!list.is_array()) section.wrong("merges", "a list");
  std::vector<Merge> merges;
  merges.reserve(list.size());
  for (const auto& value : list) {
    const auto place = section.place("merges") + "[" + std::to_string(merges.size()) + "]";
    // Old files also hold the first line of merges.txt.
    if (value.is_string() && value.get_ref<const std::string&>().starts_with("#version")) continue;
    merges.push_back(read_merge(value, place));
    merges.back().rank = static_cast<std::uint32_t>(merges.size() - 1);
  }
  BpeSettings settings{.unknown = section.text("unk_token", ""),
                       .continuing_prefix = section.text("continuing_subword_prefix", ""),
                       .word_suffix = section.text("end_of_word_suffix", ""),
                       .fuse_unknown = section.flag("fuse_unk", false),
                       .byte_fallback = section.flag("byte_fallback", false),
                       .ignore_merges = section.flag("ignore_merges", false),
                       .bytes = plain_bytes};
  return make_bpe(read_vocabulary(section), merges, std::move(settings), section.where());
}

std::unique_ptr<Model> build_unigram(const Section& section) {
  const auto& list = section.at("vocab");
  const auto where = section.place("vocab");
  if (!list.is_array()) section.wrong("vocab", "a list of [token, score]");
  std::vector<ScoredToken> tokens;
  for (const auto& value : list) {
    const bool good = value.is_array() && value.size() == 2 && value[0].is_string() && value[1].is_number() &&
                      is_utf8(value[0].get_ref<const std::string&>());
    require(good, Fault::checkpoint, [&] {
      return where + "[" + std::to_string(tokens.size()) + "]: found " + shown_json(value) +
             ", expected [token, score]";
    });
    tokens.push_back({value[0].get<std::string>(), value[1].get<double>()});
  }
  UnigramSettings settings;
  settings.byte_fallback = section.flag("byte_fallback", false);
  if (section.has("unk_id")) settings.unknown = section.integer("unk_id");
  return make_unigram(tokens, settings, section.where());
}

std::string model_type(const Section& section) {
  if (section.has("type")) return section.type();
  // Files from before 2021 name no type; each kind has a key of its own.
  if (section.has("merges")) return "BPE";
  if (section.has("max_input_chars_per_word")) return "WordPiece";
  if (section.has("vocab") && section.at("vocab").is_array()) return "Unigram";
  return "WordLevel";
}

}  // namespace

bool takes_plain_bytes(const Section& section) {
  return model_type(section) == "BPE" && !section.flag("byte_fallback", false) &&
         section.text("continuing_subword_prefix", "").empty() && section.text("end_of_word_suffix", "").empty();
}

std::unique_ptr<Model> build_model(const Section& section, bool plain_bytes) {
  const auto type = model_type(section);
  if (type == "BPE") return build_bpe(section, plain_bytes);
  if (type == "Unigram") return build_unigram(section);
  if (type == "WordLevel") return make_word_level(read_vocabulary(section), section.text("unk_token"));
  if (type == "WordPiece") {
    const auto longest = section.has("max_input_chars_per_word") ? section.integer("max_input_chars_per_word") : 100;
    if (longest < 0) section.wrong("max_input_chars_per_word", "a whole number of at least 0");
    return make_word_piece(read_vocabulary(section), {.unknown = section.text("unk_token"),
                                                      .prefix = section.text("continuing_subword_prefix"),
                                                      .longest_word = static_cast<std::size_t>(longest)});
  }
  section.fail(unknown_name("type of tokenizer model", type,
                            std::vector<std::string>{"BPE", "Unigram", "WordLevel", "WordPiece"}));
}

}  // namespace touchstone::tokenizers
