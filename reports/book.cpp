#include "reports/render.hpp"

namespace touchstone {
namespace {

using Names = std::vector<std::string>;

/// A format without sections.
template <class Render>
ReportFormat whole(const std::string& summary, const Render& render) {
  return {.summary = summary,
          .endings = {},
          .takes_sections = false,
          .render = [render](const ReportInput& input, const SectionBook&, const Names&) { return render(input); }};
}

/// Without named sections, rows of all data; with them, the tables of these sections.
template <class Render, class RenderSections>
ReportFormat rows(const std::string& ending, const Render& render, const RenderSections& render_sections) {
  return {
      .summary = {},
      .endings = {ending},
      .takes_sections = true,
      .render = [render, render_sections](const ReportInput& input, const SectionBook& book, const Names& sections) {
        return sections.empty() ? render(input) : render_sections(input, book, sections);
      }};
}

}  // namespace

void add_report_book(ReportBook& book) {
  add_reports(book.sections);
  book.collect = collect;
  book.formats.add("html",
                   {.summary = {}, .endings = {".html", ".htm"}, .takes_sections = true, .render = render_html});
  book.formats.add("md", {.summary = {}, .endings = {".md"}, .takes_sections = true, .render = render_markdown});
  book.formats.add("csv", rows(".csv", render_csv, render_section_csv));
  book.formats.add("json", rows(".json", render_json, render_section_json));
  book.formats.add("brief", whole("some lines in words", render_brief));
  book.formats.add("lm-eval", whole({}, render_lm_eval));
}

}  // namespace touchstone
