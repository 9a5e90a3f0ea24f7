// A parsed template. Immutable; any number of threads may render it at once.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "text/jinja/runtime/operators.h"
#include "text/jinja/runtime/value.h"

namespace temper {

struct JinjaExpression;
using JinjaExpressionPtr = std::unique_ptr<JinjaExpression>;

struct JinjaArgument {
  enum class Kind : uint8_t { kPositional, kNamed, kSpread, kNamedSpread };  // a, n=a, *a, **a
  Kind kind = Kind::kPositional;
  std::string name;
  JinjaExpressionPtr value;
};

struct JinjaExpression {
  enum class Kind : uint8_t {
    kConstant,     // value
    kName,         // variable
    kTuple,        // operands
    kList,         // operands
    kDict,         // operands: key, value, key, value, ...
    kAttribute,    // operands[0].name
    kItem,         // operands[0][operands[1]]
    kSlice,        // operands[0][operands[1]:operands[2]:operands[3]], absent ones are null
    kCall,         // operands[0](arguments)
    kFilter,       // operands[0] | function(arguments); no operand: in a filter block
    kTest,         // operands[0] is function(arguments)
    kNot,          // operands[0]
    kNegate,       // operands[0]
    kPlus,         // operands[0]
    kAnd,          // operands[0], operands[1]
    kOr,           // operands[0], operands[1]
    kArithmetic,   // operands[0] operators[0] operands[1]
    kCompare,      // operands[0] operators[0] operands[1] operators[1] operands[2] ...
    kConcatenate,  // operands, with ~
    kConditional,  // operands[1] if operands[0] else operands[2], which may be null
  };

  Kind kind = Kind::kConstant;
  int line = 0;
  int height = 1;
  int variable = -1;  // index into JinjaProgram::names
  std::string name;   // of an attribute, a filter, a test; the text of a constant
  JinjaValue value;
  JinjaFunction function = nullptr;
  std::vector<JinjaOperator> operators;
  std::vector<JinjaExpressionPtr> operands;
  std::vector<JinjaArgument> arguments;
};

struct JinjaStatement;
using JinjaBlock = std::vector<JinjaStatement>;

// What is assigned to: a name, an attribute of a namespace, or a list of such.
struct JinjaTarget {
  int variable = -1;
  std::string attribute;  // empty: the variable itself
  std::vector<JinjaTarget> parts;
};

struct JinjaParameter {
  int variable = -1;
  std::string name;
  JinjaExpressionPtr fallback;  // may be null
};

// A macro, or the body of a call block.
struct JinjaMacro {
  std::string name;
  std::vector<JinjaParameter> parameters;
  bool uses_caller = false, uses_varargs = false, uses_kwargs = false;
};

struct JinjaStatement {
  enum class Kind : uint8_t {
    kText,       // text
    kPrint,      // expression
    kIf,         // branches: conditions[i] -> bodies[i]; one body more is the else
    kFor,        // target, expression, conditions[0]: its filter or null; bodies[0], else bodies[1]
    kSet,        // target, expression
    kSetBlock,   // target, conditions: filters; bodies[0]
    kMacro,      // macro, target.variable; bodies[0]
    kCallBlock,  // macro, expression: the call; bodies[0]
    kFilterBlock,  // expression: the filter; bodies[0]
    kWith,         // targets, conditions: their values; bodies[0]
    kGeneration,   // bodies[0]
    kBreak,
    kContinue,
  };

  Kind kind = Kind::kText;
  int line = 0;
  std::string text;
  JinjaTarget target;
  std::vector<JinjaTarget> targets;
  JinjaExpressionPtr expression;
  std::vector<JinjaExpressionPtr> conditions;
  std::vector<JinjaBlock> bodies;
  std::unique_ptr<JinjaMacro> macro;
  bool makes_closures = false;  // a macro or call block lies within: the scope may be kept
  bool uses_loop = false;       // of a for: its body says `loop`
};

struct JinjaProgram {
  JinjaBlock body;
  std::vector<std::string> names;  // of variables
  std::unordered_map<std::string, int> name_index;
  int caller = -1, loop = -1, varargs = -1, kwargs = -1;  // names with a meaning of their own
  bool has_generation = false;
};

}  // namespace temper
