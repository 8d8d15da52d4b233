// A tokenizer from the files of a checkpoint folder.
#include <algorithm>
#include <cmath>
#include <optional>
#include <set>

#include "backends/tokenizers/builders.hpp"
#include "backends/tokenizers/tokenizers.hpp"
#include "harness/base/error.hpp"
#include "harness/base/files.hpp"
#include "harness/base/hash.hpp"
#include "harness/base/json.hpp"
#include "harness/base/object_reader.hpp"
#include "harness/base/text.hpp"

namespace touchstone {
namespace tokenizers {
namespace {

namespace fs = std::filesystem;

constexpr JsonLimits file_limits{.bytes = std::size_t{256} << 20, .depth = 32};

/// A file's JSON; errors in it are Fault::checkpoint.
Json read_file_json(const fs::path& path, const std::string& text) {
  try {
    return parse_json(text, path.string(), file_limits);
  } catch (const Error& error) {
    throw Error(Fault::checkpoint, error.what());
  }
}

/// The files of one tokenizer, and the hash over all that were read.
class Files {
 public:
  explicit Files(fs::path folder) : folder_(std::move(folder)) {}

  /// The text of the first of these files that exists.
  std::optional<std::string> text(std::initializer_list<const char*> names, fs::path& path) {
    for (const char* name : names) {
      path = folder_ / name;
      if (!fs::exists(path)) continue;
      std::string found;
      try {
        found = read_text_file(path, file_limits.bytes);
      } catch (const Error& error) {
        throw Error(Fault::checkpoint, error.what());
      }
      // Name and length mark where one file ends and the next begins.
      hash_.add(std::string(name) + "\n" + std::to_string(found.size()) + "\n").add(found);
      return found;
    }
    return std::nullopt;
  }

  std::optional<Json> json(std::initializer_list<const char*> names, fs::path& path) {
    const auto found = text(names, path);
    if (!found) return std::nullopt;
    return read_file_json(path, *found);
  }

  std::string hash() { return hash_.hex(); }

