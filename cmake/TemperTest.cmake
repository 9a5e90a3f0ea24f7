# Helpers that turn test sources into CTest entries.

include(GoogleTest)

set(TEMPER_TEST_BIN_DIR ${CMAKE_BINARY_DIR}/tests/bin)

# A test itself is compiled once and runs briefly. The preset asan-readers, a Debug build with -O1, does
# not optimise it at all: that halves its compile time.
set(TEMPER_TEST_OPTIONS ${TEMPER_COLD_OPTIONS} "$<$<CONFIG:Debug>:-O0>")

# Precompiled headers for tests. Those of LibTorch also need OpenMP's flags.
if(BUILD_TESTING AND TEMPER_PCH)
  temper_add_pch(temper_test_pch LIBRARIES GTest::gmock GTest::gtest
    HEADERS <gmock/gmock.h> <gtest/gtest.h> OPTIONS ${TEMPER_TEST_OPTIONS})
  if(TEMPER_TORCH)
    temper_add_pch(temper_torch_test_pch LIBRARIES GTest::gmock GTest::gtest temper_torch
      HEADERS <gmock/gmock.h> <gtest/gtest.h> <ATen/ATen.h> OPTIONS ${TEMPER_TEST_OPTIONS})
  endif()
endif()

# The parts that all tests share: one executable with its links, definitions and precompiled header.
function(temper_test_executable target)
  cmake_parse_arguments(arg "TORCH" "" "SOURCES;DEPENDS;LIBRARIES" ${ARGN})
  add_executable(${target} ${arg_SOURCES})
  set_target_properties(${target} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${TEMPER_TEST_BIN_DIR})
  target_include_directories(${target} PRIVATE ${CMAKE_SOURCE_DIR} ${TEMPER_GENERATED_DIR})
  target_link_libraries(${target} PRIVATE ${arg_LIBRARIES} Threads::Threads)
  temper_rooms_in(rooms ${arg_DEPENDS})
  temper_link_rooms(${target} PRIVATE ${rooms})
  temper_use_sanitizer_defaults(${target})
  target_compile_options(${target} PRIVATE ${TEMPER_TEST_OPTIONS})
  set(pch temper_test_pch)
  if(arg_TORCH)
    target_link_libraries(${target} PRIVATE temper::torch)
    set(pch temper_torch_test_pch)
  endif()
  if("GTest::gtest" IN_LIST arg_LIBRARIES)
    temper_use_pch(${target} ${pch})
    # Unoptimised code calls what the precompiled io/json.h declares, whether or not the test uses JSON.
    target_link_libraries(${target} PRIVATE temper::io)
  endif()
  if(TEMPER_ACCEPTANCE_DIR)
    target_compile_definitions(${target} PRIVATE TEMPER_ACCEPTANCE_DIR="${TEMPER_ACCEPTANCE_DIR}")
  endif()
endfunction()

# add_unit_tests(FOLDER SOURCES files... [DEPENDS folders...] [LIBRARIES targets...] [TORCH])
# One binary, temper_FOLDER_test; each TEST is a CTest entry named FOLDER.Suite.Name. It depends on
# FOLDER by itself. TORCH where the tests use tensors.
function(add_unit_tests folder)
  cmake_parse_arguments(arg "TORCH" "" "SOURCES;DEPENDS;LIBRARIES" ${ARGN})
  if(arg_UNPARSED_ARGUMENTS)
    message(FATAL_ERROR "add_unit_tests(${folder}): unknown arguments: ${arg_UNPARSED_ARGUMENTS}")
  endif()
  set(torch "")
  if(arg_TORCH)
    set(torch TORCH)
  endif()
  set(target temper_${folder}_test)
  list(PREPEND arg_DEPENDS ${folder})
  list(REMOVE_DUPLICATES arg_DEPENDS)
  temper_test_executable(${target} ${torch} SOURCES ${arg_SOURCES} DEPENDS ${arg_DEPENDS}
    LIBRARIES ${arg_LIBRARIES} GTest::gmock GTest::gtest GTest::gtest_main)
  # Two threads: OpenMP's threads spin, and more of them than free cores cost fifty times the time.
  # In two properties, because gtest_discover_tests takes no list as a property's value.
  gtest_discover_tests(${target} TEST_PREFIX ${folder}. DISCOVERY_TIMEOUT 300
    PROPERTIES TIMEOUT 300 LABELS unit ENVIRONMENT MKL_CBWR=AUTO
    ENVIRONMENT_MODIFICATION OMP_NUM_THREADS=set:2)
endfunction()

# How mpirun is started on this machine.
execute_process(COMMAND ${MPIEXEC_EXECUTABLE} --version OUTPUT_VARIABLE mpirun_version ERROR_VARIABLE mpirun_version)
set(TEMPER_MPIRUN ${MPIEXEC_EXECUTABLE})
set(TEMPER_MPI_IS_OPENMPI OFF)
if(mpirun_version MATCHES "Open MPI|OpenRTE|prrte")
  set(TEMPER_MPI_IS_OPENMPI ON)
  list(APPEND TEMPER_MPIRUN --oversubscribe --bind-to none)
  execute_process(COMMAND id -u OUTPUT_VARIABLE uid OUTPUT_STRIP_TRAILING_WHITESPACE)
  if(uid STREQUAL "0")
    list(APPEND TEMPER_MPIRUN --allow-run-as-root)
  endif()
endif()

