#include "launcher/ranks/hostfile.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <fstream>
#include <set>
#include <sstream>
#include <thread>

#include "common/error.h"
#include "io/atomic_file.h"

namespace temper {
namespace {

constexpr size_t kMaxHostfileBytes = size_t{1} << 20;
constexpr int kMaxSlots = 1 << 20;

struct Host {
  std::string name;
  int slots = 1;
  bool has_slots = false;  // slots= was given, or it stands there several times
};

bool is_address(const std::string& name) {
  return name.find_first_not_of("0123456789.") == name.npos || name.find(':') != name.npos;
}

// Without the user before it and, unless it is an address, the domain behind it. All names of this
// machine are one.
std::string host_name_in(std::string word) {
  word.erase(0, word.find('@') + 1);  // npos + 1 is 0
  const std::string here = mpirun_host_name();
  if (word == "localhost" || word == "::1" || word.starts_with("127.")) return here;
  return is_address(word) ? word : word.substr(0, word.find('.'));
}

int number_of(const std::string& word, size_t equals, const std::string& place) {
  int number = 0;
  const char* const end = word.data() + word.size();
  const auto [stop, error] = std::from_chars(word.data() + equals + 1, end, number);
  if (error != std::errc() || stop != end || number < 1 || number > kMaxSlots) {
    throw UserError("{}: \"{}\"; expected {}=NUMBER", place, word, word.substr(0, equals));
  }
  return number;
}

bool is_one_of(const std::string& key, std::initializer_list<const char*> names) {
  return std::find(names.begin(), names.end(), key) != names.end();
}

// "slots=4", "max_slots=8", "port=22" and their like, behind a host's name.
void read_options(std::istringstream& words, const std::string& place, Host& host) {
  int most = 0;
  for (std::string word; words >> word;) {
    const size_t equals = word.find('=');
    if (equals == word.npos) throw UserError("{}: \"{}\" is no option", place, word);
    const std::string key = word.substr(0, equals);
    if (is_one_of(key, {"slots", "count", "cpu", "cpus"})) {
      if (host.has_slots) {
        throw UserError("{}: {} has slots already; mpirun takes them once", place, host.name);
      }
      host.slots = number_of(word, equals, place);
      host.has_slots = true;
    } else if (is_one_of(key, {"max_slots", "max-slots", "slots_max", "slots-max"})) {
      most = number_of(word, equals, place);
    }
  }
  if (most > 0 && most < host.slots) {
    throw UserError("{}: {} has more slots ({}) than max_slots ({})", place, host.name, host.slots,
                    most);
  }
  if (most > 0 && !host.has_slots) {
    host.slots = most;
    host.has_slots = true;
  }
}

Host& host_named(std::vector<Host>& hosts, const std::string& name) {
  const auto found =
      std::find_if(hosts.begin(), hosts.end(), [&](const Host& host) { return host.name == name; });
  if (found == hosts.end()) return hosts.emplace_back(Host{name, 1, false});
  ++found->slots;
  found->has_slots = true;
  return *found;
}

}  // namespace

std::vector<HostSlots> read_hostfile(const std::filesystem::path& path, int cores_of_a_host) {
  std::istringstream lines(read_file(path, kMaxHostfileBytes));
  std::vector<Host> hosts;
  std::set<std::string> left_out;
  int number = 0;
  for (std::string line; std::getline(lines, line);) {
    ++number;
    std::istringstream words(line.substr(0, line.find('#')));
    std::string name;
    if (!(words >> name)) continue;
    const std::string place = fmt::format("{}:{}", path.string(), number);
    if (name.front() == '^') {
      left_out.insert(host_name_in(name.substr(1)));
      continue;
    }
    if (name.front() == '+' || name.find('=') != name.npos) {
      throw UserError("{}: \"{}\" is no host", place, name);
    }
    read_options(words, place, host_named(hosts, host_name_in(name)));
  }
  std::vector<HostSlots> result;
  int64_t total = 0;
  for (const Host& host : hosts) {
    if (left_out.count(host.name) != 0) continue;
    result.push_back({host.name, host.has_slots ? host.slots : cores_of_a_host});
    total += result.back().slots;
  }
  if (result.empty()) throw UserError("{}: names no host", path.string());
  if (total > kMaxSlots) throw UserError("{}: more than {} slots", path.string(), kMaxSlots);
  return result;
}

std::string mpirun_host_name() {
  std::array<char, 256> name{};
  if (gethostname(name.data(), name.size() - 1) != 0) return "";
  const std::string full = name.data();
  return full.substr(0, full.find('.'));
}

int num_physical_cores() {
  std::set<std::string> cores;  // threads of one core have the same list of siblings
  const long processors = sysconf(_SC_NPROCESSORS_CONF);
  for (long i = 0; i < processors; ++i) {
    std::ifstream file(
        fmt::format("/sys/devices/system/cpu/cpu{}/topology/thread_siblings_list", i));
    std::string siblings;
    if (std::getline(file, siblings)) cores.insert(siblings);
  }
  if (!cores.empty()) return static_cast<int>(cores.size());
  return static_cast<int>(std::max(1U, std::thread::hardware_concurrency()));
}

}  // namespace temper
