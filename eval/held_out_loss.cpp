#include "eval/held_out_loss.h"

#include <algorithm>
#include <cmath>
#include <utility>
#include <vector>

#include "comm/agreement.h"
#include "comm/round_robin.h"
#include "common/cli/work_bar.h"
#include "common/error.h"
#include "data/packing/topic_table.h"

namespace temper {
namespace {

// The figures of one row, by topic; the last entry counts documents without one.
struct RowFigures {
  std::vector<double> sums, counts;
  double num_bytes = 0.0, num_tokens = 0.0;
};

// The row without its padding, which would be computed for nothing.
PackedRow documents_of_row(const PackedDataset& dataset, int64_t index) {
  PackedRow row = dataset.row(index);
  row.document_begin.resize(dataset.origins(index).size() + 1);
  const auto end = static_cast<size_t>(row.document_begin.back());
  row.tokens.resize(end);
  row.supervised.resize(end);
  return row;
}

int64_t count_bytes_of_row(const PackedRow& row, const Tokenizer& tokenizer) {
  int64_t num_bytes = 0;
  std::vector<int32_t> run;
  for (size_t t = 0; t <= row.tokens.size(); ++t) {
    if (t < row.tokens.size() && row.supervised[t] != 0) {
      run.push_back(row.tokens[t]);
      continue;
    }
    if (!run.empty()) num_bytes += std::ssize(tokenizer.decode(run, /*skip_special_tokens=*/true));
    run.clear();
  }
  return num_bytes;
}

std::vector<size_t> topics_of_row(const PackedDataset& dataset, const TopicTable& topics,
                                  int64_t index) {
  std::vector<size_t> of_document;
  for (const DocumentOrigin& origin : dataset.origins(index)) {
    const int64_t topic = topics.topic_of(origin);
    of_document.push_back(topic < 0 ? topics.names().size() : static_cast<size_t>(topic));
  }
  return of_document;
}

RowFigures measure_row(const ResidentModel& model, const Tokenizer& tokenizer,
                       const PackedDataset& dataset, const TopicTable& topics, int64_t index) {
  const size_t num_entries = topics.names().size() + 1;
  RowFigures figures{std::vector<double>(num_entries), std::vector<double>(num_entries)};
  if (dataset.num_targets(index) == 0) return figures;
  const PackedRow row = documents_of_row(dataset, index);
  figures.num_bytes = static_cast<double>(count_bytes_of_row(row, tokenizer));
  figures.num_tokens = static_cast<double>(row.tokens.size());
  Batch batch = make_batch(make_micro_batch({&row, 1}));
  if (topics.empty()) {
    figures.sums[0] = model.loss_sum(batch);
    figures.counts[0] = static_cast<double>(row.num_targets);
    return figures;
  }
  const std::vector<size_t> topic_of = topics_of_row(dataset, topics, index);
  const std::vector<double> losses = model.target_losses(batch);
  size_t target = 0;
  for (size_t d = 0; d < topic_of.size(); ++d) {
    for (int32_t t = row.document_begin[d] + 1; t < row.document_begin[d + 1]; ++t) {
      if (row.supervised[static_cast<size_t>(t)] == 0) continue;
      figures.sums[topic_of[d]] += losses.at(target++);
      figures.counts[topic_of[d]] += 1.0;
    }
  }
  TEMPER_CHECK(target == losses.size(), "{} losses for {} targets", losses.size(), target);
  return figures;
}

// One value of every row from all ranks, added in the order of the rows.
double sum_rows(ProcessGroup& group, const std::vector<RowFigures>& mine, int64_t num_rows,
                double (*value)(const RowFigures&, size_t), size_t entry) {
  std::vector<double> values;
  for (const RowFigures& row : mine) values.push_back(value(row, entry));
  double sum = 0.0;
  for (const double term : gather_round_robin(group, values, num_rows)) sum += term;
  return sum;
}

}  // namespace

double HeldOutLoss::perplexity() const {
  return std::exp(mean());
}

double HeldOutFigures::bits_per_byte() const {
  return num_bytes > 0 ? loss.sum / std::log(2.0) / static_cast<double>(num_bytes) : 0.0;
}

int64_t count_supervised_bytes(const PackedDataset& dataset, const Tokenizer& tokenizer) {
  int64_t num_bytes = 0;
  for (int64_t index = 0; index < dataset.info().num_rows; ++index) {
    num_bytes += count_bytes_of_row(documents_of_row(dataset, index), tokenizer);
  }
  return num_bytes;
}

void check_row_length(const std::string& name, int64_t num_tokens,
                      int64_t max_position_embeddings) {
  if (num_tokens > max_position_embeddings) {
    throw UserError("{}: rows of {} tokens, but the model has max_position_embeddings {}", name,
                    num_tokens, max_position_embeddings);
  }
}

HeldOutFigures held_out_figures(const ResidentModel& model, const Tokenizer& tokenizer,
                                ProcessGroup& group, const PackedDataset& dataset,
                                int64_t max_rows) {
  const int64_t all_rows = dataset.info().num_rows;
  const int64_t num_rows = max_rows > 0 ? std::min(max_rows, all_rows) : all_rows;
  TopicTable topics;
  std::vector<RowFigures> mine;
  run_agreed(group, [&] {
    topics = TopicTable::of(dataset);
    int64_t count = 0;
    for (int64_t row = 0; row < num_rows; ++row) count += dataset.num_targets(row);
    if (count == 0) {
      throw UserError("{}: no supervised target in {} rows: there is no loss to tell",
                      dataset.path().string(), num_rows);
    }
    const RowFigures idle{std::vector<double>(topics.names().size() + 1),
                          std::vector<double>(topics.names().size() + 1)};
    WorkBar bar("rows of " + dataset.path().filename().string(),
                (num_rows + group.size() - 1) / group.size(), group.rank() == 0);
    for (int64_t first = 0; first < num_rows; first += group.size()) {
      const int64_t row = first + group.rank();
      mine.push_back(row < num_rows ? measure_row(model, tokenizer, dataset, topics, row) : idle);
      bar.advance();
    }
  });
  HeldOutFigures figures;
  for (size_t i = 0; i <= topics.names().size(); ++i) {
    HeldOutLoss loss;
    loss.sum = sum_rows(
        group, mine, num_rows, [](const RowFigures& row, size_t at) { return row.sums[at]; }, i);
    loss.count = std::llround(sum_rows(
        group, mine, num_rows, [](const RowFigures& row, size_t at) { return row.counts[at]; }, i));
    figures.loss.sum += loss.sum;
    figures.loss.count += loss.count;
    const bool is_topic = i < topics.names().size();
    if (is_topic && loss.count > 0) figures.topics.push_back({topics.names()[i], loss});
  }
  figures.num_bytes = std::llround(sum_rows(
      group, mine, num_rows, [](const RowFigures& row, size_t) { return row.num_bytes; }, 0));
  figures.num_tokens = std::llround(sum_rows(
      group, mine, num_rows, [](const RowFigures& row, size_t) { return row.num_tokens; }, 0));
  return figures;
}

}  // namespace temper
