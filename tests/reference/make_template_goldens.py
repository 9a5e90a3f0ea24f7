"""Writes what transformers renders, for tests/unit/text/chat/template_goldens_test.cpp to compare with.

    python tests/reference/make_template_goldens.py

Three files in tests/unit/text/golden, all JSON lines: conversations.jsonl, what each of them becomes
under each template of tests/reference/templates (chat_templates.jsonl), and small pieces of the
language with their renderings (jinja_cases.jsonl; the first line has their variables). The pieces,
and the random ones of the conversations, are those of compare_templates.py. Where the
reference raises an error, so must temper; "raised" is the template's own message.

Needs transformers and jinja2 in a throw-away environment. Day and time stand still at TODAY.
"""

import datetime
import json
import pathlib
import random

from jinja2.exceptions import TemplateError
from transformers.utils import chat_template_utils

import compare_templates as reference

HERE = pathlib.Path(__file__).parent
GOLDEN = HERE.parent / "unit/text/golden"
TODAY = datetime.datetime(1998, 11, 7, 12, 0, 0)
NUM_RANDOM = 24


class StandingClock(datetime.datetime):
    @classmethod
    def now(cls, tz=None):
        return TODAY


def user(text):
    return {"role": "user", "content": text}


def assistant(text, **more):
    return {"role": "assistant", "content": text, **more}


def call(name, arguments, identifier="abcdefghi"):
    return {"type": "function", "id": identifier, "function": {"name": name, "arguments": arguments}}


SYSTEM = {"role": "system", "content": "Be brief.\nAnswer in naïve 日本語."}
WEATHER = [SYSTEM, user("How warm is it in Paris?"),
           assistant("", tool_calls=[call("get_weather", {"location": "Paris", "days": 3, "flags": ["é", "b"]})]),
           {"role": "tool", "tool_call_id": "abcdefghi", "name": "get_weather", "content": "{\"celsius\": 21.5}"},
           assistant("It has 21.5 °C."), user("Thanks!")]
TWO_CALLS = [user("Both, please."),
             {"role": "assistant", "content": None,
              "tool_calls": [call("add", {"a": 1.0, "b": None, "c": {"d": [True, "\"x\""]}}), call("get_weather", {}, "123456789")]},
             {"role": "tool", "tool_call_id": "abcdefghi", "content": "3\n4"},
             {"role": "tool", "tool_call_id": "123456789", "content": "<sunny> & 'warm'"},
             assistant("Done.")]
NAMED = {
    "one_exchange": {"messages": [user(" What is x? "), assistant("A letter.")]},
    "one_question": {"messages": [user("Hello")]},
    "generation_prompt": {"messages": [user("Hello")], "add_generation_prompt": True},
    "system": {"messages": [SYSTEM, user("Hello"), assistant(" Hi \n")]},
    "system_and_prompt": {"messages": [SYSTEM, user("Hello")], "add_generation_prompt": True},
    "several_turns": {"messages": [user("a\n\nb"), assistant("<think>\nhm\n</think>\n\nyes"), user("👍🏽"),
                                   assistant("{{ x }} {% y %}"), user("last")], "add_generation_prompt": True},
    "several_turns_with_system": {"messages": [SYSTEM, user("1"), assistant("2"), user("3"), assistant("4")]},
    "tools": {"messages": [SYSTEM, user("Weather?")], "tools": reference.TOOLS, "add_generation_prompt": True},
    "tools_without_system": {"messages": [user("Weather?"), assistant("Where?")], "tools": reference.TOOLS},
    "tool_call": {"messages": WEATHER, "tools": reference.TOOLS, "add_generation_prompt": True},
    "two_tool_calls": {"messages": TWO_CALLS, "tools": reference.TOOLS},
    "tool_call_as_text": {"messages": [user("Add."), assistant("", tool_calls=[call("add", "{\"a\": 1}")])]},
    "reasoning": {"messages": [user("Why?"), assistant("So.", reasoning_content="Hm,\nwell.", thinking="Hm,\nwell.")]},
    "thinking_off": {"messages": [user("Why?")], "enable_thinking": False, "add_generation_prompt": True},
    "documents": {"messages": [user("Read.")], "documents": reference.DOCUMENTS, "add_generation_prompt": True},
    "parts": {"messages": [{"role": "user", "content": [{"type": "text", "text": " one "}, {"type": "text", "text": "two"}]},
                           assistant("three")]},
    "no_special_tokens": {"messages": [user("Hello"), assistant("Hi")], "bos_token": None, "eos_token": None},
    "no_messages": {"messages": []},
    "assistant_first": {"messages": [assistant("Hi"), user("Hello")]},
    "two_users": {"messages": [user("Hello"), user("again")]},
    "late_system": {"messages": [user("Hello"), SYSTEM, assistant("Hi")]},
    "unknown_role": {"messages": [user("Hello"), {"role": "odd", "content": "x"}]},
    "tool_without_call": {"messages": [user("Hello"), {"role": "tool", "content": "x"}]},
    "short_call_id": {"messages": [user("Add."), assistant("", tool_calls=[call("add", {}, "x")]),
                                   {"role": "tool", "tool_call_id": "x", "content": "1"}]},
    "content_and_thinking_with_call": {"messages": [user("Add."), assistant("x", thinking="y", tool_calls=[call("add", {})])]},
    "no_content": {"messages": [user("Hello"), {"role": "assistant"}]},
}


def conversations():
    for name, variables in NAMED.items():
        variables = {"bos_token": "<s>", "eos_token": "</s>", **variables}
        yield name, {key: value for key, value in variables.items() if value is not None}
    rng = random.Random("goldens")
    for number in range(NUM_RANDOM):
        yield f"random_{number + 1}", reference.conversation(rng)


def answer(source, variables):
    result = reference.reference(source, variables)
    if source in reference.REFUSED or reference.is_address(result):
        return {"error": True}
    if "error" in result:
        raised = result["error"].removeprefix(f"{TemplateError.__name__}: ")
        return {"error": True, "raised": raised} if raised != result["error"] and raised in source else {"error": True}
    return result if result["generation_spans"] else {"rendered": result["rendered"]}


def write(name, lines):
    text = "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)
    (GOLDEN / name).write_text(text, encoding="utf-8")


def main():
    chat_template_utils.datetime = StandingClock
    GOLDEN.mkdir(exist_ok=True)
    questions = list(conversations())
    write("conversations.jsonl", ({"conversation": name, "variables": variables} for name, variables in questions))
    templates = sorted((HERE / "templates").glob("*.jinja"))
    write("chat_templates.jsonl", ({"template": path.stem, "conversation": name, **answer(path.read_text(), variables)}
                                   for path in templates for name, variables in questions))
    write("jinja_cases.jsonl", [{"variables": reference.V}] +
          [{"template": source, **answer(source, reference.V)} for source in dict.fromkeys(reference.snippets())])


if __name__ == "__main__":
    main()
