#include "text/jinja/interpreter.h"

#include <fmt/format.h>

#include <algorithm>

#include "text/jinja/runtime/loop.h"
#include "text/jinja/runtime/operators.h"

namespace temper {

using Expression = JinjaExpression;
using Statement = JinjaStatement;
using Value = JinjaValue;

struct JinjaInterpreter::Macro : JinjaCallable {
  JinjaInterpreter* interpreter = nullptr;
  const Statement* statement = nullptr;
  Scope* scope = nullptr;  // where it was defined

  Value call(JinjaRuntime&, JinjaArguments& arguments) override {
    return interpreter->call_macro(*statement, scope, arguments);
  }
  std::string repr() const override { return fmt::format("<Macro '{}'>", statement->macro->name); }
};

// Counts a level of the call stack while it lives, and refuses one too many.
class JinjaInterpreter::StackLevel {
 public:
  explicit StackLevel(JinjaInterpreter& interpreter) : interpreter_(interpreter) {
    if (++interpreter_.depth_ > kMaxJinjaDepth) {
      throw JinjaFailure{"the template calls itself too deeply"};
    }
  }
  StackLevel(const StackLevel&) = delete;
  StackLevel& operator=(const StackLevel&) = delete;
  ~StackLevel() { --interpreter_.depth_; }

