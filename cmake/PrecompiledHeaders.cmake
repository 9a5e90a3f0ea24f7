# The headers that most sources include, precompiled once for each set of flags and shared by all
# folders (temper_use_pch). Sources still include what they use: TEMPER_PCH=OFF compiles as well.

set(TEMPER_PCH_STANDARD_HEADERS <algorithm> <array> <atomic> <chrono> <cmath> <cstdint> <cstring>
  <filesystem> <fstream> <functional> <map> <memory> <mutex> <optional> <set> <span> <sstream> <string>
  <string_view> <thread> <unordered_map> <utility> <variant> <vector>)
set(TEMPER_PCH_HEADERS ${TEMPER_PCH_STANDARD_HEADERS} <fmt/format.h> ${CMAKE_SOURCE_DIR}/io/json.h)

# temper_add_pch(NAME LIBRARIES targets... HEADERS headers... [OPTIONS flags...])
function(temper_add_pch name)
  cmake_parse_arguments(arg "" "" "LIBRARIES;HEADERS;OPTIONS" ${ARGN})
  add_library(${name} STATIC ${CMAKE_SOURCE_DIR}/cmake/pch_anchor.cpp)
  target_link_libraries(${name} PRIVATE ${arg_LIBRARIES} temper::fmt temper::json Threads::Threads)
  target_compile_options(${name} PRIVATE ${arg_OPTIONS})
  target_precompile_headers(${name} PRIVATE ${arg_HEADERS} ${TEMPER_PCH_HEADERS})
endfunction()

# temper_use_pch(TARGET NAME): compiles TARGET with that header, if there is one.
function(temper_use_pch target name)
  if(TARGET ${name})
    target_precompile_headers(${target} REUSE_FROM ${name})
    target_link_libraries(${target} PRIVATE temper::fmt)  # whose definitions the header was compiled with
  endif()
endfunction()

# What is compiled once and runs briefly: less optimisation halves its compile time.
set(TEMPER_COLD_OPTIONS "$<$<NOT:$<CONFIG:Debug>>:-O1>")

if(TEMPER_PCH)
  temper_add_pch(temper_pch)
  temper_add_pch(temper_cold_pch OPTIONS ${TEMPER_COLD_OPTIONS})
  if(TEMPER_TORCH)
    temper_add_pch(temper_torch_pch LIBRARIES temper_torch HEADERS <ATen/ATen.h>)
    temper_add_pch(temper_torch_cold_pch LIBRARIES temper_torch HEADERS <ATen/ATen.h>
      OPTIONS ${TEMPER_COLD_OPTIONS})
  endif()
endif()
