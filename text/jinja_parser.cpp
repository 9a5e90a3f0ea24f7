#include "text/jinja_parser.h"

#include <fmt/format.h>

#include <algorithm>
#include <initializer_list>
#include <optional>
#include <utility>

#include "text/jinja_builtins.h"

namespace temper {
namespace {

using Kind = JinjaTokenKind;
using Expression = JinjaExpression;
using ExpressionPtr = JinjaExpressionPtr;
using Statement = JinjaStatement;

std::string describe(const JinjaToken& token) {
  switch (token.kind) {
    case Kind::kName:
    case Kind::kOperator:
      return fmt::format("'{}'", token.text);
    case Kind::kString:
      return "a string";
    case Kind::kInteger:
    case Kind::kFloat:
      return "a number";
    case Kind::kPrintEnd:
    case Kind::kBlockEnd:
      return "the end of the tag";
    case Kind::kEnd:
      return "the end of the template";
    default:
      return "text";
  }
}

// A value that the interpreter takes for true, false or none.
std::optional<JinjaValue> constant_named(std::string_view name) {
  if (name == "true" || name == "True") return JinjaValue::boolean(true);
  if (name == "false" || name == "False") return JinjaValue::boolean(false);
  if (name == "none" || name == "None") return JinjaValue::none();
  return std::nullopt;
}

class Parser {
 public:
  explicit Parser(std::string_view source) : tokens_(tokenize_jinja(source)) {
    program_.caller = variable("caller");
    program_.loop = variable("loop");
    program_.varargs = variable("varargs");
    program_.kwargs = variable("kwargs");
  }

  JinjaProgram run() {
    program_.body = parse_block({});
    return std::move(program_);
  }

 private:
  // What a macro's body says about its hidden parameters.
  struct Uses {
    int caller = 0, varargs = 0, kwargs = 0, loop = 0;
  };

  // ---- tokens

  const JinjaToken& current() const { return tokens_[at_]; }
  const JinjaToken& next() const { return tokens_[std::min(at_ + 1, tokens_.size() - 1)]; }
  JinjaToken take() {
    JinjaToken token = tokens_[at_];
    if (at_ + 1 < tokens_.size()) ++at_;
    return token;
  }
  [[noreturn]] void fail(const std::string& message) const {
    throw JinjaSyntaxError{current().line, message};
  }
  bool is_operator(std::string_view op) const { return current().is_operator(op); }
  bool is_name(std::string_view name) const { return current().is_name(name); }
  bool skip_operator(std::string_view op) {
    if (!is_operator(op)) return false;
    take();
    return true;
  }
  bool skip_name(std::string_view name) {
    if (!is_name(name)) return false;
    take();
    return true;
  }
  void expect_operator(std::string_view op) {
    if (!skip_operator(op)) fail(fmt::format("'{}' expected, found {}", op, describe(current())));
  }
  void expect_name(std::string_view name) {
    if (!skip_name(name)) fail(fmt::format("'{}' expected, found {}", name, describe(current())));
  }
  std::string take_name() {
    if (current().kind != Kind::kName)
      fail(fmt::format("a name expected, found {}", describe(current())));
    return take().text;
  }
  void expect(Kind kind) {
    if (current().kind != kind) {
      fail(fmt::format("the end of the tag expected, found {}", describe(current())));
    }
    take();
  }

  int variable(const std::string& name) {
    const auto [at, is_new] =
        program_.name_index.try_emplace(name, static_cast<int>(program_.names.size()));
    if (is_new) program_.names.push_back(name);
    return at->second;
  }

  // ---- making nodes

  // Counts how deep the parser itself is.
  class Nested {
   public:
    explicit Nested(Parser& parser) : parser_(parser) {
      if (++parser_.depth_ > kMaxJinjaHeight) parser_.fail("the template is nested too deeply");
    }
    Nested(const Nested&) = delete;
    Nested& operator=(const Nested&) = delete;
    ~Nested() { --parser_.depth_; }

   private:
    Parser& parser_;
  };