 private:
  fs::path folder_;
  Sha256 hash_;
};

AddedToken read_added_token(const Section& section) {
  AddedToken token;
  token.content = section.text("content");
  token.special = section.flag("special", false);
  token.single_word = section.flag("single_word", false);
  token.lstrip = section.flag("lstrip", false);
  token.rstrip = section.flag("rstrip", false);
  token.normalized = section.flag("normalized", !token.special);
  return token;
}

/// Adds a token, or gives an existing one the new flags. The id must be the one that its text has already, if any.
void add_token(Parts& parts, AddedToken token, const std::string& where) {
  if (token.content.empty()) return;
  const auto name = [&] { return where + ": added token '" + token.content.substr(0, 80) + "'"; };
  require(token.id >= 0 && token.id < (std::int64_t{1} << 24), Fault::checkpoint,
          [&] { return name() + " has id " + std::to_string(token.id) + ", expected 0 to 16777215"; });
  const auto& vocabulary = parts.model->vocabulary();
  const auto known = vocabulary.find(token.content);
  require(known < 0 || known == token.id, Fault::checkpoint, [&] {
    return name() + " has id " + std::to_string(token.id) + ", expected " + std::to_string(known) +
           ", which the vocabulary gives it";
  });
  require(known >= 0 || !vocabulary.has(token.id), Fault::checkpoint, [&] {
    return name() + " has id " + std::to_string(token.id) + ", which the vocabulary gives to '" +
           vocabulary.token(token.id).substr(0, 80) + "'";
  });
  for (auto& other : parts.added) {
    const bool same_text = other.content == token.content;
    require(same_text == (other.id == token.id), Fault::checkpoint, [&] {
      return name() + " and '" + other.content.substr(0, 80) + "' have ids " + std::to_string(token.id) + " and " +
             std::to_string(other.id) + ", expected one id for each text";
    });
    if (!same_text) continue;
    other = std::move(token);
    return;
  }
  parts.added.push_back(std::move(token));
}

void read_added_tokens(const Section& root, Parts& parts) {
  if (!root.has("added_tokens")) return;
  std::set<std::string> known;
  for (const auto& section : root.children("added_tokens")) {
    auto token = read_added_token(section);
    token.id = section.integer("id");
    add_token(parts, std::move(token), section.where());
  }
}

/// The text of a token in tokenizer_config.json: "<s>" or {"content": "<s>", ...}. None when it is null or not there.
std::optional<std::string> token_text(const Section& section, const std::string& key) {
  if (!section.has(key)) return std::nullopt;
  if (section.at(key).is_object()) return section.child(key).text("content");
  return section.text(key);
}

/// A token is written as its text or as an object that holds it.
std::vector<std::string> token_texts(const Section& section, const std::string& key) {
  std::vector<std::string> all;
  for (const auto& item : section.at(key)) {
    if (!item.is_string() && !item.is_object())
      section.fail("key '" + key + "': found " + shown_json(item) +
                   ", expected a token: a text, or an object with its content");
    all.push_back(item.is_string() ? item.get<std::string>() : Section(item, section.place(key)).text("content"));
  }
  return all;
}

void read_special_tokens(const Section& section, Parts& parts) {
  auto& additional = parts.special_tokens.additional;
  const std::string list = "additional_special_tokens";
  if (additional.empty() && section.has(list) && section.at(list).is_array()) additional = token_texts(section, list);
  // Names that only some models have: "image_token".
  const std::string extra = "extra_special_tokens";
  if (section.has(extra) && section.at(extra).is_object()) {
    const auto named = section.child(extra);
    for (const auto& entry : named.json().items()) {
      const auto text = token_text(named, entry.key());
      if (text && !text->empty()) parts.special_tokens.named.emplace(entry.key(), *text);
    }
  }
  for (const char* key : {"bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token"}) {
    if (const auto text = token_text(section, key); text && !text->empty())
      parts.special_tokens.named.emplace(key, *text);
  }
}

/// Tokens that the configuration adds to tokenizer.json, or gives other flags.
void read_added_tokens_decoder(const Section& config, Parts& parts) {
  if (!config.has("added_tokens_decoder")) return;
  const auto tokens = config.child("added_tokens_decoder");
  for (const auto& entry : tokens.json().items()) {
    const Section section(entry.value(), tokens.place(entry.key()));
    auto token = read_added_token(section);
    const bool digits = !entry.key().empty() && entry.key().size() < 9 &&
                        entry.key().find_first_not_of("0123456789") == std::string::npos;
    if (!digits) tokens.fail("found the key '" + entry.key().substr(0, 40) + "', expected a token's id");
    token.id = std::stoll(entry.key());
    add_token(parts, std::move(token), section.where());
  }
}

/// One template, or a list of {"name", "template"} of which "default" counts.
std::string chat_template(const Section& config) {
  if (!config.has("chat_template")) return {};
  if (!config.at("chat_template").is_array()) return config.text("chat_template");
  for (const auto& named : config.children("chat_template")) {
    if (named.text("name") == "default") return named.text("template");
  }
  return {};
}

void read_config(const Section& config, Parts& parts) {
  read_added_tokens_decoder(config, parts);
  read_special_tokens(config, parts);
  parts.chat_template = chat_template(config);
  parts.clean_up_spaces = config.flag("clean_up_tokenization_spaces", false);
  if (!config.has("model_max_length")) return;
  const auto& length = config.at("model_max_length");
  if (!length.is_number()) config.wrong("model_max_length", "a number");
  // "No limit" is written as 10^30.
  const double value = length.get<double>();
  if (value >= 1 && value < 1e12) parts.model_max_length = static_cast<std::int64_t>(value);
}

Parts read_tokenizer_json(const Section& root) {
  Parts parts;
  if (root.has("version") && root.text("version") != "1.0") {
    root.wrong("version", "\"1.0\"");
  }
  const auto model = root.child("model");
  const bool byte_level = root.has("pre_tokenizer") && ends_in_byte_level(root.child("pre_tokenizer"));
  const bool plain_bytes = byte_level && takes_plain_bytes(model);
  parts.model = build_model(model, plain_bytes);
  if (root.has("normalizer")) parts.normalizer = build_normalizer(root.child("normalizer"));
  if (root.has("pre_tokenizer")) parts.pre_tokenizer = build_pre_tokenizer(root.child("pre_tokenizer"), plain_bytes);
  if (root.has("post_processor")) build_post_processor(root.child("post_processor"), parts);
  if (root.has("decoder")) parts.decoder = build_decoder(root.child("decoder"));
  read_added_tokens(root, parts);
  return parts;
}

std::unique_ptr<Tokenizer> read_folder(const std::filesystem::path& folder) {
  Files files(folder);
  std::filesystem::path path;
  std::filesystem::path config_path;
  const auto root = files.json({"tokenizer.json", "tokenizer.json.gz"}, path);
  require(root.has_value(), Fault::checkpoint,
          [&] { return (folder / "tokenizer.json").string() + ": there is no such file"; });
  auto parts = read_tokenizer_json(Section(*root, path.string()));
  const auto config = files.json({"tokenizer_config.json"}, config_path);
  if (config) read_config(Section(*config, config_path.string()), parts);
  std::filesystem::path other;
  if (const auto map = files.json({"special_tokens_map.json"}, other))
    read_special_tokens(Section(*map, other.string()), parts);
  if (auto text = files.text({"chat_template.jinja"}, other)) parts.chat_template = std::move(*text);
  if (parts.chat_template.empty()) {
    // Where processors kept it before it had a file of its own.
    if (const auto old = files.json({"chat_template.json"}, other)) {
      parts.chat_template = chat_template(Section(*old, other.string()));
    }
  }
  parts.hash = files.hash();
  return make_pipeline(std::move(parts), (config ? config_path : path).string());
}

}  // namespace
}  // namespace tokenizers

std::unique_ptr<Tokenizer> load_tokenizer(const std::filesystem::path& folder) {
  return tokenizers::read_folder(folder);
}

}  // namespace touchstone
