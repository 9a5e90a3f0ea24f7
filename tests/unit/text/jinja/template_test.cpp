#include "text/jinja/template.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <thread>

#include "common/error.h"
#include "io/json.h"
#include "tests/fixtures/names.h"
#include "text/jinja/runtime/json.h"

namespace temper {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

// What every template here sees.
const OrderedJson& variables() {
  static const OrderedJson json = parse_ordered_json(
      R"({"s": "Hello World", "u": "naïve 日本", "n": 7, "f": 2.5, "none": null, "l": [3, 1, 2],
          "d": {"b": 1, "a": [1, 2.0, null, true, "x'\""], "items": 5},
          "ms": [{"role": "user", "content": "x"}, {"role": "assistant", "content": "y"}]})",
      "variables");
  return json;
}

JinjaRendering render_all(const std::string& source) {
  size_t num_bytes = 0;
  JinjaTemplate::Variables values;
  for (const auto& [name, value] : variables().items()) {
    values.emplace_back(name, jinja_from_json(value, num_bytes));
  }
  return JinjaTemplate::compile(source, "t.jinja").render(values, num_bytes);
}

std::string render(const std::string& source) {
  return render_all(source).text;
}

std::string error_of(const std::string& source) {
  try {
    return "no error, but " + render(source);
  } catch (const UserError& error) {
    return error.what();
  }
}

TEST(JinjaTemplate, values_print_as_pythons) {
  EXPECT_EQ(render("{{ none }} {{ true }} {{ 1.0 }} {{ 1e16 }} {{ 1e-5 }} {{ l }}"),
            "None True 1.0 1e+16 1e-05 [3, 1, 2]");
  EXPECT_EQ(render("{{ d }}"), "{'b': 1, 'a': [1, 2.0, None, True, 'x\\'\"'], 'items': 5}");
  EXPECT_EQ(render("{{ (1,) }}{{ missing }}{{ [missing] }}"), "(1,)[Undefined]");
}

TEST(JinjaTemplate, operators_bind_as_jinjas) {
  EXPECT_EQ(render("{{ 1 + 2 * 3 - 4 / 2 }} {{ -7 // 2 }} {{ -7 % 3 }} {{ 2 ** 3 ** 2 }}"),
            "5.0 -4 2 64");
  EXPECT_EQ(render("{{ n ~ 1 + 1 if false else not n is none and 1 < 2 < 3 }}"), "True");
  EXPECT_EQ(render("{{ 'a' 'b' * 2 ~ none }}"), "ababNone");
}

TEST(JinjaTemplate, attributes_come_before_items_and_items_before_attributes) {
  EXPECT_EQ(render("{{ d['items'] }} {{ d.items()|list|length }} {{ d.b }} {{ ms[0].role }}"),
            "5 3 1 user");
  EXPECT_THAT(error_of("{{ missing.x }}"), names("t.jinja, line 1", "'missing'"));
  EXPECT_THAT(error_of("\n\n{{ d.x.y }}"), names("t.jinja, line 3", "dict", "'x'"));
}

TEST(JinjaTemplate, texts_are_counted_in_code_points) {
  EXPECT_EQ(render("{{ u[2] }}{{ u[-1] }}{{ u|length }}{{ u[::-1] }}{{ u.find('日') }}"),
            "ï本8本日 evïan6");
}

TEST(JinjaTemplate, white_space_is_trimmed_as_hugging_face_has_it) {
  EXPECT_EQ(render("a\n  {% if true %}  \nb\n  {% endif %}\nc\n\n"), "a\n  \nb\nc\n");
  EXPECT_EQ(render("  {{ n }}\n {{- n -}} \n x"), "  77x");
  EXPECT_EQ(render("a\n {%+ if true +%}\nb{% endif %}"), "a\n \nb");
  EXPECT_EQ(render("a {%- raw -%} {{ x }} {%- endraw %} b"), "a{{ x }} b");
}