  ExpressionPtr make(Expression::Kind kind, int line) const {
    auto node = std::make_unique<Expression>();
    node->kind = kind;
    node->line = line;
    return node;
  }
  void raise(Expression& node, const ExpressionPtr& child) const {
    if (!child) return;
    node.height = std::max(node.height, child->height + 1);
    if (node.height > kMaxJinjaHeight) fail("an expression is too long or nested too deeply");
  }
  void add(Expression& node, ExpressionPtr child) const {
    raise(node, child);
    node.operands.push_back(std::move(child));
  }
  template <typename... Children>
  ExpressionPtr make(Expression::Kind kind, int line, Children... children) const {
    ExpressionPtr node = make(kind, line);
    (add(*node, std::move(children)), ...);
    return node;
  }
  ExpressionPtr make_constant(int line, JinjaValue value) const {
    ExpressionPtr node = make(Expression::Kind::kConstant, line);
    node->value = std::move(value);
    return node;
  }
  ExpressionPtr make_text(int line, std::string text) const {
    ExpressionPtr node = make(Expression::Kind::kConstant, line);
    node->name = std::move(text);
    node->value = JinjaValue::constant(node->name);
    return node;
  }

  // ---- expressions, from the weakest binding to the strongest

  ExpressionPtr parse_expression(bool with_conditional = true) {
    const Nested nested(*this);
    return with_conditional ? parse_conditional() : parse_or();
  }

