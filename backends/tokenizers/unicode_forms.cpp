#include <utf8proc.h>

#include <array>
#include <vector>

#include "backends/tokenizers/normalizers.hpp"
#include "backends/tokenizers/unicode.hpp"

namespace touchstone::tokenizers {
namespace {

/// Unicode normalisation range by range: a range begins with a code point that nothing before it can change.
class Form : public Normalizer {
 public:
  explicit Form(UnicodeForm form)
      : composes_(form == UnicodeForm::nfc || form == UnicodeForm::nfkc),
        options_(form == UnicodeForm::nfkc || form == UnicodeForm::nfkd
                     ? UTF8PROC_DECOMPOSE | UTF8PROC_COMPAT | UTF8PROC_STABLE
                     : UTF8PROC_DECOMPOSE | UTF8PROC_STABLE),
        compatible_((options_ & UTF8PROC_COMPAT) != 0) {}

  bool normalize(const Span& from, Rewritten& to) const override {
    if (is_ascii(from.text)) return false;
    Rewrite rewrite(from, to);
    std::vector<utf8proc_int32_t> points;
    const auto text = from.text;
    for (std::size_t at = 0; at < text.size();) {
      std::size_t end = at + known_code_point_at(text, at).bytes;
      bool plain = is_plain(known_code_point_at(text, at).value);
      while (end < text.size()) {
        const auto point = known_code_point_at(text, end);
        if (begins(point.value)) break;
        plain = false;
        end += point.bytes;
      }
      if (!plain) stretch(text.substr(at, end - at), end, rewrite, points);
      rewrite.keep_to(end);
      at = end;
    }
    return rewrite.finish();
  }

 private:
  /// True for code points that are unchanged when nothing combines with them. Too many false answers cost only time.
  bool is_plain(std::int32_t value) const {
    if (value < 0x80) return true;
    return composes_ && !compatible_ && value < 0x300;
  }

  /// True for code points that no code point before them can combine or change places with.
  bool begins(std::int32_t value) const {
    if (value < 0x300 && !compatible_) return true;
    if (value < 0x80) return true;
    std::array<utf8proc_int32_t, 32> parts{};
    int boundary = 0;
    const auto count = utf8proc_decompose_char(value, parts.data(), static_cast<utf8proc_ssize_t>(parts.size()),
                                               static_cast<utf8proc_option_t>(options_), &boundary);
    const auto first = count > 0 ? parts[0] : value;
    if ((first >= 0x1160 && first <= 0x11ff)) return false;  // Hangul vowels and finals
    return utf8proc_get_property(first)->combining_class == 0 && !is_mark(first);
  }

  void stretch(std::string_view text, std::size_t end, Rewrite& rewrite, std::vector<utf8proc_int32_t>& points) const {
    const auto decompose = [&] {
      return utf8proc_decompose(reinterpret_cast<const utf8proc_uint8_t*>(text.data()),
                                static_cast<utf8proc_ssize_t>(text.size()), points.data(),
                                static_cast<utf8proc_ssize_t>(points.size()), static_cast<utf8proc_option_t>(options_));
    };
    auto count = decompose();
    if (count > static_cast<utf8proc_ssize_t>(points.size())) {
      points.resize(static_cast<std::size_t>(count) + 16);
      count = decompose();
    }
    if (count < 0) return;  // not reached: the text is well-formed
    if (composes_) {
      count = utf8proc_normalize_utf32(points.data(), count,
                                       static_cast<utf8proc_option_t>(UTF8PROC_COMPOSE | UTF8PROC_STABLE));
    }
    std::string changed;
    for (utf8proc_ssize_t i = 0; i < count; ++i) append_code_point(changed, points[static_cast<std::size_t>(i)]);
    if (changed != text) rewrite.replace_to(end, changed);
  }

  bool composes_;
  int options_;
  bool compatible_;
};

}  // namespace

NormalizerPtr normalize_unicode(UnicodeForm form) { return std::make_unique<Form>(form); }

}  // namespace touchstone::tokenizers
