#pragma once
#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "harness/jinja/lexer.hpp"
#include "harness/jinja/node.hpp"

namespace touchstone::jinja {

/// Parses the tokens of a template. Expressions and statements are read by functions named as in Jinja's own
/// grammar, one for each level of precedence.
class Parser {
 public:
  Parser(std::vector<Token> tokens, std::string where) : tokens_(std::move(tokens)), where_(std::move(where)) {}
  Nodes run();

 private:
  // The stream of tokens.
  const Token& now() const { return tokens_[at_]; }
  const Token& next() const { return tokens_[at_ + 1 < tokens_.size() ? at_ + 1 : at_]; }
  bool is_symbol(std::string_view text) const { return now().kind == TokenKind::symbol && now().text == text; }
  bool is_name(std::string_view text) const { return now().kind == TokenKind::name && now().text == text; }
  bool skip_symbol(std::string_view text);
  bool skip_name(std::string_view text);
  void want_symbol(std::string_view text);
  std::string want_name();
  void want_block_end();
  [[noreturn]] void fail(const std::string& what) const;
  NodePtr make(Node::Kind kind, std::string text = {}) const;
  /// Adds a part and updates the depth of the tree.
  void add(Node& parent, NodePtr child) const;
  void deepen(Node& parent, const Nodes& children) const;

  // Statements.
  Nodes body(std::initializer_list<std::string_view> ends);
  NodePtr statement();
  NodePtr set();
  NodePtr loop();
  NodePtr branch();
  NodePtr macro();
  NodePtr filter_block();
  NodePtr call_block();
  NodePtr with_block();
  NodePtr target(bool with_attributes = true);
  void macro_body(Node& macro, std::string_view end);
  std::vector<std::string> parameters(Node& macro);

  // Expressions.
  NodePtr tuple(bool with_condition = true);
  NodePtr expression() { return conditional(); }
  NodePtr conditional();
  NodePtr any_of();
  NodePtr all_of();
  NodePtr negation();
  NodePtr compare();
  NodePtr sum();
  NodePtr concat();
  NodePtr product();
  NodePtr power();
  NodePtr unary(bool with_filters = true);
  NodePtr primary();
  NodePtr postfix(NodePtr node);
  NodePtr filters(NodePtr node);
  NodePtr one_filter(NodePtr node);
  NodePtr test(NodePtr node);
  NodePtr subscript(NodePtr node);
  NodePtr list();
  NodePtr dict();
  void arguments(Node& call);
  NodePtr binary(NodePtr left, std::initializer_list<std::string_view> ops, NodePtr (Parser::*operand)());

  /// Guards the parser's own recursion.
  class Level;

  std::vector<Token> tokens_;
  std::string where_;
  std::size_t at_ = 0;
  int level_ = 0;
};

class Parser::Level {
 public:
  explicit Level(Parser& parser);
  ~Level() { --parser_.level_; }
  Level(const Level&) = delete;
  Level& operator=(const Level&) = delete;

 private:
  Parser& parser_;
};

}  // namespace touchstone::jinja
