#include "trainers/text/diff.hpp"

#include <algorithm>
#include <map>
#include <string>
#include <utility>

#include "harness/base/edit_distance.hpp"
#include "harness/base/utf8.hpp"

namespace touchstone {
namespace {

using Ids = std::vector<std::uint32_t>;

/// The pieces of a text as ids (equal pieces have equal ids), and where each begins, with the text's end behind them.
struct Pieces {
  Ids ids;
  std::vector<std::size_t> starts;
};

/// Splits into characters; a byte that is not UTF-8 counts as one.
Pieces characters_of(std::string_view text) {
  constexpr std::uint32_t past_unicode = 0x110000;
  Pieces pieces;
  std::size_t at = 0;
  for_each_code_point(text, [&](std::int32_t value, std::string_view bytes) {
    pieces.starts.push_back(at);
    pieces.ids.push_back(value >= 0 ? static_cast<std::uint32_t>(value)
                                    : past_unicode + static_cast<unsigned char>(bytes.front()));
    at += bytes.size();
  });
  pieces.starts.push_back(text.size());
  return pieces;
}

/// Splits into lines without their breaks; a line in both texts has one id.
Pieces lines_of(std::string_view text, std::map<std::string_view, std::uint32_t>& known) {
  Pieces pieces;
  for (std::size_t at = 0; at < text.size();) {
    pieces.starts.push_back(at);
    const auto end = std::min(text.find('\n', at), text.size());
    const auto line = text.substr(at, end - at);
    pieces.ids.push_back(known.emplace(line, static_cast<std::uint32_t>(known.size())).first->second);
    at = end + 1;
  }
  pieces.starts.push_back(text.size());
  return pieces;
}

struct Run {
  std::size_t a = 0;
  std::size_t b = 0;
  std::size_t size = 0;
};

/// The longest run that both stretches share.
Run longest_run(std::span<const std::uint32_t> a, std::span<const std::uint32_t> b, const Edit& within) {
  Run best{within.a_first, within.b_first, 0};
  std::vector<std::size_t> before(b.size() + 1, 0);  // length of the run that ends with the last a and b[at - 1]
  for (auto i = within.a_first; i < within.a_last; ++i) {
    std::vector<std::size_t> now(b.size() + 1, 0);
    for (auto j = within.b_first; j < within.b_last; ++j) {
      if (a[i] != b[j]) continue;
      const auto size = now[j + 1] = before[j] + 1;
      if (size > best.size) best = {i + 1 - size, j + 1 - size, size};
    }
    before = std::move(now);
  }
  return best;
}

void collect_runs(std::span<const std::uint32_t> a, std::span<const std::uint32_t> b, const Edit& within,
                  std::vector<Run>& runs) {
  const auto run = longest_run(a, b, within);
  if (run.size == 0) return;
  collect_runs(a, b, {within.a_first, run.a, within.b_first, run.b}, runs);
  runs.push_back(run);
  collect_runs(a, b, {run.a + run.size, within.a_last, run.b + run.size, within.b_last}, runs);
}

/// The pairs (i, j), in order, of the cheapest alignment of `a_size` things with `b_size`: a pair costs change(i, j),
/// an unpaired i remove(i), an unpaired j insert(j). Of equally cheap ones, that with the most pairs at the end.
template <class Change, class Remove, class Insert>
std::vector<std::pair<std::size_t, std::size_t>> cheapest_pairs(std::size_t a_size, std::size_t b_size,
                                                                const Change& change, const Remove& remove,
                                                                const Insert& insert) {
  const auto width = b_size + 1;
  std::vector<std::uint32_t> cost((a_size + 1) * width, 0);
  enum class Move : std::uint8_t { both, left, right };
  std::vector<Move> moves(cost.size(), Move::both);
  for (std::size_t i = 0; i <= a_size; ++i) {
    for (std::size_t j = 0; j <= b_size; ++j) {
      if (i == 0 && j == 0) continue;
      auto least = UINT32_MAX;
      const auto take = [&](std::size_t from, std::size_t price, Move move) {
        const auto sum = cost[from] + static_cast<std::uint32_t>(price);
        if (sum >= least) return;
        least = sum;
        moves[i * width + j] = move;
      };
      if (i > 0 && j > 0) take((i - 1) * width + j - 1, change(i - 1, j - 1), Move::both);
      if (i > 0) take((i - 1) * width + j, remove(i - 1), Move::left);
      if (j > 0) take(i * width + j - 1, insert(j - 1), Move::right);
      cost[i * width + j] = least;
    }
  }
  std::vector<std::pair<std::size_t, std::size_t>> pairs;
  for (std::size_t i = a_size, j = b_size; i > 0 || j > 0;) {
    const auto move = moves[i * width + j];
    if (move != Move::right) --i;
    if (move != Move::left) --j;
    if (move == Move::both) pairs.emplace_back(i, j);
  }
  std::reverse(pairs.begin(), pairs.end());
  return pairs;
}

/// The common start and end need no alignment.
void cut_common(std::span<const std::uint32_t>& a, std::span<const std::uint32_t>& b, std::size_t& front) {
  front = static_cast<std::size_t>(std::mismatch(a.begin(), a.end(), b.begin(), b.end()).first - a.begin());
  a = a.subspan(front);
  b = b.subspan(front);
  const auto back = std::mismatch(a.rbegin(), a.rend(), b.rbegin(), b.rend()).first - a.rbegin();
  a = a.first(a.size() - static_cast<std::size_t>(back));
  b = b.first(b.size() - static_cast<std::size_t>(back));
}

std::size_t distance(std::span<const std::uint32_t> a, std::span<const std::uint32_t> b) {
  std::size_t front = 0;
  cut_common(a, b, front);
  return edit_distance_of(a, b);
}

/// Adds the elements `which` of a text as byte ranges; neighbours become one range.
void add_elements(std::vector<ByteRange>& ranges, const Pieces& pieces, std::size_t offset,
                  const std::vector<bool>& equal) {
  for (std::size_t at = 0; at < equal.size(); ++at) {
    if (equal[at]) continue;
    const ByteRange piece{offset + pieces.starts[at], offset + pieces.starts[at + 1]};
    if (!ranges.empty() && ranges.back().last == piece.first) {
      ranges.back().last = piece.last;
    } else {
      ranges.push_back(piece);
    }
  }
}

/// One side of a diff under construction.
struct Side {
  std::string_view text;
  Pieces lines;
  std::vector<ByteRange>& changed_lines;
  std::vector<ByteRange>& changed_characters;

