#include "data/dataset/packed_dataset.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <functional>
#include <random>
#include <thread>

#include "common/error.h"
#include "data/dataset/dataset_format.h"
#include "data/dataset/dataset_writer.h"
#include "io/atomic_file.h"
#include "io/hdf5.h"
#include "tests/fixtures/names.h"
#include "tests/unit/data/small_corpus.h"

namespace temper {
namespace {

constexpr int64_t kSequenceLen = 12;
constexpr int64_t kVocabSize = 100;

PackedDocument random_document(std::mt19937& random, size_t length, int64_t record) {
  PackedDocument document;
  for (size_t t = 0; t < length; ++t) {
    document.tokens.push_back(static_cast<int32_t>(random() % kVocabSize));
    document.supervised.push_back(t > 0 && random() % 2);
  }
  document.source = static_cast<int32_t>(random() % 3);
  document.record = record;
  document.piece = static_cast<int32_t>(random() % 2);
  return document;
}

std::vector<std::vector<PackedDocument>> random_rows(int num_rows) {
  std::mt19937 random(2);
  std::vector<std::vector<PackedDocument>> rows;
  int64_t record = 0;
  for (int r = 0; r < num_rows; ++r) {
    auto& row = rows.emplace_back();
    for (size_t free = kSequenceLen; free > 0;) {
      const size_t length = 1 + random() % free;
      row.push_back(random_document(random, length, ++record));
      free -= length;
      if (random() % 3 == 0) break;
    }
  }
  rows[0][0].tokens.resize(2, 1);
  rows[0][0].supervised = {0, 1};
  return rows;
}

Hash128 write_dataset(const std::filesystem::path& path,
                      const std::vector<std::vector<PackedDocument>>& rows,
                      int64_t vocab_size = kVocabSize) {
  DatasetWriter writer(
      path, {kSequenceLen, vocab_size, 0, hash_text("vocabulary"), "plain", "{{ messages }}"});
  for (const auto& row : rows) {
    std::vector<const PackedDocument*> documents;
    for (const PackedDocument& document : row) documents.push_back(&document);
    writer.add_row(documents);
  }
  return writer.finish("[]", R"({"a": 1})", "{}");
}

TEST(PackedDataset, gives_back_what_was_written) {
  const TemporaryDirectory directory;
  const auto rows = random_rows(40);
  const Hash128 content_hash = write_dataset(directory / "d.h5", rows);
  EXPECT_EQ(directory.num_entries(), 1u);
  struct stat status {};
  ASSERT_EQ(stat((directory / "d.h5").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0600u);

  const PackedDataset dataset(directory / "d.h5");
  const DatasetInfo& info = dataset.info();
  EXPECT_EQ(info.num_rows, 40);
  EXPECT_EQ(info.sequence_len, kSequenceLen);
  EXPECT_EQ(info.vocab_size, kVocabSize);
  EXPECT_EQ(info.tokenizer_hash, hash_text("vocabulary"));
  EXPECT_EQ(info.chat_template, "plain");
  EXPECT_EQ(info.content_hash, content_hash);
  EXPECT_EQ(dataset.texts().settings, R"({"a": 1})");
  int64_t num_targets = 0, num_documents = 0, num_tokens = 0;
  for (int64_t r = 0; r < info.num_rows; ++r) {
    const PackedRow row = dataset.row(r);
    const auto origins = dataset.origins(r);
    const auto& written = rows[static_cast<size_t>(r)];
    ASSERT_EQ(origins.size(), written.size());
    size_t t = 0;
    int64_t row_targets = 0;
    for (size_t d = 0; d < written.size(); ++d) {
      EXPECT_EQ(row.document_begin[d], static_cast<int32_t>(t));
      EXPECT_EQ(origins[d].source, written[d].source);
      EXPECT_EQ(origins[d].record, written[d].record);
      EXPECT_EQ(origins[d].piece, written[d].piece);
      for (size_t i = 0; i < written[d].tokens.size(); ++i, ++t) {
        EXPECT_EQ(row.tokens[t], written[d].tokens[i]);
        EXPECT_EQ(row.supervised[t], written[d].supervised[i]);
        row_targets += written[d].supervised[i];
      }
    }
    num_tokens += static_cast<int64_t>(t);
    EXPECT_EQ(row.document_begin.size(), written.size() + (t < kSequenceLen ? 2 : 1));
    EXPECT_EQ(row.document_begin.back(), kSequenceLen);
    for (; t < kSequenceLen; ++t) EXPECT_EQ(row.supervised[t], 0);
    EXPECT_EQ(row.num_targets, row_targets);
    EXPECT_EQ(dataset.num_targets(r), row_targets);
    num_targets += row_targets;
    num_documents += static_cast<int64_t>(written.size());
  }
  EXPECT_EQ(info.num_supervised_targets, num_targets);
  EXPECT_EQ(info.num_documents, num_documents);
  EXPECT_EQ(info.num_tokens, num_tokens);
  EXPECT_NO_THROW(dataset.verify());
}

TEST(PackedDataset, content_hash_sees_every_part_of_a_row) {
  const TemporaryDirectory directory;
  const auto rows = random_rows(5);
  const Hash128 hash = write_dataset(directory / "d.h5", rows);
  EXPECT_EQ(write_dataset(directory / "e.h5", rows), hash);
  auto changed = rows;
  changed[3][0].tokens[0] ^= 1;
  EXPECT_NE(write_dataset(directory / "e.h5", changed), hash);
  changed = rows;
  changed[0][0].supervised[1] ^= 1;
  changed[1][0].supervised.back() = 1;
  EXPECT_NE(write_dataset(directory / "e.h5", changed), hash);
  changed = rows;
  std::swap(changed[1], changed[2]);
  EXPECT_NE(write_dataset(directory / "e.h5", changed), hash);
  changed = rows;
  changed[0][0].source = 7;
  EXPECT_EQ(write_dataset(directory / "e.h5", changed), hash);
}

TEST(PackedDataset, nothing_remains_of_a_writer_that_did_not_finish) {
  const TemporaryDirectory directory;
  {
    DatasetWriter writer(directory / "d.h5", {kSequenceLen, kVocabSize, 0, {}, "plain", {}});
    const PackedDocument document = {{1, 2}, {0, 1}, 0, 1, 0};
    writer.add_row({&document});
    EXPECT_EQ(directory.num_entries(), 0u);
  }
  EXPECT_EQ(directory.num_entries(), 0u);
  EXPECT_THROW(
      DatasetWriter(directory / "none" / "d.h5", {kSequenceLen, kVocabSize, 0, {}, "plain", {}}),
      SystemError);
}

// One bit of every byte outside the rows' payload, one at a time.
TEST(PackedDataset, refuses_every_flipped_bit_of_its_header) {
  const TemporaryDirectory directory;
  write_dataset(directory / "d.h5", random_rows(6));
  const std::string bytes = read_whole(directory / "d.h5");
  // Per row 5 bytes a token, the first document and the targets; per document four arrays.
  const auto num_documents =
      static_cast<size_t>(PackedDataset(directory / "d.h5").info().num_documents);
  const size_t payload_bytes = 6 * (kSequenceLen * 5 + 8 + 4) + 8 + num_documents * 20;
  std::mt19937 random(8);
  size_t num_refused = 0, num_accepted = 0;
  const auto path = directory.write("damaged.h5", bytes);
  std::fstream file(path, std::ios::binary | std::ios::in | std::ios::out);
  const auto put = [&file](size_t at, char byte) {
    file.seekp(static_cast<std::streamoff>(at)).put(byte).flush();
  };
  for (size_t at = 0; at < bytes.size(); ++at) {
    put(at, static_cast<char>(bytes[at] ^ (1 << random() % 8)));
    try {
      const PackedDataset dataset(path);
      ++num_accepted;
      EXPECT_THROW(dataset.verify(), UserError) << "byte " << at;
    } catch (const UserError& error) {
      ++num_refused;
      EXPECT_THAT(error.what(), names("damaged.h5")) << "byte " << at;
    }
    put(at, bytes[at]);
  }
  EXPECT_NO_THROW(PackedDataset(path).verify());
  EXPECT_EQ(num_accepted, payload_bytes);
  EXPECT_EQ(num_refused, bytes.size() - payload_bytes);
}

TEST(PackedDataset, refuses_what_is_cut_short_or_something_else) {
  const TemporaryDirectory directory;
  write_dataset(directory / "d.h5", random_rows(6));
  const std::string bytes = read_whole(directory / "d.h5");
  std::mt19937 random(9);
  for (int i = 0; i < 200; ++i) {
    const auto path =
        directory.write("cut.h5", bytes.substr(0, i == 0 ? 0 : random() % bytes.size()));
    EXPECT_THROW(PackedDataset{path}, UserError);
  }
  EXPECT_THROW(PackedDataset{directory.write("longer.h5", bytes + "x")}, UserError);
  EXPECT_THROW(PackedDataset{directory.write("text.h5", std::string(5000, 'x'))}, UserError);
  EXPECT_THROW(PackedDataset{directory / "missing.h5"}, UserError);
  EXPECT_THROW(PackedDataset{directory.path()}, UserError);
}

// A sealed file whose HDF5 part anybody might have made.
std::filesystem::path write_sealed(const TemporaryDirectory& directory,
                                   const std::function<void(H5Group&)>& fill_root) {
  const auto path = directory / "made.h5";
  {
    H5Writer writer(path);
    fill_root(writer.root());
    writer.commit();
  }
  const FileDescriptor fd(open(path.c_str(), O_RDWR));
  struct stat status {};
  EXPECT_EQ(fstat(fd.get(), &status), 0);
  DatasetSeal seal;
  seal.hdf5_bytes = static_cast<uint64_t>(status.st_size);
  seal.write(fd.get(), path);
  return path;
}

TEST(PackedDataset, refuses_a_newer_format) {
  const TemporaryDirectory directory;
  const auto path = write_sealed(directory, [](H5Group& root) {
    root.set_attribute("format", std::string(kDatasetFormat));
    root.set_attribute("format_version", int64_t{3});
  });
  EXPECT_THAT(USER_ERROR_OF(PackedDataset{path}), names("made.h5", "format version 3"));
}

TEST(PackedDataset, refuses_a_sealed_file_of_another_kind) {
  const TemporaryDirectory directory;
  EXPECT_THAT(USER_ERROR_OF(PackedDataset{write_sealed(directory, [](H5Group&) {})}),
              names("made.h5", "`temper pack`"));
}

TEST(PackedDataset, has_the_topics_of_its_documents) {
  const TemporaryDirectory directory;
  auto rows = random_rows(40);
  int32_t next = 0;
  for (auto& row : rows) {
    for (PackedDocument& document : row) document.topic = next++ % 4 - 1;
  }
  write_dataset(directory / "d.h5", rows);
  const PackedDataset dataset(directory / "d.h5");
  EXPECT_EQ(dataset.info().format_version, 2);
  EXPECT_NO_THROW(dataset.verify());
  const PackedDataset shared(directory / "d.h5", dataset.share());
  next = 0;
  for (int64_t d = 0; d < dataset.info().num_documents; ++d) {
    EXPECT_EQ(dataset.documents(d, 1)[0].topic, d % 4 - 1);
    EXPECT_EQ(shared.documents(d, 1)[0].topic, d % 4 - 1);
  }
  std::string bytes = read_whole(directory / "d.h5");
  const FileDescriptor fd(open((directory / "d.h5").c_str(), O_RDONLY));
  const DatasetSeal seal = DatasetSeal::read_and_check(fd.get(), directory / "d.h5");
  bytes[seal.extent(Payload::kTopic).begin] ^= 1;
  const PackedDataset damaged(directory.write("damaged.h5", bytes));
  EXPECT_THAT(USER_ERROR_OF(damaged.documents(0, 1)), names("damaged.h5", "documents/topic"));
}

// So that earlier versions read it.
TEST(PackedDataset, is_of_the_first_version_without_topics) {
  const TemporaryDirectory directory;
  write_dataset(directory / "d.h5", random_rows(3));
  EXPECT_EQ(PackedDataset(directory / "d.h5").info().format_version, 1);
  const std::string bytes = read_whole(directory / "d.h5");
  constexpr size_t kNumExtentsFromEnd = 16 + 16;  // hash, number of blocks, this number
  EXPECT_EQ(bytes[bytes.size() - kNumExtentsFromEnd], 11);
}

TEST(PackedDataset, refuses_to_write_what_it_would_not_read) {
  const TemporaryDirectory directory;
  const PackedDocument document = {{1, 2, 3}, {0, 1, 1}, 0, 1, 0};
  const std::string large((size_t{64} << 20) + 1, ' ');
  const std::array<const char*, 3> keys = {"sources", "settings", "statistics"};
  for (const size_t which : {0, 1, 2}) {
    DatasetWriter writer(directory / "d.h5", {kSequenceLen, kVocabSize, 0, {}, "plain", {}});
    writer.add_row({&document});
    std::array<std::string, 3> texts = {"[]", "{}", "{}"};
    texts[which] = large;
    EXPECT_THAT(USER_ERROR_OF(writer.finish(texts[0], texts[1], texts[2])),
                names("d.h5", fmt::format("\"{}\"", keys[which]), "67108865", "67108864"));
  }
  EXPECT_EQ(directory.num_entries(), 0u);
  EXPECT_THAT(
      USER_ERROR_OF(DatasetWriter(directory / "d.h5",
                                  {kSequenceLen, kVocabSize, 0, {}, std::string(5000, 'x'), {}})),
      names("d.h5", "chat template", "5000 bytes"));
}

TEST(PackedDataset, refuses_tokens_outside_the_vocabulary) {
  const TemporaryDirectory directory;
  auto rows = random_rows(3);
  rows[2][0].tokens[0] = 50;
  write_dataset(directory / "d.h5", rows, 50);
  EXPECT_THAT(USER_ERROR_OF(PackedDataset(directory / "d.h5").verify()),
              names("d.h5", "vocabulary of 50"));
  rows[2][0].tokens[0] = -1;
  write_dataset(directory / "d.h5", rows, kVocabSize);
  EXPECT_THAT(USER_ERROR_OF(PackedDataset(directory / "d.h5").verify()), names("d.h5", "row 2"));
}

TEST(PackedDataset, refuses_a_dataset_without_targets) {
  const TemporaryDirectory directory;
  write_dataset(directory / "d.h5", {{{{1, 2, 3}, {0, 0, 0}, 0, 1, 0}}});
  EXPECT_THAT(USER_ERROR_OF(PackedDataset(directory / "d.h5")),
              names("d.h5", "supervised targets"));
}

// Arrays of several blocks, each first touched by either of two threads.
TEST(PackedDataset, is_the_same_across_the_borders_of_blocks) {
  const TemporaryDirectory directory;
  constexpr int64_t kRows = 150'000;
  const auto token_of = [](int64_t row, int64_t t) {
    return static_cast<int32_t>((row * 7 + t) % kVocabSize);
  };
  {
    DatasetWriter writer(directory / "d.h5", {kSequenceLen, kVocabSize, 0, {}, "plain", {}});
    std::vector<PackedDocument> pool(kSequenceLen / 2, {{0, 0}, {0, 1}, 0, 1, 0});
    for (int64_t r = 0; r < kRows; ++r) {
      std::vector<const PackedDocument*> documents;
      for (int64_t d = 0; d <= r % (kSequenceLen / 2); ++d) {
        PackedDocument& document = pool[static_cast<size_t>(d)];
        document.tokens = {token_of(r, 2 * d), token_of(r, 2 * d + 1)};
        documents.push_back(&document);
      }
      writer.add_row(documents);
    }
    writer.finish("[]", "{}", "{}");
  }
  const PackedDataset dataset(directory / "d.h5");
  std::atomic<int64_t> num_wrong = 0;
  const auto read_every = [&](int64_t first) {
    for (int64_t i = 0; i < kRows; i += 2) {
      const int64_t r = (first + i) * 7919 % kRows;
      const PackedRow row = dataset.row(r);
      const int64_t num_documents = 1 + r % (kSequenceLen / 2);
      bool same = row.num_targets == num_documents;
      for (int64_t t = 0; t < 2 * num_documents; ++t) {
        same = same && row.tokens[static_cast<size_t>(t)] == token_of(r, t);
      }
      for (int64_t d = 0; d <= num_documents; ++d) {
        same = same && row.document_begin[static_cast<size_t>(d)] == 2 * d;
      }
      num_wrong += !same;
    }
  };
  std::thread other(read_every, 1);
  read_every(0);
  other.join();
  EXPECT_EQ(num_wrong, 0);
}

TEST(PackedDataset, is_read_by_many_threads) {
  const TemporaryDirectory directory;
  write_dataset(directory / "d.h5", random_rows(64));
  const PackedDataset dataset(directory / "d.h5");
  std::vector<std::vector<int32_t>> alone;
  for (int64_t r = 0; r < 64; ++r) alone.push_back(dataset.row(r).tokens);
  std::vector<std::thread> threads;
  std::atomic<int> num_wrong = 0;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&, i] {
      std::mt19937 random(static_cast<unsigned>(i));
      for (int j = 0; j < 2000; ++j) {
        const auto r = static_cast<int64_t>(random() % 64);
        num_wrong += dataset.row(r).tokens != alone[static_cast<size_t>(r)];
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(num_wrong, 0);
}

}  // namespace
}  // namespace temper
