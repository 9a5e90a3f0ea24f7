#include "text/tokenizer/model/bpe_model.h"

#include <algorithm>
#include <array>

#include "common/error.h"
#include "text/tokenizer/pre/byte_alphabet.h"
#include "text/tokenizer/pre/fingerprint.h"
#include "text/tokenizer/pre/json_lists.h"
#include "text/unicode/utf8.h"

namespace temper {
namespace {

constexpr int64_t kMaxTokenId = int64_t{1} << 24;
// Up to this many symbols it is faster to look at every pair than to keep a queue.
constexpr size_t kFewSymbols = 48;
constexpr size_t kNumWordHashes = size_t{1} << 21;
constexpr std::string_view kWordStart = "\u2581";

std::string optional_text(const JsonFields& fields, const std::string& key) {
  return fields.has(key) ? fields.text(key) : std::string();
}

void refuse_unsupported(const JsonFields& fields) {
  const std::string type = fields.text_or("type", "BPE");
  if (type != "BPE") {
    throw UserError("{}: the model '{}' is not supported, only BPE is", fields.place(), type);
  }
  for (const char* key : {"continuing_subword_prefix", "end_of_word_suffix"}) {
    if (!optional_text(fields, key).empty()) {
      throw UserError("{}: '{}' is not supported", fields.place(), key);
    }
  }
  if (fields.has("dropout") && fields.number("dropout") != 0) {
    throw UserError("{}: 'dropout' would give other ids every time; set it to null",
                    fields.place());
  }
}

}  // namespace

BpeModel::BpeModel(const JsonFields& fields, bool byte_level) {
  refuse_unsupported(fields);
  read_vocabulary(fields);
  fuse_unknown_ = fields.boolean_or("fuse_unk", false);
  byte_fallback_ = fields.boolean_or("byte_fallback", false);
  ignore_merges_ = fields.boolean_or("ignore_merges", false);
  if (const std::string unknown = optional_text(fields, "unk_token"); !unknown.empty()) {
    unknown_ = find(unknown);
    if (!unknown_) throw UserError("{}: unk_token is not in the vocabulary", fields.place());
  }
  read_merges(fields);
  index_bytes(byte_level);
}

BpeModel::BpeModel(const RankedTokens& tokens) : ignore_merges_(true) {
  const auto add = [&](const std::string& token, int32_t id) {
    if (!vocabulary_.emplace(token, id).second) {
      throw UserError("{}: the token with id {} comes twice", tokens.place, id);
    }
  };
  for (const auto& [bytes, id] : tokens.tokens) add(bytes_to_characters(bytes), id);
  for (const auto& [text, id] : tokens.special) add(text, id);
  index_ids(tokens.place);
  add_ranked_merges(tokens);
  index_bytes(true);
  if (!plain_bytes_) throw UserError("{}: not every byte has a token", tokens.place);
}

void BpeModel::add_ranked_merges(const RankedTokens& tokens) {
  std::unordered_map<std::string_view, int32_t> ids;
  for (const auto& [bytes, id] : tokens.tokens) ids.emplace(bytes, id);
  for (const auto& [bytes, id] : tokens.tokens) {
    const std::string_view whole = bytes;
    for (size_t cut = 1; cut < whole.size(); ++cut) {
      const auto left = ids.find(whole.substr(0, cut));
      if (left == ids.end()) continue;
      const auto right = ids.find(whole.substr(cut));
      if (right != ids.end()) merge_list_.emplace_back(left->second, right->second);
    }
  }
  merges_.reserve(merge_list_.size());
  std::string joined;
  for (const auto& [left, right] : merge_list_) {
    joined = *tokens_[static_cast<size_t>(left)] + *tokens_[static_cast<size_t>(right)];
    const int32_t id = *find(joined);
    merges_.set(left, right, {static_cast<uint32_t>(id), id});
  }
  merges_have_ranks_of_tokens_ = true;
}

void BpeModel::index_bytes(bool byte_level) {
  for (int byte = 0; byte < 256; ++byte) {
    byte_ids_[byte] =
        find(bytes_to_characters(std::string(1, static_cast<char>(byte)))).value_or(-1);
    fallback_ids_[byte] = find(fmt::format("<0x{:02X}>", byte)).value_or(-1);
  }
  plain_bytes_ =
      byte_level && std::all_of(byte_ids_, byte_ids_ + 256, [](int32_t id) { return id >= 0; });
  check_word_starts();
  index_words();
}

void BpeModel::read_vocabulary(const JsonFields& fields) {
  const JsonFields vocabulary = fields.object("vocab");
  vocabulary_.reserve(vocabulary.json().size());
  for (const auto& [token, id] : vocabulary.json().items()) {
    if (!id.is_number_integer() || id < 0 || id >= kMaxTokenId) {
      throw UserError("{}: the vocabulary has an id that is not a number from 0 to {}",
                      vocabulary.place(), kMaxTokenId - 1);
    }
    vocabulary_.emplace(token, id.get<int32_t>());
  }
  index_ids(vocabulary.place());
}

void BpeModel::index_ids(const std::string& place) {
  for (const auto& [token, id] : vocabulary_) {
    const auto index = static_cast<size_t>(id);
    if (index >= tokens_.size()) tokens_.resize(index + 1, nullptr);
    if (tokens_[index] != nullptr) throw UserError("{}: two tokens have id {}", place, id);
    tokens_[index] = &token;
  }
}

void BpeModel::read_merges(const JsonFields& fields) {
  const Json& list = json_list(fields, "merges");
  merges_.reserve(list.size());
  merge_list_.reserve(list.size());
  size_t rank = 0;
  for (size_t i = 0; i < list.size(); ++i) {
    const Json& merge = list[i];
    if (merge.is_array() && merge.size() == 2 && merge[0].is_string() && merge[1].is_string()) {
      add_merge(merge[0].get_ref<const std::string&>(), merge[1].get_ref<const std::string&>(),
                rank++, fields.place());
      continue;
    }
    const std::string text = merge.is_string() ? merge.get<std::string>() : std::string();
    if (text.starts_with("#version")) continue;
    const size_t space = text.find(' ');
    if (space == std::string::npos || text.find(' ', space + 1) != std::string::npos) {
      throw UserError("{}: merges[{}] is not a pair of tokens", fields.place(), i);
    }
    add_merge(text.substr(0, space), text.substr(space + 1), rank++, fields.place());
  }
}

void BpeModel::add_merge(const std::string& left, const std::string& right, size_t rank,
                         const std::string& place) {
  const auto left_id = find(left), right_id = find(right), merged_id = find(left + right);
  if (!left_id || !right_id || !merged_id) {
    throw UserError("{}: merge number {} is of tokens that are not in the vocabulary", place, rank);
  }
  merges_.set(*left_id, *right_id, {static_cast<uint32_t>(rank), *merged_id});
  merge_list_.emplace_back(*left_id, *right_id);
}

void BpeModel::check_word_starts() {
  const bool all_fallbacks = byte_fallback_ && std::all_of(fallback_ids_, fallback_ids_ + 256,
                                                           [](int32_t id) { return id >= 0; });
  if (plain_bytes_ || ignore_merges_ || !find(kWordStart)) return;
  // A character without a token would shift the offsets of all the text behind it.
  if (!unknown_ && !all_fallbacks) return;
  splits_at_marks_ = std::none_of(merge_list_.begin(), merge_list_.end(), [&](const auto& merge) {
    return !token(merge.first)->ends_with(kWordStart) &&
           token(merge.second)->starts_with(kWordStart);
  });
}

void BpeModel::index_words() {
  character_ids_.assign(0x10000, -1);
  std::string bytes;
  for (const auto& [token, id] : vocabulary_) {
    size_t end = 0;
    if (token.empty()) continue;
    const char32_t first = next_code_point(token, end);
    if (end == token.size() && first < 0x10000) character_ids_[first] = id;
    if (!ignore_merges_) continue;
    if (!plain_bytes_) {
      whole_words_.emplace(token, id);
    } else if (characters_to_bytes(token, bytes)) {
      whole_words_.emplace(bytes, id);
    }
  }
  if (!ignore_merges_) return;
  whole_word_hashes_.resize(kNumWordHashes);
  for (const auto& word : whole_words_) {
    whole_word_hashes_[TextHash()(word.first) % kNumWordHashes] = true;
  }
}

std::optional<int32_t> BpeModel::find(std::string_view token) const {
  const auto found = vocabulary_.find(token);
  if (found == vocabulary_.end()) return std::nullopt;
  return found->second;
}

const std::string* BpeModel::token(int32_t id) const {
  return id >= 0 && id < end_id() ? tokens_[static_cast<size_t>(id)] : nullptr;
}

void BpeModel::encode(std::string_view word, Workspace& workspace,
                      std::vector<WordToken>& out) const {
  const char* const text_end = word.data() + word.size();
  for (size_t begin = 0; begin < word.size();) {
    size_t end = word.size();
    if (splits_at_marks_) {
      // The word goes on over the marks it starts with, up to the next mark.
      end = begin;
      while (word.substr(end).starts_with(kWordStart)) end += kWordStart.size();
      end = std::min(word.find(kWordStart, end), word.size());
    }
    const auto tokens = encode_word(word.substr(begin, end - begin), text_end, false, workspace);
    out.insert(out.end(), tokens.begin(), tokens.end());
    begin = end;
  }
}

std::span<const WordToken> BpeModel::encode_word(std::string_view word, const char* text_end,
                                                 bool spaces_are_marks,
                                                 Workspace& workspace) const {
  const auto compute = [&] {
    if (spaces_are_marks) {
      compute_marked_word(word, workspace);
    } else {
      compute_word(word, workspace);
    }
  };
  if (word.size() <= ShortWordCache::kMaxWordBytes) {
    const bool has_room = text_end - word.data() >= ptrdiff_t{ShortWordCache::kMaxWordBytes};
    const auto key = ShortWordCache::key_of(word, has_room);
    const auto tokens = workspace.short_cache_.find(key, word.size());
    if (!tokens.empty()) return tokens;
    compute();
    workspace.short_cache_.insert(key, word.size(), workspace.tokens_);
  } else if (WordCache::keeps(word)) {
    const uint64_t hash = WordCache::hash(word);
    const auto tokens = workspace.cache_.find(word, hash);
    if (!tokens.empty()) return tokens;
    compute();
    workspace.cache_.insert(word, hash, workspace.tokens_);
  } else {
    compute();
  }
  return workspace.tokens_;
}

void BpeModel::compute_marked_word(std::string_view word, Workspace& workspace) const {
  std::string& marked = workspace.marked_;
  marked.clear();
  for (char c : word) {
    if (c == ' ') {
      marked += kWordStart;
    } else {
      marked += c;
    }
  }
  compute_word(marked, workspace);
  // Back from the marked word's bytes to the word's: a mark is one token's or part of one.
  size_t position = 0;
  for (WordToken& token : workspace.tokens_) {
    const size_t begin = position;
    for (uint32_t covered = 0; covered < token.num_bytes; ++position) {
      covered += word[position] == ' ' ? static_cast<uint32_t>(kWordStart.size()) : 1;
    }
    token.num_bytes = static_cast<uint32_t>(position - begin);
  }
}

void BpeModel::compute_word(std::string_view word, Workspace& workspace) const {
  workspace.tokens_.clear();
  if (ignore_merges_ && whole_word_hashes_[TextHash()(word) % kNumWordHashes]) {
    const auto whole = whole_words_.find(word);
    if (whole != whole_words_.end()) {
      return workspace.tokens_.push_back({whole->second, static_cast<uint32_t>(word.size())});
    }
  }
  workspace.symbols_.clear();
  if (plain_bytes_) {
    fill_byte_symbols(word, workspace.symbols_);
  } else {
    fill_symbols(word, workspace.symbols_);
  }
  if (workspace.symbols_.size() <= kFewSymbols) {
    merge_few_symbols(workspace);
  } else {
    merge_many_symbols(workspace);
  }
  for (const Symbol& symbol : workspace.symbols_) {
    if (symbol.num_bytes > 0) workspace.tokens_.push_back({symbol.id, symbol.num_bytes});
  }
}

void BpeModel::fill_byte_symbols(std::string_view word, std::vector<Symbol>& symbols) const {
  for (char byte : word) symbols.push_back({byte_ids_[static_cast<uint8_t>(byte)], 0, 0, 1});
}

void BpeModel::fill_symbols(std::string_view word, std::vector<Symbol>& symbols) const {
  // Characters without a token wait here, so that the next ones can be fused with them. As in
  // Hugging Face, bytes that stand for a character do not end the wait.
  uint32_t unknown_bytes = 0;
  const auto flush = [&] {
    if (unknown_bytes > 0) symbols.push_back({*unknown_, 0, 0, unknown_bytes});
    unknown_bytes = 0;
  };
  for (size_t i = 0; i < word.size();) {
    const size_t begin = i;
    const char32_t c = next_code_point(word, i);
    const size_t length = i - begin;
    const std::string_view character = word.substr(begin, length);
    const int32_t id = c < character_ids_.size() ? character_ids_[c] : find(character).value_or(-1);
    if (id >= 0) {
      flush();
      symbols.push_back({id, 0, 0, static_cast<uint32_t>(length)});
    } else if (!add_fallback_bytes(character, symbols) && unknown_) {
      if (!fuse_unknown_) flush();
      unknown_bytes += static_cast<uint32_t>(length);
    }
  }
  flush();
}

bool BpeModel::add_fallback_bytes(std::string_view character, std::vector<Symbol>& symbols) const {
  if (!byte_fallback_) return false;
  for (char byte : character) {
    if (fallback_ids_[static_cast<uint8_t>(byte)] < 0) return false;
  }
  for (char byte : character) {
    symbols.push_back({fallback_ids_[static_cast<uint8_t>(byte)], 0, 0, 1});
  }
  return true;
}

void BpeModel::push_candidate(Workspace& workspace, int32_t position) const {
  const auto& symbols = workspace.symbols_;
  const Symbol& left = symbols[static_cast<size_t>(position)];
  const Symbol& right = symbols[static_cast<size_t>(left.next)];
  const MergeTable::Merge* merge = merges_.find(left.id, right.id);
  if (merge != nullptr) workspace.queue_.push_back({merge->rank, position, merge->id});
}

void BpeModel::merge_few_symbols(Workspace& workspace) const {
  auto& symbols = workspace.symbols_;
  constexpr uint32_t kNone = UINT32_MAX;
  // For each symbol the merge with its right neighbour.
  std::array<MergeTable::Merge, kFewSymbols> merges;
  const auto look_up = [&](size_t i) {
    const MergeTable::Merge* merge =
        i + 1 < symbols.size() ? merges_.find(symbols[i].id, symbols[i + 1].id) : nullptr;
    merges[i] = merge == nullptr ? MergeTable::Merge{kNone, -1} : *merge;
  };
  for (size_t i = 0; i < symbols.size(); ++i) look_up(i);
  while (true) {
    size_t best = 0;
    for (size_t i = 1; i + 1 < symbols.size(); ++i) {
      if (merges[i].rank < merges[best].rank) best = i;
    }
    if (symbols.empty() || merges[best].rank == kNone) break;
    symbols[best].id = merges[best].id;
    symbols[best].num_bytes += symbols[best + 1].num_bytes;
    std::copy(merges.begin() + static_cast<ptrdiff_t>(best) + 2,
              merges.begin() + static_cast<ptrdiff_t>(symbols.size()),
              merges.begin() + static_cast<ptrdiff_t>(best) + 1);
    symbols.erase(symbols.begin() + static_cast<ptrdiff_t>(best) + 1);
    look_up(best);
    if (best > 0) look_up(best - 1);
  }
}

void BpeModel::merge_many_symbols(Workspace& workspace) const {
  auto& symbols = workspace.symbols_;
  auto& queue = workspace.queue_;
  const auto is_later = [](const Workspace::Candidate& a, const Workspace::Candidate& b) {
    return a.rank != b.rank ? a.rank > b.rank : a.position > b.position;
  };
  const auto num_symbols = static_cast<int32_t>(symbols.size());
  queue.clear();
  for (int32_t i = 0; i < num_symbols; ++i) {
    Symbol& symbol = symbols[static_cast<size_t>(i)];
    symbol.previous = i - 1;
    symbol.next = i + 1 < num_symbols ? i + 1 : -1;
    if (symbol.next >= 0) push_candidate(workspace, i);
  }
  std::make_heap(queue.begin(), queue.end(), is_later);
  while (!queue.empty()) {
    std::pop_heap(queue.begin(), queue.end(), is_later);
    const Workspace::Candidate top = queue.back();
    queue.pop_back();
    Symbol& left = symbols[static_cast<size_t>(top.position)];
    if (left.num_bytes == 0 || left.next < 0) continue;
    Symbol& right = symbols[static_cast<size_t>(left.next)];
    // The neighbours may have changed since this was put in.
    const MergeTable::Merge* merge = merges_.find(left.id, right.id);
    if (merge == nullptr || merge->id != top.id) continue;

    left.id = top.id;
    left.num_bytes += right.num_bytes;
    left.next = right.next;
    right.num_bytes = 0;
    if (left.next >= 0) symbols[static_cast<size_t>(left.next)].previous = top.position;
    for (const int32_t position : {left.previous, top.position}) {
      if (position < 0 || symbols[static_cast<size_t>(position)].next < 0) continue;
      const size_t before = queue.size();
      push_candidate(workspace, position);
      if (queue.size() > before) std::push_heap(queue.begin(), queue.end(), is_later);
    }
  }
}

std::string BpeModel::fingerprint() const {
  std::string result = fmt::format("BPE({},{},{},{})", unknown_.value_or(-1), fuse_unknown_,
                                   byte_fallback_, ignore_merges_);
  // The merges follow from the tokens then.
  if (merges_have_ranks_of_tokens_) result += "by rank";
  for (size_t id = 0; id < tokens_.size(); ++id) {
    if (tokens_[id] != nullptr) result += fmt::format("{}={}", id, sized(*tokens_[id]));
  }
  for (const auto& [left, right] : merge_list_) result += fmt::format(";{},{}", left, right);
  return result;
}

}  // namespace temper
