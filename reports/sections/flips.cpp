#include <fmt/format.h>

#include "harness/report/section.hpp"
#include "reports/html.hpp"
#include "reports/numbers.hpp"
#include "reports/text.hpp"
#include "reports/words.hpp"

namespace touchstone {
namespace reports {
namespace {

const CellRow* find_cell(const ReportInput& input, std::int64_t id) {
  for (const auto& cell : input.cells) {
    if (cell.id == id) return &cell;
  }
  return nullptr;
}

std::string excerpt(const Excerpt& text) {
  std::string out = "<pre dir=\"auto\">";
  if (text.left_out_before > 0)
    out +=
        fmt::format("<em>… {} before this left out …</em>\n", bytes(static_cast<std::int64_t>(text.left_out_before)));
  out += text.text.empty() ? "<em>(nothing)</em>" : html(text.text);
  if (text.left_out_after > 0)
    out += fmt::format("\n<em>… {} after this left out …</em>", bytes(static_cast<std::int64_t>(text.left_out_after)));
  return out + "</pre>";
}

std::string answer(std::string_view heading, const FlipAnswer& answer) {
  std::string out = "<div><h5>" + std::string(heading);
  out += answer.correct ? " <span class=\"gain\">✓ right</span>" : " <span class=\"loss\">✗ wrong</span>";
  if (answer.confidence) out += fmt::format(", confidence {} %", fixed(*answer.confidence * 100, 0));
  out += "</h5>" + excerpt(answer.response);
  if (!answer.extracted.empty()) out += "<p class=\"note\">read as: <code>" + html(answer.extracted) + "</code></p>";
  if (!answer.detail.empty()) out += "<p class=\"note\">" + html(answer.detail) + "</p>";
  return out + "</div>";
}

std::string item(const Flip& flip, std::size_t number) {
  const bool gained = flip.after.correct;
  const auto heading = fmt::format("<span class=\"{}\">{}</span> <span class=\"mono\">{}</span>",
                                   gained ? "gain" : "loss", gained ? "▲ gained" : "▼ lost", html(flip.example_id));
  const auto body = "<div class=\"block\"><h5>Prompt</h5>" + excerpt(flip.prompt) + "<h5>Right answer</h5>" +
                    excerpt(flip.target) + "</div><div class=\"pair\">" + answer("Before", flip.before) +
                    answer("After", flip.after) + "</div>";
  return fmt::format("<details class=\"item\" id=\"item-{}\"><summary>{}</summary>\n{}</details>\n", number, heading,
                     body);
}

Table counts(const Flips& flips) {
  Table table;
  table.caption = fmt::format("Items, McNemar p {}", p_value(flips.p_mcnemar));
  table.sortable = false;
  table.head = {{head_cell(""), head_cell("right after", 1, "n"), head_cell("wrong after", 1, "n")}};
  const auto cell = [](std::int64_t value, std::string_view name) {
    return number_cell(static_cast<double>(value), count(value) + " <small>" + std::string(name) + "</small>");
  };
  table.groups.push_back(
      {"",
       {{head_cell("right before"), cell(flips.both_right, "both right"), cell(flips.lost, "lost")},
        {head_cell("wrong before"), cell(flips.gained, "gained"), cell(flips.both_wrong, "both wrong")}}});
  return table;
}

std::string tally(std::int64_t lost, std::int64_t gained) {
  return fmt::format("<span class=\"loss\">{} lost</span>, <span class=\"gain\">{} gained</span>", count(lost),
                     count(gained));
}

std::string benchmark(const Flips& flips, std::size_t& number) {
  std::string body = render(counts(flips));
  const auto flipped = flips.gained + flips.lost;
  for (const auto& flip : flips.shown) body += item(flip, ++number);
  if (static_cast<std::int64_t>(flips.shown.size()) < flipped) {
    body += note(fmt::format("{} of {} shown; the database holds them all.", flips.shown.size(),
                             counted(flipped, "flipped item")));
  }
  return details("<b>" + html(flips.task) + "</b>: " + tally(flips.lost, flips.gained), body, "group");
}

std::string page(const ReportInput& input) {
  std::string out;
  std::size_t number = 0;
  for (std::size_t at = 0; at < input.flips.size();) {
    const auto id = input.flips[at].cell;
    std::string body;
    std::int64_t lost = 0;
    std::int64_t gained = 0;
    for (; at < input.flips.size() && input.flips[at].cell == id; ++at) {
      lost += input.flips[at].lost;
      gained += input.flips[at].gained;
      body += benchmark(input.flips[at], number);
    }
    const auto* cell = find_cell(input, id);
    if (cell == nullptr) continue;
    out += details(fmt::format("<b>{} on {}</b>, seed {}: {}", html(cell->method), html(cell->trained_on), cell->seed,
                               tally(lost, gained)),
                   body, "group");
  }
  if (out.empty()) return {};
  return "<div id=\"items\">\n" + out + "</div>\n" +
         note(
             "Items whose verdict changed: right before and wrong after (lost), or the reverse (gained). Of each "
             "method the first "
             "seed is shown, of each benchmark a few items spread over it. Texts are as the model wrote them; "
             "characters that would "
             "hide or reorder text are spelled out.");
}

}  // namespace
}  // namespace reports

namespace plugins {
void flips(SectionBook& book) {
  book.add("flips", {.title = "Items that flipped", .order = 80, .html = reports::page, .markdown = {}});
}
}  // namespace plugins
}  // namespace touchstone
