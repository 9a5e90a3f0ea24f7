# Finds every third-party library, gives each a target named temper::<library>, and fails once with
# a table of all that is missing. docs/third-party.md says what each is for.

set(TEMPER_MISSING "")

function(temper_missing what package hint)
  string(LENGTH "${what}" length)
  math(EXPR pad "28 - ${length}")
  string(REPEAT " " ${pad} what_pad)
  string(LENGTH "${package}" length)
  math(EXPR pad "32 - ${length}")
  string(REPEAT " " ${pad} package_pad)
  set(TEMPER_MISSING "${TEMPER_MISSING}  ${what}${what_pad}${package}${package_pad}${hint}\n" PARENT_SCOPE)
endfunction()

# Called once everything was looked for.
function(temper_require_dependencies)
  if(TEMPER_MISSING)
    message(FATAL_ERROR "temper needs what is listed here, and it was not found:\n\n"
      "  library                     Debian/Ubuntu packages          CMake variable or module\n"
      "${TEMPER_MISSING}\n"
      "With root: ./bootstrap.sh installs all of it. Without: load your cluster's modules and name "
      "their places with -DCMAKE_PREFIX_PATH='dir;dir' or the variables in the last column.\n")
  endif()
endfunction()

# temper_find_library(NAME HEADER h LIBRARY names... PACKAGE deb LABEL text [SUFFIXES ...])
# A header and a library found by path become the imported target temper::NAME.
# <NAME>_ROOT (variable or environment) and CMAKE_PREFIX_PATH are searched first.
function(temper_find_library name)
  cmake_parse_arguments(arg "" "HEADER;PACKAGE;LABEL" "LIBRARY;SUFFIXES" ${ARGN})
  string(TOUPPER ${name} upper)
  set(roots ${${upper}_ROOT} $ENV{${upper}_ROOT} $ENV{${upper}_DIR})
  set(include_suffixes "")
  foreach(suffix ${arg_SUFFIXES})
    list(APPEND include_suffixes ${suffix} include/${suffix})
  endforeach()
  find_path(${upper}_INCLUDE_DIR ${arg_HEADER} HINTS ${roots} PATH_SUFFIXES include ${include_suffixes})
  find_library(${upper}_LIBRARY NAMES ${arg_LIBRARY} HINTS ${roots} PATH_SUFFIXES lib lib64 ${arg_SUFFIXES})
  mark_as_advanced(${upper}_INCLUDE_DIR ${upper}_LIBRARY)
  if(NOT ${upper}_INCLUDE_DIR OR NOT ${upper}_LIBRARY)
    temper_missing("${arg_LABEL}" "${arg_PACKAGE}" "${upper}_ROOT")
    set(TEMPER_MISSING "${TEMPER_MISSING}" PARENT_SCOPE)
    return()
  endif()
  add_library(temper::${name} UNKNOWN IMPORTED GLOBAL)
  set_target_properties(temper::${name} PROPERTIES
    IMPORTED_LOCATION ${${upper}_LIBRARY}
    INTERFACE_INCLUDE_DIRECTORIES ${${upper}_INCLUDE_DIR})
endfunction()

# temper_find_package(NAME PACKAGE deb LABEL text TARGETS candidates... FIND find_package arguments...)
# The first candidate target that the package defines becomes temper::NAME.
macro(temper_find_package name)
  cmake_parse_arguments(arg "" "PACKAGE;LABEL" "TARGETS;FIND" ${ARGN})
  find_package(${arg_FIND} QUIET)
  foreach(candidate ${arg_TARGETS})
    if(TARGET ${candidate} AND NOT TARGET temper::${name})
      add_library(temper_${name}_dependency INTERFACE)
      target_link_libraries(temper_${name}_dependency INTERFACE ${candidate})
      add_library(temper::${name} ALIAS temper_${name}_dependency)
    endif()
  endforeach()
  if(NOT TARGET temper::${name})
    list(GET arg_FIND 0 package_name)
    temper_missing("${arg_LABEL}" "${arg_PACKAGE}" "${package_name}_ROOT")
  endif()
endmacro()

set(THREADS_PREFER_PTHREAD_FLAG ON)
find_package(Threads REQUIRED)

