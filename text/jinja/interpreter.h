// Runs a program once.
#pragma once

#include <deque>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "text/jinja/runtime/value.h"
#include "text/jinja/syntax/ast.h"

namespace temper {

class JinjaInterpreter {
 public:
  // `variables` has a value for each of the program's names, undefined ones included. `program`
  // outlives this.
  JinjaInterpreter(const JinjaProgram& program, std::vector<JinjaValue> variables,
                   JinjaBudget budget, const std::optional<std::tm>& now);
  JinjaInterpreter(const JinjaInterpreter&) = delete;
  JinjaInterpreter& operator=(const JinjaInterpreter&) = delete;
  ~JinjaInterpreter();

  // Throws JinjaFailure; line() then says where.
  void run();
  int line() const { return line_; }
  std::string& output() { return output_; }
  // Where generation blocks lie, as byte ranges of the output.
  std::vector<std::pair<size_t, size_t>>& spans() { return spans_; }

 private:
  // The variables of a loop's iteration, a macro's call or a block. The outermost are `globals_`.
  struct Scope {
    Scope* parent = nullptr;
    std::vector<std::pair<int, JinjaValue>> variables;
  };
  enum class Flow : uint8_t { kOn, kBreak, kContinue };
  struct Macro;
  class StackLevel;

  Scope& inner_scope(Scope& local, Scope* parent, bool is_kept);
  JinjaValue find(int variable, const Scope* scope) const;
  void assign(int variable, JinjaValue value, Scope* scope);
  void assign(const JinjaTarget& target, JinjaValue value, Scope* scope);
  void write(std::string_view text);

  Flow execute(const JinjaBlock& block, Scope* scope);
  Flow execute(const JinjaStatement& statement, Scope* scope);
  Flow execute_if(const JinjaStatement& statement, Scope* scope);
  Flow execute_for(const JinjaStatement& statement, Scope* scope);
  std::vector<JinjaValue> loop_items(const JinjaStatement& statement, Scope* scope);
  Flow execute_with(const JinjaStatement& statement, Scope* scope);
  void execute_call_block(const JinjaStatement& statement, Scope* scope);
  // The block's output; `flow` is how it ended.
  std::string capture(const JinjaStatement& statement, Scope* scope, Flow& flow);
  JinjaValue filtered(const JinjaExpression& filter, JinjaValue input, Scope* scope);
  JinjaValue make_macro(const JinjaStatement& statement, Scope* scope);
  JinjaValue call_macro(const JinjaStatement& statement, Scope* scope, JinjaArguments& arguments);
  void bind_parameters(const JinjaMacro& macro, JinjaArguments& arguments, Scope* scope);

  JinjaValue evaluate(const JinjaExpression& node, Scope* scope);
  JinjaValue evaluate_node(const JinjaExpression& node, Scope* scope);
  bool is_true(const JinjaExpression& node, Scope* scope);
  std::vector<JinjaValue> evaluate_all(const JinjaExpression& node, Scope* scope);
  JinjaValue evaluate_dict(const JinjaExpression& node, Scope* scope);
  JinjaValue evaluate_slice(const JinjaExpression& node, Scope* scope);
  JinjaValue evaluate_compare(const JinjaExpression& node, Scope* scope);
  JinjaValue evaluate_concatenation(const JinjaExpression& node, Scope* scope);
  JinjaValue evaluate_call(const JinjaExpression& node, Scope* scope);
  JinjaValue evaluate_filter(const JinjaExpression& node, Scope* scope);
  JinjaArguments evaluate_arguments(const JinjaExpression& node, Scope* scope);
  JinjaValue call(const JinjaValue& function, JinjaArguments& arguments);

  const JinjaProgram& program_;
  JinjaRuntime runtime_;
  std::vector<JinjaValue> globals_;
  std::deque<Scope> kept_scopes_;  // which macros may refer to
  std::string output_;
  std::string* out_ = &output_;  // where text goes now
  std::vector<std::pair<size_t, size_t>> spans_;
  const JinjaValue* filter_input_ = nullptr;  // of a filter block
  int line_ = 0;
  int depth_ = 0;
};

}  // namespace temper
