#include "harness/jinja/value.hpp"

#include <utf8proc.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstdio>

#include "harness/base/utf8.hpp"

namespace touchstone::jinja {
namespace {

template <class Held>
auto* pointer(const auto& held) {
  const auto* found = std::get_if<std::shared_ptr<Held>>(&held);
  return found == nullptr ? nullptr : found->get();
}

std::string joined(const std::vector<Value>& items) {
  std::string text;
  for (const auto& item : items) text += (text.empty() ? "" : ", ") + item.repr();
  return text;
}

}  // namespace

Value Value::list(std::vector<Value> items, ListKind kind) {
  List made{std::move(items), kind};
  for (const auto& item : made.items) {
    made.depth = std::max(made.depth, item.depth() + 1);
    made.weight += item.weight();
  }
  return Value(std::shared_ptr<const List>(std::make_shared<List>(std::move(made))));
}

Value Value::dict(std::vector<std::pair<Value, Value>> entries) {
  Dict made{std::move(entries)};
  for (const auto& entry : made.entries) {
    made.depth = std::max({made.depth, entry.first.depth() + 1, entry.second.depth() + 1});
    made.weight += entry.first.weight() + entry.second.weight();
  }
  return Value(std::shared_ptr<const Dict>(std::make_shared<Dict>(std::move(made))));
}

Value Value::callable(std::string name, std::function<Value(Machine&, Arguments&)> run) {
  return Value(std::shared_ptr<const Callable>(std::make_shared<Callable>(Callable{std::move(name), std::move(run)})));
}

const List* Value::as_list() const { return pointer<const List>(held_); }
const Dict* Value::as_dict() const { return pointer<const Dict>(held_); }
Namespace* Value::as_namespace() const { return pointer<Namespace>(held_); }
Loop* Value::as_loop() const { return pointer<Loop>(held_); }
const Callable* Value::as_callable() const { return pointer<const Callable>(held_); }

int Value::depth() const {
  if (const auto* list = as_list()) return list->depth;
  if (const auto* dict = as_dict()) return dict->depth;
  return 0;
}

std::int64_t Value::weight() const {
  if (const auto* list = as_list()) return list->weight;
  if (const auto* dict = as_dict()) return dict->weight;
  return is_text() ? 1 + static_cast<std::int64_t>(text().size() / 64) : 1;
}

bool Value::truth() const {
  if (is_undefined() || is_none()) return false;
  if (is_real()) return real() != 0.0;
  if (is_number()) return integer() != 0;
  if (is_text()) return !text().empty();
  if (const auto* list = as_list()) return !list->items.empty() || list->kind == ListKind::iterator;
  if (const auto* dict = as_dict()) return !dict->entries.empty();
  return true;
}

const char* Value::type_name() const {
  if (is_undefined()) return "Undefined";
  if (is_none()) return "NoneType";
  if (is_boolean()) return "bool";
  if (is_integer()) return "int";
  if (is_real()) return "float";
  if (is_text()) return "str";
  if (const auto* list = as_list()) {
    constexpr std::array<const char*, 8> names = {"list",      "tuple",       "tuple",      "range",
                                                  "dict_keys", "dict_values", "dict_items", "generator"};
    return names[static_cast<std::size_t>(list->kind)];
  }
  if (as_dict() != nullptr) return "dict";
  if (as_namespace() != nullptr) return "Namespace";
  return as_loop() != nullptr ? "LoopContext" : "function";
}

std::string number_text(double value) {
  if (std::isnan(value)) return "nan";
  if (std::isinf(value)) return value > 0 ? "inf" : "-inf";
  std::array<char, 40> buffer{};
  // Python turns to the exponent form at 10^16 and below 10^-4.
  const double size = std::fabs(value);
  const auto format =
      size != 0.0 && (size >= 1e16 || size < 1e-4) ? std::chars_format::scientific : std::chars_format::fixed;
  const auto end = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value, format).ptr;
  std::string text(buffer.data(), end);
  if (text.find_first_of(".e") == std::string::npos) text += ".0";
  return text;
}

bool is_printable(std::int32_t point) {
  if (point == ' ') return true;
  const auto category = utf8proc_category(point);
  return category != UTF8PROC_CATEGORY_CN && category < UTF8PROC_CATEGORY_ZS;
}

std::string repr_text(std::string_view text) {
  const char quote = text.find('\'') != std::string_view::npos && text.find('"') == std::string_view::npos ? '"' : '\'';
  std::string out(1, quote);
  for (std::size_t at = 0; at < text.size();) {
    const auto [point, bytes] = code_point_at(text, at);
    const auto piece = text.substr(at, bytes);
    at += piece.size();
    constexpr std::string_view named = "\\\n\r\t";
    constexpr std::string_view letters = "\\nrt";
    if (const auto which = named.find(piece[0]); which != std::string_view::npos) {
      (out += '\\') += letters[which];
    } else if (piece[0] == quote) {
      (out += '\\') += quote;
    } else if (point < 0 || is_printable(point)) {
      out += piece;
    } else {
      std::array<char, 12> escape{};
      const char* format = point < 0x100 ? "\\x%02x" : point < 0x10000 ? "\\u%04x" : "\\U%08x";
      std::snprintf(escape.data(), escape.size(), format, static_cast<unsigned>(point));
      out += escape.data();
    }
  }
  return out + quote;
}

