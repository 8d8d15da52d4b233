// Normalizers, pre-tokenizers and decoders from their sections.
#include <map>

#include "backends/tokenizers/builders.hpp"
#include "harness/base/error.hpp"
#include "harness/base/object_reader.hpp"
#include "harness/base/text.hpp"

namespace touchstone::tokenizers {
namespace {

/// The builder that belongs to the section's type.
template <class Part>
Part build(const Section& section, const std::string& kind,
           const std::map<std::string, Part (*)(const Section&)>& known) {
  const auto type = section.type();
  const auto found = known.find(type);
  if (found != known.end()) return found->second(section);
  std::vector<std::string> names;
  for (const auto& entry : known) names.push_back(entry.first);
  throw Error(Fault::checkpoint, section.where() + ": " + unknown_name(kind, type, names));
}

template <class Choice>
Choice choose(const Section& section, const std::string& key, const std::string& found,
              const std::map<std::string, Choice>& known) {
  const auto entry = known.find(found);
  if (entry != known.end()) return entry->second;
  std::vector<std::string> names;
  for (const auto& one : known) names.push_back(one.first);
  throw Error(Fault::checkpoint, section.place(key) + ": " + unknown_name("value", found, names));
}

Behavior behavior(const Section& section) {
  return choose<Behavior>(section, "behavior", section.text("behavior", "Isolated"),
                          {{"Removed", Behavior::removed},
                           {"Isolated", Behavior::isolated},
                           {"MergedWithPrevious", Behavior::merged_with_previous},
                           {"MergedWithNext", Behavior::merged_with_next},
                           {"Contiguous", Behavior::contiguous}});
}

/// add_prefix_space is the older key for the same setting; the two must not contradict each other.
Prepend prepend_scheme(const Section& section) {
  const auto scheme =
      choose<Prepend>(section, "prepend_scheme", section.text("prepend_scheme", "always"),
                      {{"always", Prepend::always}, {"first", Prepend::first}, {"never", Prepend::never}});
  if (section.flag("add_prefix_space", true)) return scheme;
  if (section.has("prepend_scheme") && scheme != Prepend::never) {
    section.fail("key 'prepend_scheme': found '" + section.text("prepend_scheme") +
                 "', expected 'never', as add_prefix_space is false");
  }
  return Prepend::never;
}

std::string decode_base64(const Section& section, const std::string& key) {
  const auto text = section.text(key);
  std::string bytes;
  std::uint32_t held = 0;
  int bits = 0;
  for (const char c : text) {
    if (c == '=') break;
    const auto digit = std::string_view("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/").find(c);
    require(digit != std::string_view::npos, Fault::checkpoint, [&] {
      return section.place(key) + ": found " + shown_json(Json(std::string(1, c))) + ", expected the letters of base64";
    });
    held = (held << 6) | static_cast<std::uint32_t>(digit);
    bits += 6;
    if (bits < 8) continue;
    bits -= 8;
    bytes += static_cast<char>((held >> bits) & 0xffU);
  }
  return bytes;
}

NormalizerPtr bert(const Section& s) {
  const bool lower = s.flag("lowercase");
  return bert_normalizer(s.flag("clean_text"), s.flag("handle_chinese_chars"), s.flag("strip_accents", lower), lower);
}

NormalizerPtr normalizers(const Section& s) {
  std::vector<NormalizerPtr> steps;
  for (const auto& step : s.children("normalizers")) steps.push_back(build_normalizer(step));
  return normalizer_sequence(std::move(steps));
}

template <UnicodeForm form>
NormalizerPtr unicode(const Section&) {
  return normalize_unicode(form);
}

PreTokenizerPtr pre_tokenizers(const Section& section, bool plain_bytes) {
  std::vector<PreTokenizerPtr> steps;
  const auto children = section.children("pretokenizers");
  for (std::size_t i = 0; i < children.size(); ++i) {
    steps.push_back(build_pre_tokenizer(children[i], plain_bytes && i + 1 == children.size()));
  }
  return pre_tokenizer_sequence(std::move(steps));
}

PreTokenizerPtr fixed(const Section& s) {
  const auto length = s.has("length") ? s.integer("length") : 5;
  if (length < 1) s.wrong("length", "a whole number of at least 1");
  return fixed_length(static_cast<std::size_t>(length));
}

DecoderPtr decoders(const Section& s) {
  std::vector<DecoderPtr> steps;
  for (const auto& step : s.children("decoders")) steps.push_back(build_decoder(step));
  return decoder_sequence(std::move(steps));
}

std::size_t count(const Section& s, const std::string& key) {
  const auto value = s.integer(key);
  if (value < 0) s.wrong(key, "a whole number of at least 0");
  return static_cast<std::size_t>(value);
}

}  // namespace

NormalizerPtr build_normalizer(const Section& section) {
  using S = const Section&;
  return build<NormalizerPtr>(
      section, "normalizer",
      {{"BertNormalizer", bert},
       {"Sequence", normalizers},
       {"NFC", unicode<UnicodeForm::nfc>},
       {"NFD", unicode<UnicodeForm::nfd>},
       {"NFKC", unicode<UnicodeForm::nfkc>},
       {"NFKD", unicode<UnicodeForm::nfkd>},
       {"Lowercase", [](S) { return lowercase(); }},
       {"StripAccents", [](S) { return strip_accents(); }},
       {"Nmt", [](S) { return nmt(); }},
       {"ByteLevel", [](S) { return byte_level_normalizer(); }},
       {"Strip", [](S s) { return strip_ends(s.flag("strip_left"), s.flag("strip_right")); }},
       {"Prepend", [](S s) { return prepend(s.text("prepend")); }},
       {"Replace", [](S s) { return replace(s.pattern("pattern"), s.text("content")); }},
       {"Precompiled",
        [](S s) { return precompiled(decode_base64(s, "precompiled_charsmap"), s.place("precompiled_charsmap")); }}});
}

bool ends_in_byte_level(const Section& section) {
  const auto type = section.type();
  if (type == "ByteLevel") return true;
  if (type != "Sequence") return false;
  const auto children = section.children("pretokenizers");
  return !children.empty() && ends_in_byte_level(children.back());
}

PreTokenizerPtr build_pre_tokenizer(const Section& section, bool plain_bytes) {
  using S = const Section&;
  const auto type = section.type();
  if (type == "Sequence") return pre_tokenizers(section, plain_bytes);
  if (type == "ByteLevel") {
    return byte_level(section.flag("add_prefix_space"), section.flag("use_regex", true), !plain_bytes);
  }
  return build<PreTokenizerPtr>(
      section, "pre_tokenizer",
      {{"BertPreTokenizer", [](S) { return bert_words(); }},
       {"Whitespace", [](S) { return word_or_symbols(); }},
       {"WhitespaceSplit", [](S) { return whitespace_split(); }},
       {"Digits", [](S s) { return digits(s.flag("individual_digits")); }},
       {"Punctuation", [](S s) { return punctuation(behavior(s)); }},
       {"Split", [](S s) { return split_at(s.pattern("pattern"), behavior(s), s.flag("invert")); }},
       {"Delimiter", [](S s) { return split_at_code_point(s.code_point("delimiter")); }},
       {"CharDelimiterSplit", [](S s) { return split_at_code_point(s.code_point("delimiter")); }},
       {"FixedLength", fixed},
       {"Metaspace",
        [](S s) { return metaspace(s.code_point("replacement"), prepend_scheme(s), s.flag("split", true)); }}});
}

DecoderPtr build_decoder(const Section& section) {
  using S = const Section&;
  return build<DecoderPtr>(
      section, "decoder",
      {{"Sequence", decoders},
       {"ByteLevel", [](S) { return byte_level_decoder(); }},
       {"ByteFallback", [](S) { return byte_fallback_decoder(); }},
       {"Fuse", [](S) { return fuse_decoder(); }},
       {"Strip", [](S s) { return strip_decoder(s.code_point("content"), count(s, "start"), count(s, "stop")); }},
       {"Replace", [](S s) { return replace_decoder(s.pattern("pattern"), s.text("content")); }},
       {"Metaspace",
        [](S s) { return metaspace_decoder(s.code_point("replacement"), prepend_scheme(s) != Prepend::never); }},
       {"WordPiece", [](S s) { return word_piece_decoder(s.text("prefix"), s.flag("cleanup")); }},
       {"BPEDecoder", [](S s) { return bpe_decoder(s.text("suffix")); }},
       {"CTC",
        [](S s) { return ctc_decoder(s.text("pad_token"), s.text("word_delimiter_token"), s.flag("cleanup")); }}});
}

}  // namespace touchstone::tokenizers
