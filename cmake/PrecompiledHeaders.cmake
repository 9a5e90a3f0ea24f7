# The standard headers of every precompiled header, and the header of all that use LibTorch: see
# add_module(... TORCH). TemperTest.cmake has those of the tests.
set(TEMPER_PCH_STANDARD_HEADERS <algorithm> <array> <atomic> <chrono> <cmath> <cstdint> <cstring>
  <filesystem> <functional> <map> <memory> <mutex> <optional> <span> <string> <string_view> <thread>
  <unordered_map> <utility> <variant> <vector>)
if(TEMPER_PCH AND TEMPER_TORCH)
  add_library(temper_torch_pch STATIC ${CMAKE_SOURCE_DIR}/cmake/pch_anchor.cpp)
  target_link_libraries(temper_torch_pch PUBLIC temper_torch)
  target_precompile_headers(temper_torch_pch PRIVATE <ATen/ATen.h> ${TEMPER_PCH_STANDARD_HEADERS})
endif()
