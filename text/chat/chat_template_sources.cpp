#include "text/chat/chat_template_sources.h"

namespace temper {
namespace {

constexpr std::string_view kLlama2 = R"jinja(
{%- set turns = messages[1:] if messages[0].role == 'system' else messages %}
{%- if not turns %}{{ raise_exception('The chat template needs a user message behind the system message.') }}{% endif %}
{%- for message in turns %}
    {%- if (message.role == 'user') != (loop.index0 % 2 == 0) or message.role == 'system' %}
        {{- raise_exception('The chat template wants user and assistant in turns.') }}
    {%- endif %}
    {%- if message.role == 'user' %}
        {%- set content = message.content %}
        {%- if loop.first and messages[0].role == 'system' %}
            {%- set content = '<<SYS>>\n' + messages[0].content + '\n<</SYS>>\n\n' + content %}
        {%- endif %}
        {{- bos_token }}{{ '[INST] ' + content | trim + ' [/INST]' }}
    {%- else %}
        {%- generation %}{{ ' ' + message.content | trim + ' ' }}{{ eos_token }}{% endgeneration %}
    {%- endif %}
{%- endfor %})jinja";

constexpr std::string_view kLlama3 = R"jinja(
{%- for message in messages %}
    {%- if loop.first %}{{ bos_token }}{% endif %}
    {{- '<|start_header_id|>' + message.role + '<|end_header_id|>\n\n' }}
    {%- if message.role == 'assistant' %}
        {%- generation %}{{ message.content | trim + '<|eot_id|>' }}{% endgeneration %}
    {%- else %}
        {{- message.content | trim + '<|eot_id|>' }}
    {%- endif %}
{%- endfor %}
{%- if add_generation_prompt %}{{ '<|start_header_id|>assistant<|end_header_id|>\n\n' }}{% endif %})jinja";

constexpr std::string_view kMistral = R"jinja(
{{- bos_token }}
{%- for message in messages %}
    {%- if message.role == 'system' and loop.first %}
        {{- raise_exception('The chat template has no place for a system message.') }}
    {%- elif (message.role == 'user') != (loop.index0 % 2 == 0) or message.role == 'system' %}
        {{- raise_exception('The chat template wants user and assistant in turns.') }}
    {%- elif message.role == 'user' %}
        {{- '[INST] ' + message.content + ' [/INST]' }}
    {%- else %}
        {%- generation %}{{ message.content }}{{ eos_token }}{% endgeneration %}
    {%- endif %}
{%- endfor %})jinja";

constexpr std::string_view kChatml = R"jinja(
{%- for message in messages %}
    {{- '<|im_start|>' + message.role + '\n' }}
    {%- if message.role == 'assistant' %}
        {%- generation %}{{ message.content + '<|im_end|>' }}{% endgeneration %}
    {%- else %}
        {{- message.content + '<|im_end|>' }}
    {%- endif %}
    {{- '\n' }}
{%- endfor %}
{%- if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %})jinja";

constexpr std::string_view kQwen = R"jinja(
{%- if messages[0].role != 'system' %}
    {{- '<|im_start|>system\nYou are Qwen, created by Alibaba Cloud. You are a helpful assistant.<|im_end|>\n' }}
{%- endif %}
{%- for message in messages %}
    {{- '<|im_start|>' + message.role + '\n' }}
    {%- if message.role == 'assistant' %}
        {%- generation %}{{ message.content + '<|im_end|>' }}{% endgeneration %}
    {%- else %}
        {{- message.content + '<|im_end|>' }}
    {%- endif %}
    {{- '\n' }}
{%- endfor %}
{%- if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %})jinja";

constexpr std::string_view kGemma = R"jinja(
{{- bos_token }}
{%- if messages[0].role == 'system' %}
    {{- raise_exception('The chat template has no place for a system message.') }}
{%- endif %}
{%- for message in messages %}
    {%- if (message.role == 'user') != (loop.index0 % 2 == 0) or message.role == 'system' %}
        {{- raise_exception('The chat template wants user and assistant in turns.') }}
    {%- elif message.role == 'user' %}
        {{- '<start_of_turn>user\n' + message.content | trim + '<end_of_turn>\n' }}
    {%- else %}
        {{- '<start_of_turn>model\n' }}
        {%- generation %}{{ message.content | trim + '<end_of_turn>' }}{% endgeneration %}
        {{- '\n' }}
    {%- endif %}
{%- endfor %}
{%- if add_generation_prompt %}{{ '<start_of_turn>model\n' }}{% endif %})jinja";

constexpr std::string_view kPhi3 = R"jinja(
{%- for message in messages %}
    {{- '<|' + message.role + '|>\n' }}
    {%- if message.role == 'assistant' %}
        {%- generation %}{{ message.content + '<|end|>' }}{% endgeneration %}
    {%- else %}
        {{- message.content + '<|end|>' }}
    {%- endif %}
    {{- '\n' }}
{%- endfor %}
{%- if add_generation_prompt %}{{ '<|assistant|>\n' }}{% else %}{{ eos_token }}{% endif %})jinja";

constexpr std::string_view kAlpaca = R"jinja(
{%- for message in messages %}
    {%- if message.role == 'system' %}
        {{- message.content + '\n\n' }}
    {%- elif message.role == 'user' %}
        {{- '### Instruction:\n' + message.content | trim + '\n\n' }}
    {%- else %}
        {{- '### Response:\n' }}
        {%- generation %}{{ message.content }}{{ eos_token }}{% endgeneration %}
        {{- '' if loop.last else '\n\n' }}
    {%- endif %}
{%- endfor %}
{%- if add_generation_prompt %}{{ '### Response:\n' }}{% endif %})jinja";

constexpr std::string_view kPlain = R"jinja(
{%- for message in messages %}
    {{- '' if loop.first else '\n' }}
    {%- if message.role == 'assistant' %}
        {%- generation %}{{ message.content }}{{ eos_token }}{% endgeneration %}
    {%- else %}
        {{- message.content }}
    {%- endif %}
{%- endfor %}
{%- if add_generation_prompt and messages %}{{ '\n' }}{% endif %})jinja";

constexpr ChatTemplateSource kBuiltIns[] = {
    {"llama2", kLlama2}, {"llama3", kLlama3}, {"mistral", kMistral},
    {"chatml", kChatml}, {"qwen", kQwen},     {"gemma", kGemma},
    {"phi3", kPhi3},     {"alpaca", kAlpaca}, {"plain", kPlain},
};

}  // namespace

std::span<const ChatTemplateSource> built_in_chat_templates() {
  return kBuiltIns;
}

}  // namespace temper
