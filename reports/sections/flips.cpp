#include <fmt/format.h>

#include "harness/report/section.hpp"
#include "reports/blocks.hpp"
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

ReportTable counts(const Flips& flips) {
  ReportTable table;
  table.caption = fmt::format("Items, McNemar p {}", p_value(flips.p_mcnemar));
  table.sortable = false;
  table.head = {{head_cell(""), head_cell("right after", 1, "n"), head_cell("wrong after", 1, "n")}};
  const auto cell = [](std::int64_t value, std::string_view name) {
    return number_cell(static_cast<double>(value), RichText(count(value) + " ") + small(std::string(name)));
  };
  table.groups.push_back(
      {"",
       {{head_cell("right before"), cell(flips.both_right, "both right"), cell(flips.lost, "lost")},
        {head_cell("wrong before"), cell(flips.gained, "gained"), cell(flips.both_wrong, "both wrong")}}});
  return table;
}

RichText flips_tally(std::int64_t lost, std::int64_t gained) {
  return RichText(loss(count(lost) + " lost")) + ", " + gain(count(gained) + " gained");
}

Fold flips_benchmark(const Flips& flips, std::size_t& number) {
  Blocks body = {counts(flips)};
  const auto flipped = flips.gained + flips.lost;
  for (const auto& flip : flips.shown) body.push_back(FlippedItem{flip, ++number});
  if (static_cast<std::int64_t>(flips.shown.size()) < flipped) {
    body.push_back(note(fmt::format("{} of {} shown; `--flips` shows more, the database holds them all.",
                                    flips.shown.size(), counted(flipped, "flipped item"))));
  }
  return {RichText(strong(flips.task)) + ": " + flips_tally(flips.lost, flips.gained), std::move(body), "group"};
}

Blocks flips_blocks(const ReportInput& input) {
  Items items;
  std::size_t number = 0;
  for (std::size_t at = 0; at < input.flips.size();) {
    const auto id = input.flips[at].cell;
    Blocks body;
    std::int64_t lost = 0;
    std::int64_t gained = 0;
    for (; at < input.flips.size() && input.flips[at].cell == id; ++at) {
      lost += input.flips[at].lost;
      gained += input.flips[at].gained;
      body.push_back(flips_benchmark(input.flips[at], number));
    }
    const auto* cell = find_cell(input, id);
    if (cell == nullptr) continue;
    items.body.push_back(Fold{RichText(strong(cell->method + " on " + cell->trained_on)) +
                                  fmt::format(", seed {}: ", cell->seed) + flips_tally(lost, gained),
                              std::move(body), "group"});
  }
  if (items.body.empty()) return {};
  return {
      std::move(items),
      note("Items whose verdict changed: right before and wrong after (lost), or the reverse (gained). Of each method "
           "the first seed is shown, of each benchmark some items spread over it. Texts are as the model wrote them; "
           "characters that would hide or reorder text are spelled out.")};
}

}  // namespace
}  // namespace reports

namespace plugins {
void flips(SectionBook& book) {
  book.add(
      {.name = "flips", .title = "Items that flipped", .order = 80, .blocks = reports::flips_blocks, .is_long = true});
}
}  // namespace plugins
}  // namespace touchstone
