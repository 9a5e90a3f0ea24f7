"""Compares `temper render` with transformers on random conversations and on small templates.

    python tests/reference/compare_templates.py --temper build/release/bin/temper \\
        --templates DIR_OR_FILE... [--conversations 200] [--seed 1]

Every *.jinja file found is rendered with seeded random conversations: with and without system
messages, tools, tool calls, odd roles, Unicode, empty contents, white space. The snippets of
SNIPPETS are rendered with one fixed set of variables. Both must give the same text and the same
generation spans, or both an error. Prints a line per template and the number of differences; exits
1 when there are any.

Needs transformers and jinja2 in a throw-away environment; not run by CI.
Last run: see docs/results/chat_templates.md.
"""

import argparse
import json
import pathlib
import random
import subprocess
import sys
import tempfile

from transformers.utils.chat_template_utils import _compile_jinja_template

try:
    from transformers.utils.chat_template_utils import _render_with_assistant_indices
except ImportError:
    _render_with_assistant_indices = None

TEXTS = ["", " ", "\n", "Hello", "  padded \n", "naïve 日本語 👍🏽", "a\n\nb", "{{ x }} {% y %}", "<|im_end|>",
         "<think>\nhm\n</think>\n\nyes", "</think>x", "\"quoted\" 'single' \\ / \u2028 \x7f \t",
         "<tool_response>\nr\n</tool_response>", "ÄÖÜ ß ﬁ İ", "[INST] x [/INST]", "1.50", "x" * 300]

TOOLS = [
    {"type": "function", "function": {"name": "get_weather", "description": "Gets the <weather> & \"more\"",
     "parameters": {"type": "object", "properties": {
         "location": {"type": "string", "description": "Where: naïve 日本"},
         "unit": {"type": "string", "enum": ["C", "F"], "default": "C"},
         "days": {"type": "integer"}, "flags": {"type": "array", "items": {"type": "string"}}},
         "required": ["location"]}, "return": {"type": "string"}}},
    {"type": "function", "function": {"name": "add", "description": "", "parameters":
     {"type": "object", "properties": {}}}},
]
DOCUMENTS = [{"title": "T1", "text": "D1"}, {"title": "ü", "text": "x\ny", "doc_id": 3}]


def tool_call(rng):
    arguments = rng.choice([{}, {"location": "Paris", "days": 3}, {"a": 1.5, "b": [1, None, True], "c": {"d": "é"}},
                            '{"location": "x"}'])
    function = {"name": rng.choice(["get_weather", "add"]), "arguments": arguments}
    call = {"type": "function", "function": function}
    if rng.random() < 0.7:
        call["id"] = rng.choice(["call_1", "abcdefghi", "123456789"])
    return call if rng.random() < 0.9 else function


def message(rng, role):
    content = rng.choice(TEXTS)
    kind = rng.random()
    if kind < 0.04:
        content = None
    elif kind < 0.10:
        content = [{"type": "text", "text": rng.choice(TEXTS)} for _ in range(rng.randrange(3))]
    result = {"role": role, "content": content}
    if role == "assistant":
        if rng.random() < 0.2:
            result["tool_calls"] = [tool_call(rng) for _ in range(rng.choice([1, 1, 1, 2, 0]))]
            if rng.random() < 0.3:
                del result["content"]
        if rng.random() < 0.1:
            result["reasoning_content"] = rng.choice(TEXTS)
        if rng.random() < 0.05:
            result["thinking"] = rng.choice(TEXTS)
    if role == "tool":
        result["tool_call_id"] = rng.choice(["call_1", "abcdefghi"])
        if rng.random() < 0.5:
            result["name"] = "get_weather"
    return result


def conversation(rng):
    roles = []
    if rng.random() < 0.4:
        roles.append("system")
    for _ in range(rng.randrange(4)):
        roles += ["user", "assistant"]
        if rng.random() < 0.2:
            roles += ["tool", "assistant"]
    if rng.random() < 0.4:
        roles.append("user")
    if rng.random() < 0.15 and roles:
        roles[rng.randrange(len(roles))] = rng.choice(["user", "assistant", "tool", "system", "developer", "odd"])
    variables = {"messages": [message(rng, role) for role in roles], "bos_token": "<s>", "eos_token": "</s>",
                 "add_generation_prompt": rng.random() < 0.5}
    if rng.random() < 0.3:
        variables["tools"] = rng.sample(TOOLS, rng.randrange(3))
    if rng.random() < 0.1:
        variables["documents"] = DOCUMENTS
    if rng.random() < 0.2:
        variables["enable_thinking"] = rng.random() < 0.5
    if rng.random() < 0.2:
        variables["date_string"] = "26 Jul 2024"
    if rng.random() < 0.1:
        variables["tools_in_user_message"] = False
    if rng.random() < 0.1:
        variables["builtin_tools"] = ["code_interpreter", "search"]
    if rng.random() < 0.1:
        del variables["bos_token"]
    return variables


