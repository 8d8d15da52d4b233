#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdint>

#include "harness/base/hash.hpp"
#include "harness/base/json.hpp"
#include "reports/assets.hpp"
#include "reports/blocks.hpp"
#include "reports/render.hpp"
#include "reports/text.hpp"
#include "reports/words.hpp"

namespace touchstone {
namespace reports {
namespace {

int hex_digit(char c) { return c <= '9' ? c - '0' : c - 'a' + 10; }

// "sha256-BASE64", the form in which a content-security policy names an inline block.
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
  const Section* section = nullptr;
  Blocks blocks;
};

// The sections with content, in their order: those named, or all, on request without the long ones.
std::vector<Part> parts(const ReportInput& input, const SectionBook& book, const std::vector<std::string>& named,
                        bool long_ones) {
  for (const auto& name : named) book.get(name);  // throws for an unknown name
  std::vector<Part> all;
  for (const auto& name : book.names()) {
    const auto& section = book.get(name);
    const bool asked = std::find(named.begin(), named.end(), name) != named.end();
    if (named.empty() ? section.is_long && !long_ones : !asked) continue;
    auto blocks = section.blocks(input);
    if (!blocks.empty()) all.push_back({&section, std::move(blocks)});
  }
  std::stable_sort(all.begin(), all.end(),
                   [](const Part& a, const Part& b) { return a.section->order < b.section->order; });
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
      policy_hash(assets::page_css), policy_hash(assets::page_js));
  out += "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n";
  out += "<meta name=\"color-scheme\" content=\"light dark\">\n<meta name=\"referrer\" content=\"no-referrer\">\n";
  out +=
      "<title>" + html(title_of(input)) + "</title>\n<style>" + std::string(assets::page_css) + "</style>\n</head>\n";
  return out;
}

}  // namespace
}  // namespace reports

std::string render_html(const ReportInput& input, const SectionBook& book, const std::vector<std::string>& named) {
  using namespace reports;  // NOLINT(google-build-using-namespace): one function of that very folder
  const auto shown_parts = parts(input, book, named, true);
  std::string out = page_head(input);
  out +=
      "<body>\n<a class=\"skip\" href=\"#content\">Skip to the content</a>\n<div class=\"wrap\">\n<header "
      "class=\"top\"><h1>" +
      html(title_of(input)) + "</h1>\n<p>" + html(scope(input)) + "</p>";
  if (auto lines = alerts(input); !lines.empty()) out += html_of({Alert{std::move(lines)}});
  out += "</header>\n<div class=\"cols\">\n<nav aria-label=\"Sections\"><ul>\n";
  for (const auto& part : shown_parts) {
    out += "<li><a href=\"#" + slug(part.section->name) + "\">" + html(part.section->title) + "</a></li>\n";
  }
  out += "</ul></nav>\n<main id=\"content\">\n";
  for (const auto& part : shown_parts) {
    const auto id = slug(part.section->name);
    out += "<section id=\"" + id + "\" aria-labelledby=\"" + id + "-h\"><h2 id=\"" + id + "-h\">" +
           html(part.section->title) + "</h2>\n" + html_of(part.blocks) + "</section>\n";
  }
  out += "</main>\n</div>\n<footer>Written by touchstone";
  if (!input.version.empty()) out += " " + html(input.version);
  out +=
      ". One file, no network, no tracking; every number comes from the results database.</footer>\n</div>\n<script>";
  out += assets::page_js;
  return out + "</script>\n</body>\n</html>\n";
}

std::string render_markdown(const ReportInput& input, const SectionBook& book, const std::vector<std::string>& named) {
  using namespace reports;  // NOLINT(google-build-using-namespace): one function of that very folder
  std::string out = "# " + markdown(title_of(input)) + "\n\n" + scope(input) + "\n\n";
  if (auto lines = alerts(input); !lines.empty()) out += markdown_of({Alert{std::move(lines)}});
  for (const auto& part : parts(input, book, named, false)) {
    out += "## " + markdown(part.section->title) + "\n\n" + markdown_of(part.blocks);
  }
  return out;
}

std::string render_section_csv(const ReportInput& input, const SectionBook& book,
                               const std::vector<std::string>& named) {
  std::string out;
  for (const auto& part : reports::parts(input, book, named, true)) {
    const auto tables = reports::csv_of(part.blocks);
    if (!tables.empty()) out += (out.empty() ? "" : "\r\n") + tables;
  }
  return out;
}

std::string render_section_json(const ReportInput& input, const SectionBook& book,
                                const std::vector<std::string>& named) {
  Json out = {{"format", "touchstone-sections-1"}, {"version", input.version}, {"sections", Json::array()}};
  for (const auto& part : reports::parts(input, book, named, true)) {
    out["sections"].push_back(
        {{"name", part.section->name}, {"title", part.section->title}, {"blocks", reports::json_of(part.blocks)}});
  }
  return out.dump(1, ' ', true, Json::error_handler_t::replace) + "\n";
}

}  // namespace touchstone
