// The second pass: tokens to a program. Statements are read here, expressions in
// expression_parser.h.
#pragma once

#include <string_view>

#include "text/jinja/syntax/ast.h"
#include "text/jinja/syntax/lexer.h"

namespace temper {

// Throws JinjaSyntaxError, also for what Jinja has and chat templates cannot: include, extends.
JinjaProgram parse_jinja(std::string_view source);

}  // namespace temper
