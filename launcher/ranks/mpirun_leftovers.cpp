#include "launcher/ranks/mpirun_leftovers.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <csignal>
#include <cstdint>
#include <cstdlib>
#include <fstream>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include "common/process_state.h"
#include "launcher/ranks/hostfile.h"

namespace temper {
namespace {

namespace fs = std::filesystem;

std::vector<fs::path> list_starting_with(const fs::path& directory, const std::string& prefix) {
  std::vector<fs::path> found;
  std::error_code error;
  fs::directory_iterator entries(directory, error);
  for (; !error && entries != fs::directory_iterator(); entries.increment(error)) {
    if (entries->path().filename().native().starts_with(prefix)) found.push_back(entries->path());
  }
  return found;
}

// The ranks' job: the one after mpirun's own, with whose number contact.txt begins
// ("3527802880.0;tcp://...").
std::optional<uint32_t> read_job(const fs::path& session) {
  std::ifstream file(session / "contact.txt");
  std::string line;
  std::getline(file, line);
  uint32_t own = 0;
  const auto [end, error] = std::from_chars(line.data(), line.data() + line.size(), own);
  if (error != std::errc() || end == line.data() + line.size() || *end != '.') return std::nullopt;
  return own + 1;
}

// A process that was killed with its parent has ended even while nobody has waited for it.
bool has_ended(pid_t pid) {
  return kill(pid, 0) != 0 ? errno == ESRCH : process_state(pid) == 'Z';
}

}  // namespace

fs::path mpirun_temporary_directory() {
  for (const char* variable : {"TMPDIR", "TEMP", "TMP"}) {
    const char* value = std::getenv(variable);
    if (value != nullptr && *value != '\0') return value;
  }
  return "/tmp";
}

void remove_mpirun_leftovers(pid_t pid, const MpirunPlaces& places) {
  std::error_code ignored;
  const std::string user = std::to_string(geteuid());
  for (const fs::path& sessions : list_starting_with(places.temporary, "ompi.")) {
    if (!sessions.native().ends_with("." + user)) continue;
    const fs::path session = sessions / fmt::format("pid.{}", pid);
    if (!fs::is_directory(session, ignored)) continue;
    if (const auto job = read_job(session)) {
      const std::string marks = fmt::format(".{}.{:x}.", user, *job);
      for (const fs::path& segment : list_starting_with(places.shared_memory, "vader_segment.")) {
        if (segment.native().find(marks) != std::string::npos) fs::remove(segment, ignored);
      }
    }
    fs::remove_all(session, ignored);
  }
}

void remove_leftovers_of_ended_mpiruns(const MpirunPlaces& places) {
  const std::string host = mpirun_host_name();
  if (host.empty()) return;
  // Elsewhere on a shared file system the numbers are other machines' processes.
  const fs::path sessions = places.temporary / fmt::format("ompi.{}.{}", host, geteuid());
  constexpr std::string_view kPrefix = "pid.";
  for (const fs::path& session : list_starting_with(sessions, std::string(kPrefix))) {
    const std::string number = session.filename().native().substr(kPrefix.size());
    pid_t pid = 0;
    const auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), pid);
    if (error != std::errc() || end != number.data() + number.size() || pid <= 0) continue;
    if (has_ended(pid)) remove_mpirun_leftovers(pid, places);
  }
}

}  // namespace temper