def reference(source, variables):
    values = {"tools": None, "documents": None, "add_generation_prompt": False, **variables}
    try:
        compiled = _compile_jinja_template(source)
        blocks, spans = [], []
        if _render_with_assistant_indices:
            text, spans = _render_with_assistant_indices(
                compiled_template=compiled, **values)
        else:
            with compiled.environment.activate_tracker(blocks, spans):
                for block in compiled.generate(**values):
                    blocks.append(block)
            text = "".join(blocks)
        text.encode()
        return {"rendered": text, "generation_spans": [list(span) for span in spans]}
    except Exception as error:  # noqa: BLE001: every failure is an answer
        return {"error": f"{type(error).__name__}: {error}"}


def temper_answers(temper, source, questions):
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "t.jinja"
        path.write_bytes(source.encode())
        lines = "".join(json.dumps(question) + "\n" for question in questions)
        run = subprocess.run([temper, "render", "--chat-template", path], input=lines.encode(), capture_output=True)
        if run.returncode == 2:
            return [{"error": run.stderr.decode().strip()}] * len(questions)
        if run.returncode != 0:
            return [{"crash": run.returncode, "stderr": run.stderr.decode()[-300:]}] * len(questions)
        return [json.loads(line) for line in run.stdout.decode().split("\n") if line]


def same(expected, found):
    if "error" in expected or "error" in found:
        return "error" in expected and "error" in found
    return expected == found


def is_address(answer):
    return " at 0x" in answer.get("rendered", "")


def compare(temper, name, source, questions, show):
    answers = temper_answers(temper, source, questions)
    expected = [reference(source, question) for question in questions]
    expected = [{"error": "refused"} if source in REFUSED or is_address(answer) else answer for answer in expected]
    wrong = [i for i in range(len(questions)) if not same(expected[i], answers[i])]
    for i in wrong[:show]:
        print(f"  {name}: {json.dumps(questions[i], ensure_ascii=False)[:600]}\n    wanted {expected[i]!r:.900}\n"
              f"    found  {answers[i]!r:.900}")
    return len(wrong), sum("error" in answer for answer in expected)


# Pieces of the language, each its own template; V is there for all.
V = {"s": "Hello World", "u": "naïve 日本 ß", "n": 7, "f": 2.5, "neg": -3, "z": 0, "t": True, "none": None, "e": "",
     "l": [3, 1, 2], "w": ["b", "A", "c", "a"], "d": {"b": 1, "a": [1, 2.0, None, True, "x'\""], "items": 5},
     "ms": [{"role": "user", "content": "x", "k": 2}, {"role": "assistant", "content": "y", "k": 1},
            {"role": "user", "content": "z"}], "ws": "  \t a  b \n c ", "lines": "a\nb\r\nc\u2028d\n",
     "nested": {"x": {"y": [{"z": 1}]}}, "big": 10**15, "tiny": 1e-7, "messages": []}

