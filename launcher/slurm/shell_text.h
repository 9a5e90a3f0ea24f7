// Words as a shell and the #SBATCH lines of a batch script read them.
#pragma once

#include <string>
#include <vector>

namespace temper {

// The word as it is where it is plain, else in single quotes: nothing in it is expanded.
std::string shell_quoted(const std::string& word);
std::string shell_command(const std::vector<std::string>& words);

// A path for an #SBATCH line, in double quotes where needed. UserError, naming `what`, for what
// sbatch would read otherwise than meant: quotes, backslashes, "%", line breaks.
std::string sbatch_path(const std::string& path, const std::string& what);

}  // namespace temper
