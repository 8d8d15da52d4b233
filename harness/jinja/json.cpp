// tojson, as Python's json.dumps writes.
#include <algorithm>
#include <array>
#include <cstdio>

#include "harness/jinja/machine.hpp"

namespace touchstone::jinja {
namespace {

std::uint32_t code_point(std::string_view text, std::size_t& at) {
  const auto byte = [&](std::size_t i) { return static_cast<std::uint32_t>(static_cast<unsigned char>(text[i])); };
  const auto lead = byte(at++);
  if (lead < 0x80) return lead;
  const int tail = lead < 0xe0 ? 1 : lead < 0xf0 ? 2 : 3;
  std::uint32_t value = lead & (0x3fU >> tail);
  for (int i = 0; i < tail && at < text.size(); ++i) value = (value << 6) | (byte(at++) & 0x3fU);
  return value;
}

void append_unit(std::string& out, std::uint32_t unit) {
  std::array<char, 8> text{};
  std::snprintf(text.data(), text.size(), "\\u%04x", unit);
  out += text.data();
}

class Writer {
 public:
  Writer(Machine& machine, std::int64_t indent, bool ensure_ascii, bool sort_keys)
      : machine_(machine), indent_(indent), ensure_ascii_(ensure_ascii), sort_keys_(sort_keys) {}

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
    } else if (const auto* list = value.as_list()) {
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
      } else if (static_cast<unsigned char>(byte) < 0x80 || !ensure_ascii_) {
        out_ += byte;
        ++at;
      } else {
        const auto point = code_point(value, at);
        if (point >= 0x10000) append_unit(out_, 0xd800 + ((point - 0x10000) >> 10));
        append_unit(out_, point >= 0x10000 ? 0xdc00 + ((point - 0x10000) & 0x3ff) : point);
      }
    }
    out_ += '"';
  }

  void line(int level) {
    if (indent_ < 0) return;
    out_ += '\n';
    out_.append(static_cast<std::size_t>(indent_) * static_cast<std::size_t>(level), ' ');
  }

  void separator(bool first) {
    if (!first) out_ += indent_ < 0 ? ", " : ",";
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
    if (sort_keys_) {
      std::stable_sort(entries.begin(), entries.end(),
                       [](const auto* a, const auto* b) { return a->first.str() < b->first.str(); });
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
      } else {
        out_ += '"';
        write(key, level);
        out_ += '"';
      }
      out_ += ": ";
      write(entries[i]->second, level + 1);
    }
    line(level);
    out_ += '}';
  }

  Machine& machine_;
  std::int64_t indent_;
  bool ensure_ascii_;
  bool sort_keys_;
  std::string out_;
};

}  // namespace

std::string to_json(Machine& machine, const Value& value, std::int64_t indent, bool ensure_ascii, bool sort_keys) {
  Writer writer(machine, std::clamp<std::int64_t>(indent, -1, 16), ensure_ascii, sort_keys);
  writer.write(machine.defined(value), 0);
  return writer.take();
}

}  // namespace touchstone::jinja
