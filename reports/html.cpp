#include "reports/html.hpp"

#include <fmt/format.h>

#include "reports/numbers.hpp"
#include "reports/text.hpp"

namespace touchstone::reports {
namespace {

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
  out += cell.html;
  out += "</";
  out += tag;
  out += '>';
}

void append_row(std::string& out, const Row& row, std::string_view scope) {
  out += "<tr>";
  for (const auto& cell : row) append_cell(out, cell, scope);
  out += "</tr>\n";
}

int width_of(const Row& row) {
  int width = 0;
  for (const auto& cell : row) width += cell.columns;
  return width;
}

}  // namespace

Cell text_cell(std::string_view text, std::string classes) {
  return {.html = html(text), .classes = std::move(classes), .value = {}};
}

Cell head_cell(std::string_view text, int columns, std::string classes) {
  return {.html = html(text), .classes = std::move(classes), .value = {}, .header = true, .columns = columns};
}

Cell number_cell(double value, std::string shown, std::string classes) {
  return {.html = std::move(shown), .classes = classes.empty() ? "n" : "n " + classes, .value = value};
}

Cell html_cell(std::string markup, std::string classes) {
  return {.html = std::move(markup), .classes = std::move(classes), .value = {}};
}

std::string render(const Table& table) {
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

std::string figure(std::string_view heading, std::string_view svg, std::string_view finding) {
  return fmt::format("<figure><p class=\"ft\">{}</p>{}<figcaption>{}</figcaption></figure>\n", heading, svg, finding);
}

std::string details(std::string_view summary_html, std::string_view body, std::string_view classes) {
  const std::string attribute = classes.empty() ? "" : fmt::format(" class=\"{}\"", classes);
  return fmt::format("<details{}><summary>{}</summary>\n{}</details>\n", attribute, summary_html, body);
}

std::string note(std::string_view markup) { return fmt::format("<p class=\"note\">{}</p>\n", markup); }

std::string slug(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
    if (plain) {
      out += c;
    } else if (!out.empty() && out.back() != '-') {
      out += '-';
    }
  }
  return out;
}

}  // namespace touchstone::reports
