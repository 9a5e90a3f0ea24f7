// Behaves like a rank in what a supervisor can see. fake_rank FILE HOW: becomes ready for signals
// when FILE is there (at once if that is empty); HOW is "stop" (exit 75 on USR1), "fragile" (the
// same, but USR1 kills it before), "deaf" (never ends by itself) or a number (exits with it at
// once).
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <cstring>
#include <ctime>

namespace {

volatile sig_atomic_t stopped = 0;

void sleep_a_moment() {
  const timespec duration{0, 20'000'000};
  nanosleep(&duration, nullptr);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3) return 2;
  const bool fragile = std::strcmp(argv[2], "fragile") == 0;
  if (fragile) signal(SIGUSR1, SIG_DFL);
  while (argv[1][0] != 0 && access(argv[1], F_OK) != 0) sleep_a_moment();
  const bool deaf = std::strcmp(argv[2], "deaf") == 0;
  if (!deaf && !fragile && std::strcmp(argv[2], "stop") != 0) return std::atoi(argv[2]);
  if (!deaf) signal(SIGUSR1, [](int) { stopped = 1; });
  // Ends by itself in the end, so that a failed test leaves nothing behind.
  for (int i = 0; i < 9000; ++i) {
    if (stopped != 0) return 75;
    sleep_a_moment();
  }
  return 3;
}