EXPRESSIONS = """
1 + 2 * 3 - 4 / 2 | 7 // 2 ~ -7 // 2 ~ 7 % 3 ~ -7 % 3 ~ 7 % -3 | 2 ** 3 ** 2 | -2 ** 2 | 2 ** -1 | 7.5 // 2 | -7.5 % 2
7 / 2 | 6 / 2 | 1e3 | 1.0 | 1e16 | 1e22 | 1.5e-5 | 0.1 + 0.2 | 100000000000000000.0 | 0x1f | 0b101 | 0o17 | 1_000 | 00 | 007
not t and z or n | t or undefinedname.x | none or e or 'last' | 1 < 2 < 3 | 1 < 3 < 2 | 1 == 1.0 | t == 1 | 'a' < 'b' | [1, 2] < [1, 3]
1 < 'a' | none < 1 | n in l | 'ell' in s | 'b' in d | 1 in d | 3 in l | 3 not in l | x in l | 1 in s | none in [none]
s[0] | s[-1] | s[99] | s[1:4] | s[::-1] | s[:-3] | s[2:] | s[-3:] | s[::2] | u[2] | u[3:6] | u[::-1] | l[::-1] | l[5:] | l[-100:100] | s[::0]
l[0] | l[-1] | l[9] | l[9].x | d.b | d['b'] | d.missing | d.missing.x | d.items | d['items'] | d.items() | d.items()|list | nested.x.y[0].z | nested['x']['y'].0.z
s.missing | s.missing is defined | n.x | none.x | none.x.y | missing | missing.x | missing[0] | missing() | missing + 1 | missing ~ 1 | -missing | missing == none | missing in l
'a' 'b' | 'a\\n\\t\\\\b' | '\\x41\\u00e9\\U0001F600' | 'it\\'s' | "q\\"q" | '\\q' | '\\101' | 'a' * 3 | 3 * 'a' | [1] * 2 | 'a' * -1 | [1] + [2] | (1,) + (2,) | [1] + (2,) | 'a' + 1 | 1 + 'a'
[1, 'a', none, true, 2.0, [], {}, ()] | {'a': 1, 2: 'b', none: [1]} | (1, 2) | (1,) | () | [1, 2,] | {} | {1: 1, 1.0: 2, true: 3} | {[1]: 2}
'%s is %d and %.2f' % ('x', 3, 2.5) | '%5d|%-5d|%05d|%+d|%x' % (1, 2, 3, 4, 255) | '%s' % l | '%%' % () | '%s' % 'a' | '%d' % 'a' | '%s %s' % 'a' | '%(b)s' % d | '%r' % 'a' | '%e' % 12345.678
'{} {}'.format(1, 'a') | '{0}{1}{0}'.format(1, 2) | '{x}'.format(x=3) | '{:>5}|{:<5}|{:^5}|{:05d}|{:.2f}|{:,}'.format(1, 2, 3, 4, 5.5, 1234567) | '{!r}'.format('a') | '{0[b]}'.format(d) | '{{}}'.format() | '{}'.format() | '{0.__class__}'.format(1)
s.upper() | s.lower() | s.title() | s.capitalize() | u.upper() | u.title() | 'ﬁ ß ŉ'.upper() | 'ΑΣ ΑΣΑ'.lower() | s.swapcase() | 'İ'.lower() | 'it\\'s a dog-house'.title() | 'it\\'s a dog-house'|title
s.split() | s.split('o') | s.split('o', 1) | s.split('l', maxsplit=2) | ws.split() | ws.split(none, 1) | ws.rsplit(none, 1) | s.rsplit('o', 1) | s.split('') | ''.split() | ''.split('a') | 'a,b,,c'.split(',') | ' a '.split(' ')
ws.strip() | ws.lstrip() | ws.rstrip() | 'xxaxx'.strip('x') | 'abcab'.rstrip('ab') | 'abcab'.lstrip('ba') | s.strip('Hd') | s.startswith('He') | s.endswith('ld') | s.startswith(('x', 'H')) | s.endswith('World', 3) | s.startswith('W', 6)
s.find('o') | s.find('zz') | s.rfind('o') | s.index('o') | s.index('zz') | s.count('l') | s.count('') | u.find('日') | u.count('a') | s.find('o', 5) | s.find('o', 5, 7) | s.find('l', -3)
s.replace('l', 'L') | s.replace('l', 'L', 1) | s.replace('', '-') | ''.replace('', 'x') | u.replace('ï', 'i') | s.removeprefix('Hello ') | s.removesuffix('ld') | s.partition(' ') | s.rpartition('o') | s.partition('zz') | s.rpartition('zz')
','.join(w) | ','.join([1]) | ''.join([]) | s.center(20, '*') | s.ljust(15) ~ '|' | s.rjust(15) | '7'.zfill(3) | '-7'.zfill(4) | lines.splitlines() | lines.splitlines(true) | s.isalpha() | '12'.isdigit() | ''.isdigit() | ' '.isspace() | 'a1'.isalnum() | s.islower() | 'ABC'.isupper()
d.get('b') | d.get('x') | d.get('x', 3) | d.keys() | d.keys()|list | d.values()|list | d.copy() | l.index(2) | l.index(9) | l.count(1) | l.append(4) | d.update({}) | d.pop('b') | l.sort() | w.reverse() | d.clear is defined
s|trim | ws|trim | 'xax'|trim('x') | s|upper | s|lower | s|title | s|capitalize | s|length | u|length | l|length | d|length | n|length | none|length | missing|length | s|count | s|reverse | l|reverse|list | l|reverse | s|wordcount
l|first | l|last | []|first | s|first | s|last | d|first | l|join | l|join(', ') | w|join('-') | ms|join(',', attribute='role') | ms|map(attribute='k')|join(',') | d|join(',') | missing|join(',') | s|join('.')
missing|default('x') | e|default('x') | e|default('x', true) | none|d('x') | missing|d | missing|default(value='x') | n|default('x') | z|default('x', boolean=true) | d.zz|default([])|length
d|tojson | l|tojson(indent=2) | d|tojson(indent=4) | []|tojson(indent=2) | {}|tojson(indent=2) | u|tojson | u|tojson(ensure_ascii=true) | '<&>\\''|tojson | 1.0|tojson | 1e100|tojson | none|tojson | missing|tojson | d|tojson(sort_keys=true) | d|tojson(separators=(',', ':')) | (1, 2)|tojson | {1: 2, none: 3, true: 4, 1.5: 6}|tojson | s.upper|tojson | '\\x01\\x7f\\u2028'|tojson | nested|tojson(indent=1) | d|tojson(true) | range(3)|tojson
n|string | f|string | none|string | t|string | l|string | '42'|int | '42.9'|int | 'x'|int | 'x'|int(5) | '0x1f'|int(0, 16) | f|int | none|int | t|int | '3.5'|float | 'x'|float | 'x'|float(1.5) | n|float | ' 12 '|int | '1_000'|int | 'inf'|float | '-5'|int | l|int | missing|int
l|sort | l|sort(reverse=true) | w|sort | w|sort(case_sensitive=true) | ms|sort(attribute='content', reverse=true)|map(attribute='content')|list | [1, 'a']|sort | d|dictsort | d|dictsort(reverse=true) | {'b': 1, 'A': 3, 'c': 2}|dictsort(by='value') | {'b': 1, 'A': 3}|dictsort | w|unique|list | [1, 1.0, true, 2]|unique|list | ms|unique(attribute='role')|list | l|min | l|max | w|min | []|min | l|sum | ms[:2]|sum(attribute='k') | [1.5, 2]|sum | l|sum(start=10)
l|list | s|list | d|list | missing|list | none|list | n|list | ms|map('length')|list | w|map('upper')|list | ms|map(attribute='zz', default='q')|list | ms|selectattr('role', 'equalto', 'user')|list | ms|selectattr('k')|list | ms|selectattr('k', 'defined')|list|length | ms|rejectattr('role', 'eq', 'user')|map(attribute='content')|list | l|select('odd')|list | l|reject('>', 1)|list | l|select|list | l|map('nosuch')|list | ms|selectattr('role', 'in', ['user'])|list|length | (ms|selectattr('role', 'equalto', 'zz')) is defined | true if ms|selectattr('role', 'equalto', 'zz') else false | ms|map(attribute='role')|unique|join(',')
l|batch(2)|list | l|batch(2, 'x')|list | l|slice(2)|list | [1,2,3,4,5]|slice(3)|list | l|batch(0)|list | ms|groupby('role')|list | ms|groupby('role')|map(attribute='grouper')|list | 2.5|round | 3.5|round | 2.675|round(2) | 7|round | 2.1|round(0, 'ceil') | 2.9|round(method='floor') | 1234|round(-2) | -5|abs | -2.5|abs | s|abs | f|round|int
lines|indent | lines|indent(2) | lines|indent(2, true) | lines|indent('> ', first=true, blank=true) | 'a\\n\\nb'|indent(2) | s|truncate(8) | s|truncate(8, true) | s|truncate(5, true, '') | 'aaa bbb ccc ddd'|truncate(9, false, '...', 0) | s|center(20) | '<b>&"\\''|e | '<b>'|escape|e | ('<b>'|safe) + '<i>' | '<b>'|safe|upper | ('<b>'|e)|length | s|replace('o', '0') | s|replace('o', '0', 1) | '%s-%s'|format(1, 2) | '%(a)s'|format(a=1) | d|items|list | missing|items|list | n|items | d|attr('items') is defined | s|attr('upper') is callable | s|attr('zz') is defined
n is odd | n is even | 9 is divisibleby 3 | 9 is divisibleby(4) | s is string | n is string | n is number | t is number | t is integer | n is integer | f is float | t is boolean | d is mapping | l is mapping | l is iterable | n is iterable | s is iterable | missing is iterable | l is sequence | d is sequence | missing is sequence | none is none | missing is none | missing is defined | missing is not defined | missing is undefined | s is upper | 'abc' is lower | n is sameas 7 | none is sameas none | l is sameas l | n is eq 7 | n is equalto(7) | n is ne 7 | n is gt 3 | n is greaterthan 3 | n is lessthan 3 | n is le 7 | 3 is in l | 'x' is in 'xyz' | 'upper' is filter | 'zz' is filter | 'defined' is test | s.upper is callable | n is nosuch | t is true | n is true | z is false | f is not none and n is not none | (range(3)) is sequence | 'a' is escaped | 1 is not in [2]
range(3) | range(3)|list | range(1, 10, 3)|list | range(3, 0, -1)|list | range(0) | range(200000)|length | range(2)[1] | range(1, 2, 0) | dict(a=1, b=2) | dict({'x': 1}, y=2) | dict([['a', 1]]) | namespace(a=1).a | namespace(a=1).b | namespace(a=1).b is defined | namespace(_a=1) | namespace({'q': 3}).q | 5 in range(10) | range(10)[2:4]|list | joiner(',') is callable
(1 if false) | (1 if false) is defined | 1 if true else 2 | 1 if z else 2 if n else 3 | (l if l is iterable else [l])|length | s if s is defined and s|length > 3 else 'short' | not n is none | not 1 == 2 | -n|abs | (-n)|abs | -1.5|round|int | n + 1 ~ 'x' | n ~ 1 + 1 | [n, -n]|map('abs')|list | s|upper ~ 'x'|upper | 'x' ~ none ~ true ~ 1.0 ~ [1] | d.a[4] | d.a|last|upper | d['a'][-1:] | (d['a'][1:3])|join
raise_exception('x') | raise_exception('x' + 1) | raise_exception() | strftime_now('%Y') | strftime_now() | s.__class__ | s.__class__.__mro__ | s.__class__ is defined | ''.__len__() | d.__class__() | l.__init__ | range.__globals__ | ms[0].role | ms[-1]['content'] | ms[1:]|length | ms|length - 1 | ms[5].role | ms[0].k + 1 | ms[2].k + 1 | ms[2].k | ms.0.role | ms['0'] | s['upper']() | d['get']('b') | s.upper.x | s.upper()[0] | 'a.b'.split('.')[0] | '  x'.strip()|length | s.split(' ')[0].upper()|lower
1e15 | 1e16 | 123456789012345678.0 | 0.0001 | 0.00001 | 1/3 | 2/3 | 100.0 | 1e-7 | tiny | big | big * 1.0 | 5e-324 | 1.7976931348623157e308 | 1e308 * 10 | -(1e308 * 10) | 0.1 | 3.0e-10 | 12345.6789 | -0.0 | 9007199254740993.0 | [0.5, 1e20, 1e21] | 1e23 | 4.35 * 100 | 2.5|string | 1e5|int
{'ключ': ['значение', '日本', '👍🏽', 'e\u0301']}|tojson | {'ключ': '日本', 'b': 1}|tojson(ensure_ascii=true) | '👍🏽'|tojson(ensure_ascii=true) | {'ü': {'ö': [1, {'ä': none}]}}|tojson(indent=2) | {'b': 'ß', 'a': 'ñ', 'ä': 1}|tojson(sort_keys=true, indent=2) | '\u2028\u2029\u0085\ufeff'|tojson | '\\ / \" \b \f'|tojson | [1.5, 1e-7, 1e16, -0.0]|tojson | {'ü': 1}|string | ['日本', 'e\u0301', '\u200b', '\xad']
'CASES'|upper | 'CASES'|title | 'CASES'.title() | 'CASES'|capitalize | 'CASES'|lower | 'o\'neill mcdonald-smith'|title | 'o\'neill mcdonald-smith'.title() | 'ǆ ǅ Ǆ ǳ'.title() | 'ΟΔΥΣΣΕΥΣ ΣΑΣ Σ'|lower | 'ΌΣΟΣ. ΣΣ\'Σ'.lower() | 'straße ﬀi'|title | 'ijssel ĳ'|title | '1st 2nd'|title | '1st 2nd'.title() | 'HELLO wORLD (foo) [bar] <baz> {qux}'|title | 'É À'.swapcase() | 'ß'.upper().lower() | 'éà'|capitalize
lines|indent(width=3, first=false) | 'a\n b\n\n  c\n'|indent(4) | 'a\n b\n\n  c\n'|indent(4, blank=true) | 'a\n b'|indent('日 ', true) | '\n'|indent | ''|indent(2, true) | 'a\r\nb'|indent(1) | 'x\n'|indent(2, first=true, blank=true)
'zürich'[1:-1:2] | u[-3:-1] | u[:2] ~ u[2:] | u[100:] | u[-100:3] | u[5:2:-1] | u[::-2] | l[-2:] | l[:-1] | l[1::2] | (1, 2, 3)[1:] | range(10)[::3]|list | range(10)[-2:]|list | u[1:][:2] | 'abc'[none:2] | s[n:] | s[:n - 3]
'日本語'.find('語') | '日本語'.split('本') | '日本語'.replace('本', '-') | '日本語'.center(7, '本') | '日本語'|length | '日本語'|first ~ '日本語'|last | '日本語'.startswith('日本') | '日本語'.endswith('本', 0, 2) | '日本語'|list | '日本語'|reverse | '\u3000x\u00a0'.strip() | '\u3000x\u00a0'|trim | '\ufeffx'.strip() | 'a\x1cb\x85c\u2029d'.splitlines() | 'a\u2003b\u00a0c'.split() | '²³'.isdigit() | '½'.isnumeric() is defined | '٣'.isdecimal() is defined | 'ªº'.isalpha()
1 + | (1 | [1 | 1 + + 2 | a b | 'abc | {{ | 1 ? 2 | n.1x | s. | |upper | n is | n is defined is defined | s|nosuchfilter | {1:} | 1 ==  | s[ | not | if | l[1, 2] | d[1, 2] | s(1) | n() | lambda x: x | "a" if | x = 1 | n;n | none() | f'x' | 1..2 | 1.e5 | .5 | 5. | 1e5 | 1E5 | 12__3
""".strip("\n")

