#include "reports/page.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdint>

#include "harness/base/hash.hpp"
#include "harness/report/report.hpp"
#include "reports/html.hpp"
#include "reports/text.hpp"
#include "reports/words.hpp"

namespace touchstone {
namespace reports {
namespace {

int hex_digit(char c) { return c <= '9' ? c - '0' : c - 'a' + 10; }

// "sha256-BASE64", as a content-security policy names an inline block.
std::string policy_hash(std::string_view text) {
  constexpr std::string_view digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  const auto hex = sha256(text);
  std::array<std::uint32_t, 33> byte{};  // 32 and one of padding: a multiple of three
  for (std::size_t i = 0; i < 32; ++i) {
    byte[i] = static_cast<std::uint32_t>(hex_digit(hex[2 * i]) * 16 + hex_digit(hex[2 * i + 1]));
  }
  std::string out = "sha256-";
  for (std::size_t i = 0; i < 33; i += 3) {
    const std::uint32_t group = (byte[i] << 16U) | (byte[i + 1] << 8U) | byte[i + 2];
    for (int shift = 18; shift >= 0; shift -= 6) out += digits[(group >> static_cast<unsigned>(shift)) & 63U];
  }
  out.back() = '=';
  return out;
}

struct Part {
  std::string name;
  std::string title;
  int order = 0;
  std::string body;
};

using Writer = std::function<std::string(const ReportInput&)> Section::*;

// The sections that have something to say, in their order.
std::vector<Part> parts(const ReportInput& input, const SectionBook& book, Writer writer) {
  std::vector<Part> all;
  for (const auto& name : book.names()) {
    const auto& section = book.get(name);
    const auto& write = section.*writer;
    if (!write) continue;
    auto body = write(input);
    if (!body.empty()) all.push_back({name, section.title, section.order, std::move(body)});
  }
  std::stable_sort(all.begin(), all.end(), [](const Part& a, const Part& b) { return a.order < b.order; });
  return all;
}

std::string title_of(const ReportInput& input) {
  if (input.runs.size() == 1 && !input.runs[0].name.empty()) return input.runs[0].name;
  return "touchstone report";
}

std::string page_head(const ReportInput& input) {
  std::string out = "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n";
  out += fmt::format(
      "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src '{}'; script-src '{}'; "
      "base-uri 'none'; form-action 'none'\">\n",
      policy_hash(style_sheet()), policy_hash(script()));
  out += "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n";
  out += "<meta name=\"color-scheme\" content=\"light dark\">\n<meta name=\"referrer\" content=\"no-referrer\">\n";
  out += "<title>" + html(title_of(input)) + "</title>\n<style>" + std::string(style_sheet()) + "</style>\n</head>\n";
  return out;
}

}  // namespace
}  // namespace reports

std::string render_html(const ReportInput& input, const SectionBook& book) {
  using namespace reports;  // NOLINT(google-build-using-namespace): one function of that very folder
  const auto shown_parts = parts(input, book, &Section::html);
  std::string out = page_head(input);
  out +=
      "<body>\n<a class=\"skip\" href=\"#content\">Skip to the content</a>\n<div class=\"wrap\">\n<header "
      "class=\"top\"><h1>" +
      html(title_of(input)) + "</h1>\n<p>" + html(scope(input)) + "</p></header>\n<div class=\"cols\">\n";
  out += "<nav aria-label=\"Sections\"><ul>\n";
  for (const auto& part : shown_parts)
    out += "<li><a href=\"#" + slug(part.name) + "\">" + html(part.title) + "</a></li>\n";
  out += "</ul></nav>\n<main id=\"content\">\n";
  for (const auto& part : shown_parts) {
    const auto id = slug(part.name);
    out += "<section id=\"" + id + "\" aria-labelledby=\"" + id + "-h\"><h2 id=\"" + id + "-h\">" + html(part.title) +
           "</h2>\n" + part.body + "</section>\n";
  }
  out += "</main>\n</div>\n<footer>Written by touchstone";
  if (!input.version.empty()) out += " " + html(input.version);
  out +=
      ". One file, no network, no tracking; every number comes from the results database.</footer>\n</div>\n<script>";
  out += script();
  return out + "</script>\n</body>\n</html>\n";
}

std::string render_markdown(const ReportInput& input, const SectionBook& book) {
  using namespace reports;  // NOLINT(google-build-using-namespace): one function of that very folder
  std::string out = "# " + markdown(title_of(input)) + "\n\n" + scope(input) + "\n";
  for (const auto& part : parts(input, book, &Section::markdown))
    out += "\n## " + markdown(part.title) + "\n\n" + part.body;
  return out;
}

}  // namespace touchstone
