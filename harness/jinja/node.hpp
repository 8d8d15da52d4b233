#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "harness/jinja/value.hpp"

namespace touchstone::jinja {

struct Node;
using NodePtr = std::unique_ptr<Node>;
using Nodes = std::vector<NodePtr>;

/// One part of a parsed template. The kind decides which fields are used; `parts` are its operands in order.
struct Node {
  enum class Kind : std::uint8_t {
    // expressions
    constant,     ///< value
    name,         ///< text
    list,         ///< parts
    tuple,        ///< parts
    dict,         ///< parts: key, value, key, value
    attribute,    ///< parts[0] . text
    item,         ///< parts[0] [ parts[1] ]
    slice,        ///< parts[0] [ parts[1] : parts[2] : parts[3] ], each of the last three may be null
    call,         ///< parts[0] ( parts[1...] , named )
    filter,       ///< parts[0] | text ( parts[1...] , named ); parts[0] is null in a filter block
    test,         ///< parts[0] is text ( parts[1...] , named )
    unary,        ///< text: "-", "+", "not"
    binary,       ///< text: arithmetic, "~", "and", "or"
    compare,      ///< parts[0] ops[0] parts[1] ops[1] parts[2] ...
    conditional,  ///< parts[1] if parts[0] else parts[2], which may be null
    spread,       ///< among the arguments of a call: text ("*" or "**") parts[0]
    // statements
    data,          ///< text
    print,         ///< parts[0]
    set,           ///< parts[0] = parts[1]
    set_block,     ///< parts[0] = what body prints, through the filters of parts[1], which may be null
    loop,          ///< for parts[0] in parts[1] if parts[2] (may be null): body; other. text: "recursive" or empty
    branch,        ///< if parts[i]: bodies[i]; else other
    macro,         ///< text ( ops; named are the defaults of the last ones ): body
    filter_block,  ///< body through the filters of parts[0]
    call_block,    ///< parts[0] called with body as caller()
    body_block,    ///< body in a scope of its own ({% generation %})
    with_block,    ///< body where parts[0] = parts[1], parts[2] = parts[3], ...
    break_loop,
    continue_loop,
  };

  Kind kind = Kind::constant;
  int line = 1;
  int depth = 1;  ///< of the tree below
  std::string text;
  Value value;
  Nodes parts;
  std::vector<std::pair<std::string, NodePtr>> named;
  std::vector<std::string> ops;
  Nodes body;
  Nodes other;
  std::vector<Nodes> bodies;
  // For a macro or call block: which of the implicit names (caller, varargs, kwargs) its body reads.
  bool reads_caller = false;
  bool reads_varargs = false;
  bool reads_kwargs = false;
};

/// Reads a template. Throws Fault::checkpoint naming `where` and the line.
Nodes parse(const std::string& source, const std::string& where);

}  // namespace touchstone::jinja