STATEMENTS = [
    "{% for x in l %}{{ x }}{% if not loop.last %}, {% endif %}{% endfor %}",
    "{% for x in l %}{{ loop.index }}{{ loop.index0 }}{{ loop.revindex }}{{ loop.revindex0 }}{{ loop.first }}{{ loop.last }}"
    "{{ loop.length }}{{ loop.depth }}{{ loop.depth0 }}{{ loop.cycle('a', 'b') }}|{% endfor %}",
    "{% for x in l %}{{ loop.previtem }}-{{ loop.nextitem }};{% endfor %}",
    "{% for x in l %}{{ loop.previtem is defined }}{{ loop.nextitem is defined }};{% endfor %}",
    "{% for x in [1,1,2,2,1] %}{{ loop.changed(x) }} {% endfor %}",
    "{% for k, v in d.items() %}{{ k }}={{ v }};{% endfor %}", "{% for k in d %}{{ k }}{% endfor %}",
    "{% for k, v in d|items %}{{ k }}={{ v }};{% endfor %}", "{% for k, v in l %}{{ k }}{% endfor %}",
    "{% for (a, b), c in [((1, 2), 3)] %}{{ a }}{{ b }}{{ c }}{% endfor %}",
    "{% for x in l if x > 1 %}{{ loop.index }}{{ x }}{% else %}none{% endfor %}",
    "{% for x in l if x > 9 %}{{ x }}{% else %}none{% endfor %}", "{% for x in missing %}a{% else %}b{% endfor %}",
    "{% for x in none %}a{% endfor %}", "{% for x in n %}a{% endfor %}", "{% for c in u %}{{ c }}.{% endfor %}",
    "{% for x in l %}{% if x == 1 %}{% continue %}{% endif %}{{ x }}{% endfor %}",
    "{% for x in l %}{% if x == 1 %}{% break %}{% endif %}{{ x }}{% endfor %}", "{% break %}",
    "{% for x in l %}{% for y in w %}{{ loop.index }}{% endfor %}{{ loop.index }}{% endfor %}",
    "{% set x = 1 %}{% for y in l %}{% set x = x + 1 %}{{ x }}{% endfor %}{{ x }}",
    "{% set ns = namespace(x=1, found=false) %}{% for y in l %}{% set ns.x = ns.x + y %}{% endfor %}{{ ns.x }}{{ ns.found }}",
    "{% set d.x = 1 %}", "{% set ns = namespace() %}{% set ns.y = 2 %}{{ ns.y }}{{ ns['y'] }}", "{% set ns = namespace() %}{% set ns._y = 2 %}",
    "{% set a, b = 1, 2 %}{{ a }}{{ b }}", "{% set a = 1, 2 %}{{ a }}", "{% set (a, b) = [3, 4] %}{{ a }}{{ b }}", "{% set a, b = [1] %}",
    "{% set x %}a{{ n }}b{% endset %}[{{ x }}]", "{% set x | upper %}abc{% endset %}{{ x }}", "{% set x | replace('a', 'b') | upper %}aa{% endset %}{{ x }}",
    "{% if n == 7 %}seven{% elif n == 8 %}eight{% else %}other{% endif %}", "{% if false %}a{% elif true %}b{% endif %}",
    "{% if missing %}a{% else %}b{% endif %}", "{% if missing.x %}a{% endif %}", "{% if false %}{{ s|nosuch }}{% endif %}ok",
    "{% macro m(a, b=2, c='x') %}{{ a }}{{ b }}{{ c }}{% endmacro %}{{ m(1) }}{{ m(1, c=3) }}{{ m(1, 2, 3) }}",
    "{% macro m(a) %}{{ a }}{% endmacro %}{{ m(1, 2) }}", "{% macro m(a) %}{{ a }}{% endmacro %}{{ m(b=2) }}",
    "{% macro m(a) %}[{{ a }}]{% endmacro %}{{ m() }}", "{% macro m(a) %}{{ varargs }}{{ kwargs }}{% endmacro %}{{ m(1, 2, x=3) }}",
    "{% macro m() %}<{{ caller() }}>{% endmacro %}{% call m() %}body {{ n }}{% endcall %}",
    "{% macro m() %}<{{ caller(1, 2) }}>{% endmacro %}{% call(a, b) m() %}{{ a + b }}{% endcall %}",
    "{% macro m() %}x{% endmacro %}{% call m() %}body{% endcall %}", "{% macro m() %}{{ caller is defined }}{% endmacro %}{{ m() }}",
    "{% macro m(x) %}{% if x > 0 %}{{ x }}{{ m(x - 1) }}{% endif %}{% endmacro %}{{ m(5) }}",
    "{% macro m() %}{{ q }}{% endmacro %}{% set q = 5 %}{{ m() }}", "{% for q in l %}{% macro m() %}{{ q }}{% endmacro %}{{ m() }}{% endfor %}",
    "{% macro m() %}{% set n = 1 %}{{ n }}{% endmacro %}{{ m() }}{{ n }}", "{{ m }}{% macro m() %}{% endmacro %}", "{% macro m() %}a{% endmacro %}{{ m }}",
    "{% macro a(x) %}{{ b(x) }}{% endmacro %}{% macro b(x) %}({{ x }}){% endmacro %}{{ a(1) }}",
    "{% macro r(v) %}{{ r(v) }}{% endmacro %}{{ r(1) }}", "{% for x in l recursive %}{{ x }}{% endfor %}",
    "{% filter upper %}abc{{ s }}{% endfilter %}", "{% filter replace('a', 'b')|upper %}abc{% endfilter %}",
    "{% with a=1, b=n %}{{ a }}{{ b }}{% set a = 5 %}{{ a }}{% endwith %}{{ a is defined }}", "{% with %}{% set q = 1 %}{% endwith %}{{ q is defined }}",
    "{% raw %}{{ x }}{% y %}{% endraw %}", "a {%- raw -%} {{ x }} {%- endraw -%} b", "{# comment {{ x }} #}a", "a {#- c -#} b", "{# unfinished",
    "{% generation %}abc{% endgeneration %}x", "ü{% generation %}日本{{ s }}{% endgeneration %}{% generation %}{% endgeneration %}",
    "{% for m in ms %}{{ m.role }}{% if m.role == 'assistant' %}{% generation %}{{ m.content }}{{ loop.index }}{% endgeneration %}{% endif %}{% endfor %}",
    "{% generation %}{% set q = 1 %}{% endgeneration %}{{ q is defined }}", "{% macro m() %}a{% generation %}b{% endgeneration %}{% endmacro %}xx{{ m() }}",
    "{% set x %}a{% generation %}b{% endgeneration %}{% endset %}xx{{ x }}", "{% generation %}a{% generation %}b{% endgeneration %}{% endgeneration %}",
    "{% generation %}", "{% endgeneration %}", "{% for x in l %}", "{% endfor %}", "{% if %}{% endif %}", "{% nosuch %}", "{% include 'x' %}", "{% extends 'x' %}",
    "{% do l.append(1) %}", "{% set x = %}", "{% set %}", "{% for in l %}{% endfor %}", "{% set true = 1 %}", "{% set 1 = 1 %}", "{% print n %}", "{% import 'os' as os %}",
    "a\n{% if true %}\nb\n{% endif %}\nc\n", "a\n  {% if true %}  \nb\n  {% endif %}\nc\n\n", "  {% if true %}x{% endif %}", "x  {% if true %}y{% endif %}",
    "a\n  {%+ if true %}b{% endif +%}\nc", "a \n {%- if true -%} \n b \n {%- endif -%} \n c", "  {{ n }}\n  {{- n -}}  \n x", "{{ n }}\n\n", "\n\n{{ n }}", "a\n\t{# c #}\nb",
    "a\n  {# c #}  {% if true %}\nb{% endif %}", "  {% set x = 1 %}  {% set y = 2 %}\n  z", "a\r\nb\r{{ n }}\r\n", "\u2003{%- if true %}a{% endif %}\u00a0{%- if true %}b{% endif %}",
    "{{ '\n' }}|{{ 'a\r\nb' }}|", "{%- for x in l -%}\n {{ x }}\n{%- endfor %}", "{{- n }} {{ n -}} x", "{{+ n }}", "{{ n +}}", "{{ n + }}", "{% if true -%}\n\n x{% endif %}",
    "{{ {'a': {'b': 1}}['a']['b'] }}", "{{ {'a': 1}}}", "{{ '}}' }}{{ \"%}\" }}", "{% set x = '%}' %}{{ x }}", "{{ [1,\n2] }}", "{{ n\n}}", "{%\nset x = 1\n%}{{ x }}", "{{", "}}", "%}", "{%", "{{ }}", "{ { n } }", "{{n}}{{ n}}{{n }}",
    "{% set x = 1 %}{% if true %}{% set x = 2 %}{% endif %}{{ x }}", "{% if false %}{% set s = 2 %}{% endif %}{{ s }}", "{% for x in l %}{% if false %}{% set s = 2 %}{% endif %}{{ s }}{% endfor %}",
    "{% for x in l %}{% endfor %}{{ x is defined }}", "{% for x in l %}{{ s }}{% set s = x %}{{ s }}{% endfor %}{{ s }}", "{% for loop in l %}{{ loop }}{% endfor %}", "{{ loop }}{{ loop is defined }}",
    "{% set g = l|map('string') %}{{ g|join }}-{{ g|join }}", "{% set g = ms|selectattr('role', 'equalto', 'user') %}{{ g|length }}", "{% set g = l|select %}{% for x in g %}{{ x }}{% endfor %}{% for x in g %}{{ x }}{% endfor %}", "{{ (l|map('string'))[0] }}",
    "{% set j = joiner('; ') %}{% for x in l %}{{ j() }}{{ x }}{% endfor %}", "{% set c = cycler('a', 'b') %}{{ c.next() }}{{ c.next() }}{{ c.current }}", "{{ varargs }}", "{% set messages = messages + [1] %}{{ messages }}",
    "{{ l[:2] + l[2:] }}{{ l[1:2][0] }}{{ (l)[0] }}{{ l.0 }}", "{{ dict(**d) }}", "{% macro m(a, b) %}{{ a }}{{ b }}{% endmacro %}{{ m(*[1, 2]) }}{{ m(**{'a': 1, 'b': 2}) }}{{ m(1, *[2]) }}", "{{ range(*[1, 3])|list }}",
    "{% macro m(a=s|upper, b=a) %}{{ a }}{{ b }}{% endmacro %}{{ m() }}{{ m(1) }}", "{% macro m(a=1, b) %}{% endmacro %}", "{% if n is divisibleby 7 and s is string %}y{% endif %}", "{{ n is not none and n > 3 }}",
    "{{ ms | map(attribute='content') | map('upper') | join(' ') }}", "{% for role, group in ms|groupby('role') %}{{ role }}:{{ group|map(attribute='content')|join(',') }};{% endfor %}", "{{ 'a' * 10 ** 9 }}", "{{ range(10 ** 12)|list }}",
    "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}" if False else "", "{{ 9223372036854775807 }}{{ -9223372036854775807 }}", "{{ 'x'.join(['a', 'b']|map('upper')) }}", "{% autoescape true %}{{ '<' }}{% endautoescape %}" if False else "x",
]


