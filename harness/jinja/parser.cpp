#include "harness/jinja/parser.hpp"

#include <algorithm>
#include <charconv>

#include "harness/base/error.hpp"
#include "harness/base/one_line.hpp"

namespace touchstone::jinja {
namespace {

constexpr int deepest = 200;  ///< nested brackets and blocks, and operators in a row

/// Whether `name` is read anywhere in the tree, whose depth is bounded.
bool reads(const Node* node, std::string_view name);

bool reads(const Nodes& nodes, std::string_view name) {
  return std::any_of(nodes.begin(), nodes.end(), [&](const NodePtr& node) { return reads(node.get(), name); });
}

bool reads(const Node* node, std::string_view name) {
  if (node == nullptr) return false;
  if (node->kind == Node::Kind::name && node->text == name) return true;
  return reads(node->parts, name) || reads(node->body, name) || reads(node->other, name) ||
         std::any_of(node->bodies.begin(), node->bodies.end(), [&](const Nodes& body) { return reads(body, name); }) ||
         std::any_of(node->named.begin(), node->named.end(),
                     [&](const auto& entry) { return reads(entry.second.get(), name); });
}

/// Whether `name` is among the names of an assignment's target.
bool assigns(const Node& target, std::string_view name) { return reads(&target, name); }

}  // namespace

Parser::Level::Level(Parser& parser) : parser_(parser) {
  if (++parser_.level_ > deepest) {
    --parser_.level_;
    parser_.fail("is nested deeper than " + std::to_string(deepest) + " levels");
  }
}

void Parser::fail(const std::string& what) const {
  throw Error(Fault::checkpoint,
              where_ + ": chat template line " + std::to_string(now().line) + ": " + one_line(what, 500));
}

bool Parser::skip_symbol(std::string_view text) {
  if (!is_symbol(text)) return false;
  ++at_;
  return true;
}

bool Parser::skip_name(std::string_view text) {
  if (!is_name(text)) return false;
  ++at_;
  return true;
}

void Parser::want_symbol(std::string_view text) {
  if (!skip_symbol(text)) fail("expected '" + std::string(text) + "', found '" + now().text.substr(0, 40) + "'");
}

std::string Parser::want_name() {
  if (now().kind != TokenKind::name) fail("expected a name, found '" + now().text.substr(0, 40) + "'");
  return tokens_[at_++].text;
}

NodePtr Parser::make(Node::Kind kind, std::string text) const {
  auto node = std::make_unique<Node>();
  node->kind = kind;
  node->line = now().line;
  node->text = std::move(text);
  return node;
}

void Parser::add(Node& parent, NodePtr child) const {
  if (child != nullptr) {
    parent.depth = std::max(parent.depth, child->depth + 1);
    if (parent.depth > deepest) fail("an expression is deeper than " + std::to_string(deepest) + " levels");
  }
  parent.parts.push_back(std::move(child));
}

void Parser::deepen(Node& parent, const Nodes& children) const {
  for (const auto& child : children) parent.depth = std::max(parent.depth, child->depth + 1);
  if (parent.depth > deepest) fail("blocks are nested deeper than " + std::to_string(deepest) + " levels");
}

NodePtr Parser::tuple(bool with_condition) {
  const auto one = [&] { return with_condition ? expression() : any_of(); };
  auto first = one();
  if (!is_symbol(",")) return first;
  auto node = make(Node::Kind::tuple);
  add(*node, std::move(first));
  while (skip_symbol(",")) {
    if (is_symbol(")") || now().kind == TokenKind::print_end || now().kind == TokenKind::block_end || is_name("in"))
      break;
    add(*node, one());
  }
  return node;
}

NodePtr Parser::conditional() {
  const Level level(*this);
  auto node = any_of();
  while (is_name("if")) {
    auto choice = make(Node::Kind::conditional);
    ++at_;
    add(*choice, any_of());
    add(*choice, std::move(node));
    add(*choice, skip_name("else") ? conditional() : nullptr);
    node = std::move(choice);
  }
  return node;
}

NodePtr Parser::any_of() {
  auto node = all_of();
  while (is_name("or")) {
    auto either = make(Node::Kind::binary, "or");
    ++at_;
    add(*either, std::move(node));
    add(*either, all_of());
    node = std::move(either);
  }
  return node;
}

NodePtr Parser::all_of() {
  auto node = negation();
  while (is_name("and")) {
    auto both = make(Node::Kind::binary, "and");
    ++at_;
    add(*both, std::move(node));
    add(*both, negation());
    node = std::move(both);
  }
  return node;
}

NodePtr Parser::negation() {
  if (!is_name("not")) return compare();
  const Level level(*this);
  auto node = make(Node::Kind::unary, "not");
  ++at_;
  add(*node, negation());
  return node;
}

NodePtr Parser::compare() {
  auto first = sum();
  auto node = make(Node::Kind::compare);
  while (true) {
    std::string op;
    if (now().kind == TokenKind::symbol && (now().text == "==" || now().text == "!=" || now().text == "<" ||
                                            now().text == ">" || now().text == "<=" || now().text == ">=")) {
      op = now().text;
      ++at_;
    } else if (skip_name("in")) {
      op = "in";
    } else if (is_name("not") && next().kind == TokenKind::name && next().text == "in") {
      op = "not in";
      at_ += 2;
    } else {
      break;
    }
    if (node->ops.empty()) add(*node, std::move(first));
    node->ops.push_back(op);
    add(*node, sum());
  }
  return node->ops.empty() ? std::move(first) : std::move(node);
}

NodePtr Parser::binary(NodePtr left, std::initializer_list<std::string_view> ops, NodePtr (Parser::*operand)()) {
  while (now().kind == TokenKind::symbol && std::find(ops.begin(), ops.end(), now().text) != ops.end()) {
    auto node = make(Node::Kind::binary, now().text);
    ++at_;
    add(*node, std::move(left));
    add(*node, (this->*operand)());
    left = std::move(node);
  }
  return left;
}

NodePtr Parser::sum() { return binary(concat(), {"+", "-"}, &Parser::concat); }
NodePtr Parser::concat() { return binary(product(), {"~"}, &Parser::product); }
NodePtr Parser::product() { return binary(power(), {"*", "/", "//", "%"}, &Parser::power); }

NodePtr Parser::power() {
  auto left = unary();
  while (is_symbol("**")) {
    auto node = make(Node::Kind::binary, "**");
    ++at_;
    add(*node, std::move(left));
    add(*node, unary());
    left = std::move(node);
  }
  return left;
}

NodePtr Parser::unary(bool with_filters) {
  NodePtr node;
  if (is_symbol("-") || is_symbol("+")) {
    const Level level(*this);
    node = make(Node::Kind::unary, now().text);
    ++at_;
    add(*node, unary(false));
  } else {
    node = primary();
  }
  node = postfix(std::move(node));
  return with_filters ? filters(std::move(node)) : std::move(node);
}

NodePtr Parser::primary() {
  const Level level(*this);
  const auto& token = now();
  if (token.kind == TokenKind::name) {
    auto node = make(Node::Kind::constant);
    if (token.text == "true" || token.text == "True") {
      node->value = Value::of(true);
    } else if (token.text == "false" || token.text == "False") {
      node->value = Value::of(false);
    } else if (token.text == "none" || token.text == "None") {
      node->value = Value::none();
    } else {
      node->kind = Node::Kind::name;
      node->text = token.text;
    }
    ++at_;
    return node;
  }
  if (token.kind == TokenKind::text) {
    auto node = make(Node::Kind::constant);
    std::string text;
    while (now().kind == TokenKind::text) text += tokens_[at_++].text;
    node->value = Value::of(std::move(text));
    return node;
  }
  if (token.kind == TokenKind::integer || token.kind == TokenKind::real) {
    auto node = make(Node::Kind::constant);
    const char* first = token.text.data();
    const char* last = first + token.text.size();
    std::int64_t whole = 0;
    double real = 0.0;
    const bool is_whole = token.kind == TokenKind::integer;
    const auto read = is_whole ? std::from_chars(first, last, whole) : std::from_chars(first, last, real);
    if (read.ec != std::errc() || read.ptr != last) fail("number '" + token.text.substr(0, 40) + "' is out of range");
    node->value = is_whole ? Value::of(whole) : Value::of(real);
    ++at_;
    return node;
  }
  if (skip_symbol("(")) {
    if (skip_symbol(")")) return make(Node::Kind::tuple);
    auto node = tuple();
    want_symbol(")");
    return node;
  }
  if (is_symbol("[")) return list();
  if (is_symbol("{")) return dict();
  fail(token.kind == TokenKind::symbol ? "unexpected '" + token.text + "'" : "expected an expression");
}

NodePtr Parser::list() {
  auto node = make(Node::Kind::list);
  want_symbol("[");
  while (!skip_symbol("]")) {
    add(*node, expression());
    if (!is_symbol("]")) want_symbol(",");
  }
  return node;
}

NodePtr Parser::dict() {
  auto node = make(Node::Kind::dict);
  want_symbol("{");
  while (!skip_symbol("}")) {
    add(*node, expression());
    want_symbol(":");
    add(*node, expression());
    if (!is_symbol("}")) want_symbol(",");
  }
  return node;
}

NodePtr Parser::postfix(NodePtr node) {
  while (true) {
    if (is_symbol(".")) {
      auto attribute = make(Node::Kind::attribute);
      ++at_;
      if (now().kind == TokenKind::integer) {
        attribute->kind = Node::Kind::item;
        add(*attribute, std::move(node));
        add(*attribute, primary());
      } else {
        attribute->text = want_name();
        add(*attribute, std::move(node));
      }
      node = std::move(attribute);
    } else if (is_symbol("[")) {
      node = subscript(std::move(node));
    } else if (is_symbol("(")) {
      auto call = make(Node::Kind::call);
      add(*call, std::move(node));
      arguments(*call);
      node = std::move(call);
    } else {
      return node;
    }
  }
}

NodePtr Parser::subscript(NodePtr node) {
  auto item = make(Node::Kind::item);
  want_symbol("[");
  add(*item, std::move(node));
  add(*item, is_symbol(":") ? nullptr : tuple());
  if (is_symbol(":")) {
    item->kind = Node::Kind::slice;
    ++at_;
    add(*item, is_symbol("]") || is_symbol(":") ? nullptr : expression());
    add(*item, skip_symbol(":") && !is_symbol("]") ? expression() : nullptr);
  }
  want_symbol("]");
  return item;
}

/// "(a, b, c=d)"
void Parser::arguments(Node& call) {
  want_symbol("(");
  int spread = 0;  // 1 behind "*", 2 behind "**"
  while (!skip_symbol(")")) {
    if (is_symbol("*") || is_symbol("**")) {
      auto all = make(Node::Kind::spread, now().text);
      if (all->text == "*" ? spread > 0 : spread > 1) fail("unexpected '" + all->text + "'");
      spread = all->text == "*" ? 1 : 2;
      ++at_;
      add(*all, expression());
      add(call, std::move(all));
    } else if (now().kind == TokenKind::name && next().kind == TokenKind::symbol && next().text == "=") {
      if (spread > 1) fail("an argument follows '**'");
      auto name = want_name();
      ++at_;
      auto value = expression();
      call.depth = std::max(call.depth, value->depth + 1);
      call.named.emplace_back(std::move(name), std::move(value));
    } else {
      if (!call.named.empty() || spread > 0) fail("a positional argument follows a named one");
      add(call, expression());
    }
    if (!is_symbol(")")) want_symbol(",");
  }
}

NodePtr Parser::filters(NodePtr node) {
  while (true) {
    if (is_symbol("|")) {
      node = one_filter(std::move(node));
    } else if (is_name("is")) {
      node = test(std::move(node));
    } else if (is_symbol("(")) {
      auto call = make(Node::Kind::call);
      add(*call, std::move(node));
      arguments(*call);
      node = std::move(call);
    } else {
      return node;
    }
  }
}

NodePtr Parser::one_filter(NodePtr node) {
  want_symbol("|");
  auto filter = make(Node::Kind::filter);
  filter->text = want_name();
  add(*filter, std::move(node));
  if (is_symbol("(")) arguments(*filter);
  return filter;
}

NodePtr Parser::test(NodePtr node) {
  ++at_;
  const bool negated = skip_name("not");
  auto found = make(Node::Kind::test);
  found->text = want_name();
  add(*found, std::move(node));
  const auto kind = now().kind;
  if (is_symbol("(")) {
    arguments(*found);
  } else if ((kind == TokenKind::name && !is_name("else") && !is_name("or") && !is_name("and")) ||
             kind == TokenKind::text || kind == TokenKind::integer || kind == TokenKind::real || is_symbol("[") ||
             is_symbol("{")) {
    if (is_name("is")) fail("tests cannot be chained with 'is'");
    add(*found, postfix(primary()));
  }
  if (!negated) return found;
  auto outer = make(Node::Kind::unary, "not");
  add(*outer, std::move(found));
  return outer;
}

Nodes parse(const std::string& source, const std::string& where) {
  return Parser(tokenize(source, where), where).run();
}

Nodes Parser::run() { return body({}); }

void Parser::want_block_end() {
  if (now().kind != TokenKind::block_end)
    fail("expected the end of the block, found '" + now().text.substr(0, 40) + "'");
  ++at_;
}

/// Reads statements up to a block whose first name is in `ends`; the parser then stands at that name.
Nodes Parser::body(std::initializer_list<std::string_view> ends) {
  const Level level(*this);
  Nodes nodes;
  while (true) {
    const auto& token = now();
    if (token.kind == TokenKind::end) {
      if (ends.size() > 0) fail("expected '" + std::string(*ends.begin()) + "' before the end of the template");
      return nodes;
    }
    if (token.kind == TokenKind::data) {
      nodes.push_back(make(Node::Kind::data, token.text));
      ++at_;
    } else if (token.kind == TokenKind::print_begin) {
      auto print = make(Node::Kind::print);
      ++at_;
      add(*print, tuple());
      if (now().kind != TokenKind::print_end) fail("expected '}}', found '" + now().text.substr(0, 40) + "'");
      ++at_;
      nodes.push_back(std::move(print));
    } else {
      ++at_;
      if (std::find(ends.begin(), ends.end(), now().text) != ends.end()) return nodes;
      nodes.push_back(statement());
    }
  }
}

NodePtr Parser::statement() {
  const auto name = want_name();
  if (name == "set") return set();
  if (name == "for") return loop();
  if (name == "if") return branch();
  if (name == "macro") return macro();
  if (name == "filter") return filter_block();
  if (name == "call") return call_block();
  if (name == "with") return with_block();
  if (name == "generation") {
    auto node = make(Node::Kind::body_block);
    want_block_end();
    node->body = body({"endgeneration"});
    deepen(*node, node->body);
    ++at_;
    want_block_end();
    return node;
  }
  if (name == "break" || name == "continue") {
    auto node = make(name == "break" ? Node::Kind::break_loop : Node::Kind::continue_loop);
    want_block_end();
    return node;
  }
  --at_;
  fail("block '" + name.substr(0, 40) + "' is unknown or not supported");
}

/// Reads the target of an assignment: a name, names with commas between, or an attribute of a namespace.
NodePtr Parser::target(bool with_attributes) {
  auto one = [&]() -> NodePtr {
    if (skip_symbol("(")) {
      auto inner = target(with_attributes);
      want_symbol(")");
      return inner;
    }
    auto name = make(Node::Kind::name, want_name());
    for (const std::string_view constant : {"true", "True", "false", "False", "none", "None"}) {
      if (name->text == constant) fail("cannot assign to '" + name->text + "'");
    }
    if (!with_attributes || !skip_symbol(".")) return name;
    auto attribute = make(Node::Kind::attribute, want_name());
    add(*attribute, std::move(name));
    return attribute;
  };
  const Level level(*this);
  auto first = one();
  if (!is_symbol(",")) return first;
  auto node = make(Node::Kind::tuple);
  add(*node, std::move(first));
  while (skip_symbol(",")) {
    if (is_symbol("=") || is_name("in") || is_symbol(")")) break;
    add(*node, one());
  }
  return node;
}

NodePtr Parser::set() {
  auto node = make(Node::Kind::set);
  add(*node, target());
  if (skip_symbol("=")) {
    add(*node, tuple());
    want_block_end();
    return node;
  }
  node->kind = Node::Kind::set_block;
  NodePtr chain;
  while (is_symbol("|")) chain = one_filter(std::move(chain));
  add(*node, std::move(chain));
  want_block_end();
  node->body = body({"endset"});
  deepen(*node, node->body);
  ++at_;
  want_block_end();
  return node;
}

NodePtr Parser::loop() {
  auto node = make(Node::Kind::loop);
  add(*node, target(false));
  if (assigns(*node->parts[0], "loop")) fail("'loop' cannot be a loop's variable");
  if (!skip_name("in")) fail("expected 'in', found '" + now().text.substr(0, 40) + "'");
  add(*node, tuple(false));
  add(*node, skip_name("if") ? expression() : nullptr);
  if (skip_name("recursive")) node->text = "recursive";
  want_block_end();
  node->body = body({"endfor", "else"});
  if (skip_name("else")) {
    want_block_end();
    node->other = body({"endfor"});
  }
  deepen(*node, node->body);
  deepen(*node, node->other);
  ++at_;
  want_block_end();
  return node;
}

NodePtr Parser::branch() {
  auto node = make(Node::Kind::branch);
  do {
    add(*node, tuple(false));
    want_block_end();
    node->bodies.push_back(body({"endif", "elif", "else"}));
    deepen(*node, node->bodies.back());
  } while (skip_name("elif"));
  if (skip_name("else")) {
    want_block_end();
    node->other = body({"endif"});
    deepen(*node, node->other);
  }
  if (!skip_name("endif")) fail("expected 'endif', found '" + now().text.substr(0, 40) + "'");
  want_block_end();
  return node;
}

/// "(a, b=c)" into `ops` and `named`.
std::vector<std::string> Parser::parameters(Node& macro) {
  std::vector<std::string> names;
  want_symbol("(");
  while (!skip_symbol(")")) {
    names.push_back(want_name());
    if (std::count(names.begin(), names.end(), names.back()) > 1)
      fail("parameter '" + names.back() + "' is there twice");
    if (names.back() == "caller" && !is_symbol("=")) fail("the parameter 'caller' needs a default");
    if (skip_symbol("=")) {
      auto value = expression();
      macro.depth = std::max(macro.depth, value->depth + 1);
      macro.named.emplace_back(names.back(), std::move(value));
    } else if (!macro.named.empty()) {
      fail("a parameter without a default follows one with a default");
    }
    if (!is_symbol(")")) want_symbol(",");
  }
  return names;
}

NodePtr Parser::macro() {
  auto node = make(Node::Kind::macro);
  node->text = want_name();
  node->ops = parameters(*node);
  macro_body(*node, "endmacro");
  return node;
}

NodePtr Parser::filter_block() {
  auto node = make(Node::Kind::filter_block);
  auto chain = make(Node::Kind::filter, want_name());
  add(*chain, nullptr);
  if (is_symbol("(")) arguments(*chain);
  while (is_symbol("|")) chain = one_filter(std::move(chain));
  add(*node, std::move(chain));
  want_block_end();
  node->body = body({"endfilter"});
  deepen(*node, node->body);
  ++at_;
  want_block_end();
  return node;
}

NodePtr Parser::call_block() {
  auto node = make(Node::Kind::call_block);
  if (is_symbol("(")) node->ops = parameters(*node);
  add(*node, expression());
  if (node->parts[0]->kind != Node::Kind::call) fail("expected a call");
  macro_body(*node, "endcall");
  return node;
}

void Parser::macro_body(Node& macro, std::string_view end) {
  want_block_end();
  macro.body = body({end});
  deepen(macro, macro.body);
  ++at_;
  want_block_end();
  macro.reads_caller = reads(macro.body, "caller");
  macro.reads_varargs = reads(macro.body, "varargs");
  macro.reads_kwargs = reads(macro.body, "kwargs");
}

NodePtr Parser::with_block() {
  auto node = make(Node::Kind::with_block);
  while (now().kind != TokenKind::block_end) {
    if (!node->parts.empty()) want_symbol(",");
    add(*node, target());
    want_symbol("=");
    add(*node, expression());
  }
  want_block_end();
  node->body = body({"endwith"});
  deepen(*node, node->body);
  ++at_;
  want_block_end();
  return node;
}

}  // namespace touchstone::jinja
