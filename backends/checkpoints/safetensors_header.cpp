#include "backends/checkpoints/safetensors_header.hpp"

#include <algorithm>
#include <array>
#include <limits>

#include "harness/base/error.hpp"
#include "harness/base/object_reader.hpp"
#include "harness/base/text.hpp"

namespace touchstone {
namespace {

struct DtypeSize {
  std::string_view name;
  std::uint64_t bytes;
};
constexpr std::array<DtypeSize, 15> dtype_sizes = {{{"BOOL", 1},
                                                    {"U8", 1},
                                                    {"I8", 1},
                                                    {"F8_E4M3", 1},
                                                    {"F8_E5M2", 1},
                                                    {"U16", 2},
                                                    {"I16", 2},
                                                    {"F16", 2},
                                                    {"BF16", 2},
                                                    {"U32", 4},
                                                    {"I32", 4},
                                                    {"F32", 4},
                                                    {"U64", 8},
                                                    {"I64", 8},
                                                    {"F64", 8}}};

constexpr std::size_t max_rank = 8;

[[noreturn]] void refuse(const std::string& where, const std::string& message) {
  throw Error(Fault::checkpoint, where + ": " + message);
}

/// A value for a message, cut so that a hostile header cannot flood the terminal.
std::uint64_t whole_number(const Json& value, const std::string& where, const std::string& what) {
  if (!value.is_number_unsigned())
    refuse(where, what + " is " + shown_json(value) + ", expected a whole number from 0");
  const auto number = value.get<std::uint64_t>();
  if (number > std::uint64_t{std::numeric_limits<std::int64_t>::max()}) {
    refuse(where, what + " is " + std::to_string(number) + ", more than any file holds");
  }
  return number;
}

/// Elements of the shape times `element_bytes`; refuses a product that does not fit.
std::uint64_t byte_count(const std::vector<std::int64_t>& shape, std::uint64_t element_bytes, const std::string& where,
                         const std::string& what) {
  std::uint64_t bytes = element_bytes;
  for (const auto size : shape) {
    const auto factor = static_cast<std::uint64_t>(size);
    if (factor != 0 && bytes > std::uint64_t{std::numeric_limits<std::int64_t>::max()} / factor) {
      refuse(where, what + ": shape is " + shown_json(Json(shape)) + ", which has more bytes than any file holds");
    }
    bytes *= factor;
  }
  return bytes;
}

TensorEntry read_entry(const std::string& name, const Json& value, std::uint64_t data_start, const std::string& where) {
  const auto what = "tensor '" + name + "'";
  if (!value.is_object()) refuse(where, what + " is " + shown_json(value) + ", expected an object");
  for (const auto& item : value.items()) {
    if (item.key() != "dtype" && item.key() != "shape" && item.key() != "data_offsets") {
      refuse(where,
             what + ": unknown key " + shown_json(Json(item.key())) + ", expected dtype, shape and data_offsets");
    }
  }
  for (const auto* key : {"dtype", "shape", "data_offsets"}) {
    if (!value.contains(key)) refuse(where, what + ": key '" + key + "' is missing");
  }
  TensorEntry entry;
  entry.name = name;
  if (!value["dtype"].is_string())
    refuse(where, what + ": dtype is " + shown_json(value["dtype"]) + ", expected a text");
  entry.dtype = value["dtype"].get<std::string>();
  const auto element_bytes = dtype_bytes(entry.dtype);
  if (element_bytes == 0) {
    std::string known;
    for (const auto& one : dtype_sizes) known += (known.empty() ? "" : ", ") + std::string(one.name);
    refuse(where, what + ": unknown dtype " + shown_json(value["dtype"]) + ", expected one of " + known);
  }
  const auto& shape = value["shape"];
  if (!shape.is_array() || shape.size() > max_rank) {
    refuse(where, what + ": shape is " + shown_json(shape) + ", expected a list of at most " +
                      std::to_string(max_rank) + " sizes");
  }
  for (const auto& size : shape) {
    entry.shape.push_back(static_cast<std::int64_t>(whole_number(size, where, what + ": a size in shape")));
  }
  const auto& offsets = value["data_offsets"];
  if (!offsets.is_array() || offsets.size() != 2) {
    refuse(where, what + ": data_offsets is " + shown_json(offsets) + ", expected [first, last]");
  }
  const auto first = whole_number(offsets[0], where, what + ": data_offsets[0]");
  const auto last = whole_number(offsets[1], where, what + ": data_offsets[1]");
  if (last < first)
    refuse(where, what + ": data_offsets is " + shown_json(offsets) + ", expected the smaller number first");
  const auto expected = byte_count(entry.shape, element_bytes, where, what);
  if (last - first != expected) {
    refuse(where, what + ": data_offsets span " + std::to_string(last - first) + " bytes, but " + entry.dtype + " " +
                      shown_json(shape) + " takes " + std::to_string(expected));
  }
  entry.first = data_start + first;
  entry.last = data_start + last;
  return entry;
}

/// The tensors must fill bytes [data_start, file_bytes) with no gap and no overlap.
void check_coverage(const std::vector<TensorEntry>& tensors, std::uint64_t data_start, std::uint64_t file_bytes,
                    const std::string& where) {
  auto at = data_start;
  for (const auto& entry : tensors) {
    if (entry.last > file_bytes) {
      refuse(where, "tensor '" + entry.name + "' ends at byte " + std::to_string(entry.last) + ", but the file has " +
                        std::to_string(file_bytes) + " (is it cut off?)");
    }
    if (entry.first != at) {
      refuse(where, "tensor '" + entry.name + "' begins at byte " + std::to_string(entry.first) + ", expected " +
                        std::to_string(at) + (entry.first < at ? " (it overlaps another)" : " (there is a gap)"));
    }
    at = entry.last;
  }
  if (at != file_bytes) {
    refuse(where, "the tensors end at byte " + std::to_string(at) + ", but the file has " + std::to_string(file_bytes));
  }
}

}  // namespace

std::uint64_t dtype_bytes(std::string_view dtype) {
  const auto* const found =
      std::find_if(dtype_sizes.begin(), dtype_sizes.end(), [&](const DtypeSize& known) { return known.name == dtype; });
  return found == dtype_sizes.end() ? 0 : found->bytes;
}

std::uint64_t safetensors_header_bytes(std::string_view start, std::uint64_t file_bytes, const std::string& where) {
  if (file_bytes < 8 || start.size() < 8) {
    refuse(where, "has " + std::to_string(file_bytes) + " bytes, expected at least 8: too few for a safetensors file");
  }
  std::uint64_t length = 0;
  for (int byte = 7; byte >= 0; --byte) {
    length = length << 8 | static_cast<unsigned char>(start[static_cast<std::size_t>(byte)]);
  }
  const auto most = std::min(max_header_bytes, file_bytes - 8);
  if (length < 2 || length > most) {
    refuse(where, "the header's length is " + std::to_string(length) + ", expected 2 to " + std::to_string(most) +
                      " (file of " + std::to_string(file_bytes) + " bytes)");
  }
  return length;
}

SafetensorsHeader parse_safetensors_header(std::string_view json, std::uint64_t file_bytes, const std::string& where) {
  if (!is_utf8(json)) refuse(where, "the header is not UTF-8");
  if (json.empty() || json.front() != '{') {
    refuse(where, "the header begins with " + shown_json(Json(std::string(json.substr(0, 1)))) + ", expected '{'");
  }
  Json header;
  try {
    header = parse_json(json, where + " (header)", {.bytes = max_header_bytes, .depth = 4});
  } catch (const Error& error) {
    throw Error(Fault::checkpoint, error.what());
  }
  SafetensorsHeader result;
  const auto data_start = 8 + json.size();
  for (const auto& item : header.items()) {
    if (item.key() != "__metadata__") {
      result.tensors.push_back(read_entry(item.key(), item.value(), data_start, where));
      continue;
    }
    if (item.value().is_null()) continue;
    if (!item.value().is_object())
      refuse(where, "__metadata__ is " + shown_json(item.value()) + ", expected an object");
    for (const auto& fact : item.value().items()) {
      if (!fact.value().is_string())
        refuse(where, "__metadata__: '" + fact.key() + "' is " + shown_json(fact.value()) + ", expected a text");
      result.metadata[fact.key()] = fact.value().get<std::string>();
    }
  }
  std::stable_sort(result.tensors.begin(), result.tensors.end(), [](const TensorEntry& a, const TensorEntry& b) {
    return a.first != b.first ? a.first < b.first : a.last < b.last;
  });
  check_coverage(result.tensors, data_start, file_bytes, where);
  return result;
}

}  // namespace touchstone
