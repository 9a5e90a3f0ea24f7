# temper::torch: LibTorch, wherever it is. Searched in order: TEMPER_TORCH_DIR (or environment), CMAKE_PREFIX_PATH
# (a LibTorch zip, a cluster module, a Python environment's torch folder), .deps/libtorch.

set(TEMPER_TORCH_DIR "$ENV{TEMPER_TORCH_DIR}" CACHE PATH "LibTorch: the folder that has lib/libtorch_cpu.so and include/ATen")
set(TEMPER_TORCH_MINIMUM 2.6)

function(temper_find_torch)
  foreach(place "${TEMPER_TORCH_DIR}" ${CMAKE_PREFIX_PATH} "$ENV{CMAKE_PREFIX_PATH}" "${Torch_DIR}/../../.."
          ${CMAKE_SOURCE_DIR}/.deps/libtorch)
    string(REPLACE ":" ";" roots "${place}")
    foreach(root ${roots})
      foreach(suffix "" /torch /libtorch)
        get_filename_component(home "${root}${suffix}" ABSOLUTE)
        if(EXISTS ${home}/include/ATen/ATen.h AND EXISTS ${home}/lib/libtorch_cpu.so)
          set(TEMPER_TORCH_HOME ${home} PARENT_SCOPE)
          return()
        endif()
      endforeach()
    endforeach()
    if(place AND place STREQUAL TEMPER_TORCH_DIR)
      message(FATAL_ERROR "TEMPER_TORCH_DIR is ${place}, but there is no include/ATen/ATen.h with "
        "lib/libtorch_cpu.so in it, nor in its torch/ or libtorch/.")
    endif()
  endforeach()
endfunction()

set(TEMPER_TORCH_HOME "")
temper_find_torch()
if(NOT TEMPER_TORCH_HOME)
  temper_missing("LibTorch >= ${TEMPER_TORCH_MINIMUM}" "(./bootstrap.sh fetches it)" "TEMPER_TORCH_DIR or CMAKE_PREFIX_PATH")
endif()
temper_require_dependencies()

foreach(header torch/headeronly/version.h torch/csrc/api/include/torch/version.h)
  if(EXISTS ${TEMPER_TORCH_HOME}/include/${header})
    file(STRINGS ${TEMPER_TORCH_HOME}/include/${header} lines REGEX "define TORCH_VERSION_(MAJOR|MINOR|PATCH) +[0-9]+")
    string(REGEX REPLACE "[^0-9;]" "" numbers "${lines}")
    if(numbers)
      string(REPLACE ";" "." TEMPER_TORCH_VERSION "${numbers}")
      break()
    endif()
  endif()
endforeach()
if(NOT TEMPER_TORCH_VERSION OR TEMPER_TORCH_VERSION VERSION_LESS TEMPER_TORCH_MINIMUM)
  message(FATAL_ERROR "LibTorch in ${TEMPER_TORCH_HOME} is version '${TEMPER_TORCH_VERSION}'; temper needs "
    "${TEMPER_TORCH_MINIMUM} or newer. Set TEMPER_TORCH_DIR to another one, or run ./bootstrap.sh.")
endif()
set(torch_config ${TEMPER_TORCH_HOME}/share/cmake/Torch/TorchConfig.cmake)
if(EXISTS ${torch_config})
  file(STRINGS ${torch_config} old_abi REGEX "GLIBCXX_USE_CXX11_ABI=0")
  if(old_abi)
    message(FATAL_ERROR "LibTorch in ${TEMPER_TORCH_HOME} has the C++ ABI of before C++11; take a cxx11-ABI build.")
  endif()
endif()

# LibTorch ships its own fmt headers, of another version than the system's library that the logging
# links. The system's must be found first in every file, so a link to them precedes LibTorch's.
set(TEMPER_FMT_FIRST ${CMAKE_BINARY_DIR}/generated/fmt_first)
get_target_property(fmt_include fmt::fmt INTERFACE_INCLUDE_DIRECTORIES)
find_path(TEMPER_FMT_INCLUDE_DIR fmt/core.h HINTS ${fmt_include} NO_CACHE)
file(MAKE_DIRECTORY ${TEMPER_FMT_FIRST})
file(CREATE_LINK ${TEMPER_FMT_INCLUDE_DIR}/fmt ${TEMPER_FMT_FIRST}/fmt SYMBOLIC)

add_library(temper_torch INTERFACE)
add_library(temper::torch ALIAS temper_torch)
target_include_directories(temper_torch SYSTEM INTERFACE ${TEMPER_FMT_FIRST}
  ${TEMPER_TORCH_HOME}/include ${TEMPER_TORCH_HOME}/include/torch/csrc/api/include)
# Not find_package(Torch): with a CUDA wheel it insists on a CUDA toolkit that a CPU build never uses.
target_link_libraries(temper_torch INTERFACE
  ${TEMPER_TORCH_HOME}/lib/libtorch_cpu.so ${TEMPER_TORCH_HOME}/lib/libc10.so)
target_link_libraries(temper_torch INTERFACE Threads::Threads)
target_link_options(temper_torch INTERFACE -Wl,--no-as-needed)
# Before all other run paths, and no link option: the installation could not take that out again.
set(CMAKE_BUILD_RPATH ${TEMPER_TORCH_HOME}/lib)

# at::parallel_for runs in parallel only in files compiled with OpenMP. The run path makes the loader
# take LibTorch's own libgomp, so that one thread pool serves both.
include(CheckCXXSourceCompiles)
set(CMAKE_REQUIRED_FLAGS -fopenmp)
check_cxx_source_compiles("#include <omp.h>\nint main() { return omp_get_max_threads() < 0; }" TEMPER_HAS_OPENMP)
unset(CMAKE_REQUIRED_FLAGS)
if(TEMPER_HAS_OPENMP)
  target_compile_options(temper_torch INTERFACE $<$<COMPILE_LANGUAGE:CXX>:-fopenmp>)
  target_link_options(temper_torch INTERFACE -fopenmp)
else()
  message(WARNING "${CMAKE_CXX_COMPILER} has no OpenMP: the kernels will use one thread per rank.")
endif()

# The wheel's libraries of NVIDIA lie beside torch/; the linker must see them to close the link.
file(GLOB nvidia_dirs LIST_DIRECTORIES true ${TEMPER_TORCH_HOME}/../nvidia/*/lib)
foreach(dir ${nvidia_dirs})
  get_filename_component(dir ${dir} ABSOLUTE)
  target_link_options(temper_torch INTERFACE -Wl,-rpath-link,${dir})
endforeach()

if(TEMPER_CUDA)
  include(TorchCuda)
endif()