# What is refused on purpose, although Jinja renders it.
REFUSED = {"{{ 'a' * 10 ** 9 }}", "{{ '{0.__class__}'.format(1) }}", "{% for x in l recursive %}{{ x }}{% endfor %}",
           "{% set c = cycler('a', 'b') %}{{ c.next() }}{{ c.next() }}{{ c.current }}"}


# Every character whose other case has several characters, apart so that each is a word.
LONG_CASES = " ".join(c for c in map(chr, range(0x110000)) if len(c.upper()) > 1 or len(c.title()) > 1)


def snippets():
    for line in EXPRESSIONS.splitlines():
        for expression in line.split(" | "):
            yield "{{ " + expression.replace("CASES", LONG_CASES) + " }}"
    yield from STATEMENTS


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--temper", required=True)
    parser.add_argument("--templates", nargs="*", default=[], type=pathlib.Path)
    parser.add_argument("--conversations", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--show", type=int, default=2, help="differences to show of each template")
    arguments = parser.parse_args()

    total = wrong = 0
    num_snippets = num_wrong = 0
    for source in snippets():
        differences, _ = compare(arguments.temper, repr(source)[:100], source, [V], arguments.show)
        num_snippets += 1
        num_wrong += differences
    print(f"snippets: {num_snippets}, {num_wrong} different")
    paths = [path for place in arguments.templates
             for path in (sorted(place.rglob("*.jinja")) if place.is_dir() else [place])]
    for path in paths:
        rng = random.Random(f"{arguments.seed} {path.name}")
        questions = [conversation(rng) for _ in range(arguments.conversations)]
        differences, errors = compare(arguments.temper, path.name, path.read_text(), questions, arguments.show)
        print(f"{path.name}: {len(questions)} conversations, {errors} errors, {differences} different")
        total += len(questions)
        wrong += differences
    print(f"{num_snippets} snippets and {total} conversations over {len(paths)} templates: {num_wrong + wrong} different")
    return 1 if num_wrong + wrong else 0


if __name__ == "__main__":
    sys.exit(main())
