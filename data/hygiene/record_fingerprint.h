// What hygiene has to know of a record, without its text.
#pragma once

#include <array>
#include <cstdint>
#include <string>

#include "common/hash.h"
#include "data/corpus/corpus_reader.h"
#include "data/hygiene/control_tokens.h"
#include "data/hygiene/min_hash.h"
#include "data/hygiene/personal_data.h"

namespace temper {

struct RecordFingerprint {
  Hash128 record;    // tools and messages with all their keys, or the text, to the byte
  Hash128 question;  // tools and messages before the last answer; zero without one
  Hash128 answer;    // that answer
  // What a held-out question is recognised by: the question, else the record, with its spaces and
  // the case of its ASCII letters evened out.
  Hash128 subject;
  MinHash words;  // of everything
  Hash128 group;  // of Record::group; zero without --group-by
  bool has_answer = false;
  bool cut_off = false;  // an answer looks so (text_damage.h)
  bool mojibake = false;
  std::array<int32_t, kNumPersonalData> personal_data{};  // matches
  std::string control_token;  // the first that a text of the record spells; empty: none does
};

RecordFingerprint fingerprint_of(const Record& record, const ControlTokens& control_tokens);

// Masks every text of the record that a template may show; returns the number of matches.
int64_t mask_personal_data(Record& record);

}  // namespace temper
