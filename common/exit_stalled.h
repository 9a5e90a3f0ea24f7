// An exit code beside those of common/error.h.
#pragma once

namespace temper {

inline constexpr int kExitStalled = 76;  // a rank made no progress, and so all were ended

}  // namespace temper