TEST(JinjaTemplate, loops_have_their_own_variables) {
  EXPECT_EQ(render("{% set x = 0 %}{% for y in l %}{% set x = x + y %}{{ x }}{% endfor %}{{ x }}"),
            "3120");
  EXPECT_EQ(render("{% set ns = namespace(x=0) %}{% for y in l %}{% set ns.x = ns.x + y %}"
                   "{% endfor %}{{ ns.x }}"),
            "6");
  EXPECT_EQ(render("{% for x in l if x > 1 %}{{ loop.index }}{{ loop.last }}{{ x }};{% endfor %}"),
            "1False3;2True2;");
  EXPECT_EQ(render("{% for x in l %}{% if x == 1 %}{% continue %}{% endif %}{{ x }}{% endfor %}"),
            "32");
}

TEST(JinjaTemplate, macros_take_defaults_names_and_callers) {
  EXPECT_EQ(render("{% macro m(a, b=a) %}{{ a }}{{ b }}{{ varargs }}{% endmacro %}"
                   "{{ m(1) }} {{ m(1, 2, 3) }} {{ m(b=5, a=4) }}"),
            "11() 12(3,) 45()");
  EXPECT_EQ(render("{% macro m() %}<{{ caller(2) }}>{% endmacro %}"
                   "{% for x in l %}{% call(y) m() %}{{ x * y }}{% endcall %}{% endfor %}"),
            "<6><2><4>");
}

TEST(JinjaTemplate, generators_are_true_and_walked_over_once) {
  EXPECT_EQ(render("{% set g = l|select('>', 9) %}{{ 1 if g else 0 }}{{ g|list }}"), "1[]");
  EXPECT_EQ(render("{% set g = l|map('string') %}{{ g|join }}-{{ g|join }}"), "312-");
}