 private:
  JinjaInterpreter& interpreter_;
};

JinjaInterpreter::JinjaInterpreter(const JinjaProgram& program, std::vector<JinjaValue> variables,
                                   JinjaBudget budget, const std::optional<std::tm>& now)
    : program_(program), runtime_{budget, {}, now}, globals_(std::move(variables)) {}

JinjaInterpreter::~JinjaInterpreter() {
  for (const auto& object : runtime_.changeable) object->clear();
}

void JinjaInterpreter::run() {
  execute(program_.body, nullptr);
}

// ---- variables

JinjaInterpreter::Scope& JinjaInterpreter::inner_scope(Scope& local, Scope* parent, bool is_kept) {
  if (!is_kept) {
    local.parent = parent;
    local.variables.clear();
    return local;
  }
  runtime_.budget.charge(2 * sizeof(Scope));
  Scope& scope = kept_scopes_.emplace_back();
  scope.parent = parent;
  return scope;
}

Value JinjaInterpreter::find(int variable, const Scope* scope) const {
  for (; scope; scope = scope->parent) {
    for (const auto& [name, value] : scope->variables) {
      if (name == variable) return value;
    }
  }
  return globals_[static_cast<size_t>(variable)];
}

void JinjaInterpreter::assign(int variable, Value value, Scope* scope) {
  if (!scope) {
    globals_[static_cast<size_t>(variable)] = std::move(value);
    return;
  }
  for (auto& [name, old] : scope->variables) {
    if (name != variable) continue;
    old = std::move(value);
    return;
  }
  scope->variables.emplace_back(variable, std::move(value));
}

void JinjaInterpreter::assign(const JinjaTarget& target, Value value, Scope* scope) {
  if (!target.parts.empty()) {
    const std::vector<Value> parts = jinja_iterate(value, runtime_.budget);
    if (parts.size() != target.parts.size()) {
      throw JinjaFailure{fmt::format("{} values for {} names", parts.size(), target.parts.size())};
    }
    for (size_t i = 0; i < parts.size(); ++i) assign(target.parts[i], parts[i], scope);
    return;
  }
  if (target.attribute.empty()) return assign(target.variable, std::move(value), scope);
  const Value object = find(target.variable, scope);
  if (!object.is(JinjaType::kNamespace)) {
    throw JinjaFailure{fmt::format("'{}' is no namespace: its attributes cannot be set",
                                   program_.names[static_cast<size_t>(target.variable)])};
  }
  if (target.attribute[0] == '_') throw JinjaFailure{"an attribute's name begins with '_'"};
  object.as_namespace().set(target.attribute, std::move(value));
}

void JinjaInterpreter::write(std::string_view text) {
  runtime_.budget.charge_text(out_->size() + text.size() > kMaxJinjaText ? kMaxJinjaText + 1
                                                                         : text.size());
  *out_ += text;
}

// ---- statements

JinjaInterpreter::Flow JinjaInterpreter::execute(const JinjaBlock& block, Scope* scope) {
  const StackLevel level(*this);
  for (const Statement& statement : block) {
    line_ = statement.line;
    const Flow flow = execute(statement, scope);
    if (flow != Flow::kOn) return flow;
  }
  return Flow::kOn;
}

JinjaInterpreter::Flow JinjaInterpreter::execute(const Statement& statement, Scope* scope) {
  runtime_.budget.step();
  Flow flow = Flow::kOn;
  switch (statement.kind) {
    case Statement::Kind::kText:
      write(statement.text);
      break;
    case Statement::Kind::kPrint:
      append_jinja_text(*out_, evaluate(*statement.expression, scope), runtime_.budget);
      break;
    case Statement::Kind::kIf:
      return execute_if(statement, scope);
    case Statement::Kind::kFor:
      return execute_for(statement, scope);
    case Statement::Kind::kSet:
      assign(statement.target, evaluate(*statement.expression, scope), scope);
      break;
    case Statement::Kind::kSetBlock: {
      Value value = Value::text(capture(statement, scope, flow));
      if (flow != Flow::kOn) return flow;
      if (statement.expression) {
        value = filtered(*statement.expression, std::move(value), scope);
      }
      assign(statement.target, std::move(value), scope);
      break;
    }
    case Statement::Kind::kMacro:
      assign(statement.target, make_macro(statement, scope), scope);
      break;
    case Statement::Kind::kCallBlock:
      execute_call_block(statement, scope);
      break;
    case Statement::Kind::kFilterBlock: {
      Value value = Value::text(capture(statement, scope, flow));
      if (flow != Flow::kOn) return flow;
      value = filtered(*statement.expression, std::move(value), scope);
      append_jinja_text(*out_, value, runtime_.budget);
      break;
    }
    case Statement::Kind::kWith:
      return execute_with(statement, scope);
    case Statement::Kind::kGeneration: {
      const size_t begin = output_.size();
      const std::string text = capture(statement, scope, flow);
      spans_.emplace_back(begin, begin + text.size());
      write(text);
      break;
    }
    case Statement::Kind::kBreak:
      return Flow::kBreak;
    case Statement::Kind::kContinue:
      return Flow::kContinue;
  }
  return Flow::kOn;
}

JinjaInterpreter::Flow JinjaInterpreter::execute_if(const Statement& statement, Scope* scope) {
  for (size_t i = 0; i < statement.conditions.size(); ++i) {
    if (is_true(*statement.conditions[i], scope)) return execute(statement.bodies[i], scope);
  }
  const bool has_else = statement.bodies.size() > statement.conditions.size();
  return has_else ? execute(statement.bodies.back(), scope) : Flow::kOn;
}

std::vector<Value> JinjaInterpreter::loop_items(const Statement& statement, Scope* scope) {
  const Value all = evaluate(*statement.expression, scope);
  line_ = statement.line;
  std::vector<Value> items = jinja_iterate(all, runtime_.budget);
  const Expression* condition = statement.conditions[0].get();
  if (!condition) return items;
  Scope local;
  std::vector<Value> kept;
  for (Value& item : items) {
    Scope& inner = inner_scope(local, scope, false);
    assign(statement.target, item, &inner);
    if (is_true(*condition, &inner)) kept.push_back(std::move(item));
  }
  return kept;
}

JinjaInterpreter::Flow JinjaInterpreter::execute_for(const Statement& statement, Scope* scope) {
  std::vector<Value> items = loop_items(statement, scope);
  Scope local;
  if (items.empty()) {
    if (statement.bodies.size() < 2) return Flow::kOn;
    return execute(statement.bodies[1], &inner_scope(local, scope, statement.makes_closures));
  }
  JinjaRef<JinjaLoop> loop(new JinjaLoop);
  loop->items = std::move(items);
  for (size_t i = 0; i < loop->items.size(); ++i) {
    runtime_.budget.step();
    line_ = statement.line;
    loop->index = i;
    Scope& inner = inner_scope(local, scope, statement.makes_closures);
    if (statement.uses_loop) {
      assign(program_.loop, Value::object(JinjaType::kLoop, loop.get()), &inner);
    }
    assign(statement.target, loop->items[i], &inner);
    if (execute(statement.bodies[0], &inner) == Flow::kBreak) break;
  }
  return Flow::kOn;
}

JinjaInterpreter::Flow JinjaInterpreter::execute_with(const Statement& statement, Scope* scope) {
  Scope local;
  Scope& inner = inner_scope(local, scope, statement.makes_closures);
  for (size_t i = 0; i < statement.targets.size(); ++i) {
    assign(statement.targets[i], evaluate(*statement.conditions[i], scope), &inner);
  }
  return execute(statement.bodies[0], &inner);
}

void JinjaInterpreter::execute_call_block(const Statement& statement, Scope* scope) {
  const Expression& node = *statement.expression;
  const Value function = evaluate(*node.operands[0], scope);
  JinjaArguments arguments = evaluate_arguments(node, scope);
  arguments.named.emplace_back("caller", make_macro(statement, scope));
  line_ = node.line;
  append_jinja_text(*out_, call(function, arguments), runtime_.budget);
}

std::string JinjaInterpreter::capture(const Statement& statement, Scope* scope, Flow& flow) {
  Scope local;
  Scope& inner = inner_scope(local, scope, statement.makes_closures);
  std::string text;
  std::string* const outer = std::exchange(out_, &text);
  flow = execute(statement.bodies[0], &inner);
  out_ = outer;
  return text;
}

Value JinjaInterpreter::filtered(const Expression& filter, Value input, Scope* scope) {
  const Value* const outer = std::exchange(filter_input_, &input);
  Value value = evaluate(filter, scope);
  filter_input_ = outer;
  return value;
}

Value JinjaInterpreter::make_macro(const Statement& statement, Scope* scope) {
  runtime_.budget.charge(2 * sizeof(Macro));
  auto* macro = new Macro;
  const Value value = Value::object(JinjaType::kFunction, macro);
  macro->interpreter = this;
  macro->statement = &statement;
  macro->scope = scope;
  return value;
}

void JinjaInterpreter::bind_parameters(const JinjaMacro& macro, JinjaArguments& arguments,
                                       Scope* scope) {
  const auto take_named = [&](std::string_view name) -> std::optional<Value> {
    const auto found = std::find_if(arguments.named.begin(), arguments.named.end(),
                                    [&](const auto& argument) { return argument.first == name; });
    if (found == arguments.named.end()) return std::nullopt;
    Value value = std::move(found->second);
    arguments.named.erase(found);
    return value;
  };
  std::vector<Value>& positional = arguments.positional;
  for (size_t i = 0; i < macro.parameters.size(); ++i) {
    const JinjaParameter& parameter = macro.parameters[i];
    std::optional<Value> value;
    if (i < positional.size()) {
      value = std::move(positional[i]);
    } else {
      value = take_named(parameter.name);
    }
    if (!value) {
      value = parameter.fallback ? evaluate(*parameter.fallback, scope)
                                 : Value::undefined(parameter.name);
    }
    assign(parameter.variable, *std::move(value), scope);
  }
  if (macro.uses_caller) {
    assign(program_.caller, take_named("caller").value_or(Value::undefined("caller")), scope);
  }
  const size_t num_taken = std::min(positional.size(), macro.parameters.size());
  positional.erase(positional.begin(), positional.begin() + static_cast<std::ptrdiff_t>(num_taken));
  if (macro.uses_varargs) {
    assign(program_.varargs, Value::tuple(std::move(positional)), scope);
  } else if (!positional.empty()) {
    throw JinjaFailure{fmt::format("the macro '{}' takes {} arguments at most", macro.name,
                                   macro.parameters.size())};
  }
  if (macro.uses_kwargs) {
    JinjaRef<JinjaDict> rest(new JinjaDict);
    for (const auto& [name, value] : arguments.named) {
      rest->set(Value::text(std::string(name)), value, runtime_.budget);
    }
    assign(program_.kwargs, Value::dict(rest), scope);
  } else if (!arguments.named.empty()) {
    throw JinjaFailure{
        fmt::format("the macro '{}' was given an argument that it does not have, "
                    "or has twice",
                    macro.name)};
  }
}

Value JinjaInterpreter::call_macro(const Statement& statement, Scope* scope,
                                   JinjaArguments& arguments) {
  const StackLevel level(*this);
  Scope local;
  Scope& inner = inner_scope(local, scope, statement.makes_closures);
  bind_parameters(*statement.macro, arguments, &inner);
  std::string text;
  std::string* const outer = std::exchange(out_, &text);
  const Value* const outer_input = std::exchange(filter_input_, nullptr);
  execute(statement.bodies[0], &inner);
  out_ = outer;
  filter_input_ = outer_input;
  return Value::text(std::move(text));
}

// ---- expressions

bool JinjaInterpreter::is_true(const Expression& node, Scope* scope) {
  return jinja_truth(evaluate(node, scope));
}

Value JinjaInterpreter::evaluate(const Expression& node, Scope* scope) {
  runtime_.budget.step();
  switch (node.kind) {
    case Expression::Kind::kConstant:
      return node.value;
    case Expression::Kind::kName:
      return find(node.variable, scope);
    default: {
      const StackLevel level(*this);
      return evaluate_node(node, scope);
    }
  }
}

Value JinjaInterpreter::evaluate_node(const Expression& node, Scope* scope) {
  const auto operand = [&](size_t i) { return evaluate(*node.operands[i], scope); };
  switch (node.kind) {
    case Expression::Kind::kTuple:
      return Value::tuple(evaluate_all(node, scope));
    case Expression::Kind::kList:
      return Value::list(evaluate_all(node, scope));
    case Expression::Kind::kDict:
      return evaluate_dict(node, scope);
    case Expression::Kind::kAttribute: {
      const Value object = operand(0);
      line_ = node.line;
      return jinja_attribute(object, node.name, runtime_);
    }
    case Expression::Kind::kItem: {
      const Value object = operand(0), key = operand(1);
      line_ = node.line;
      return jinja_item(object, key, runtime_);
    }
    case Expression::Kind::kSlice:
      return evaluate_slice(node, scope);
    case Expression::Kind::kCall:
      return evaluate_call(node, scope);
    case Expression::Kind::kFilter:
    case Expression::Kind::kTest:
      return evaluate_filter(node, scope);
    case Expression::Kind::kNot:
      return Value::boolean(!is_true(*node.operands[0], scope));
    case Expression::Kind::kNegate:
      return jinja_negate(operand(0));
    case Expression::Kind::kPlus:
      return jinja_plus(operand(0));
    case Expression::Kind::kAnd: {
      Value left = operand(0);
      return jinja_truth(left) ? operand(1) : left;
    }
    case Expression::Kind::kOr: {
      Value left = operand(0);
      return jinja_truth(left) ? left : operand(1);
    }
    case Expression::Kind::kArithmetic: {
      const Value left = operand(0), right = operand(1);
      line_ = node.line;
      return jinja_arithmetic(node.operators[0], left, right, runtime_.budget);
    }
    case Expression::Kind::kCompare:
      return evaluate_compare(node, scope);
    case Expression::Kind::kConcatenate:
      return evaluate_concatenation(node, scope);
    case Expression::Kind::kConditional:
      if (is_true(*node.operands[0], scope)) return operand(1);
      return node.operands[2] ? operand(2) : Value::undefined("an 'if' without its 'else'");
    default:
      return node.value;
  }
}

std::vector<Value> JinjaInterpreter::evaluate_all(const Expression& node, Scope* scope) {
  runtime_.budget.charge(node.operands.size() * sizeof(Value));
  std::vector<Value> values;
  values.reserve(node.operands.size());
  for (const auto& operand : node.operands) values.push_back(evaluate(*operand, scope));
  return values;
}

Value JinjaInterpreter::evaluate_dict(const Expression& node, Scope* scope) {
  JinjaRef<JinjaDict> dict(new JinjaDict);
  for (size_t i = 0; i < node.operands.size(); i += 2) {
    Value key = evaluate(*node.operands[i], scope);
    dict->set(std::move(key), evaluate(*node.operands[i + 1], scope), runtime_.budget);
  }
  return Value::dict(dict);
}

Value JinjaInterpreter::evaluate_slice(const Expression& node, Scope* scope) {
  const Value object = evaluate(*node.operands[0], scope);
  Value bounds[3];
  const Value* given[3] = {};
  for (size_t i = 0; i < 3; ++i) {
    if (!node.operands[i + 1]) continue;
    bounds[i] = evaluate(*node.operands[i + 1], scope);
    given[i] = &bounds[i];
  }
  line_ = node.line;
  return jinja_slice(object, given[0], given[1], given[2], runtime_.budget);
}

Value JinjaInterpreter::evaluate_compare(const Expression& node, Scope* scope) {
  Value left = evaluate(*node.operands[0], scope);
  for (size_t i = 0; i < node.operators.size(); ++i) {
    Value right = evaluate(*node.operands[i + 1], scope);
    line_ = node.line;
    if (!jinja_relate(node.operators[i], left, right, runtime_.budget)) {
      return Value::boolean(false);
    }
    left = std::move(right);
  }
  return Value::boolean(true);
}

Value JinjaInterpreter::evaluate_concatenation(const Expression& node, Scope* scope) {
  std::string text;
  bool is_from_template = true;
  for (const auto& operand : node.operands) {
    const Value value = evaluate(*operand, scope);
    line_ = node.line;
    is_from_template = is_from_template && value.is_from_template();
    append_jinja_text(text, value, runtime_.budget);
  }
  const Value value = Value::text(std::move(text));
  return is_from_template ? value.with_from_template() : value;
}

JinjaArguments JinjaInterpreter::evaluate_arguments(const Expression& node, Scope* scope) {
  JinjaArguments arguments;
  for (const JinjaArgument& argument : node.arguments) {
    Value value = evaluate(*argument.value, scope);
    switch (argument.kind) {
      case JinjaArgument::Kind::kPositional:
        arguments.positional.push_back(std::move(value));
        break;
      case JinjaArgument::Kind::kNamed:
        arguments.named.emplace_back(argument.name, std::move(value));
        break;
      case JinjaArgument::Kind::kSpread:
        for (Value& item : jinja_iterate(value, runtime_.budget)) {
          arguments.positional.push_back(std::move(item));
        }
        break;
      case JinjaArgument::Kind::kNamedSpread:
        if (!value.is_dict()) throw JinjaFailure{"what follows ** is not a dict"};
        runtime_.budget.charge(value.as_dict().entries.size() * sizeof(JinjaDict::Entry));
        for (const auto& [key, item] : value.as_dict().entries) {
          if (!key.is_string()) throw JinjaFailure{"a name behind ** is not a str"};
          arguments.named.emplace_back(key.as_text(), item);
        }
        arguments.owners.push_back(std::move(value));
        break;
    }
  }
  return arguments;
}

Value JinjaInterpreter::call(const Value& function, JinjaArguments& arguments) {
  if (function.is_undefined()) function.fail_undefined();
  if (!function.is(JinjaType::kFunction)) {
    throw JinjaFailure{fmt::format("a {} cannot be called", jinja_type_name(function))};
  }
  if (!function.object()) return function.as_function()(runtime_, Value(), arguments);
  return static_cast<JinjaCallable*>(function.object())->call(runtime_, arguments);
}

Value JinjaInterpreter::evaluate_call(const Expression& node, Scope* scope) {
  const Expression& callee = *node.operands[0];
  if (callee.kind == Expression::Kind::kAttribute) {
    // A method that is called at once need not be bound to its object.
    const Value object = evaluate(*callee.operands[0], scope);
    line_ = node.line;
    if (const JinjaFunction method = find_jinja_method(object.type(), callee.name)) {
      JinjaArguments arguments = evaluate_arguments(node, scope);
      line_ = node.line;
      return method(runtime_, object, arguments);
    }
    const Value function = jinja_attribute(object, callee.name, runtime_);
    JinjaArguments arguments = evaluate_arguments(node, scope);
    line_ = node.line;
    return call(function, arguments);
  }
  const Value function = evaluate(callee, scope);
  JinjaArguments arguments = evaluate_arguments(node, scope);
  line_ = node.line;
  return call(function, arguments);
}

Value JinjaInterpreter::evaluate_filter(const Expression& node, Scope* scope) {
  const bool is_test = node.kind == Expression::Kind::kTest;
  Value subject;
  if (node.operands[0]) {
    subject = evaluate(*node.operands[0], scope);
  } else if (filter_input_) {
    subject = *filter_input_;
  }
  line_ = node.line;
  if (!node.function) {
    throw JinjaFailure{fmt::format("there is no {} '{}', or it is not supported",
                                   is_test ? "test" : "filter", node.name)};
  }
  JinjaArguments arguments = evaluate_arguments(node, scope);
  line_ = node.line;
  return node.function(runtime_, subject, arguments);
}

}  // namespace temper
