// Asks the kernel what a process does.
#pragma once

#include <sys/types.h>

namespace temper {

// R, S, D, T, t or Z (it has ended, and nobody has waited for it); 0 where it cannot be seen.
char process_state(pid_t pid);

}  // namespace temper
