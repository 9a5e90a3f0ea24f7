// The report of `temper pack` as a person reads it.
#include "common/error.h"
#include "data/packing/pack_corpus.h"

namespace temper {
namespace {

std::string with_share(int64_t part, int64_t whole) {
  if (whole == 0) return fmt::format("{}", part);
  return fmt::format("{} ({:.1f}%)", part,
                     100.0 * static_cast<double>(part) / static_cast<double>(whole));
}

}  // namespace

std::string PackReport::to_text() const {
  std::string text;
  const auto line = [&text](const char* label, const std::string& value) {
    text += fmt::format("  {:<20}{}\n", label, value);
  };
  text += fmt::format("{}: {} rows of {} tokens, {} documents\n", output.native(), num_rows,
                      sequence_len, num_documents);
  for (const Source& source : sources) {
    line("source", source.num_records == 0
                       ? fmt::format("{}: no records", source.name)
                       : fmt::format("{}: {} records, {}, {}", source.name, source.num_records,
                                     corpus_container_name(source.container),
                                     corpus_format_name(source.format)));
  }
  line("chat template", chat_template);
  if (!date.empty()) {
    line("date", fmt::format("{}: the chat template asks what day it is (strftime_now), and the "
                             "same day gives the same tokens again (--date)",
                             date));
  }
  line("records",
       fmt::format("{} in, {} packed", records_in, with_share(records_packed, records_in)));
  for (const auto& [reason, count] : records_dropped) {
    line("  dropped", fmt::format("{}: {}", reason, with_share(count, records_in)));
  }
  if (records_over_length > 0) {
    line("  longer than a row",
         fmt::format("{}; the longest has {} tokens", with_share(records_over_length, records_in),
                     longest_record_tokens));
  }
  if (records_truncated > 0) {
    line("  truncated", fmt::format("{}: their answers have no end any more",
                                    with_share(records_truncated, records_in)));
  }
  if (records_split > 0) line("  split", with_share(records_split, records_in));
  line("tokens", fmt::format("{} in", tokens_in));
  line("  supervised", with_share(tokens_supervised, tokens_in));
  line("  context", with_share(tokens_context, tokens_in));
  if (tokens_lost_truncated > 0) line("  cut off", with_share(tokens_lost_truncated, tokens_in));
  if (tokens_lost_dropped > 0) line("  dropped", with_share(tokens_lost_dropped, tokens_in));
  line("padding", fmt::format("{} tokens; {:.2f}% of the rows is useful", tokens_padding,
                              100.0 * useful_token_ratio()));
  line("supervised kept",
       fmt::format("{:.2f}% of what the records hold", 100.0 * supervised_kept_share()));
  if (tokens_straddling > 0) {
    line("note", fmt::format("{} tokens hold the end of a prompt and the beginning of its answer",
                             tokens_straddling));
  }
  if (personal_data_masked > 0) {
    line("masked", fmt::format("{} pieces of personal data", personal_data_masked));
  }
  for (size_t i = 0; i < skipped.reasons.size() && i < 10; ++i) line("skipped", skipped.reasons[i]);
  if (skipped.num_records > 10) line("skipped", "... (--json lists up to 100)");
  if (hygiene) text += hygiene->to_text();
  if (validation) text += validation->to_text();
  if (seconds > 0)
    line("time", fmt::format("{:.2f} s, {:.0f} tokens/s", seconds,
                             static_cast<double>(tokens_in) / seconds));
  return text;
}

}  // namespace temper
