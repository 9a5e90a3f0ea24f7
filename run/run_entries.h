// The names that a run directory may hold beside its checkpoints
// (run/checkpoint/checkpoint_name.h), once for all who read or write there, and what stands under
// them.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace temper {

struct RunName {
  std::string_view name;
  std::filesystem::file_type type;
  bool comes_first;  // it may be there before the run has an identity
};

inline constexpr RunName kIdentityFile{"run.json", std::filesystem::file_type::regular, false};
inline constexpr RunName kConfigFile{"run.yaml", std::filesystem::file_type::regular, true};
inline constexpr RunName kLockFile{"lock", std::filesystem::file_type::regular, true};
inline constexpr RunName kOwnerFile{"owner", std::filesystem::file_type::regular, true};
inline constexpr RunName kJobRecord{"job.json", std::filesystem::file_type::regular, true};
inline constexpr RunName kJobScript{"job.sbatch", std::filesystem::file_type::regular, true};
inline constexpr RunName kLogDirectory{"logs", std::filesystem::file_type::directory, true};
inline constexpr RunName kMetricsFile{"metrics.jsonl", std::filesystem::file_type::regular, false};
inline constexpr RunName kStatusFile{"status.json", std::filesystem::file_type::regular, true};
inline constexpr RunName kLatestLink{"latest", std::filesystem::file_type::symlink, false};
inline constexpr RunName kEvalDirectory{"eval", std::filesystem::file_type::directory, false};
// io/free_space.h makes it under a temporary name and removes it.
inline constexpr RunName kSpaceFile{"space", std::filesystem::file_type::regular, true};

inline constexpr RunName kRunNames[] = {kIdentityFile, kConfigFile, kLockFile,      kOwnerFile,
                                        kJobRecord,    kJobScript,  kLogDirectory,  kMetricsFile,
                                        kStatusFile,   kLatestLink, kEvalDirectory, kSpaceFile};

// A person makes this one, with whatever comes to hand: it is no name that a run makes.
inline constexpr std::string_view kSaveRequestName = "SAVE";

struct RunEntry {
  std::string name;
  std::filesystem::file_type type;  // of the entry itself: links are not followed
};

// Empty when there is no such directory.
std::vector<RunEntry> list_entries(const std::filesystem::path& directory);

// The name that a run gives such an entry; null when a run has none.
const RunName* find_run_name(const RunEntry& entry);
// Tells whether a process has begun to write a run's file under a temporary name and has not
// finished it.
bool is_half_written(const RunEntry& entry);
// Tells whether it is ".nfs000000000a1b2c3d", to which NFS renames a file that was removed while it
// was open, until it is closed.
bool is_removed_on_nfs(const RunEntry& entry);

}  // namespace temper
