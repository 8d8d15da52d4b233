// The page's writer: the one place where sections become markup.
#include <fmt/format.h>

#include "reports/blocks.hpp"
#include "reports/numbers.hpp"
#include "reports/text.hpp"
#include "reports/words.hpp"

namespace touchstone::reports {
namespace {

std::string piece_html(const Piece& piece) {
  const auto text = html(piece.text);
  if (!piece.link.empty()) return "<a href=\"#" + slug(piece.link) + "\">" + text + "</a>";
  const auto title = piece.title.empty() ? std::string() : " title=\"" + html(piece.title) + "\"";
  const auto in = [&](std::string_view tag) { return fmt::format("<{0}{1}>{2}</{0}>", tag, title, text); };
  const auto span = [&](std::string_view name) {
    return fmt::format("<span class=\"{}\"{}>{}</span>", name, title, text);
  };
  switch (piece.look) {
    case Look::plain:
      break;
    case Look::strong:
      return in("b");
    case Look::small:
      return in("small");
    case Look::emphasis:
      return in("em");
    case Look::code:
      return in("code");
    case Look::gain:
      return span("gain");
    case Look::loss:
      return span("loss");
    case Look::mono:
      return span("mono");
    case Look::unseen:
      return span("sr");
    case Look::together:
      return span("nb");
  }
  return text;
}

void append_cell(std::string& out, const Cell& cell, std::string_view scope) {
  const std::string_view tag = cell.header ? "th" : "td";
  out += '<';
  out += tag;
  if (cell.header) {
    out += " scope=\"";
    out += scope;
    out += cell.columns > 1 && scope == "col" ? "group\"" : "\"";
  }
  if (!cell.classes.empty()) out += " class=\"" + cell.classes + '"';
  if (cell.columns > 1) out += fmt::format(" colspan=\"{}\"", cell.columns);
  if (cell.value) {
    const auto value = brief(*cell.value);
    if (!value.empty()) out += " data-v=\"" + value + '"';
  }
  out += '>';
  out += reports::html_of(cell.text);
  out += "</";
  out += tag;
  out += '>';
}

void append_row(std::string& out, const TableRow& row, std::string_view scope) {
  out += "<tr>";
  for (const auto& cell : row) append_cell(out, cell, scope);
  out += "</tr>\n";
}

/// An excerpt as the model wrote it, with the number of bytes left out.
std::string html_excerpt(const Excerpt& text) {
  std::string out = "<pre dir=\"auto\">";
  if (text.left_out_before > 0)
    out +=
        fmt::format("<em>… {} before this left out …</em>\n", bytes(static_cast<std::int64_t>(text.left_out_before)));
  out += text.text.empty() ? "<em>(nothing)</em>" : html(text.text);
  if (text.left_out_after > 0)
    out += fmt::format("\n<em>… {} after this left out …</em>", bytes(static_cast<std::int64_t>(text.left_out_after)));
  return out + "</pre>";
}

std::string html_answer(std::string_view heading, const FlipAnswer& answer) {
  std::string out = "<div><h5>" + std::string(heading);
  out += answer.correct ? " <span class=\"gain\">✓ right</span>" : " <span class=\"loss\">✗ wrong</span>";
  if (answer.confidence) out += fmt::format(", confidence {} %", fixed(*answer.confidence * 100, 0));
  out += "</h5>" + html_excerpt(answer.response);
  if (!answer.extracted.empty()) out += "<p class=\"note\">read as: <code>" + html(answer.extracted) + "</code></p>";
  if (!answer.detail.empty()) out += "<p class=\"note\">" + html(answer.detail) + "</p>";
  return out + "</div>";
}

std::string details(std::string_view summary, std::string_view body, std::string_view attributes) {
  return fmt::format("<details{}><summary>{}</summary>\n{}</details>\n", attributes, summary, body);
}

struct HtmlWriter {
  std::string operator()(const Heading& heading) const { return "<h3>" + html(heading.text) + "</h3>\n"; }
  std::string operator()(const Paragraph& paragraph) const {
    return (paragraph.note ? "<p class=\"note\">" : "<p>") + html_of(paragraph.text) + "</p>\n";
  }
  std::string operator()(const Alert& alert) const {
    std::string out = "<div class=\"alert\">";
    for (const auto& line : alert.lines) out += "<p>" + html_of(line) + "</p>";
    return out + "</div>\n";
  }
  std::string operator()(const Lines& lines) const {
    std::string out = "<ul>\n";
    for (const auto& line : lines.all) out += "<li>" + html_of(line) + "</li>\n";
    return out + "</ul>\n";
  }
  std::string operator()(const Facts& facts) const {
    std::string out = "<dl class=\"facts\">";
    for (const auto& [name, value] : facts.rows) out += "<dt>" + html(name) + "</dt><dd>" + html(value) + "</dd>";
    return out + "</dl>\n";
  }
  std::string operator()(const Tiles& tiles) const {
    std::string out = "<ul class=\"tiles\">\n";
    for (const auto& tile : tiles.all) {
      out += fmt::format("<li><b data-v=\"{}\">{}</b>{}</li>\n", tile.value, count(tile.value), html(tile.label));
    }
    return out + "</ul>\n";
  }
  /// In a frame that scrolls sideways on narrow screens and can be reached by keyboard.
  std::string operator()(const ReportTable& table) const {
    const auto caption = html(table.caption);
    std::string out = "<div class=\"scroll\" role=\"region\" tabindex=\"0\" aria-label=\"" + caption + "\"><table";
    const std::string classes = table.classes + (table.sortable ? " sortable" : "");
    if (!classes.empty()) out += " class=\"" + classes + '"';
    out += "><caption>" + caption + "</caption>\n<thead>";
    for (const auto& row : table.head) append_row(out, row, "col");
    out += "</thead>\n";
    for (const auto& group : table.groups) {
      out += "<tbody>";
      if (!group.heading.empty() && !table.head.empty()) {
        out += fmt::format("<tr class=\"group\"><th scope=\"rowgroup\" colspan=\"{}\">{}</th></tr>\n",
                           width_of(table.head.back()), html(group.heading));
      }
      for (const auto& row : group.rows) append_row(out, row, "row");
      out += "</tbody>\n";
    }
    return out + "</table></div>\n";
  }
  std::string operator()(const Figures& figures) const {
    std::string out = "<div class=\"charts" + (figures.classes.empty() ? "" : " " + figures.classes) + "\">\n";
    for (const auto& one : figures.all) {
      out += fmt::format("<figure><p class=\"ft\">{}</p>{}<figcaption>{}</figcaption></figure>\n", html(one.heading),
                         one.svg, html(one.finding));
    }
    return out + "</div>\n";
  }
  std::string operator()(const Verbatim& verbatim) const { return "<pre>" + html(verbatim.text) + "</pre>"; }
  std::string operator()(const Cards& cards) const {
    std::string out = "<div class=\"verdicts\">\n";
    for (const auto& card : cards.all) {
      out += fmt::format("<article class=\"verdict {0}\"><h3>{1} <span class=\"tag {0}\">{0}</span></h3>\n",
                         word(card.finding), html(card.title));
      for (const auto& line : card.lines) out += "<p>" + html_of(line) + "</p>\n";
      out += "</article>\n";
    }
    return out + "</div>\n";
  }
  std::string operator()(const FlippedItem& item) const {
    const auto& flip = item.flip;
    const bool gained = flip.after.correct;
    const auto heading = fmt::format("<span class=\"{}\">{}</span> <span class=\"mono\">{}</span>",
                                     gained ? "gain" : "loss", gained ? "▲ gained" : "▼ lost", html(flip.example_id));
    const auto body = "<div class=\"block\"><h5>Prompt</h5>" + html_excerpt(flip.prompt) + "<h5>Right answer</h5>" +
                      html_excerpt(flip.target) + "</div><div class=\"pair\">" + html_answer("Before", flip.before) +
                      html_answer("After", flip.after) + "</div>";
    return details(heading, body, fmt::format(" class=\"item\" id=\"item-{}\"", item.number));
  }
  std::string operator()(const PageOnly& only) const { return only.html; }
  std::string operator()(const Fold& fold) const {
    const auto classes = fold.classes.empty() ? std::string() : " class=\"" + fold.classes + "\"";
    return details(html_of(fold.summary), html_of(fold.body), classes + (fold.open ? " open" : ""));
  }
  std::string operator()(const Items& items) const { return "<div id=\"items\">\n" + html_of(items.body) + "</div>\n"; }
  std::string html_of(const RichText& text) const { return reports::html_of(text); }
  std::string html_of(const Blocks& blocks) const { return reports::html_of(blocks); }
};

}  // namespace

std::string html_of(const RichText& text) {
  std::string out;
  for (const auto& piece : text.pieces) out += piece_html(piece);
  return out;
}

std::string html_of(const Blocks& blocks) {
  std::string out;
  for (const auto& block : blocks) out += std::visit(HtmlWriter(), block.what);
  return out;
}

}  // namespace touchstone::reports
