#include "eval/memorisation.h"

#include <algorithm>
#include <cmath>

#include "comm/agreement.h"
#include "comm/round_robin.h"
#include "common/cli/work_bar.h"
#include "common/error.h"
#include "eval/scoring/likelihood.h"
#include "eval/scoring/score_statistics.h"

namespace temper {
namespace {

constexpr size_t kVerbatimPrefixWords = 50;

std::vector<std::string> words_of(const std::string& text) {
  std::vector<std::string> words;
  bool in_word = false;
  for (const char c : text) {
    const bool is_space = c == ' ' || c == '\n' || c == '\t' || c == '\r';
    if (!is_space && !in_word) words.emplace_back();
    if (!is_space) words.back() += c;
    in_word = !is_space;
  }
  return words;
}

// Counts the answers that are long enough, among records that occur at least so often.
Json verbatim_share(const std::vector<Question>& questions, const std::vector<Answer>& answers,
                    int64_t min_occurrences) {
  int64_t num_long = 0, num_verbatim = 0;
  for (size_t q = 0; q < questions.size(); ++q) {
    if (questions[q].occurrences < min_occurrences) continue;
    num_long += words_of(questions[q].expected).size() >= kMinVerbatimWords ? 1 : 0;
    num_verbatim += is_verbatim(answers[q].text, questions[q].expected) ? 1 : 0;
  }
  const Interval interval = wilson_interval(num_verbatim, num_long);
  const double share =
      num_long > 0 ? static_cast<double>(num_verbatim) / static_cast<double>(num_long) : 0.0;
  return {{"answers", num_long},
          {"verbatim", num_verbatim},
          {"value", share},
          {"low", interval.low},
          {"high", interval.high}};
}

// The canary's rank among its alternatives, from 1: how many are at least as likely.
int64_t rank_of(const Question& canary, const ResidentModel& model, const PromptEncoder& encoder,
                const Tokenizer& tokenizer) {
  const std::vector<int64_t> prompt = encoder.encode(canary.messages, canary.tools).ids;
  std::vector<Continuation> continuations;
  for (int64_t i = -1; i < kNumAlternatives; ++i) {
    const std::string text =
        i < 0 ? canary.expected : alternative_of(canary.expected, static_cast<uint64_t>(i));
    const Encoding encoding = tokenizer.encode(text, false);
    continuations.push_back({prompt, {encoding.ids.begin(), encoding.ids.end()}});
  }
  const std::vector<double> likelihoods = log_likelihoods(model, continuations);
  return 1 + std::count_if(likelihoods.begin() + 1, likelihoods.end(),
                           [&](double other) { return other >= likelihoods.front(); });
}

}  // namespace

size_t longest_shared_run(const std::string& answer, const std::string& expected) {
  const std::vector<std::string> a = words_of(answer), b = words_of(expected);
  std::vector<size_t> lengths(b.size() + 1, 0);  // of the runs that end before word j of b
  size_t longest = 0;
  for (const std::string& word : a) {
    for (size_t j = b.size(); j > 0; --j) {
      lengths[j] = word == b[j - 1] ? lengths[j - 1] + 1 : 0;
      longest = std::max(longest, lengths[j]);
    }
  }
  return longest;
}

bool is_verbatim(const std::string& answer, const std::string& expected) {
  std::vector<std::string> wanted = words_of(expected), given = words_of(answer);
  if (wanted.size() < kMinVerbatimWords) return false;
  wanted.resize(std::min(wanted.size(), kVerbatimPrefixWords));
  return given.size() >= wanted.size() && std::equal(wanted.begin(), wanted.end(), given.begin());
}

Json score_verbatim(const std::vector<Question>& questions, const std::vector<Answer>& answers) {
  Json scores = verbatim_share(questions, answers, 1);
  size_t longest = 0;
  int64_t most = 1;
  for (size_t q = 0; q < questions.size(); ++q) {
    longest = std::max(longest, longest_shared_run(answers[q].text, questions[q].expected));
    most = std::max(most, questions[q].occurrences);
  }
  scores["longest_run_words"] = longest;
  if (most > 1) scores["repeated"] = verbatim_share(questions, answers, 2);
  return scores;
}

Json score_canaries(const std::vector<Question>& canaries, const ResidentModel& model,
                    const PromptEncoder& encoder, const Tokenizer& tokenizer, ProcessGroup& group) {
  std::vector<double> mine;
  run_agreed(group, [&] {
    const auto size = static_cast<size_t>(group.size());
    WorkBar bar("canaries", (std::ssize(canaries) + group.size() - 1) / group.size(),
                group.rank() == 0);
    for (size_t first = 0; first < canaries.size(); first += size) {
      const size_t c = first + static_cast<size_t>(group.rank());
      try {
        mine.push_back(c < canaries.size()
                           ? static_cast<double>(rank_of(canaries[c], model, encoder, tokenizer))
                           : 0.0);
      } catch (const UserError& error) {
        throw UserError("{}: {}", canaries[c].place, error.what());
      }
      bar.advance();
    }
  });
  const double possible = std::log2(static_cast<double>(kNumAlternatives + 1));
  double sum = 0.0, largest = 0.0;
  int64_t num_found = 0;
  for (const double rank : gather_round_robin(group, mine, std::ssize(canaries))) {
    const double exposure = possible - std::log2(rank);
    sum += exposure;
    largest = std::max(largest, exposure);
    num_found += rank == 1.0 ? 1 : 0;
  }
  return {{"count", canaries.size()},
          {"found", num_found},
          {"largest_exposure", largest},
          {"mean_exposure", sum / static_cast<double>(canaries.size())},
          {"possible_exposure", possible}};
}

void judge_memorisation(Json& audit) {
  bool memorises = false;
  std::string text = "Memorisation:";
  if (audit.contains("canaries")) {
    const Json& canaries = audit["canaries"];
    const int64_t found = canaries["found"];
    memorises = found > 0;
    text += fmt::format(" {} of {} planted canaries found (exposure up to {:.1f} of {:.1f} bits).",
                        found, canaries["count"].get<int64_t>(),
                        canaries["largest_exposure"].get<double>(),
                        canaries["possible_exposure"].get<double>());
  }
  if (audit.contains("train")) {
    const Json& train = audit["train"];
    text += fmt::format(" {:.1f} % of {} training answers are given back verbatim",
                        100.0 * train["value"].get<double>(), train["answers"].get<int64_t>());
    if (train.contains("repeated")) {
      const Json& repeated = train["repeated"];
      text +=
          fmt::format(" ({:.1f} % of the {} that occur more than once)",
                      100.0 * repeated["value"].get<double>(), repeated["answers"].get<int64_t>());
    }
    double expected = 0.0;  // what may be so by chance, or because all answers are alike
    if (audit.contains("held_out")) {
      const Json& held_out = audit["held_out"];
      text += fmt::format(", {:.1f} % of {} held-out ones", 100.0 * held_out["value"].get<double>(),
                          held_out["answers"].get<int64_t>());
      expected = held_out["high"];
    }
    const bool more = train["answers"].get<int64_t>() > 0 && train["low"].get<double>() > expected;
    memorises = memorises || more;
    text += fmt::format("; the longest run shared with one has {} words.",
                        train["longest_run_words"].get<int64_t>());
  }
  audit["memorises"] = memorises;
  audit["verdict"] =
      text + (memorises ? " It has memorised training data." : " No sign of memorised records.");
}

}  // namespace temper
