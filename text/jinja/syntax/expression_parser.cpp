#include "text/jinja/syntax/expression_parser.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "text/jinja/runtime/builtins.h"

namespace temper {
namespace {

using Kind = JinjaTokenKind;

}  // namespace

std::optional<JinjaValue> jinja_constant_named(std::string_view name) {
  if (name == "true" || name == "True") return JinjaValue::boolean(true);
  if (name == "false" || name == "False") return JinjaValue::boolean(false);
  if (name == "none" || name == "None") return JinjaValue::none();
  return std::nullopt;
}

JinjaExpressionParser::NestingLevel::NestingLevel(JinjaExpressionParser& parser) : parser_(parser) {
  if (++parser_.depth_ > kMaxJinjaHeight) parser_.fail("the template is nested too deeply");
}

int JinjaExpressionParser::variable(const std::string& name) {
  const auto [at, is_new] =
      program_.name_index.try_emplace(name, static_cast<int>(program_.names.size()));
  if (is_new) program_.names.push_back(name);
  return at->second;
}

JinjaExpressionPtr JinjaExpressionParser::make(Expression::Kind kind, int line) {
  auto node = std::make_unique<Expression>();
  node->kind = kind;
  node->line = line;
  return node;
}

JinjaExpressionPtr JinjaExpressionParser::make_constant(int line, JinjaValue value) {
  ExpressionPtr node = make(Expression::Kind::kConstant, line);
  node->value = std::move(value);
  return node;
}

JinjaExpressionPtr JinjaExpressionParser::make_text(int line, std::string text) {
  ExpressionPtr node = make(Expression::Kind::kConstant, line);
  node->name = std::move(text);
  node->value = JinjaValue::constant(node->name);
  return node;
}

JinjaExpressionPtr JinjaExpressionParser::make_name(const JinjaToken& token) {
  if (const auto constant = jinja_constant_named(token.text)) {
    return make_constant(token.line, *constant);
  }
  ExpressionPtr node = make(Expression::Kind::kName, token.line);
  node->variable = variable(token.text);
  node->name = token.text;
  uses_.caller += token.text == "caller";
  uses_.varargs += token.text == "varargs";
  uses_.kwargs += token.text == "kwargs";
  uses_.loop += token.text == "loop";
  return node;
}

JinjaExpressionPtr JinjaExpressionParser::make_arithmetic(JinjaOperator op, int line,
                                                          ExpressionPtr left,
                                                          ExpressionPtr right) const {
  ExpressionPtr node = make(Expression::Kind::kArithmetic, line, std::move(left), std::move(right));
  node->operators.push_back(op);
  return node;
}

void JinjaExpressionParser::add(Expression& node, ExpressionPtr child) const {
  raise(node, child);
  node.operands.push_back(std::move(child));
}

// A node stands one above the highest of its children.
void JinjaExpressionParser::raise(Expression& node, const ExpressionPtr& child) const {
  if (!child) return;
  node.height = std::max(node.height, child->height + 1);
  if (node.height > kMaxJinjaHeight) fail("an expression is too long or nested too deeply");
}

JinjaExpressionPtr JinjaExpressionParser::parse_expression(bool with_conditional) {
  const NestingLevel level(*this);
  return with_conditional ? parse_conditional() : parse_or();
}

JinjaExpressionPtr JinjaExpressionParser::parse_conditional() {
  ExpressionPtr value = parse_or();
  while (is_name("if")) {
    const int line = take().line;
    ExpressionPtr condition = parse_or();
    ExpressionPtr otherwise = skip_name("else") ? parse_expression() : nullptr;
    value = make(Expression::Kind::kConditional, line, std::move(condition), std::move(value),
                 std::move(otherwise));
  }
  return value;
}

JinjaExpressionPtr JinjaExpressionParser::parse_or() {
  ExpressionPtr left = parse_and();
  while (is_name("or")) {
    const int line = take().line;
    left = make(Expression::Kind::kOr, line, std::move(left), parse_and());
  }
  return left;
}

JinjaExpressionPtr JinjaExpressionParser::parse_and() {
  ExpressionPtr left = parse_not();
  while (is_name("and")) {
    const int line = take().line;
    left = make(Expression::Kind::kAnd, line, std::move(left), parse_not());
  }
  return left;
}

JinjaExpressionPtr JinjaExpressionParser::parse_not() {
  if (!is_name("not")) return parse_compare();
  const NestingLevel level(*this);
  const int line = take().line;
  return make(Expression::Kind::kNot, line, parse_not());
}

std::optional<JinjaOperator> JinjaExpressionParser::take_comparison() {
  static constexpr std::pair<std::string_view, JinjaOperator> kComparisons[] = {
      {"==", JinjaOperator::kEqual},  {"!=", JinjaOperator::kNotEqual},
      {"<", JinjaOperator::kLess},    {"<=", JinjaOperator::kLessEqual},
      {">", JinjaOperator::kGreater}, {">=", JinjaOperator::kGreaterEqual},
  };
  for (const auto& [spelling, op] : kComparisons) {
    if (skip_operator(spelling)) return op;
  }
  if (skip_name("in")) return JinjaOperator::kIn;
  if (is_name("not") && next().is_name("in")) {
    take();
    take();
    return JinjaOperator::kNotIn;
  }
  return std::nullopt;
}

JinjaExpressionPtr JinjaExpressionParser::parse_compare() {
  const int line = current().line;
  ExpressionPtr left = parse_sum();
  ExpressionPtr node;
  while (const auto op = take_comparison()) {
    if (!node) node = make(Expression::Kind::kCompare, line, std::move(left));
    node->operators.push_back(*op);
    add(*node, parse_sum());
  }
  return node ? std::move(node) : std::move(left);
}

JinjaExpressionPtr JinjaExpressionParser::parse_sum() {
  ExpressionPtr left = parse_concatenation();
  while (is_operator("+") || is_operator("-")) {
    const JinjaToken op = take();
    left = make_arithmetic(op.text == "+" ? JinjaOperator::kAdd : JinjaOperator::kSubtract, op.line,
                           std::move(left), parse_concatenation());
  }
  return left;
}

JinjaExpressionPtr JinjaExpressionParser::parse_concatenation() {
  const int line = current().line;
  ExpressionPtr first = parse_product();
  if (!is_operator("~")) return first;
  ExpressionPtr node = make(Expression::Kind::kConcatenate, line, std::move(first));
  while (skip_operator("~")) add(*node, parse_product());
  return node;
}

JinjaExpressionPtr JinjaExpressionParser::parse_product() {
  static constexpr std::pair<std::string_view, JinjaOperator> kProducts[] = {
      {"*", JinjaOperator::kMultiply},
      {"/", JinjaOperator::kDivide},
      {"//", JinjaOperator::kFloorDivide},
      {"%", JinjaOperator::kModulo},
  };
  ExpressionPtr left = parse_power();
  for (;;) {
    const auto* op = std::find_if(std::begin(kProducts), std::end(kProducts),
                                  [&](const auto& p) { return is_operator(p.first); });
    if (op == std::end(kProducts)) return left;
    const int line = take().line;
    left = make_arithmetic(op->second, line, std::move(left), parse_power());
  }
}

JinjaExpressionPtr JinjaExpressionParser::parse_power() {
  ExpressionPtr left = parse_unary(true);
  while (is_operator("**")) {
    const int line = take().line;
    left = make_arithmetic(JinjaOperator::kPower, line, std::move(left), parse_unary(true));
  }
  return left;
}

JinjaExpressionPtr JinjaExpressionParser::parse_unary(bool with_filter) {
  const int line = current().line;
  ExpressionPtr node;
  if (is_operator("-") || is_operator("+")) {
    const NestingLevel level(*this);
    const auto kind = take().text == "-" ? Expression::Kind::kNegate : Expression::Kind::kPlus;
    node = make(kind, line, parse_unary(false));
  } else {
    node = parse_primary();
  }
  node = parse_postfix(std::move(node));
  return with_filter ? parse_filters(std::move(node)) : std::move(node);
}

JinjaExpressionPtr JinjaExpressionParser::parse_primary() {
  const int line = current().line;
  switch (current().kind) {
    case Kind::kName:
      return make_name(take());
    case Kind::kString: {
      std::string text;
      while (current().kind == Kind::kString) text += take().text;
      return make_text(line, std::move(text));
    }
    case Kind::kInteger:
      return make_constant(line, JinjaValue::integer(take().integer));
    case Kind::kFloat:
      return make_constant(line, JinjaValue::number(take().number));
    default:
      break;
  }
  if (skip_operator("(")) {
    ExpressionPtr node = parse_tuple(true, {}, true);
    expect_operator(")");
    return node;
  }
  if (is_operator("[")) return parse_list();
  if (is_operator("{")) return parse_dict();
  fail_expecting("an expression");
}

bool JinjaExpressionParser::is_tuple_end(std::string_view end_name) const {
  return current().kind == Kind::kPrintEnd || current().kind == Kind::kBlockEnd ||
         is_operator(")") || (!end_name.empty() && is_name(end_name));
}

JinjaExpressionPtr JinjaExpressionParser::parse_tuple(bool with_conditional,
                                                      std::string_view end_name,
                                                      bool may_be_empty) {
  const int line = current().line;
  ExpressionPtr tuple = make(Expression::Kind::kTuple, line);
  bool is_tuple = false;
  while (!is_tuple_end(end_name)) {
    add(*tuple, parse_expression(with_conditional));
    if (!skip_operator(",")) break;
    is_tuple = true;
  }
  if (is_tuple) return tuple;
  if (!tuple->operands.empty()) return std::move(tuple->operands[0]);
  if (!may_be_empty) fail_expecting("an expression");
  return tuple;
}

JinjaExpressionPtr JinjaExpressionParser::parse_list() {
  ExpressionPtr list = make(Expression::Kind::kList, take().line);
  while (!is_operator("]")) {
    add(*list, parse_expression());
    if (!is_operator("]")) expect_operator(",");
  }
  take();
  return list;
}

JinjaExpressionPtr JinjaExpressionParser::parse_dict() {
  ExpressionPtr dict = make(Expression::Kind::kDict, take().line);
  while (!is_operator("}")) {
    add(*dict, parse_expression());
    expect_operator(":");
    add(*dict, parse_expression());
    if (!is_operator("}")) expect_operator(",");
  }
  take();
  return dict;
}

JinjaExpressionPtr JinjaExpressionParser::parse_postfix(ExpressionPtr node) {
  for (;;) {
    if (is_operator(".")) {
      node = parse_attribute(std::move(node));
    } else if (is_operator("[")) {
      node = parse_subscript(std::move(node));
    } else if (is_operator("(")) {
      node = parse_call(std::move(node));
    } else {
      return node;
    }
  }
}

JinjaExpressionPtr JinjaExpressionParser::parse_attribute(ExpressionPtr object) {
  const int line = take().line;
  if (current().kind == Kind::kInteger) {
    ExpressionPtr index = make_constant(line, JinjaValue::integer(take().integer));
    return make(Expression::Kind::kItem, line, std::move(object), std::move(index));
  }
  ExpressionPtr node = make(Expression::Kind::kAttribute, line, std::move(object));
  node->name = take_name();
  return node;
}

JinjaExpressionPtr JinjaExpressionParser::parse_subscript(ExpressionPtr object) {
  const int line = take().line;
  if (is_operator("]")) fail("a subscript without an index");
  ExpressionPtr first = is_operator(":") ? nullptr : parse_expression();
  ExpressionPtr node;
  if (skip_operator(":")) {
    const auto bound = [&] {
      return is_operator(":") || is_operator("]") ? nullptr : parse_expression();
    };
    ExpressionPtr last = bound();
    ExpressionPtr step = skip_operator(":") ? bound() : nullptr;
    node = make(Expression::Kind::kSlice, line, std::move(object), std::move(first),
                std::move(last), std::move(step));
  } else if (is_operator(",")) {
    ExpressionPtr tuple = make(Expression::Kind::kTuple, line, std::move(first));
    while (skip_operator(",") && !is_operator("]")) add(*tuple, parse_expression());
    node = make(Expression::Kind::kItem, line, std::move(object), std::move(tuple));
  } else {
    node = make(Expression::Kind::kItem, line, std::move(object), std::move(first));
  }
  expect_operator("]");
  return node;
}

void JinjaExpressionParser::parse_arguments(Expression& call) {
  expect_operator("(");
  using ArgumentKind = JinjaArgument::Kind;
  ArgumentKind last = ArgumentKind::kPositional;
  while (!is_operator(")")) {
    JinjaArgument argument;
    if (skip_operator("*")) {
      argument.kind = ArgumentKind::kSpread;
    } else if (skip_operator("**")) {
      argument.kind = ArgumentKind::kNamedSpread;
    } else if (current().kind == Kind::kName && next().is_operator("=")) {
      argument.kind = ArgumentKind::kNamed;
      argument.name = take().text;
      take();
    }
    // Positional ones first, ** last.
    if (last == ArgumentKind::kNamedSpread ||
        (argument.kind == ArgumentKind::kPositional && last != ArgumentKind::kPositional) ||
        (argument.kind == ArgumentKind::kSpread && last == ArgumentKind::kSpread)) {
      fail("arguments in an order that is not allowed");
    }
    last = argument.kind;
    argument.value = parse_expression();
    raise(call, argument.value);
    call.arguments.push_back(std::move(argument));
    if (!is_operator(")")) expect_operator(",");
  }
  take();
}

JinjaExpressionPtr JinjaExpressionParser::parse_call(ExpressionPtr function) {
  ExpressionPtr call = make(Expression::Kind::kCall, current().line, std::move(function));
  parse_arguments(*call);
  return call;
}

JinjaExpressionPtr JinjaExpressionParser::parse_filters(ExpressionPtr node) {
  for (;;) {
    if (skip_operator("|")) {
      node = parse_filter(std::move(node));
    } else if (is_name("is")) {
      node = parse_test(std::move(node));
    } else if (is_operator("(")) {
      node = parse_call(std::move(node));
    } else {
      return node;
    }
  }
}

std::string JinjaExpressionParser::take_dotted_name() {
  std::string name = take_name();
  while (skip_operator(".")) {
    name += '.';
    name += take_name();
  }
  return name;
}

JinjaExpressionPtr JinjaExpressionParser::parse_filter(ExpressionPtr node) {
  ExpressionPtr filter = make(Expression::Kind::kFilter, current().line, std::move(node));
  filter->name = take_dotted_name();
  filter->function = find_jinja_filter(filter->name);
  if (is_operator("(")) parse_arguments(*filter);
  return filter;
}

// Whether what follows a test's name is its argument, as in "is divisibleby 3".
bool JinjaExpressionParser::at_test_argument() const {
  switch (current().kind) {
    case Kind::kName:
      return !is_name("else") && !is_name("or") && !is_name("and");
    case Kind::kString:
    case Kind::kInteger:
    case Kind::kFloat:
      return true;
    default:
      return is_operator("[") || is_operator("{");
  }
}

JinjaExpressionPtr JinjaExpressionParser::parse_test(ExpressionPtr node) {
  const int line = take().line;
  const bool is_negated = skip_name("not");
  ExpressionPtr test = make(Expression::Kind::kTest, line, std::move(node));
  test->name = take_dotted_name();
  test->function = find_jinja_test(test->name);
  if (is_operator("(")) {
    parse_arguments(*test);
  } else if (at_test_argument()) {
    if (is_name("is")) fail("tests cannot be chained with 'is'");
    JinjaArgument argument;
    argument.value = parse_postfix(parse_primary());
    raise(*test, argument.value);
    test->arguments.push_back(std::move(argument));
  }
  return is_negated ? make(Expression::Kind::kNot, line, std::move(test)) : std::move(test);
}

}  // namespace temper