TEST(JinjaTemplate, json_is_as_json_dumps_writes_it) {
  EXPECT_EQ(render("{{ d|tojson }}"), R"({"b": 1, "a": [1, 2.0, null, true, "x'\""], "items": 5})");
  EXPECT_EQ(render("{{ {'k': [1], 'e': []}|tojson(indent=2) }}"),
            "{\n  \"k\": [\n    1\n  ],\n  \"e\": []\n}");
  EXPECT_EQ(render("{{ '<日>'|tojson }}{{ '日'|tojson(ensure_ascii=true) }}"),
            "\"<日>\"\"\\u65e5\"");
}

TEST(JinjaTemplate, generation_blocks_are_found) {
  const JinjaRendering rendering = render_all(
      "{% for m in ms %}{% if m.role == 'assistant' %}[{% generation %}{{ m.content }}.{% "
      "endgeneration %}]{% else %}{{ u }}{% endif %}{% endfor %}");
  EXPECT_EQ(rendering.text, "naïve 日本[y.]");
  ASSERT_EQ(rendering.generation_spans.size(), 1u);
  const auto [begin, end] = rendering.generation_spans[0];
  EXPECT_EQ(rendering.text.substr(begin, end - begin), "y.");
}

TEST(JinjaTemplate, syntax_errors_have_their_line) {
  EXPECT_THAT(error_of("a\n{% if x %}"), names("t.jinja, line 2", "elif"));
  EXPECT_THAT(error_of("{{ 1 + }}"), names("t.jinja, line 1", "an expression"));
  EXPECT_THAT(error_of("{% include 'x' %}"), names("t.jinja, line 1", "include"));
  EXPECT_THAT(error_of("{{ 'abc }}"), names("t.jinja, line 1", "a string"));
  EXPECT_THAT(error_of("{{ s|nosuch }}"), names("t.jinja, line 1", "filter 'nosuch'"));
}

TEST(JinjaTemplate, errors_show_the_templates_words_and_never_the_datas) {
  EXPECT_THAT(error_of("{{ raise_exception('Roles must alternate') }}"),
              names("t.jinja, line 1", "Roles must alternate"));
  EXPECT_THAT(error_of("{{ raise_exception('Unknown: ' + s) }}"), Not(HasSubstr("Hello")));
  for (const char* source :
       {"{{ s + 1 }}", "{{ d[s].x }}", "{{ s.index('zz') }}", "{{ s % 1 }}", "{{ s|int + s }}",
        "{{ [s, 1]|sort }}", "{{ s() }}", "{{ namespace(**{s: 1})[s ~ 1].x }}",
        "{{ l|map(s)|list }}", "{{ l|select(s)|list }}", "{{ ''.join([1], **{s: 1}) }}",
        "{{ -s }}"}) {
    EXPECT_THAT(error_of(source), AllOf(names("t.jinja, line 1"), Not(HasSubstr("Hello"))))
        << source;
  }
}

TEST(JinjaTemplate, nothing_can_be_changed_or_reached) {
  for (const char* source :
       {"{{ l.append(1) }}", "{{ d.update({}) }}", "{{ ''.__class__.__mro__ }}", "{{ l.pop() }}",
        "{{ d.__class__() }}", "{% set d.x = 1 %}", "{{ namespace(_x=1) }}"}) {
    EXPECT_THAT(error_of(source), names("t.jinja, line 1")) << source;
  }
}

TEST(JinjaTemplate, hostile_templates_end_soon) {
  const std::string loops = "{% for a in range(99999) %}{% for b in range(99999) %}";
  std::string nested, list, sum = "{{ 1";
  for (int i = 0; i < 5000; ++i) nested += "{% if true %}", list += "[", sum += "+1";
  for (const std::string& source :
       {loops + "{% endfor %}{% endfor %}", loops + "{{ 'x' * 1000 }}{% endfor %}{% endfor %}",
        std::string("{{ 'a' * 10**9 }}"), std::string("{{ [1] * 10**10 }}"),
        std::string("{{ range(10**12)|list }}"), std::string("{{ 'a'.ljust(10**12) }}"),
        std::string("{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}"),
        std::string("{% macro a() %}{{ b() }}{% endmacro %}{% macro b() %}{% call a() %}{% endcall "
                    "%}{% endmacro %}{{ a() }}"),
        std::string("{% set ns = namespace(s='ab') %}{% for i in range(99) %}{% set ns.s = ns.s + "
                    "ns.s %}{% endfor %}"),
        std::string("{% set ns = namespace(l=[]) %}{% for i in range(99999) %}{% set ns.l = [ns.l] "
                    "%}{% endfor %}"),
        std::string("{{ 2 ** 64 }}"), std::string("{{ '%1000000000d' % 1 }}"),
        std::string("{{ '{:1000000000}'.format(1) }}"),
        std::string("{{ '{:.999999999f}'.format(1) }}"), std::string("{{ 'x'|indent(10**9) }}"),
        nested, "{{ " + list, sum + " }}", "{{ " + std::string(5000, '(')}) {
    const auto start = std::chrono::steady_clock::now();
    EXPECT_THAT(error_of(source), names("t.jinja")) << source.substr(0, 60);
    EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(20))
        << source.substr(0, 60);
  }
}

// A namespace that holds itself, and other circles, must not leak (the sanitizers watch).
TEST(JinjaTemplate, circles_are_let_go) {
  EXPECT_EQ(render("{% set ns = namespace() %}{% set ns.me = ns %}{% set ns.l = [ns] %}"
                   "{% for x in [ns] %}{% set ns.loop = loop %}{{ loop.changed(loop) }}"
                   "{% endfor %}{% set ns.j = joiner(ns) %}{{ ns.me.me is defined }}"),
            "TrueTrue");
  EXPECT_EQ(render("{% set ns = namespace() %}{% for x in l %}{% macro m() %}{{ x }}{% endmacro %}"
                   "{% set ns.m = m %}{% endfor %}{{ ns.m() }}"),
            "2");
}

TEST(JinjaTemplate, threads_may_share_a_template) {
  const auto shared = JinjaTemplate::compile(
      "{% for x in range(50) %}{% macro m(a='x') %}{{ a }}{% endmacro %}{{ m() ~ 'y' }}{% endfor "
      "%}",
      "t.jinja");
  std::string expected;
  for (int i = 0; i < 50; ++i) expected += "xy";
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 200; ++i) EXPECT_EQ(shared.render({}, 0).text, expected);
    });
  }
  for (std::thread& thread : threads) thread.join();
}

}  // namespace
}  // namespace temper
