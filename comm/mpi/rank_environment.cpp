#include "comm/mpi/rank_environment.h"

#include <charconv>
#include <cstdlib>
#include <optional>
#include <string_view>

#include "common/error.h"

namespace temper {
namespace {

struct Number {
  std::string name;
  int value = 0;

  std::string text() const { return fmt::format("{}={}", name, value); }
};

class Reader {
 public:
  explicit Reader(const VariableReader& variable) : variable_(variable) {}

  bool has(const char* name) const { return variable_(name) != nullptr; }

  std::optional<Number> number(const char* name, int lowest) const {
    const char* value = variable_(name);
    if (value == nullptr) return std::nullopt;
    const std::string_view text = value;
    Number number{name, 0};
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number.value);
    if (error != std::errc() || end != text.data() + text.size() || number.value < lowest) {
      return std::nullopt;
    }
    return number;
  }

 private:
  const VariableReader& variable_;
};

// The first of two that is told; both must say the same.
std::optional<Number> agreed(const std::optional<Number>& first,
                             const std::optional<Number>& second) {
  if (first && second && first->value != second->value) {
    throw SystemError(
        "{} but {}: one launcher was started inside another. Start the ranks once: temper train "
        "RUN.yaml, or mpirun or srun with temper-rank",
        first->text(), second->text());
  }
  return first ? first : second;
}

// mpirun and orted pass Slurm's variables of their own step on to the ranks.
void from_mpirun(const Reader& reader, RankEnvironment& environment) {
  const auto size = reader.number("OMPI_COMM_WORLD_SIZE", 1);
  const auto rank = agreed(reader.number("OMPI_COMM_WORLD_RANK", 0), reader.number("PMIX_RANK", 0));
  const auto local = reader.number("OMPI_COMM_WORLD_LOCAL_RANK", 0);
  environment.by_launcher = true;
  environment.size = size->value;
  environment.source = size->text();
  if (rank) environment.rank = rank->value;
  if (local) environment.local_rank = local->value;
}

void from_srun(const Reader& reader, RankEnvironment& environment) {
  const bool speaks_pmi = reader.has("PMIX_RANK") || reader.has("PMI_RANK");
  const auto tasks = reader.number("SLURM_STEP_NUM_TASKS", 1);
  // An interactive shell inside an allocation is a step of one task: started alone, in effect,
  // unless the step speaks PMI. A batch script has SLURM_PROCID, but no step.
  if (!speaks_pmi && (!tasks || tasks->value == 1)) return;
  const auto size = agreed(reader.number("PMI_SIZE", 1), tasks);
  auto rank = agreed(reader.number("PMIX_RANK", 0), reader.number("PMI_RANK", 0));
  if (tasks) rank = agreed(rank, reader.number("SLURM_PROCID", 0));
  const auto local = reader.number("SLURM_LOCALID", 0);
  environment.by_launcher = true;
  if (size) environment.size = size->value;
  if (rank) environment.rank = rank->value;
  environment.source = size ? size->text() : rank ? rank->text() : "PMI";
  if (local && tasks) environment.local_rank = local->value;
}

}  // namespace

RankEnvironment find_rank_environment(const VariableReader& variable) {
  const Reader reader(variable);
  RankEnvironment environment;
  if (reader.number("OMPI_COMM_WORLD_SIZE", 1)) {
    from_mpirun(reader, environment);
  } else {
    from_srun(reader, environment);
  }
  if (environment.size > 0 && environment.rank >= environment.size) {
    throw SystemError("rank {} of {} ranks ({}): the launcher's variables contradict each other",
                      environment.rank, environment.size, environment.source);
  }
  return environment;
}

RankEnvironment find_rank_environment() {
  return find_rank_environment([](const char* name) { return std::getenv(name); });
}

}  // namespace temper
