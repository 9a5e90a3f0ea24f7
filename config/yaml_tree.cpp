#include "config/yaml_tree.h"

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/mark.h>
#include <yaml-cpp/parser.h>

#include <fstream>
#include <map>
#include <sstream>
#include <utility>

#include "common/error.h"

namespace temper {
namespace {

constexpr size_t kMaxDescribedBytes = 60;

size_t count_nodes(const YamlNode& node) {
  size_t count = 1;
  for (const YamlNode& item : node.items) count += count_nodes(item);
  for (const YamlEntry& entry : node.entries) count += count_nodes(entry.value);
  return count;
}

// Builds the tree from the parser's events, checking the limits before anything is stored.
class TreeBuilder : public YAML::EventHandler {
 public:
  TreeBuilder(const std::string& name, bool numbered) : name_(name), numbered_(numbered) {}

  YamlNode root() && { return std::move(root_); }

  void OnDocumentStart(const YAML::Mark&) override {}
  void OnDocumentEnd() override {}

  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    YamlNode node;
    node.place = place(mark);
    add(std::move(node), anchor);
  }

  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    YamlNode node;
    node.place = place(mark);
    // The tag of a quoted scalar is "!".
    const bool quoted = tag == "!";
    const bool null_word = value == "~" || value == "null" || value == "Null" || value == "NULL";
    if (quoted || !(null_word || value.empty())) {
      node.kind = YamlNode::Kind::kScalar;
      node.text = value;
    }
    add(std::move(node), anchor);
  }

  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    const auto found = anchored_.find(anchor);
    if (found == anchored_.end()) {
      throw UserError("{}: an alias stands inside what it refers to", place(mark));
    }
    count(found->second.num_nodes, mark);
    YamlNode node = found->second.node;
    node.place = place(mark);
    attach(std::move(node));
  }

  void OnSequenceStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    open(YamlNode::Kind::kSequence, mark, anchor);
  }
  void OnSequenceEnd() override { close(); }

  void OnMapStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    open(YamlNode::Kind::kMap, mark, anchor);
  }
  void OnMapEnd() override { close(); }

 private:
  struct Open {
    YamlNode node;
    YAML::anchor_t anchor = 0;
    bool has_key = false;
    YamlEntry entry;  // of a map, while its value is awaited
  };
  struct Anchored {
    YamlNode node;
    size_t num_nodes = 0;
  };

  std::string place(const YAML::Mark& mark) const {
    return numbered_ ? fmt::format("{}:{}", name_, mark.line + 1) : name_;
  }

  void count(size_t num_nodes, const YAML::Mark& mark) {
    num_nodes_ += num_nodes;
    if (num_nodes_ > kMaxYamlNodes) {
      throw UserError("{}: more than {} values (aliases count as what they stand for)", place(mark),
                      kMaxYamlNodes);
    }
  }

  void open(YamlNode::Kind kind, const YAML::Mark& mark, YAML::anchor_t anchor) {
    if (open_.size() >= static_cast<size_t>(kMaxYamlDepth)) {
      throw UserError("{}: nested more than {} levels deep", place(mark), kMaxYamlDepth);
    }
    if (!open_.empty() && open_.back().node.kind == YamlNode::Kind::kMap && !open_.back().has_key) {
      throw UserError("{}: a key must be plain text", place(mark));
    }
    count(1, mark);
    Open frame;
    frame.node.kind = kind;
    frame.node.place = place(mark);
    frame.anchor = anchor;
    open_.push_back(std::move(frame));
  }

  void close() {
    Open frame = std::move(open_.back());
    open_.pop_back();
    finish(std::move(frame.node), frame.anchor);
  }

  void add(YamlNode node, YAML::anchor_t anchor) {
    if (++num_nodes_ > kMaxYamlNodes) {
      throw UserError("{}: more than {} values", node.place, kMaxYamlNodes);
    }
    finish(std::move(node), anchor);
  }

  void finish(YamlNode node, YAML::anchor_t anchor) {
    if (anchor != YAML::NullAnchor) anchored_[anchor] = {node, count_nodes(node)};
    attach(std::move(node));
  }

  void attach(YamlNode node) {
    if (open_.empty()) {
      root_ = std::move(node);
      return;
    }
    Open& parent = open_.back();
    if (parent.node.kind == YamlNode::Kind::kSequence) {
      parent.node.items.push_back(std::move(node));
    } else if (!parent.has_key) {
      begin_entry(parent, node);
    } else {
      parent.entry.value = std::move(node);
      parent.node.entries.push_back(std::move(parent.entry));
      parent.has_key = false;
    }
  }

  static void begin_entry(Open& parent, const YamlNode& key) {
    if (key.kind != YamlNode::Kind::kScalar) {
      throw UserError("{}: a key must be plain text", key.place);
    }
    if (const YamlEntry* earlier = parent.node.find(key.text)) {
      throw UserError("{}: key \"{}\" is given twice, first at {}", key.place, key.text,
                      earlier->place);
    }
    parent.entry = {key.text, key.place, {}};
    parent.has_key = true;
  }

  const std::string& name_;
  bool numbered_;
  size_t num_nodes_ = 0;
  YamlNode root_;
  std::vector<Open> open_;
  std::map<YAML::anchor_t, Anchored> anchored_;
};

