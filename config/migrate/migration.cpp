#include "config/migrate/migration.h"

#include <algorithm>
#include <cctype>
#include <filesystem>

#include "common/error.h"
#include "config/config_keys.h"
#include "config/config_values.h"

namespace temper {
namespace {

std::string as_yaml(const YamlNode& node, const std::string& key) {
  if (node.kind == YamlNode::Kind::kSequence) return yaml_texts(listed_texts(node, key));
  return yaml_text(node.text);
}

// A hub's name is OWNER/NAME: no path has to be there for it.
bool is_hub_name(const std::string& name) {
  if (name.empty() || name.front() == '.' || name.front() == '/' || name.front() == '~') {
    return false;
  }
  std::error_code error;
  return std::count(name.begin(), name.end(), '/') == 1 && !std::filesystem::exists(name, error);
}

}  // namespace

void carry_over(Migration& migration, const std::string& key, const std::string& name,
                const YamlNode& node) {
  const ConfigKey* known = find_config_key(key);
  TEMPER_CHECK(known != nullptr, "no key {}", key);
  RunConfig scratch;
  try {
    read_and_check(*known, {node, name, {}}, scratch);
    migration.set(key, as_yaml(node, key));
  } catch (const UserError& error) {
    std::string reason = error.what();
    if (reason.starts_with(node.place + ": ")) reason.erase(0, node.place.size() + 2);
    migration.leave_out(name, reason);
  }
}

std::string local_model(const std::string& name, bool& is_remote) {
  is_remote = is_hub_name(name);
  return is_remote ? "models/" + name.substr(name.find('/') + 1) : name;
}

std::string shell_word(const std::string& text) {
  const auto is_plain = [](unsigned char c) {
    return std::isalnum(c) != 0 ||
           std::string_view("_-.,:/+=@%").find(static_cast<char>(c)) != std::string_view::npos;
  };
  if (!text.empty() && std::all_of(text.begin(), text.end(), is_plain)) return text;
  std::string quoted = "'";
  for (const char c : text) quoted += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return quoted + "'";
}

}  // namespace temper
