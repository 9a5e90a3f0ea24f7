#include "data/dataset/dataset_info.h"

#include <tuple>

namespace temper {
namespace {

// All members in their order. A new one does not compile until it has its place here.
template <typename Info>
auto members_of(Info& info) {
  auto& [format_version, num_rows, sequence_len, num_documents, num_dropped, num_supervised_targets,
         num_tokens, vocab_size, pad_token, shard_index, num_shards, tokenizer_hash,
         has_conversations, chat_template, chat_template_source, chat_template_kwargs,
         chat_template_hash, settings_hash, content_hash] = info;
  return std::tie(format_version, num_rows, sequence_len, num_documents, num_dropped,
                  num_supervised_targets, num_tokens, vocab_size, pad_token, shard_index,
                  num_shards, tokenizer_hash, has_conversations, chat_template,
                  chat_template_source, chat_template_kwargs, chat_template_hash, settings_hash,
                  content_hash);
}

template <typename T>
Json to_value(const T& member) {
  return member;
}
Json to_value(const Hash128& hash) {
  return hash.hex();
}

template <typename T>
void read_value(const Json& value, T& member) {
  value.get_to(member);
}
void read_value(const Json& value, Hash128& hash) {
  hash = Hash128::from_hex(value.get<std::string>());
}

}  // namespace

Json dataset_info_to_json(const DatasetInfo& info) {
  return std::apply([](const auto&... member) { return Json::array({to_value(member)...}); },
                    members_of(info));
}

DatasetInfo dataset_info_from_json(const Json& json) {
  DatasetInfo info;
  size_t next = 0;
  std::apply([&](auto&... member) { (read_value(json.at(next++), member), ...); },
             members_of(info));
  return info;
}

}  // namespace temper