std::string Value::str() const {
  if (is_text()) return text();
  if (is_undefined()) return {};
  return repr();
}

std::string Value::repr() const {
  if (is_undefined()) return "Undefined";
  if (is_none()) return "None";
  if (is_boolean()) return integer() != 0 ? "True" : "False";
  if (is_integer()) return std::to_string(integer());
  if (is_real()) return number_text(real());
  if (is_text()) return repr_text(text());
  if (const auto* list = as_list()) {
    if (list->kind == ListKind::keys || list->kind == ListKind::values || list->kind == ListKind::items) {
      return std::string(type_name()) + "([" + joined(list->items) + "])";
    }
    if (!list->is_tuple()) return "[" + joined(list->items) + "]";
    return "(" + joined(list->items) + (list->items.size() == 1 ? ",)" : ")");
  }
  if (const auto* dict = as_dict()) {
    std::string text = "{";
    for (const auto& entry : dict->entries) {
      if (text.size() > 1) text += ", ";
      text += entry.first.repr() + ": " + entry.second.repr();
    }
    return text + "}";
  }
  return std::string("<") + type_name() + ">";
}

const Value* Dict::find(const Value& key) const {
  for (const auto& entry : entries) {
    if (equal(entry.first, key)) return &entry.second;
  }
  return nullptr;
}

const Value* Dict::find(std::string_view key) const {
  for (const auto& entry : entries) {
    if (entry.first.is_text() && entry.first.text() == key) return &entry.second;
  }
  return nullptr;
}

const Value* Namespace::find(std::string_view key) const {
  for (const auto& entry : entries) {
    if (entry.first == key) return &entry.second;
  }
  return nullptr;
}

void Namespace::set(const std::string& key, Value value) {
  for (auto& entry : entries) {
    if (entry.first != key) continue;
    entry.second = std::move(value);
    return;
  }
  entries.emplace_back(key, std::move(value));
}

bool equal(const Value& a, const Value& b) {
  if (a.is_number() && b.is_number()) {
    return a.is_real() || b.is_real() ? a.real() == b.real() : a.integer() == b.integer();
  }
  if (a.is_text() && b.is_text()) return a.text() == b.text();
  if (a.is_none() || b.is_none()) return a.is_none() && b.is_none();
  if (a.is_undefined() || b.is_undefined()) return a.is_undefined() && b.is_undefined();
  if (const auto* x = a.as_list(), *y = b.as_list(); x != nullptr && y != nullptr) {
    if (x == y) return true;
    if (x->kind == ListKind::iterator || x->kind == ListKind::values || y->kind == ListKind::iterator ||
        y->kind == ListKind::values)
      return false;
    if (x->kind == ListKind::keys || x->kind == ListKind::items) {
      return (y->kind == ListKind::keys || y->kind == ListKind::items) && x->items.size() == y->items.size() &&
             std::all_of(x->items.begin(), x->items.end(), [&](const Value& one) {
               return std::any_of(y->items.begin(), y->items.end(),
                                  [&](const Value& other) { return equal(one, other); });
             });
    }
    return (x->is_tuple() ? y->is_tuple() : x->kind == y->kind) &&
           std::equal(x->items.begin(), x->items.end(), y->items.begin(), y->items.end(), equal);
  }
  if (const auto* x = a.as_dict(), *y = b.as_dict(); x != nullptr && y != nullptr) {
    return x->entries.size() == y->entries.size() &&
           std::all_of(x->entries.begin(), x->entries.end(), [&](const auto& entry) {
             const auto* other = y->find(entry.first);
             return other != nullptr && equal(entry.second, *other);
           });
  }
  if (a.as_namespace() != nullptr) return a.as_namespace() == b.as_namespace();
  if (a.as_loop() != nullptr) return a.as_loop() == b.as_loop();
  return a.as_callable() != nullptr && a.as_callable() == b.as_callable();
}

bool less(const Value& a, const Value& b, bool& known) {
  known = true;
  if (a.is_number() && b.is_number()) {
    return a.is_real() || b.is_real() ? a.real() < b.real() : a.integer() < b.integer();
  }
  if (a.is_text() && b.is_text()) return a.text() < b.text();
  const auto *x = a.as_list(), *y = b.as_list();
  known = x != nullptr && y != nullptr &&
          (x->is_tuple() ? y->is_tuple() : x->kind == ListKind::list && y->kind == ListKind::list);
  if (!known) return false;
  const auto count = std::min(x->items.size(), y->items.size());
  for (std::size_t i = 0; i < count; ++i) {
    if (!equal(x->items[i], y->items[i])) return less(x->items[i], y->items[i], known);
  }
  return x->items.size() < y->items.size();
}

}  // namespace touchstone::jinja
