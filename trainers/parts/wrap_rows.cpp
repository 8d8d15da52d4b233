#include <algorithm>

#include "harness/base/error.hpp"
#include "trainers/parts/batches.hpp"

namespace touchstone {
namespace {

/// A row's tokens and what is known of them behind those of others; a list that only some rows have is filled in.
void append_row(Row& all, const Row& row) {
  const auto before = all.ids.size();
  const auto join = [&](auto& list, const auto& more, auto otherwise) {
    if (list.empty() && more.empty()) return;
    list.resize(before + row.prompt_tokens, otherwise);
    list.insert(list.end(), more.begin(), more.end());
    list.resize(before + row.ids.size(), otherwise);
  };
  join(all.facts.weights, row.facts.weights, 1.0F);
  join(all.facts.marks, row.facts.marks, std::uint8_t{0});
  all.facts.trained.resize(before + row.prompt_tokens, 0);
  all.facts.trained.resize(before + row.ids.size(), 1);
  all.ids.insert(all.ids.end(), row.ids.begin(), row.ids.end());
}

template <class Value>
std::vector<Value> part(const std::vector<Value>& list, std::size_t first, std::size_t last) {
  if (list.empty()) return {};
  return {list.begin() + static_cast<std::ptrdiff_t>(first), list.begin() + static_cast<std::ptrdiff_t>(last)};
}

}  // namespace

std::vector<Row> wrap_rows(const std::vector<Row>& rows, std::int64_t capacity) {
  Row stream;
  for (const auto& row : rows) {
    require(row.others.empty() && row.pictures.empty() && row.facts.ref_logp.empty(), Fault::config, [&] {
      return "row '" + row.id +
             "' has several answers, pictures or reference log-probabilities, which packing_strategy 'wrapped' "
             "cannot carry over: take 'bfd'";
    });
    append_row(stream, row);
  }
  std::vector<Row> wrapped;
  const auto step = static_cast<std::size_t>(capacity);
  for (std::size_t first = 0; first < stream.ids.size(); first += step) {
    const auto last = std::min(first + step, stream.ids.size());
    Row row;
    row.id = "stream/" + std::to_string(first);
    row.ids = part(stream.ids, first, last);
    row.facts.trained = part(stream.facts.trained, first, last);
    row.facts.weights = part(stream.facts.weights, first, last);
    row.facts.marks = part(stream.facts.marks, first, last);
    // The first token of a row has nothing before it that could predict it.
    if (std::count(row.facts.trained.begin() + 1, row.facts.trained.end(), 1) > 0) wrapped.push_back(std::move(row));
  }
  return wrapped;
}

}  // namespace touchstone
