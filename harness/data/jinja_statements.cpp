#include <algorithm>

#include "harness/base/error.hpp"
#include "harness/data/jinja_parser.hpp"

namespace touchstone::jinja {

Nodes parse(const std::string& source, const std::string& where) {
  return Parser(tokenize(source, where), where).run();
}

Nodes Parser::run() { return body({}); }

void Parser::want_block_end() {
  if (now().kind != TokenKind::block_end)
    fail("expected the end of the block, found '" + now().text.substr(0, 40) + "'");
  ++at_;
}

/// Statements up to a block whose first name is one of `ends`, which is left at that name.
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

/// What a value is assigned to: a name, names with commas between, or an attribute of a namespace.
NodePtr Parser::target() {
  auto one = [&]() -> NodePtr {
    if (skip_symbol("(")) {
      auto inner = target();
      want_symbol(")");
      return inner;
    }
    return make(Node::Kind::name, want_name());
  };
  const Level level(*this);
  auto first = one();
  if (first->kind == Node::Kind::name && is_symbol(".")) {
    ++at_;
    auto attribute = make(Node::Kind::attribute, want_name());
    add(*attribute, std::move(first));
    return attribute;
  }
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
  add(*node, target());
  if (!skip_name("in")) fail("expected 'in', found '" + now().text.substr(0, 40) + "'");
  add(*node, tuple(false));
  add(*node, skip_name("if") ? expression() : nullptr);
  if (is_name("recursive")) fail("recursive loops are not supported");
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
  want_block_end();
  node->body = body({"endmacro"});
  deepen(*node, node->body);
  ++at_;
  want_block_end();
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
  want_block_end();
  node->body = body({"endcall"});
  deepen(*node, node->body);
  ++at_;
  want_block_end();
  return node;
}

}  // namespace touchstone::jinja
