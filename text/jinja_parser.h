// The second pass: tokens to a program. Statements are read here, expressions in
// jinja_expression_parser.h.
#pragma once

#include <string_view>

#include "text/jinja_ast.h"
#include "text/jinja_lexer.h"

namespace temper {

// Throws JinjaSyntaxError, also for what Jinja has and chat templates cannot: include, extends.
JinjaProgram parse_jinja(std::string_view source);

}  // namespace temper