  std::size_t start(std::size_t line) const { return lines.starts[line]; }
  std::size_t size(std::size_t line) const { return lines.starts[line + 1] - lines.starts[line]; }
  std::string_view line(std::size_t at) const {
    auto whole = text.substr(start(at), size(at));
    if (whole.ends_with('\n')) whole.remove_suffix(1);
    return whole;
  }
};

void diff_characters(Side& a, std::size_t a_line, Side& b, std::size_t b_line) {
  const auto left = characters_of(a.line(a_line));
  const auto right = characters_of(b.line(b_line));
  std::span<const std::uint32_t> x(left.ids);
  std::span<const std::uint32_t> y(right.ids);
  std::size_t front = 0;
  cut_common(x, y, front);
  std::vector<bool> a_equal(left.ids.size(), true);
  std::vector<bool> b_equal(right.ids.size(), true);
  for (std::size_t at = 0; at < x.size(); ++at) a_equal[front + at] = false;
  for (std::size_t at = 0; at < y.size(); ++at) b_equal[front + at] = false;
  const auto one = [](std::size_t) { return std::size_t{1}; };
  const auto change = [&](std::size_t i, std::size_t j) { return std::size_t{x[i] == y[j] ? 0U : 1U}; };
  for (const auto& [i, j] : cheapest_pairs(x.size(), y.size(), change, one, one)) {
    if (x[i] == y[j]) a_equal[front + i] = b_equal[front + j] = true;
  }
  add_elements(a.changed_characters, left, a.start(a_line), a_equal);
  add_elements(b.changed_characters, right, b.start(b_line), b_equal);
}

void diff_lines(Side& a, Side& b, const Edit& edit) {
  const auto change = [&](std::size_t i, std::size_t j) {
    return edit_distance(a.line(edit.a_first + i), b.line(edit.b_first + j));
  };
  const auto pairs = cheapest_pairs(
      edit.a_last - edit.a_first, edit.b_last - edit.b_first, change,
      [&](std::size_t i) { return a.size(edit.a_first + i); }, [&](std::size_t j) { return b.size(edit.b_first + j); });
  auto a_line = edit.a_first;
  auto b_line = edit.b_first;
  const auto whole = [](Side& side, std::size_t line) {
    side.changed_characters.push_back({side.start(line), side.start(line) + side.size(line)});
  };
  const auto up_to = [&](std::size_t a_end, std::size_t b_end) {
    for (; a_line < a_end; ++a_line) whole(a, a_line);
    for (; b_line < b_end; ++b_line) whole(b, b_line);
  };
  for (const auto& [i, j] : pairs) {
    up_to(edit.a_first + i, edit.b_first + j);
    diff_characters(a, a_line++, b, b_line++);
  }
  up_to(edit.a_last, edit.b_last);
}

}  // namespace

std::vector<Edit> sequence_edits(std::span<const std::uint32_t> a, std::span<const std::uint32_t> b) {
  std::vector<Run> runs;
  collect_runs(a, b, {0, a.size(), 0, b.size()}, runs);
  runs.push_back({a.size(), b.size(), 0});
  std::vector<Edit> edits;
  std::size_t i = 0;
  std::size_t j = 0;
  for (const auto& run : runs) {
    if (i < run.a || j < run.b) edits.push_back({i, run.a, j, run.b, false});
    i = run.a + run.size;
    j = run.b + run.size;
    if (run.size == 0) continue;
    if (!edits.empty() && edits.back().equal && edits.back().a_last == run.a && edits.back().b_last == run.b) {
      edits.back().a_last = i;  // runs that touch are one
      edits.back().b_last = j;
    } else {
      edits.push_back({run.a, i, run.b, j, true});
    }
  }
  return edits;
}

std::size_t edit_distance(std::string_view a, std::string_view b) {
  return distance(characters_of(a).ids, characters_of(b).ids);
}

double text_similarity(std::string_view a, std::string_view b) {
  const auto x = characters_of(a);
  const auto y = characters_of(b);
  const auto longest = std::max(x.ids.size(), y.ids.size());
  if (longest == 0) return 1.0;
  return 1.0 - static_cast<double>(distance(x.ids, y.ids)) / static_cast<double>(longest);
}

TextDiff diff_texts(std::string_view a, std::string_view b) {
  TextDiff diff;
  std::map<std::string_view, std::uint32_t> known;
  Side left{a, lines_of(a, known), diff.a_lines, diff.a_characters};
  Side right{b, lines_of(b, known), diff.b_lines, diff.b_characters};
  for (const auto& edit : sequence_edits(left.lines.ids, right.lines.ids)) {
    if (edit.equal) continue;
    if (edit.a_first < edit.a_last) diff.a_lines.push_back({left.start(edit.a_first), left.start(edit.a_last)});
    if (edit.b_first < edit.b_last) diff.b_lines.push_back({right.start(edit.b_first), right.start(edit.b_last)});
    diff_lines(left, right, edit);
  }
  return diff;
}

}  // namespace touchstone
