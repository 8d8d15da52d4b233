// The writer for pull requests and terminals.
#include <fmt/format.h>

#include <algorithm>

#include "harness/base/text.hpp"
#include "reports/blocks.hpp"
#include "reports/flat_table.hpp"
#include "reports/numbers.hpp"
#include "reports/text.hpp"
#include "reports/words.hpp"

namespace touchstone::reports {
namespace {

/// Any text, between fences that it cannot end.
std::string fenced(std::string_view text) {
  const auto body = inert(text);
  std::size_t longest = 0;
  std::size_t run = 0;
  for (const char c : body) longest = std::max(longest, run = c == '`' ? run + 1 : 0);
  const std::string fence(std::max<std::size_t>(3, longest + 1), '`');
  return fence + "\n" + body + (body.ends_with('\n') ? "" : "\n") + fence + "\n";
}

std::string markdown_excerpt(const Excerpt& text) {
  std::string out;
  if (text.left_out_before > 0) {
    out += fmt::format("({} before this left out)\n\n", bytes(static_cast<std::int64_t>(text.left_out_before)));
  }
  out += text.text.empty() ? "(nothing)\n" : fenced(text.text);
  if (text.left_out_after > 0) {
    out += fmt::format("\n({} after this left out)\n", bytes(static_cast<std::int64_t>(text.left_out_after)));
  }
  return out + "\n";
}

std::string markdown_answer(std::string_view heading, const FlipAnswer& answer) {
  auto out = fmt::format("{}, {}", heading, answer.correct ? "right" : "wrong");
  if (answer.confidence) out += fmt::format(", confidence {} %", fixed(*answer.confidence * 100, 0));
  if (!answer.extracted.empty()) out += ", read as: " + markdown(answer.extracted);
  if (!answer.detail.empty()) out += ", " + markdown(answer.detail);
  return out + ":\n\n" + markdown_excerpt(answer.response);
}

/// On one line, because a blank one would end the element. Characters that are special in Markdown become references,
/// for readers that interpret Markdown here too.
std::string summary_text(std::string_view text) {
  std::string out;
  for (const char c : html(text)) {
    if (c == '\n' || c == '\t') {
      out += ' ';
    } else if (std::string_view("[]`*_|!~").find(c) != std::string_view::npos) {
      out += fmt::format("&#{};", static_cast<int>(c));
    } else {
      out += c;
    }
  }
  return out;
}

std::string folded(std::string_view summary, const std::string& body) {
  return "<details><summary>" + summary_text(summary) + "</summary>\n\n" + body + "\n</details>\n\n";
}

struct MarkdownWriter {
  std::string operator()(const Heading& heading) const { return "### " + markdown(heading.text) + "\n\n"; }
  std::string operator()(const Paragraph& paragraph) const { return markdown_of(paragraph.text) + "\n\n"; }
  std::string operator()(const Alert& alert) const {
    std::string out;
    for (const auto& line : alert.lines) out += "> " + markdown_of(line) + "\n>\n";
    return out + "\n";
  }
  std::string operator()(const Lines& lines) const {
    std::string out;
    for (const auto& line : lines.all) out += "- " + markdown_of(line) + "\n";
    return out + "\n";
  }
  std::string operator()(const Facts& facts) const {
    std::string out;
    for (const auto& [name, value] : facts.rows) out += "- " + markdown(name) + ": " + markdown(value) + "\n";
    return out + "\n";
  }
  std::string operator()(const Tiles& tiles) const {
    std::string out;
    for (const auto& tile : tiles.all) {
      out += (out.empty() ? "" : ", ") + count(tile.value) + " " + markdown(tile.label);
    }
    return out + "\n\n";
  }
  std::string operator()(const ReportTable& table) const {
    const auto flat = flatten(table);
    std::string out = markdown(table.caption) + ":\n\n|";
    std::string rule = "|";
    for (const auto& column : flat.columns) {
      out += " " + markdown(column.name) + " |";
      rule += column.numbers ? " ---: |" : " --- |";
    }
    out += "\n" + rule + "\n";
    for (const auto& row : flat.rows) {
      out += "|";
      for (const auto* cell : row) out += " " + (cell == nullptr ? "" : markdown_of(cell->text)) + " |";
      out += "\n";
    }
    return out + "\n";
  }
  std::string operator()(const Figures& figures) const {
    std::string out;
    for (const auto& one : figures.all) {
      if (!one.finding.empty()) out += "- " + markdown(one.heading) + ": " + markdown(one.finding) + "\n";
    }
    return out.empty() ? out : out + "\n";
  }
  std::string operator()(const Verbatim& verbatim) const { return fenced(verbatim.text) + "\n"; }
  std::string operator()(const Cards& cards) const {
    std::string out;
    for (const auto& card : cards.all) {
      out += fmt::format("- **{}: {}.**", markdown(card.title), word(card.finding));
      for (const auto& line : card.lines) out += " " + markdown_of(line);
      out += "\n";
    }
    return out + "\n";
  }
  std::string operator()(const FlippedItem& item) const {
    const auto& flip = item.flip;
    return folded((flip.after.correct ? "gained " : "lost ") + flip.example_id,
                  "Prompt:\n\n" + markdown_excerpt(flip.prompt) + "Right answer:\n\n" + markdown_excerpt(flip.target) +
                      markdown_answer("Before", flip.before) + markdown_answer("After", flip.after));
  }
  std::string operator()(const PageOnly&) const { return {}; }
  std::string operator()(const Fold& fold) const {
    return folded(plain_of(fold.summary), reports::markdown_of(fold.body));
  }
  std::string operator()(const Items& items) const { return reports::markdown_of(items.body); }
  std::string markdown_of(const RichText& text) const { return reports::markdown_of(text); }
};

}  // namespace

std::string markdown_of(const RichText& text) {
  std::string out;
  for (const auto& piece : text.pieces) {
    const auto escaped = markdown(piece.text);
    const bool apart = piece.look == Look::small || piece.look == Look::unseen;
    if (apart && !out.empty() && out.back() != ' ' && !escaped.starts_with(' ')) out += ' ';
    const bool bold = piece.look == Look::strong && !escaped.empty() && escaped.front() != ' ' && escaped.back() != ' ';
    out += bold ? "**" + escaped + "**" : escaped;
  }
  return out;
}

std::string markdown_of(const Blocks& blocks) {
  std::string out;
  for (const auto& block : blocks) out += std::visit(MarkdownWriter(), block.what);
  return out;
}

}  // namespace touchstone::reports
