// The expressions of a template, by recursive descent from the weakest binding to the strongest.
// Names of filters and tests are looked up here, names of variables are numbered.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "text/jinja/syntax/ast.h"
#include "text/jinja/syntax/token_stream.h"

namespace temper {

// A value that the interpreter takes for true, false or none.
std::optional<JinjaValue> jinja_constant_named(std::string_view name);

// The part of the parser below its statements, which derive from it.
class JinjaExpressionParser : protected JinjaTokenStream {
 protected:
  using Expression = JinjaExpression;
  using ExpressionPtr = JinjaExpressionPtr;

  explicit JinjaExpressionParser(std::string_view source) : JinjaTokenStream(source) {}

  // How often the names were read that have a meaning of their own.
  struct Uses {
    int caller = 0, varargs = 0, kwargs = 0, loop = 0;
  };

  // Counts how deep the parser itself is; JinjaSyntaxError beyond kMaxJinjaHeight.
  class NestingLevel {
   public:
    explicit NestingLevel(JinjaExpressionParser& parser);
    NestingLevel(const NestingLevel&) = delete;
    NestingLevel& operator=(const NestingLevel&) = delete;
    ~NestingLevel() { --parser_.depth_; }

   private:
    JinjaExpressionParser& parser_;
  };

  // The number of a variable, a new one for a new name.
  int variable(const std::string& name);

  ExpressionPtr parse_expression(bool with_conditional = true);
  // One expression, or several with commas between or behind them.
  ExpressionPtr parse_tuple(bool with_conditional, std::string_view end_name = {},
                            bool may_be_empty = false);
  // A filter behind its bar, of `node`, which may be null.
  ExpressionPtr parse_filter(ExpressionPtr node);

  JinjaProgram program_;  // the names of its variables; statements fill in the rest
  Uses uses_;

 private:
  static ExpressionPtr make(Expression::Kind kind, int line);
  template <typename... Children>
  ExpressionPtr make(Expression::Kind kind, int line, Children... children) const {
    ExpressionPtr node = make(kind, line);
    (add(*node, std::move(children)), ...);
    return node;
  }
  static ExpressionPtr make_constant(int line, JinjaValue value);
  static ExpressionPtr make_text(int line, std::string text);
  ExpressionPtr make_name(const JinjaToken& token);
  ExpressionPtr make_arithmetic(JinjaOperator op, int line, ExpressionPtr left,
                                ExpressionPtr right) const;
  void add(Expression& node, ExpressionPtr child) const;
  void raise(Expression& node, const ExpressionPtr& child) const;

  ExpressionPtr parse_conditional();
  ExpressionPtr parse_or();
  ExpressionPtr parse_and();
  ExpressionPtr parse_not();
  std::optional<JinjaOperator> take_comparison();
  ExpressionPtr parse_compare();
  ExpressionPtr parse_sum();
  ExpressionPtr parse_concatenation();
  ExpressionPtr parse_product();
  ExpressionPtr parse_power();
  ExpressionPtr parse_unary(bool with_filter);
  ExpressionPtr parse_primary();
  bool is_tuple_end(std::string_view end_name) const;
  ExpressionPtr parse_list();
  ExpressionPtr parse_dict();

  ExpressionPtr parse_postfix(ExpressionPtr node);
  ExpressionPtr parse_attribute(ExpressionPtr object);
  ExpressionPtr parse_subscript(ExpressionPtr object);
  ExpressionPtr parse_call(ExpressionPtr function);
  void parse_arguments(Expression& call);
  ExpressionPtr parse_filters(ExpressionPtr node);
  std::string take_dotted_name();
  ExpressionPtr parse_test(ExpressionPtr node);
  bool at_test_argument() const;

  int depth_ = 0;
};

}  // namespace temper