  ExpressionPtr parse_conditional() {
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

  ExpressionPtr parse_or() {
    ExpressionPtr left = parse_and();
    while (is_name("or")) {
      const int line = take().line;
      left = make(Expression::Kind::kOr, line, std::move(left), parse_and());
    }
    return left;
  }

  ExpressionPtr parse_and() {
    ExpressionPtr left = parse_not();
    while (is_name("and")) {
      const int line = take().line;
      left = make(Expression::Kind::kAnd, line, std::move(left), parse_not());
    }
    return left;
  }

  ExpressionPtr parse_not() {
    if (!is_name("not")) return parse_compare();
    const Nested nested(*this);
    const int line = take().line;
    return make(Expression::Kind::kNot, line, parse_not());
  }

  std::optional<JinjaOperator> take_comparison() {
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

  ExpressionPtr parse_compare() {
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

  ExpressionPtr make_arithmetic(JinjaOperator op, int line, ExpressionPtr left,
                                ExpressionPtr right) const {
    ExpressionPtr node =
        make(Expression::Kind::kArithmetic, line, std::move(left), std::move(right));
    node->operators.push_back(op);
    return node;
  }

  ExpressionPtr parse_sum() {
    ExpressionPtr left = parse_concatenation();
    while (is_operator("+") || is_operator("-")) {
      const JinjaToken op = take();
      left = make_arithmetic(op.text == "+" ? JinjaOperator::kAdd : JinjaOperator::kSubtract,
                             op.line, std::move(left), parse_concatenation());
    }
    return left;
  }

  ExpressionPtr parse_concatenation() {
    const int line = current().line;
    ExpressionPtr first = parse_product();
    if (!is_operator("~")) return first;
    ExpressionPtr node = make(Expression::Kind::kConcatenate, line, std::move(first));
    while (skip_operator("~")) add(*node, parse_product());
    return node;
  }

  ExpressionPtr parse_product() {
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

  ExpressionPtr parse_power() {
    ExpressionPtr left = parse_unary(true);
    while (is_operator("**")) {
      const int line = take().line;
      left = make_arithmetic(JinjaOperator::kPower, line, std::move(left), parse_unary(true));
    }
    return left;
  }

  ExpressionPtr parse_unary(bool with_filter) {
    const int line = current().line;
    ExpressionPtr node;
    if (is_operator("-") || is_operator("+")) {
      const Nested nested(*this);
      const auto kind = take().text == "-" ? Expression::Kind::kNegate : Expression::Kind::kPlus;
      node = make(kind, line, parse_unary(false));
    } else {
      node = parse_primary();
    }
    node = parse_postfix(std::move(node));
    return with_filter ? parse_filters(std::move(node)) : std::move(node);
  }

  ExpressionPtr parse_primary() {
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
    fail(fmt::format("an expression expected, found {}", describe(current())));
  }

  ExpressionPtr make_name(const JinjaToken& token) {
    if (const auto constant = constant_named(token.text)) {
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

  bool is_tuple_end(std::string_view end_name) const {
    return current().kind == Kind::kPrintEnd || current().kind == Kind::kBlockEnd ||
           is_operator(")") || (!end_name.empty() && is_name(end_name));
  }

  // One expression, or several with commas between or behind them.
  ExpressionPtr parse_tuple(bool with_conditional, std::string_view end_name = {},
                            bool may_be_empty = false) {
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
    if (!may_be_empty) fail(fmt::format("an expression expected, found {}", describe(current())));
    return tuple;
  }

  ExpressionPtr parse_list() {
    ExpressionPtr list = make(Expression::Kind::kList, take().line);
    while (!is_operator("]")) {
      add(*list, parse_expression());
      if (!is_operator("]")) expect_operator(",");
    }
    take();
    return list;
  }

  ExpressionPtr parse_dict() {
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

  ExpressionPtr parse_postfix(ExpressionPtr node) {
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

  ExpressionPtr parse_attribute(ExpressionPtr object) {
    const int line = take().line;
    if (current().kind == Kind::kInteger) {
      ExpressionPtr index = make_constant(line, JinjaValue::integer(take().integer));
      return make(Expression::Kind::kItem, line, std::move(object), std::move(index));
    }
    ExpressionPtr node = make(Expression::Kind::kAttribute, line, std::move(object));
    node->name = take_name();
    return node;
  }

  ExpressionPtr parse_subscript(ExpressionPtr object) {
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

  void parse_arguments(Expression& call) {
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

  ExpressionPtr parse_call(ExpressionPtr function) {
    ExpressionPtr call = make(Expression::Kind::kCall, current().line, std::move(function));
    parse_arguments(*call);
    return call;
  }

  ExpressionPtr parse_filters(ExpressionPtr node) {
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

  std::string take_dotted_name() {
    std::string name = take_name();
    while (skip_operator(".")) {
      name += '.';
      name += take_name();
    }
    return name;
  }

  // `node` may be null.
  ExpressionPtr parse_filter(ExpressionPtr node) {
    ExpressionPtr filter = make(Expression::Kind::kFilter, current().line, std::move(node));
    filter->name = take_dotted_name();
    filter->function = find_jinja_filter(filter->name);
    if (is_operator("(")) parse_arguments(*filter);
    return filter;
  }

  // Whether what follows a test's name is its argument, as in "is divisibleby 3".
  bool at_test_argument() const {
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

  ExpressionPtr parse_test(ExpressionPtr node) {
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

  // ---- statements

  // Up to a tag with one of the names, which is left to the caller; without names, to the end.
  JinjaBlock parse_block(std::initializer_list<std::string_view> end_names) {
    const Nested nested(*this);
    JinjaBlock block;
    for (;;) {
      const int line = current().line;
      switch (current().kind) {
        case Kind::kEnd:
          if (end_names.size() > 0) {
            fail(fmt::format("the template ends where '{}' is expected", *end_names.begin()));
          }
          return block;
        case Kind::kData: {
          Statement& statement = add_statement(block, Statement::Kind::kText, line);
          statement.text = take().text;
          break;
        }
        case Kind::kPrintBegin: {
          take();
          ExpressionPtr expression = parse_tuple(true);
          expect(Kind::kPrintEnd);
          add_statement(block, Statement::Kind::kPrint, line).expression = std::move(expression);
          break;
        }
        default:
          take();
          if (current().kind == Kind::kName &&
              std::find(end_names.begin(), end_names.end(), current().text) != end_names.end()) {
            return block;
          }
          parse_statement(block);
      }
    }
  }

  static Statement& add_statement(JinjaBlock& block, Statement::Kind kind, int line) {
    Statement& statement = block.emplace_back();
    statement.kind = kind;
    statement.line = line;
    return statement;
  }

  void parse_statement(JinjaBlock& block) {
    const int line = current().line;
    const std::string name = take_name();
    using StatementKind = Statement::Kind;
    static constexpr std::pair<std::string_view, StatementKind> kStatements[] = {
        {"if", StatementKind::kIf},          {"for", StatementKind::kFor},
        {"set", StatementKind::kSet},        {"macro", StatementKind::kMacro},
        {"call", StatementKind::kCallBlock}, {"filter", StatementKind::kFilterBlock},
        {"with", StatementKind::kWith},      {"generation", StatementKind::kGeneration},
        {"break", StatementKind::kBreak},    {"continue", StatementKind::kContinue},
        {"print", StatementKind::kPrint},
    };
    const auto* known = std::find_if(std::begin(kStatements), std::end(kStatements),
                                     [&](const auto& s) { return s.first == name; });
    if (known == std::end(kStatements)) {
      throw JinjaSyntaxError{line, fmt::format("{{% {} %}} is unknown or not supported", name)};
    }
    Statement statement;
    statement.kind = known->second;
    statement.line = line;
    parse_statement(statement);
    block.push_back(std::move(statement));
  }

  void parse_statement(Statement& statement) {
    switch (statement.kind) {
      case Statement::Kind::kIf:
        return parse_if(statement);
      case Statement::Kind::kFor:
        return parse_for(statement);
      case Statement::Kind::kSet:
        return parse_set(statement);
      case Statement::Kind::kMacro:
        return parse_macro(statement);
      case Statement::Kind::kCallBlock:
        return parse_call_block(statement);
      case Statement::Kind::kFilterBlock:
        statement.expression = parse_filter(nullptr);
        while (skip_operator("|")) {
          statement.expression = parse_filter(std::move(statement.expression));
        }
        return parse_body(statement, "endfilter");
      case Statement::Kind::kWith:
        return parse_with(statement);
      case Statement::Kind::kGeneration: {
        program_.has_generation = true;
        const int loops = std::exchange(num_loops_, 0);
        parse_body(statement, "endgeneration");
        num_loops_ = loops;
        return;
      }
      case Statement::Kind::kPrint:
        statement.expression = parse_tuple(true);
        return expect(Kind::kBlockEnd);
      default:
        if (num_loops_ == 0) fail("break or continue outside a loop");
        return expect(Kind::kBlockEnd);
    }
  }

  // The rest of an opening tag, the block, and the closing tag.
  void parse_body(Statement& statement, std::string_view end_name) {
    expect(Kind::kBlockEnd);
    const int closures = num_closures_;
    statement.bodies.push_back(parse_block({end_name}));
    expect_name(end_name);
    expect(Kind::kBlockEnd);
    statement.makes_closures = num_closures_ > closures;
  }

  void parse_if(Statement& statement) {
    for (;;) {
      statement.conditions.push_back(parse_tuple(false));
      expect(Kind::kBlockEnd);
      statement.bodies.push_back(parse_block({"elif", "else", "endif"}));
      if (skip_name("elif")) continue;
      if (skip_name("else")) {
        expect(Kind::kBlockEnd);
        statement.bodies.push_back(parse_block({"endif"}));
      }
      expect_name("endif");
      return expect(Kind::kBlockEnd);
    }
  }

  void parse_for(Statement& statement) {
    statement.target = parse_targets("in");
    if (statement.target.variable == program_.loop) fail("'loop' cannot be assigned to");
    expect_name("in");
    statement.expression = parse_tuple(false, "recursive");
    statement.conditions.push_back(skip_name("if") ? parse_expression() : nullptr);
    if (is_name("recursive")) fail("recursive loops are not supported; write a macro");
    expect(Kind::kBlockEnd);
    const int closures = num_closures_, loop_uses = uses_.loop;
    ++num_loops_;
    statement.bodies.push_back(parse_block({"endfor", "else"}));
    --num_loops_;
    statement.uses_loop = uses_.loop > loop_uses;
    if (skip_name("else")) {
      expect(Kind::kBlockEnd);
      statement.bodies.push_back(parse_block({"endfor"}));
    }
    expect_name("endfor");
    expect(Kind::kBlockEnd);
    statement.makes_closures = num_closures_ > closures;
  }

  JinjaTarget parse_target() {
    if (skip_operator("(")) {
      JinjaTarget target = parse_targets({});
      expect_operator(")");
      return target;
    }
    JinjaTarget target;
    const std::string name = take_name();
    if (constant_named(name)) fail(fmt::format("'{}' cannot be assigned to", name));
    target.variable = variable(name);
    if (skip_operator(".")) target.attribute = take_name();
    return target;
  }

  JinjaTarget parse_targets(std::string_view end_name) {
    const Nested nested(*this);
    JinjaTarget first = parse_target();
    if (!is_operator(",")) return first;
    JinjaTarget list;
    list.parts.push_back(std::move(first));
    while (skip_operator(",")) {
      if (is_operator("=") || is_operator(")") || (!end_name.empty() && is_name(end_name))) break;
      list.parts.push_back(parse_target());
    }
    return list;
  }

  void parse_set(Statement& statement) {
    statement.target = parse_targets({});
    if (skip_operator("=")) {
      statement.expression = parse_tuple(true);
      return expect(Kind::kBlockEnd);
    }
    statement.kind = Statement::Kind::kSetBlock;
    if (skip_operator("|")) {
      statement.expression = parse_filter(nullptr);
      while (skip_operator("|")) {
        statement.expression = parse_filter(std::move(statement.expression));
      }
    }
    parse_body(statement, "endset");
  }

  void parse_parameters(JinjaMacro& macro) {
    expect_operator("(");
    while (!is_operator(")")) {
      JinjaParameter parameter;
      parameter.name = take_name();
      parameter.variable = variable(parameter.name);
      if (skip_operator("=")) {
        parameter.fallback = parse_expression();
      } else if (!macro.parameters.empty() && macro.parameters.back().fallback) {
        fail("a parameter without a default behind one with a default");
      }
      macro.parameters.push_back(std::move(parameter));
      if (!is_operator(")")) expect_operator(",");
    }
    take();
  }

  // The body of a macro or call block; break and continue do not reach out of it.
  void parse_function_body(Statement& statement, std::string_view end_name) {
    const Uses outer = std::exchange(uses_, Uses());
    const int loops = std::exchange(num_loops_, 0);
    parse_body(statement, end_name);
    num_loops_ = loops;
    const auto declares = [&](std::string_view name) {
      const auto& parameters = statement.macro->parameters;
      return std::any_of(parameters.begin(), parameters.end(),
                         [&](const auto& parameter) { return parameter.name == name; });
    };
    statement.macro->uses_caller = uses_.caller > 0 && !declares("caller");
    statement.macro->uses_varargs = uses_.varargs > 0 && !declares("varargs");
    statement.macro->uses_kwargs = uses_.kwargs > 0 && !declares("kwargs");
    ++num_closures_;
    const int loop_uses = uses_.loop;
    uses_ = outer;
    uses_.loop += loop_uses;
  }

  void parse_macro(Statement& statement) {
    statement.macro = std::make_unique<JinjaMacro>();
    statement.macro->name = take_name();
    statement.target.variable = variable(statement.macro->name);
    parse_parameters(*statement.macro);
    parse_function_body(statement, "endmacro");
  }

  void parse_call_block(Statement& statement) {
    statement.macro = std::make_unique<JinjaMacro>();
    statement.macro->name = "caller";
    if (is_operator("(")) parse_parameters(*statement.macro);
    statement.expression = parse_expression();
    if (statement.expression->kind != Expression::Kind::kCall) fail("a call expected");
    parse_function_body(statement, "endcall");
  }

  void parse_with(Statement& statement) {
    while (current().kind != Kind::kBlockEnd) {
      if (!statement.targets.empty()) expect_operator(",");
      statement.targets.push_back(parse_target());
      expect_operator("=");
      statement.conditions.push_back(parse_expression());
    }
    parse_body(statement, "endwith");
  }

  std::vector<JinjaToken> tokens_;
  size_t at_ = 0;
  int depth_ = 0;
  int num_closures_ = 0;  // macros and call blocks so far
  int num_loops_ = 0;     // around the current statement, within its function
  Uses uses_;
  JinjaProgram program_;
};

}  // namespace

JinjaProgram parse_jinja(std::string_view source) {
  return Parser(source).run();
}

}  // namespace temper