find_package(MPI QUIET COMPONENTS C)
if(TARGET MPI::MPI_C AND MPIEXEC_EXECUTABLE)
  add_library(temper_mpi_dependency INTERFACE)
  target_link_libraries(temper_mpi_dependency INTERFACE MPI::MPI_C)
  if(NOT MPI_C_HEADER_DIR)
    # Where there is no network interface at all Open MPI's compiler says so, and FindMPI takes that
    # line for a part of the first folder.
    execute_process(COMMAND ${MPI_C_COMPILER} --showme:incdirs OUTPUT_VARIABLE mpi_include
      OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
    separate_arguments(mpi_include)
    target_include_directories(temper_mpi_dependency SYSTEM INTERFACE ${mpi_include})
  endif()
  # The C interface only: the C++ bindings are gone from the standard.
  target_compile_definitions(temper_mpi_dependency INTERFACE OMPI_SKIP_MPICXX MPICH_SKIP_MPICXX)
  add_library(temper::mpi ALIAS temper_mpi_dependency)
else()
  temper_missing("MPI (C) and mpirun" "libopenmpi-dev openmpi-bin" "MPI_HOME, or module load openmpi")
endif()

temper_find_library(hdf5 HEADER hdf5.h LIBRARY hdf5 hdf5_serial SUFFIXES hdf5/serial
  PACKAGE libhdf5-dev LABEL "HDF5 (C, serial)")
if(TARGET temper::hdf5 AND EXISTS ${HDF5_INCLUDE_DIR}/H5pubconf.h)
  # A cluster's parallel HDF5 also serves: its headers include mpi.h.
  file(STRINGS ${HDF5_INCLUDE_DIR}/H5pubconf.h parallel REGEX "define H5_HAVE_PARALLEL 1")
  if(parallel AND TARGET temper::mpi)
    set_target_properties(temper::hdf5 PROPERTIES INTERFACE_LINK_LIBRARIES temper::mpi)
  endif()
endif()

temper_find_package(yaml_cpp FIND yaml-cpp TARGETS yaml-cpp::yaml-cpp yaml-cpp
  PACKAGE libyaml-cpp-dev LABEL "yaml-cpp")
temper_find_package(program_options FIND Boost COMPONENTS program_options TARGETS Boost::program_options
  PACKAGE libboost-program-options-dev LABEL "Boost.Program_options")
temper_find_package(json FIND nlohmann_json TARGETS nlohmann_json::nlohmann_json
  PACKAGE nlohmann-json3-dev LABEL "nlohmann-json")
temper_find_package(fmt FIND fmt TARGETS fmt::fmt PACKAGE libfmt-dev LABEL "fmt")
temper_find_package(spdlog FIND spdlog TARGETS spdlog::spdlog PACKAGE libspdlog-dev LABEL "spdlog")
temper_find_library(xxhash HEADER xxhash.h LIBRARY xxhash PACKAGE libxxhash-dev LABEL "xxHash")
temper_find_library(zstd HEADER zstd.h LIBRARY zstd PACKAGE libzstd-dev LABEL "Zstandard")
temper_find_package(zlib FIND ZLIB TARGETS ZLIB::ZLIB PACKAGE zlib1g-dev LABEL "zlib")
temper_find_library(pcre2 HEADER pcre2.h LIBRARY pcre2-8 PACKAGE libpcre2-dev LABEL "PCRE2 (8 bit)")
if(TARGET temper::pcre2)
  set_target_properties(temper::pcre2 PROPERTIES INTERFACE_COMPILE_DEFINITIONS PCRE2_CODE_UNIT_WIDTH=8)
endif()
temper_find_library(utf8proc HEADER utf8proc.h LIBRARY utf8proc PACKAGE libutf8proc-dev LABEL "utf8proc")

option(BUILD_TESTING "Build the tests" ON)
if(BUILD_TESTING)
  temper_find_package(gtest FIND GTest TARGETS GTest::gtest PACKAGE "libgtest-dev libgmock-dev" LABEL "GoogleTest")
endif()

# Optional: bench/ is left out without it.
find_package(benchmark QUIET)
if(TARGET benchmark::benchmark)
  add_library(temper_benchmark_dependency INTERFACE)
  target_link_libraries(temper_benchmark_dependency INTERFACE benchmark::benchmark)
  add_library(temper::benchmark ALIAS temper_benchmark_dependency)
endif()
