# temper_use_cuda(TARGET SOURCES...): what the GPU backends compile and link with. Nothing else of the
# project sees CUDA, so a build with it compiles every other source as one without: the same objects.
#
# Not LibTorch's own CMake package, which adds CUDA's flags to whatever uses tensors.

if(NOT EXISTS ${TEMPER_TORCH_HOME}/lib/libtorch_cuda.so)
  message(FATAL_ERROR "TEMPER_CUDA is ON, but LibTorch in ${TEMPER_TORCH_HOME} was built without CUDA.")
endif()
find_package(CUDAToolkit REQUIRED)
file(STRINGS ${TEMPER_TORCH_HOME}/lib/libc10_cuda.so runtime REGEX "^libcudart[^ ]*\\.so\\.[0-9]+" LIMIT_COUNT 1)
string(REGEX MATCH "\\.so\\.([0-9]+)" found "${runtime}")
set(torch_cuda ${CMAKE_MATCH_1})
if(torch_cuda AND NOT torch_cuda STREQUAL CUDAToolkit_VERSION_MAJOR)
  message(FATAL_ERROR "LibTorch in ${TEMPER_TORCH_HOME} was built with CUDA ${torch_cuda}, the toolkit in "
    "${CUDAToolkit_BIN_DIR} is ${CUDAToolkit_VERSION}. Load a toolkit of CUDA ${torch_cuda}, or set CUDAToolkit_ROOT.")
endif()

# NVIDIA's libraries that LibTorch needs and the toolkit lacks lie beside its wheel.
get_filename_component(wheels ${TEMPER_TORCH_HOME}/.. ABSOLUTE)
find_path(NCCL_INCLUDE_DIR nccl.h HINTS ${NCCL_ROOT} $ENV{NCCL_ROOT} ${wheels}/nvidia/nccl PATH_SUFFIXES include)
find_library(NCCL_LIBRARY NAMES nccl libnccl.so.2 HINTS ${NCCL_ROOT} $ENV{NCCL_ROOT} ${wheels}/nvidia/nccl PATH_SUFFIXES lib)
if(NOT NCCL_INCLUDE_DIR OR NOT NCCL_LIBRARY)
  message(FATAL_ERROR "TEMPER_CUDA is ON but NCCL was not found. ./bootstrap.sh --cuda fetches it; "
    "otherwise set NCCL_ROOT to the folder with include/nccl.h.")
endif()

add_library(temper_cuda INTERFACE)
add_library(temper::cuda ALIAS temper_cuda)
# The toolkit's are named one by one: libtorch_cuda.so looks for them beside itself only.
target_link_libraries(temper_cuda INTERFACE ${TEMPER_TORCH_HOME}/lib/libtorch_cuda.so
  ${TEMPER_TORCH_HOME}/lib/libc10_cuda.so ${NCCL_LIBRARY} CUDA::cudart CUDA::cublas CUDA::cublasLt CUDA::cufft
  CUDA::curand CUDA::cusparse)
target_link_options(temper_cuda INTERFACE -Wl,--no-as-needed -Wl,-rpath,${CUDAToolkit_LIBRARY_DIR}
  -Wl,-rpath-link,${CUDAToolkit_LIBRARY_DIR})

function(temper_use_cuda target)
  set_property(SOURCE ${ARGN} APPEND PROPERTY INCLUDE_DIRECTORIES ${CUDAToolkit_INCLUDE_DIRS} ${NCCL_INCLUDE_DIR})
  # Of no use to compile its other sources; whoever links it links these.
  target_link_libraries(${target} INTERFACE $<LINK_ONLY:temper::cuda>)
endfunction()
