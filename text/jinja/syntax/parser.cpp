#include "text/jinja/syntax/parser.h"

#include <fmt/format.h>

#include <algorithm>
#include <initializer_list>
#include <utility>

#include "text/jinja/syntax/expression_parser.h"

namespace temper {
namespace {

using Kind = JinjaTokenKind;
using Statement = JinjaStatement;

class StatementParser : private JinjaExpressionParser {
 public:
  explicit StatementParser(std::string_view source) : JinjaExpressionParser(source) {
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
  // Parses up to a tag with one of the names, which is left to the caller; without names, to the
  // end.
  JinjaBlock parse_block(std::initializer_list<std::string_view> end_names) {
    const NestingLevel level(*this);
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
          expect_tag_end(Kind::kPrintEnd);
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
        return expect_tag_end(Kind::kBlockEnd);
      default:
        if (num_loops_ == 0) fail("break or continue outside a loop");
        return expect_tag_end(Kind::kBlockEnd);
    }
  }

  // The rest of an opening tag, the block, and the closing tag.
  void parse_body(Statement& statement, std::string_view end_name) {
    expect_tag_end(Kind::kBlockEnd);
    const int closures = num_closures_;
    statement.bodies.push_back(parse_block({end_name}));
    expect_name(end_name);
    expect_tag_end(Kind::kBlockEnd);
    statement.makes_closures = num_closures_ > closures;
  }

  void parse_if(Statement& statement) {
    for (;;) {
      statement.conditions.push_back(parse_tuple(false));
      expect_tag_end(Kind::kBlockEnd);
      statement.bodies.push_back(parse_block({"elif", "else", "endif"}));
      if (skip_name("elif")) continue;
      if (skip_name("else")) {
        expect_tag_end(Kind::kBlockEnd);
        statement.bodies.push_back(parse_block({"endif"}));
      }
      expect_name("endif");
      return expect_tag_end(Kind::kBlockEnd);
    }
  }

  void parse_for(Statement& statement) {
    statement.target = parse_targets("in");
    if (statement.target.variable == program_.loop) fail("'loop' cannot be assigned to");
    expect_name("in");
    statement.expression = parse_tuple(false, "recursive");
    statement.conditions.push_back(skip_name("if") ? parse_expression() : nullptr);
    if (is_name("recursive")) fail("recursive loops are not supported; write a macro");
    expect_tag_end(Kind::kBlockEnd);
    const int closures = num_closures_, loop_uses = uses_.loop;
    ++num_loops_;
    statement.bodies.push_back(parse_block({"endfor", "else"}));
    --num_loops_;
    statement.uses_loop = uses_.loop > loop_uses;
    if (skip_name("else")) {
      expect_tag_end(Kind::kBlockEnd);
      statement.bodies.push_back(parse_block({"endfor"}));
    }
    expect_name("endfor");
    expect_tag_end(Kind::kBlockEnd);
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
    if (jinja_constant_named(name)) fail(fmt::format("'{}' cannot be assigned to", name));
    target.variable = variable(name);
    if (skip_operator(".")) target.attribute = take_name();
    return target;
  }

  JinjaTarget parse_targets(std::string_view end_name) {
    const NestingLevel level(*this);
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
      return expect_tag_end(Kind::kBlockEnd);
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

  int num_closures_ = 0;  // macros and call blocks so far
  int num_loops_ = 0;     // around the current statement, within its function
};

}  // namespace

JinjaProgram parse_jinja(std::string_view source) {
  return StatementParser(source).run();
}

}  // namespace temper
