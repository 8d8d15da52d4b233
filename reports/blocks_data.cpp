// The writers for programs: CSV and JSON of the same tables.
#include <cmath>

#include "harness/base/json.hpp"
#include "harness/base/json_values.hpp"
#include "reports/blocks.hpp"
#include "reports/flat_table.hpp"
#include "reports/numbers.hpp"
#include "reports/text.hpp"
#include "reports/words.hpp"

namespace touchstone::reports {
namespace {

std::string csv_field(const Cell* cell) {
  if (cell == nullptr) return {};
  return cell->value ? exact(*cell->value) : csv_text(plain_of(cell->text));
}

template <class Values, class Field>
std::string csv_line(const Values& values, const Field& field) {
  std::string out;
  bool first = true;
  for (const auto& value : values) {
    if (!first) out += ',';
    first = false;
    out += field(value);
  }
  return out + "\r\n";
}

std::string csv_table(const ReportTable& table) {
  const auto flat = flatten(table);
  auto out = csv_text(table.caption) + "\r\n";
  out += csv_line(flat.columns, [](const FlatTable::Column& column) { return csv_text(column.name); });
  for (const auto& row : flat.rows) out += csv_line(row, csv_field);
  return out;
}

Json json_cell(const Cell* cell) {
  if (cell == nullptr) return nullptr;
  const auto text = plain_of(cell->text);
  if (cell->value) return {{"value", number_or_null(*cell->value)}, {"shown", text}};
  return text;
}

Json json_table(const ReportTable& table) {
  const auto flat = flatten(table);
  Json out = {{"kind", "table"}, {"caption", table.caption}, {"columns", Json::array()}, {"rows", Json::array()}};
  for (const auto& column : flat.columns) out["columns"].push_back(column.name);
  for (const auto& row : flat.rows) {
    Json cells = Json::array();
    for (const auto* cell : row) cells.push_back(json_cell(cell));
    out["rows"].push_back(std::move(cells));
  }
  return out;
}

Json json_texts(const std::vector<RichText>& texts) {
  Json out = Json::array();
  for (const auto& text : texts) out.push_back(plain_of(text));
  return out;
}

Json json_excerpt(const Excerpt& excerpt) {
  return {{"text", excerpt.text}, {"bytes_before", excerpt.left_out_before}, {"bytes_after", excerpt.left_out_after}};
}

Json json_answer(const FlipAnswer& answer) {
  return {{"correct", answer.correct},
          {"response", json_excerpt(answer.response)},
          {"extracted", answer.extracted},
          {"detail", answer.detail},
          {"confidence", answer.confidence ? number_or_null(*answer.confidence) : Json(nullptr)}};
}

struct JsonWriter {
  Json operator()(const Heading& heading) const { return {{"kind", "heading"}, {"text", heading.text}}; }
  Json operator()(const Paragraph& paragraph) const {
    return {{"kind", paragraph.note ? "note" : "text"}, {"text", plain_of(paragraph.text)}};
  }
  Json operator()(const Alert& alert) const { return {{"kind", "alert"}, {"lines", json_texts(alert.lines)}}; }
  Json operator()(const Lines& lines) const { return {{"kind", "list"}, {"lines", json_texts(lines.all)}}; }
  Json operator()(const Facts& facts) const {
    Json values = Json::object();
    for (const auto& [name, value] : facts.rows) values[name] = value;
    return {{"kind", "facts"}, {"facts", values}};
  }
  Json operator()(const Tiles& tiles) const {
    Json values = Json::object();
    for (const auto& tile : tiles.all) values[tile.label] = tile.value;
    return {{"kind", "counts"}, {"counts", values}};
  }
  Json operator()(const ReportTable& table) const { return json_table(table); }
  Json operator()(const Figures& figures) const {
    Json all = Json::array();
    for (const auto& one : figures.all) all.push_back({{"heading", one.heading}, {"finding", one.finding}});
    return {{"kind", "figures"}, {"figures", all}};
  }
  Json operator()(const Verbatim& verbatim) const { return {{"kind", "verbatim"}, {"text", verbatim.text}}; }
  Json operator()(const Cards& cards) const {
    Json all = Json::array();
    for (const auto& card : cards.all) {
      all.push_back(
          {{"title", card.title}, {"finding", std::string(word(card.finding))}, {"lines", json_texts(card.lines)}});
    }
    return {{"kind", "verdicts"}, {"verdicts", all}};
  }
  Json operator()(const FlippedItem& item) const {
    return {{"kind", "item"},
            {"example", item.flip.example_id},
            {"prompt", json_excerpt(item.flip.prompt)},
            {"target", json_excerpt(item.flip.target)},
            {"before", json_answer(item.flip.before)},
            {"after", json_answer(item.flip.after)}};
  }
  Json operator()(const PageOnly&) const { return nullptr; }
  Json operator()(const Fold& fold) const {
    return {{"kind", "fold"}, {"summary", plain_of(fold.summary)}, {"blocks", json_of(fold.body)}};
  }
  Json operator()(const Items& items) const { return {{"kind", "items"}, {"blocks", json_of(items.body)}}; }
};

}  // namespace

std::string csv_of(const Blocks& blocks) {
  std::string out;
  const auto add = [&](const std::string& tables) {
    if (!tables.empty()) out += (out.empty() ? "" : "\r\n") + tables;
  };
  for (const auto& block : blocks) {
    if (const auto* table = std::get_if<ReportTable>(&block.what)) add(csv_table(*table));
    if (const auto* fold = std::get_if<Fold>(&block.what)) add(csv_of(fold->body));
    if (const auto* items = std::get_if<Items>(&block.what)) add(csv_of(items->body));
  }
  return out;
}

nlohmann::ordered_json json_of(const Blocks& blocks) {
  Json out = Json::array();
  for (const auto& block : blocks) {
    auto one = std::visit(JsonWriter(), block.what);
    if (!one.is_null()) out.push_back(std::move(one));
  }
  return out;
}

}  // namespace touchstone::reports
