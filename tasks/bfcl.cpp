#include <algorithm>
#include <cctype>

#include "harness/base/error.hpp"
#include "harness/data/python_literal.hpp"
#include "harness/data/tool_call.hpp"
#include "tasks/parts/filters.hpp"
#include "tasks/parts/line_answer.hpp"
#include "tasks/parts/rows.hpp"
#include "tasks/parts/tool_verdict.hpp"

// The Berkeley Function Calling Leaderboard, version 4: one question, one call. A call is right by the leaderboard's
// own rules for Python (bfcl_eval/eval_checker/ast_eval): the tool's name, every required argument, none that the tool
// lacks, and each value one of those that the data allows.
namespace touchstone {
namespace {

constexpr const char* data_origin = "ShishirPatil/gorilla, berkeley-function-call-leaderboard/bfcl_eval/data/";
constexpr const char* main = "acc,none";
constexpr int bfcl_longest = 256;  ///< tokens of a call

/// One category for evaluation, and the category of questions from users, for training.
struct BfclCategory {
  std::string name;
  std::string test;
  std::string train;
  std::string summary;
};

DataFile file(Split split, const std::string& path) {
  return {.split = split,
          .paths = {"bfcl/" + path + ".json", "bfcl/" + path + ".json.gz"},
          .sha256 = {},
          .licence = "Apache-2.0",
          .origin = data_origin + path + ".json"};
}

/// Questions, then answers.
std::array<DataFile, 2> files_of(const BfclCategory& category, Split split) {
  const auto name = "BFCL_v4_" + (split == Split::train ? category.train : category.test);
  return {file(split, name), file(split, "possible_answer/" + name)};
}

/// The leaderboard's types by their names in Python.
std::string python_type(const std::string& type) {
  static const std::map<std::string, std::string> fixed_names = {
      {"string", "str"}, {"integer", "int"}, {"float", "float"}, {"number", "float"}, {"boolean", "bool"},
      {"array", "list"}, {"dict", "dict"},   {"object", "dict"}, {"tuple", "tuple"}};
  const auto found = fixed_names.find(type);
  return found == fixed_names.end() ? "object" : found->second;
}

/// A value as Python writes it.
std::string python(const Json& value) {
  std::string text;
  switch (value.type()) {
    case Json::value_t::null:
      return "None";
    case Json::value_t::boolean:
      return value.get<bool>() ? "True" : "False";
    case Json::value_t::string:
      for (const char c : value.get<std::string>()) {
        if (c == '\'' || c == '\\') text += '\\';
        c == '\n' ? text += "\\n" : text += c;
      }
      return "'" + text + "'";
    case Json::value_t::array:
      for (const auto& one : value) text += (text.empty() ? "" : ", ") + python(one);
      return "[" + text + "]";
    case Json::value_t::object:
      for (const auto& [key, one] : value.items())
        text += (text.empty() ? "" : ", ") + python(key) + ": " + python(one);
      return "{" + text + "}";
    default:
      return value.dump();
  }
}

/// "Function: def name(argument: type, other: type = None)", with the descriptions of the tool and its arguments.
std::string signature(const DataRow& tool) {
  const auto& parameters = tool.at("parameters");
  const DataRow inner{.value = parameters, .where = tool.where + ": parameters"};
  const auto required = parameters.contains("required") ? inner.texts("required") : std::vector<std::string>();
  std::string head;
  std::string notes;
  for (const auto& [name, one] : inner.at("properties").items()) {
    const DataRow property{.value = one, .where = inner.where + ": " + name};
    head += (head.empty() ? "" : ", ") + name + ": " + python_type(property.text("type"));
    if (std::count(required.begin(), required.end(), name) == 0) head += " = None";
    if (one.contains("description")) notes += "        " + name + ": " + property.text("description") + "\n";
  }
  return "Function: def " + tool.text("name") + "(" + head + ")\n    " + tool.text("description") + "\n    Args:\n" +
         notes;
}

Json plain(const Json& value);

/// The first allowed value; for a required argument the first that is not "" (left out), if there is one.
Json first_allowed(const Json& allowed, bool required) {
  if (!allowed.is_array() || allowed.empty()) return plain(allowed);
  const auto found =
      std::find_if(allowed.begin(), allowed.end(), [&](const Json& one) { return !required || one != ""; });
  return plain(found == allowed.end() ? allowed.front() : *found);
}

/// A value whose dicts list the allowed values of each key; takes the first of these.
Json plain(const Json& value) {
  if (!value.is_object() && !value.is_array()) return value;
  Json made = value.is_object() ? Json::object() : Json::array();
  if (value.is_array()) {
    for (const auto& one : value) made.push_back(plain(one));
    return made;
  }
  for (const auto& [key, choices] : value.items()) {
    const auto one = first_allowed(choices, /*required=*/false);
    if (one != "") made[key] = one;
  }
  return made;
}

/// The wanted call, with the first allowed values. An argument is left out if that is its first allowed value.
std::string wanted_call(const std::string& name, const Json& arguments, const Json& required) {
  std::string inner;
  for (const auto& [argument, allowed] : arguments.items()) {
    const bool must = std::find(required.begin(), required.end(), argument) != required.end();
    const auto value = first_allowed(allowed, must);
    if (must || value != "") inner += (inner.empty() ? "" : ", ") + argument + "=" + python(value);
  }
  return name + "(" + inner + ")";
}

Example question(const DataRow& row, const DataRow& answer, const std::string& id) {
  require(row.text("id") == answer.text("id"), Fault::data, [&] {
    return answer.where + ": key 'id': found '" + answer.text("id") + "', expected '" + row.text("id") + "'";
  });
  const auto& truth = answer.at("ground_truth");
  require(truth.is_array() && truth.size() == 1 && truth[0].is_object() && truth[0].size() == 1, Fault::data,
          [&] { return answer.where + ": key 'ground_truth': expected one call of one tool"; });
  Example example;
  example.id = id;
  for (const auto& tool : row.at("function")) example.question += signature({.value = tool, .where = row.where});
  const auto& turns = row.at("question");
  require(turns.is_array() && turns.size() == 1 && turns[0].is_array() && !turns[0].empty(), Fault::data,
          [&] { return row.where + ": key 'question': expected one turn"; });
  for (const auto& message : turns[0]) {
    const DataRow turn{.value = message, .where = row.where + ": question"};
    example.question += (turn.text("role") == "system" ? "System: " : "User: ") + turn.text("content") + "\n";
  }
  example.question += "Assistant:";
  const auto wanted = truth[0].begin();
  example.facts = {{"tool", wanted.key()}, {"allowed", wanted.value().dump()}};
  for (const auto& tool : row.at("function")) {
    if (tool.value("name", "") != wanted.key()) continue;
    example.facts["properties"] = tool["parameters"]["properties"].dump();
    example.facts["required"] = tool["parameters"].value("required", Json::array()).dump();
  }
  require(example.facts.count("properties") > 0, Fault::data, [&] {
    return row.where + ": key 'function': found none called '" + wanted.key() + "', which is the answer's";
  });
  example.targets = {wanted_call(wanted.key(), wanted.value(), Json::parse(example.facts.at("required")))};
  example.doc_hash = document_hash(row.value);
  return example;
}

std::vector<Example> load_bfcl(const BfclCategory& category, Split split, const DataFolders& folders) {
  const auto [questions, answers] = files_of(category, split);
  const auto rows = read_rows(folders.find(category.name, questions));
  const auto path = folders.find(category.name, answers);
  const auto wanted = read_rows(path);
  require(rows.size() == wanted.size(), Fault::data, [&] {
    return path.string() + ": found " + std::to_string(wanted.size()) + " answers, expected " +
           std::to_string(rows.size());
  });
  std::vector<Example> examples;
  for (std::size_t at = 0; at < rows.size(); ++at) {
    examples.push_back(
        question(rows[at], wanted[at], category.name + "/" + split_name(split) + "/" + std::to_string(at)));
  }
  return examples;
}

/// As JSON; tuples become lists. Discarded for values that JSON lacks: bytes, sets, keys that are not texts.
Json as_json(const PythonValue& value) {
  using Kind = PythonValue::Kind;
  const Json none(Json::value_t::discarded);
  if (value.kind == Kind::none) return nullptr;
  if (value.kind == Kind::boolean) return value.integer != 0;
  if (value.kind == Kind::integer) return value.integer;
  if (value.kind == Kind::real) return value.real;
  if (value.kind == Kind::text) return value.text;
  if (value.kind == Kind::list || value.kind == Kind::tuple) {
    Json values = Json::array();
    for (const auto& item : value.items) {
      values.push_back(as_json(item));
      if (values.back().is_discarded()) return none;
    }
    return values;
  }
  if (value.kind != Kind::dict) return none;
  Json values = Json::object();
  for (std::size_t i = 0; i + 1 < value.items.size(); i += 2) {
    if (value.items[i].kind != Kind::text) return none;
    if ((values[value.items[i].text] = as_json(value.items[i + 1])).is_discarded()) return none;
  }
  return values;
}

/// A Python literal as JSON; discarded when it is not a literal.
Json literal(const std::string& text) {
  try {
    return as_json(read_python_literal(text));
  } catch (const Error&) {
    return Json(Json::value_t::discarded);  // an answer that cannot be read is a wrong one
  }
}

/// Texts are compared without case, spaces and these signs.
std::string standard(const std::string& text) {
  std::string out;
  for (const char c : text) {
    if (std::string_view(" ,./-_*^").find(c) == std::string_view::npos) out += c == '\'' ? '"' : c;
  }
  return lower(out);
}

bool allows(const Json& allowed, const Json& value);

/// Whether a value is the wanted one: numbers are compared by value, lists and dicts by their parts.
bool equal(const Json& wanted, const Json& value) {
  if (wanted.is_string() && value.is_string()) return standard(wanted) == standard(value);
  if (wanted.is_boolean() || value.is_boolean()) return wanted == value;
  if (wanted.is_array() && value.is_array()) {
    return std::equal(wanted.begin(), wanted.end(), value.begin(), value.end(), equal);
  }
  if (!wanted.is_object() || !value.is_object()) return wanted == value;
  for (const auto& [key, one] : value.items()) {
    if (!wanted.contains(key) || !allows(wanted[key], one)) return false;
  }
  return std::all_of(wanted.items().begin(), wanted.items().end(),
                     [&](const auto& one) { return value.contains(one.key()) || allows(one.value(), ""); });
}

bool allows(const Json& allowed, const Json& value) {
  if (!allowed.is_array()) return equal(allowed, value);  // dicts within dicts hold values, not lists of them
  return std::any_of(allowed.begin(), allowed.end(), [&](const Json& one) { return equal(one, value); });
}

/// A whole number is accepted for a float, but not the reverse.
bool has_type(const std::string& type, const Json& value) {
  if (type == "integer") return value.is_number_integer();
  if (type == "float" || type == "number") return value.is_number();
  if (type == "boolean") return value.is_boolean();
  if (type == "string") return value.is_string();
  if (type == "array" || type == "tuple") return value.is_array();
  return type != "dict" || value.is_object();
}

/// Some data has values of other types than the tools declare; they are accepted, too.
bool has_type_of(const Json& allowed, const Json& value) {
  const auto found = std::find_if(allowed.begin(), allowed.end(), [](const Json& one) { return one != ""; });
  if (found == allowed.end()) return false;
  // The JSON library has two kinds of whole numbers, with a sign and without.
  return found->type() == value.type() || (found->is_number_integer() && value.is_number_integer());
}

/// The error of a call; empty: none.
std::string fault_of(const ToolCall& call, const Example& example) {
  const auto fact = [&](const char* name) { return Json::parse(example.facts.at(name)); };
  if (call.name != example.facts.at("tool")) return "another tool";
  const auto allowed = fact("allowed");
  const auto properties = fact("properties");
  for (const std::string name : fact("required")) {
    if (call.arguments.count(name) == 0) return "no argument " + name;
  }
  for (const auto& [name, text] : call.arguments) {
    if (!properties.contains(name) || !allowed.contains(name)) return "unexpected argument " + name;
    const auto value = literal(text);
    const bool typed = has_type(properties[name].value("type", ""), value) || has_type_of(allowed[name], value);
    if (value.is_discarded() || !typed) return "type of " + name;
    if (!allows(allowed[name], value)) return "value of " + name;
  }
  for (const auto& [name, choices] : allowed.items()) {
    if (call.arguments.count(name) == 0 && !allows(choices, "")) return "no argument " + name;
  }
  return "";
}

Verdict judge_bfcl(const Example& example, const Response& response) {
  std::string fault;
  auto verdict = tool_verdict(response, main, example.question, example.facts.at("tool"), [&](const ToolCall& call) {
    fault = fault_of(call, example);
    return fault.empty();
  });
  if (verdict.parsed) verdict.detail = fault;
  return verdict;
}

void add_bfcl(TaskBook& book, const BfclCategory& category) {
  Task task;
  task.name = category.name;
  task.family = "bfcl";
  task.version = "4.0";
  task.summary = category.summary;
  task.source = "The Berkeley Function Calling Leaderboard, ICML 2025; ShishirPatil/gorilla";
  task.format.target_delimiter = " ";
  task.format.shots_from = Split::train;
  task.metrics = tool_metrics(main);
  for (const auto split : {Split::test, Split::train}) {
    for (auto& one : files_of(category, split)) task.files.push_back(std::move(one));
  }
  task.load = [category](Split split, const DataFolders& folders) { return load_bfcl(category, split, folders); };
  asks_for_a_line(task, bfcl_longest, judge_bfcl);
  book.tasks.add(category.name, std::move(task));
}

}  // namespace

namespace plugins {

void bfcl(TaskBook& book) {
  add_bfcl(book,
           {"bfcl_simple_python", "simple_python", "live_simple", "one tool and a question: the call that answers it"});
  add_bfcl(book,
           {"bfcl_multiple", "multiple", "live_multiple", "two to four tools and a question: the right one's call"});
}

}  // namespace plugins
}  // namespace touchstone
