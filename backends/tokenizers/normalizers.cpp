#include "backends/tokenizers/normalizers.hpp"

#include <utf8proc.h>

#include "backends/tokenizers/unicode.hpp"

namespace touchstone::tokenizers {
namespace {

/// A normalizer from a function that walks a Rewrite over the text.
template <class Walk>
class Walked : public Normalizer {
 public:
  explicit Walked(Walk walk) : walk_(std::move(walk)) {}
  bool normalize(const Span& from, Rewritten& to) const override {
    Rewrite rewrite(from, to);
    walk_(from.text, rewrite);
    return rewrite.finish();
  }

 private:
  Walk walk_;
};

template <class Walk>
NormalizerPtr walked(Walk walk) {
  return std::make_unique<Walked<Walk>>(std::move(walk));
}

/// A normalizer of single code points: change(value) gives the code point to put there, or -1 to drop it.
template <class Change>
NormalizerPtr mapped(Change change) {
  return walked([change](std::string_view text, Rewrite& rewrite) {
    for (std::size_t at = 0; at < text.size();) {
      const auto point = known_code_point_at(text, at);
      const auto wanted = change(point.value);
      at += point.bytes;
      if (wanted == point.value) {
        rewrite.keep_to(at);
      } else {
        rewrite.replace_to(at, wanted < 0 ? std::string() : utf8_of(wanted));
      }
    }
  });
}

class NormalizerSequence : public Normalizer {
 public:
  explicit NormalizerSequence(std::vector<NormalizerPtr> steps) : steps_(std::move(steps)) {}
  bool normalize(const Span& from, Rewritten& to) const override {
    Rewritten other;
    bool changed = false;
    for (const auto& step : steps_) {
      const Span now = changed ? to.span(from) : from;
      if (!step->normalize(now, other)) continue;
      std::swap(to, other);
      changed = true;
    }
    return changed;
  }

 private:
  std::vector<NormalizerPtr> steps_;
};

bool is_chinese(std::int32_t value) {
  const auto in = [&](std::int32_t first, std::int32_t last) { return value >= first && value <= last; };
  return in(0x4e00, 0x9fff) || in(0x3400, 0x4dbf) || in(0x20000, 0x2a6df) || in(0x2a700, 0x2b73f) ||
         in(0x2b740, 0x2b81f) || in(0x2b920, 0x2ceaf) || in(0xf900, 0xfaff) || in(0x2f800, 0x2fa1f);
}

NormalizerPtr clean_text() {
  return mapped([](std::int32_t value) -> std::int32_t {
    if (value == '\t' || value == '\n' || value == '\r') return ' ';
    if (value == 0 || value == 0xfffd || is_other(value)) return -1;
    return is_white_space(value) ? ' ' : value;
  });
}

NormalizerPtr space_around_chinese() {
  return walked([](std::string_view text, Rewrite& rewrite) {
    for (std::size_t at = 0; at < text.size();) {
      const auto point = known_code_point_at(text, at);
      at += point.bytes;
      if (is_chinese(point.value)) {
        rewrite.replace_to(at, " " + std::string(text.substr(at - point.bytes, point.bytes)) + " ");
      } else {
        rewrite.keep_to(at);
      }
    }
  });
}

}  // namespace

NormalizerPtr lowercase() {
  return walked([](std::string_view text, Rewrite& rewrite) {
    for (std::size_t at = 0; at < text.size();) {
      const auto point = known_code_point_at(text, at);
      at += point.bytes;
      const auto lower = static_cast<std::int32_t>(utf8proc_tolower(point.value));
      if (point.value == 0x130) {
        rewrite.replace_to(at, "i\xcc\x87");  // the one code point whose lower case is two
      } else if (lower != point.value) {
        rewrite.replace_to(at, utf8_of(lower));
      } else {
        rewrite.keep_to(at);
      }
    }
  });
}

NormalizerPtr strip_accents() {
  return mapped([](std::int32_t value) { return is_mark(value) ? -1 : value; });
}

NormalizerPtr strip_ends(bool left, bool right) {
  return walked([left, right](std::string_view text, Rewrite& rewrite) {
    std::size_t first = 0;
    while (left && first < text.size()) {
      const auto point = known_code_point_at(text, first);
      if (!is_white_space(point.value)) break;
      first += point.bytes;
    }
    std::size_t last = text.size();
    while (right && last > first) {
      const auto before = previous_start(text, last);
      if (!is_white_space(known_code_point_at(text, before).value)) break;
      last = before;
    }
    if (first > 0) rewrite.replace_to(first, "");
    rewrite.keep_to(last);
    if (last < text.size()) rewrite.replace_to(text.size(), "");
  });
}

NormalizerPtr replace(Pattern pattern, std::string content) {
  const auto shared = std::make_shared<Pattern>(std::move(pattern));
  return walked([shared, content](std::string_view text, Rewrite& rewrite) {
    shared->each(text, [&](Match match) {
      rewrite.keep_to(match.first);
      if (match.first == match.last) {
        rewrite.insert(content);
      } else {
        rewrite.replace_to(match.last, content);
      }
    });
  });
}

NormalizerPtr prepend(const std::string& text) {
  return walked([text](std::string_view from, Rewrite& rewrite) {
    if (!from.empty() && !text.empty()) rewrite.insert(text);
  });
}

/// The rules of "nmt" in SentencePiece's normalisation tables.
NormalizerPtr nmt() {
  return mapped([](std::int32_t value) -> std::int32_t {
    const auto in = [&](std::int32_t first, std::int32_t last) { return value >= first && value <= last; };
    if (in(0x01, 0x08) || value == 0x0b || in(0x0e, 0x1f) || value == 0x7f || value == 0x8f || value == 0x9f) return -1;
    if (value == 0x09 || value == 0x0a || value == 0x0c || value == 0x0d || value == 0x1680 || in(0x200b, 0x200f) ||
        value == 0x2028 || value == 0x2029 || value == 0x2581 || value == 0xfeff || value == 0xfffd) {
      return ' ';
    }
    return value;
  });
}

NormalizerPtr byte_level_normalizer() {
  return walked([](std::string_view text, Rewrite& rewrite) {
    for (std::size_t at = 0; at < text.size();) {
      const auto bytes = known_code_point_at(text, at).bytes;
      std::string letters;
      for (std::size_t i = at; i < at + bytes; ++i)
        letters += byte_alphabet().letter(static_cast<unsigned char>(text[i]));
      at += bytes;
      if (letters == text.substr(at - bytes, bytes)) {
        rewrite.keep_to(at);
      } else {
        rewrite.replace_to(at, letters);
      }
    }
  });
}

NormalizerPtr bert_normalizer(bool clean, bool chinese_chars, bool accents, bool lower) {
  std::vector<NormalizerPtr> steps;
  if (clean) steps.push_back(clean_text());
  if (chinese_chars) steps.push_back(space_around_chinese());
  if (accents) {
    steps.push_back(normalize_unicode(UnicodeForm::nfd));
    steps.push_back(mapped([](std::int32_t value) { return is_nonspacing_mark(value) ? -1 : value; }));
  }
  if (lower) steps.push_back(lowercase());
  return normalizer_sequence(std::move(steps));
}

NormalizerPtr normalizer_sequence(std::vector<NormalizerPtr> steps) {
  return std::make_unique<NormalizerSequence>(std::move(steps));
}

}  // namespace touchstone::tokenizers
