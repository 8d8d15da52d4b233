// tojson, in the format of Python's json.dumps.
#include <algorithm>
#include <array>
#include <cstdio>

#include "harness/base/utf8.hpp"
#include "harness/jinja/machine.hpp"

namespace touchstone::jinja {
namespace {

void append_unit(std::string& out, std::uint32_t unit) {
  std::array<char, 12> text{};
  std::snprintf(text.data(), text.size(), "\\u%04x", unit);
  out += text.data();
}

class Writer {
 public:
  Writer(Machine& machine, const JsonStyle& style) : machine_(machine), style_(style) {}

  std::string take() { return std::move(out_); }

  void write(const Value& value, int level) {
    machine_.charge(1);
    if (value.is_none()) {
      out_ += "null";
    } else if (value.is_boolean()) {
      out_ += value.truth() ? "true" : "false";
    } else if (value.is_real()) {
      real(value.real());
    } else if (value.is_integer()) {
      out_ += std::to_string(value.integer());
    } else if (value.is_text()) {
      text(value.text());
    } else if (const auto* list = value.as_list();
               list != nullptr && (list->kind == ListKind::list || list->is_tuple())) {
      write_list(*list, level);
    } else if (const auto* dict = value.as_dict()) {
      write_dict(*dict, level);
    } else {
      machine_.fail(std::string(value.type_name()) + " cannot be written as JSON");
    }
  }

 private:
  void real(double value) {
    const auto text = number_text(value);
    out_ += text == "nan" ? "NaN" : text == "inf" ? "Infinity" : text == "-inf" ? "-Infinity" : text;
  }

  void text(const std::string& value) {
    machine_.charge(value.size() / 64);
    out_ += '"';
    for (std::size_t at = 0; at < value.size();) {
      const char byte = value[at];
      constexpr std::string_view plain = "\"\\\n\r\t\b\f";
      constexpr std::string_view letters = "\"\\nrtbf";
      if (const auto which = plain.find(byte); which != std::string_view::npos) {
        (out_ += '\\') += letters[which];
        ++at;
      } else if (static_cast<unsigned char>(byte) < 0x20) {
        append_unit(out_, static_cast<unsigned char>(byte));
        ++at;
      } else if (static_cast<unsigned char>(byte) < 0x80 || !style_.ensure_ascii) {
        out_ += byte;
        ++at;
      } else {
        const auto found = code_point_at(value, at);
        const auto point = found.value < 0 ? 0xfffdU : static_cast<std::uint32_t>(found.value);
        at += found.bytes;
        if (point >= 0x10000) append_unit(out_, 0xd800 + ((point - 0x10000) >> 10));
        append_unit(out_, point >= 0x10000 ? 0xdc00 + ((point - 0x10000) & 0x3ff) : point);
      }
    }
    out_ += '"';
  }

  void line(int level) {
    if (!style_.indent) return;
    out_ += '\n';
    for (int i = 0; i < level; ++i) out_ += *style_.indent;
    machine_.charge(static_cast<std::size_t>(level) * style_.indent->size() / 64);
  }

  void separator(bool first) {
    if (!first) out_ += style_.between;
  }

  void write_list(const List& list, int level) {
    if (list.items.empty()) {
      out_ += "[]";
      return;
    }
    out_ += '[';
    for (std::size_t i = 0; i < list.items.size(); ++i) {
      separator(i == 0);
      line(level + 1);
      write(list.items[i], level + 1);
    }
    line(level);
    out_ += ']';
  }

  void write_dict(const Dict& dict, int level) {
    std::vector<const std::pair<Value, Value>*> entries;
    for (const auto& entry : dict.entries) entries.push_back(&entry);
    if (style_.sort_keys) {
      bool known = true;
      std::stable_sort(entries.begin(), entries.end(), [&](const auto* a, const auto* b) {
        bool this_known = true;
        const bool result = less(a->first, b->first, this_known);
        known = known && this_known;
        return result;
      });
      if (!known) machine_.fail("'tojson' cannot sort keys of different types");
    }
    if (entries.empty()) {
      out_ += "{}";
      return;
    }
    out_ += '{';
    for (std::size_t i = 0; i < entries.size(); ++i) {
      separator(i == 0);
      line(level + 1);
      const auto& key = entries[i]->first;
      if (key.is_text()) {
        text(key.text());
      } else if (key.as_list() != nullptr) {
        machine_.fail("a tuple cannot be a key in JSON");
      } else {
        out_ += '"';
        write(key, level);
        out_ += '"';
      }
      out_ += style_.behind_key;
      write(entries[i]->second, level + 1);
    }
    line(level);
    out_ += '}';
  }

  Machine& machine_;
  const JsonStyle& style_;
  std::string out_;
};

}  // namespace

std::string to_json(Machine& machine, const Value& value, const JsonStyle& style) {
  Writer writer(machine, style);
  writer.write(machine.defined(value), 0);
  return writer.take();
}

}  // namespace touchstone::jinja