# add_distributed_test(NAME SOURCES files... DEPENDS folders... RANKS 1 2 4 [LIBRARIES targets...]
#                      [TIMEOUT seconds] [TORCH])
# One binary, temper_NAME_test, whose main is tests/distributed/mpi_main.cpp; one CTest entry
# NAME.npR per rank count R (none: compiled only). A hanging test is ended by mpirun itself, so that no rank is left behind.
function(add_distributed_test name)
  cmake_parse_arguments(arg "TORCH" "TIMEOUT" "SOURCES;DEPENDS;LIBRARIES;RANKS" ${ARGN})
  if(arg_UNPARSED_ARGUMENTS OR NOT "RANKS" IN_LIST ARGN)
    message(FATAL_ERROR "add_distributed_test(${name}): RANKS is missing or unknown arguments: ${arg_UNPARSED_ARGUMENTS}")
  endif()
  if(NOT arg_TIMEOUT)
    set(arg_TIMEOUT 300)
  endif()
  set(torch "")
  if(arg_TORCH)
    set(torch TORCH)
  endif()
  set(target temper_${name}_test)
  temper_test_executable(${target} ${torch} SOURCES ${CMAKE_SOURCE_DIR}/tests/distributed/mpi_main.cpp
    ${arg_SOURCES} DEPENDS ${arg_DEPENDS} LIBRARIES ${arg_LIBRARIES} GTest::gmock GTest::gtest temper::mpi)
  math(EXPR kill_after "${arg_TIMEOUT} + 20")
  set(limit "")
  if(TEMPER_MPI_IS_OPENMPI)
    set(limit --timeout ${arg_TIMEOUT})
  endif()
  foreach(ranks ${arg_RANKS})
    add_test(NAME ${name}.np${ranks}
      COMMAND ${TEMPER_MPIRUN} ${limit} -n ${ranks} $<TARGET_FILE:${target}>)
    set_tests_properties(${name}.np${ranks} PROPERTIES PROCESSORS ${ranks} TIMEOUT ${kill_after}
      LABELS distributed
      ENVIRONMENT "MKL_CBWR=AUTO;OMP_NUM_THREADS=1;OMPI_MCA_mpi_yield_when_idle=1")
  endforeach()
endfunction()

# add_fuzz_test(NAME SOURCE file SECONDS n DEPENDS folders... [CORPUS directory] [LIBRARIES targets...])
# SOURCE defines LLVMFuzzerTestOneInput. Under clang it is a libFuzzer program with address and
# undefined-behaviour sanitizers; under other compilers tests/fuzz/driver_main.cpp runs it over the
# corpus (default tests/fuzz/corpus/NAME) and mutations of it, for 2 seconds at most where no sanitizer
# would see what they do.
function(add_fuzz_test name)
  cmake_parse_arguments(arg "" "SOURCE;SECONDS;CORPUS" "DEPENDS;LIBRARIES" ${ARGN})
  if(arg_UNPARSED_ARGUMENTS OR NOT arg_SOURCE)
    message(FATAL_ERROR "add_fuzz_test(${name}): SOURCE is missing or unknown arguments: ${arg_UNPARSED_ARGUMENTS}")
  endif()
  if(NOT arg_SECONDS)
    set(arg_SECONDS 5)
  endif()
  if(NOT arg_CORPUS)
    set(arg_CORPUS ${CMAKE_SOURCE_DIR}/tests/fuzz/corpus/${name})
  endif()
  if(NOT EXISTS ${arg_CORPUS})
    message(FATAL_ERROR "add_fuzz_test(${name}): the seed corpus ${arg_CORPUS} is missing.")
  endif()
  if(NOT TEMPER_SANITIZE AND NOT CMAKE_CXX_COMPILER_ID MATCHES "Clang" AND arg_SECONDS GREATER 2)
    set(arg_SECONDS 2)
  endif()
  set(target temper_fuzz_${name})
  math(EXPR kill_after "${arg_SECONDS} * 2 + 60")
  if(NOT CMAKE_CXX_COMPILER_ID MATCHES "Clang")
    if(NOT TARGET temper_fuzz_driver)
      add_library(temper_fuzz_driver STATIC ${CMAKE_SOURCE_DIR}/tests/fuzz/driver_main.cpp)
    endif()
    list(APPEND arg_LIBRARIES temper_fuzz_driver)
  endif()
  temper_test_executable(${target} SOURCES ${arg_SOURCE} DEPENDS ${arg_DEPENDS} LIBRARIES ${arg_LIBRARIES})
  if(CMAKE_CXX_COMPILER_ID MATCHES "Clang")
    target_compile_options(${target} PRIVATE -fsanitize=fuzzer,address,undefined)
    target_link_options(${target} PRIVATE -fsanitize=fuzzer,address,undefined)
    # New inputs go to the build tree, the seeds stay as they are.
    set(found ${CMAKE_BINARY_DIR}/fuzz/${name})
    file(MAKE_DIRECTORY ${found})
    add_test(NAME fuzz.${name} COMMAND ${target} -max_total_time=${arg_SECONDS} -timeout=10
      -rss_limit_mb=4096 ${found} ${arg_CORPUS})
  else()
    add_test(NAME fuzz.${name} COMMAND ${target} ${arg_SECONDS} ${arg_CORPUS})
  endif()
  set_property(GLOBAL APPEND PROPERTY TEMPER_FUZZERS ${target})
  set_tests_properties(fuzz.${name} PROPERTIES TIMEOUT ${kill_after} LABELS fuzz)
endfunction()