std::string read_yaml_file(const std::filesystem::path& path) {
  std::error_code error;
  if (!std::filesystem::exists(path, error)) {
    throw UserError("{}: no such file; `temper init` writes one to start from", path.string());
  }
  if (std::filesystem::is_directory(path, error)) {
    throw UserError("{}: this is a directory; give the run.yaml in it", path.string());
  }
  std::ifstream stream(path, std::ios::binary);
  // One byte more than is allowed, so that parse_yaml sees a file that is too large.
  std::string text(kMaxYamlBytes + 1, '\0');
  stream.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (stream.bad() || (stream.fail() && !stream.eof())) {
    throw UserError("{}: cannot be read", path.string());
  }
  text.resize(static_cast<size_t>(stream.gcount()));
  return text;
}

}  // namespace

const YamlEntry* YamlNode::find(std::string_view key) const {
  for (const YamlEntry& entry : entries) {
    if (entry.key == key) return &entry;
  }
  return nullptr;
}

std::string YamlNode::described() const {
  switch (kind) {
    case Kind::kNull:
      return "nothing";
    case Kind::kSequence:
      return "a list";
    case Kind::kMap:
      return "a group of keys";
    case Kind::kScalar:
      break;
  }
  if (text.size() <= kMaxDescribedBytes) return fmt::format("\"{}\"", text);
  return fmt::format("\"{}...\"", text.substr(0, kMaxDescribedBytes));
}

YamlNode parse_yaml(std::string_view text, const std::string& name, bool numbered) {
  if (text.size() > kMaxYamlBytes) {
    throw UserError("{}: {} bytes; a configuration has at most {}", name, text.size(),
                    kMaxYamlBytes);
  }
  std::istringstream stream{std::string(text)};
  TreeBuilder builder(name, numbered);
  try {
    YAML::Parser parser(stream);
    if (!parser.HandleNextDocument(builder)) return {};
    TreeBuilder rest(name, numbered);
    if (parser.HandleNextDocument(rest)) {
      throw UserError("{}: more than one YAML document (\"---\")", name);
    }
  } catch (const YAML::Exception& error) {
    const std::string place =
        numbered && !error.mark.is_null() ? fmt::format("{}:{}", name, error.mark.line + 1) : name;
    throw UserError("{}: not valid YAML: {}", place, error.msg);
  }
  return std::move(builder).root();
}

YamlNode read_yaml_map(const std::filesystem::path& path) {
  YamlNode root = parse_yaml(read_yaml_file(path), path.string());
  if (root.is_null()) root.kind = YamlNode::Kind::kMap;
  if (root.kind != YamlNode::Kind::kMap) {
    throw UserError("{}: expected lines of \"key: value\", found {}", root.place, root.described());
  }
  return root;
}

}  // namespace temper
