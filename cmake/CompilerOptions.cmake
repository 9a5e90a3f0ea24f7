# Language level, warnings, sanitizers and ccache, for every target of the project.

set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)

if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 11)
  message(FATAL_ERROR "temper needs g++ 11 or newer; this is ${CMAKE_CXX_COMPILER_VERSION} "
    "(${CMAKE_CXX_COMPILER}). Load a newer compiler module or set CMAKE_CXX_COMPILER.")
endif()

add_compile_options(
  "$<$<COMPILE_LANGUAGE:CXX>:-Wall;-Wextra;-Wshadow;-Wnon-virtual-dtor>"
  # a*b+c keeps two roundings whether or not the compiler vectorises: the same bits everywhere.
  "$<$<COMPILE_LANGUAGE:CXX>:-ffp-contract=off>")
if(TEMPER_WERROR)
  add_compile_options("$<$<COMPILE_LANGUAGE:CXX>:-Werror>")
endif()
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_GREATER_EQUAL 12)
  # GCC bug 105651: "text" + std::string warns of an overlap that can't be.
  add_compile_options("$<$<COMPILE_LANGUAGE:CXX>:-Wno-restrict>")
endif()
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
  # GCC bug 105329: at -O3 the same sums copy out of bounds that can't be, or not, by what is inlined where.
  add_compile_options("$<$<COMPILE_LANGUAGE:CXX>:-Wno-error=array-bounds;-Wno-error=stringop-overflow>")
endif()
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_GREATER_EQUAL 13)
  # It takes any reference that a call with a temporary argument returns for a reference into that.
  add_compile_options("$<$<COMPILE_LANGUAGE:CXX>:-Wno-dangling-reference>")
endif()

if(TEMPER_SANITIZE STREQUAL "address")
  set(TEMPER_SANITIZE_FLAGS -fsanitize=address,undefined -fno-sanitize-recover=undefined)
elseif(TEMPER_SANITIZE STREQUAL "thread")
  set(TEMPER_SANITIZE_FLAGS -fsanitize=thread)
elseif(TEMPER_SANITIZE STREQUAL "fuzzer")
  # Every library reports its coverage to the fuzzers, which are then libFuzzer's: clang only.
  set(TEMPER_SANITIZE_FLAGS -fsanitize=fuzzer-no-link,address,undefined
    -fno-sanitize-recover=undefined)
elseif(TEMPER_SANITIZE)
  message(FATAL_ERROR "TEMPER_SANITIZE is '${TEMPER_SANITIZE}'; use address, thread, fuzzer or nothing.")
endif()
if(TEMPER_SANITIZE)
  # The library's assertions see an index past a vector's end that is still within what it allocated.
  add_compile_options(${TEMPER_SANITIZE_FLAGS} -D_GLIBCXX_ASSERTIONS -fno-omit-frame-pointer -g1)
  add_link_options(${TEMPER_SANITIZE_FLAGS})
endif()

if(TEMPER_CCACHE)
  find_program(CCACHE_PROGRAM ccache)
endif()
if(TEMPER_CCACHE AND CCACHE_PROGRAM)
  # pch_defines and time_macros let ccache work with precompiled headers; the base directory lets
  # two checkouts share results.
  set(launcher /usr/bin/env CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime,include_file_ctime
    CCACHE_BASEDIR=${CMAKE_SOURCE_DIR} CCACHE_NOHASHDIR=1 ${CCACHE_PROGRAM})
  if(NOT CMAKE_CXX_COMPILER_LAUNCHER)
    set(CMAKE_CXX_COMPILER_LAUNCHER ${launcher})
  endif()
  if(NOT CMAKE_CUDA_COMPILER_LAUNCHER)
    set(CMAKE_CUDA_COMPILER_LAUNCHER ${launcher})
  endif()
endif()

if(TEMPER_CUDA)
  # CMake 3.25 knows no CUDA20 dialect for nvcc 13; the .cu files stay within C++17.
  set(CMAKE_CUDA_STANDARD 17)
  set(CMAKE_CUDA_STANDARD_REQUIRED ON)
  if(NOT DEFINED CMAKE_CUDA_ARCHITECTURES)
    set(CMAKE_CUDA_ARCHITECTURES 80-real 90)  # Ampere, Hopper, and what comes after them
  endif()
  enable_language(CUDA)
endif()
