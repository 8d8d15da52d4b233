// The tokens that a post-processor puts before and behind a single text.
#include "backends/tokenizers/builders.hpp"
#include "harness/base/error.hpp"
#include "harness/base/text.hpp"

namespace touchstone::tokenizers {
namespace {

void wrap(Parts& parts, const std::vector<std::int64_t>& before, const std::vector<std::int64_t>& after) {
  parts.before.insert(parts.before.begin(), before.begin(), before.end());
  parts.after.insert(parts.after.end(), after.begin(), after.end());
}

/// The ids of one special token of a template.
std::vector<std::int64_t> template_ids(const Section& tokens, const std::string& name) {
  const auto token = tokens.child(name);
  const auto& ids = token.at("ids");
  if (!ids.is_array()) token.wrong("ids", "a list of token ids");
  std::vector<std::int64_t> all;
  for (const auto& id : ids) {
    if (!id.is_number_unsigned() || id.get<std::uint64_t>() > INT32_MAX)
      token.fail("key 'ids': found " + shown_json(id) + ", expected token ids");
    all.push_back(id.get<std::int64_t>());
  }
  return all;
}

void read_template(const Section& section, Parts& parts) {
  std::vector<std::int64_t> before;
  std::vector<std::int64_t> after;
  bool seen = false;
  const auto tokens = section.child("special_tokens");
  for (const auto& piece : section.children("single")) {
    if (piece.has("Sequence")) {
      const auto sequence = piece.child("Sequence").text("id");
      if (sequence != "A" || seen)
        piece.fail("found the sequence '" + sequence + "'" + (seen ? " after another" : "") +
                   ", expected the sequence A once, with tokens around it");
      seen = true;
      continue;
    }
    const auto ids = template_ids(tokens, piece.child("SpecialToken").text("id"));
    auto& side = seen ? after : before;
    side.insert(side.end(), ids.begin(), ids.end());
  }
  if (!seen) section.fail("key 'single': found no sequence, expected the sequence A once");
  wrap(parts, before, after);
}

/// ["[CLS]", 101]
std::int64_t named_id(const Section& section, const std::string& key) {
  const auto& pair = section.at(key);
  const bool good = pair.is_array() && pair.size() == 2 && pair[0].is_string() && pair[1].is_number_unsigned() &&
                    pair[1].get<std::uint64_t>() <= INT32_MAX;
  if (!good) section.wrong(key, "[token, id]");
  return pair[1].get<std::int64_t>();
}

}  // namespace

void build_post_processor(const Section& section, Parts& parts) {
  const auto type = section.type();
  if (type == "ByteLevel") return;  // it trims the ranges of pieces, which here always cover the text
  if (type == "TemplateProcessing") return read_template(section, parts);
  if (type == "BertProcessing" || type == "RobertaProcessing") {
    return wrap(parts, {named_id(section, "cls")}, {named_id(section, "sep")});
  }
  if (type != "Sequence")
    section.fail(unknown_name("post_processor", type,
                              std::vector<std::string>{"BertProcessing", "ByteLevel", "RobertaProcessing", "Sequence",
                                                       "TemplateProcessing"}));
  for (const auto& step : section.children("processors")) build_post_processor(step, parts);
}

}  // namespace touchstone::tokenizers
