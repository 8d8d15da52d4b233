#pragma once
// Internal to the store: reading rows.
#include <optional>
#include <string>
#include <vector>

#include "harness/store/connection.hpp"

namespace touchstone {

using Query = SQLite::Statement;

/// Reads the columns of a row from left to right.
class Columns {
 public:
  explicit Columns(Query& query) : query_(&query) {}
  std::int64_t id() { return next().getInt64(); }
  std::int64_t integer() { return next().getInt64(); }
  int small() { return next().getInt(); }
  bool flag() { return next().getInt() != 0; }
  double number() { return real(next()); }
  std::string text() { return next().getString(); }

 private:
  SQLite::Column next() { return query_->getColumn(at_++); }
  Query* query_;
  int at_ = 0;
};

template <class Row>
std::vector<Row> read_all(Query& query, Row (*read)(Query&)) {
  std::vector<Row> rows;
  while (query.executeStep()) rows.push_back(read(query));
  return rows;
}

template <class Row>
std::optional<Row> read_first(Query& query, Row (*read)(Query&)) {
  if (!query.executeStep()) return std::nullopt;
  return read(query);
}

}  // namespace touchstone
