# LibTorch's own package, for the CUDA build: it finds the toolkit and names the CUDA libraries.
# The architectures come from TORCH_CUDA_ARCH_LIST (environment), by default Ampere to Hopper.

if(NOT DEFINED ENV{TORCH_CUDA_ARCH_LIST} AND NOT TORCH_CUDA_ARCH_LIST)
  set(TORCH_CUDA_ARCH_LIST "8.0;9.0+PTX")
endif()
list(PREPEND CMAKE_PREFIX_PATH ${TEMPER_TORCH_HOME})
find_package(Torch REQUIRED)
target_link_libraries(temper_torch INTERFACE ${TORCH_LIBRARIES})

get_filename_component(wheels ${TEMPER_TORCH_HOME}/.. ABSOLUTE)
find_path(NCCL_INCLUDE_DIR nccl.h HINTS ${NCCL_ROOT} $ENV{NCCL_ROOT} ${wheels}/nvidia/nccl PATH_SUFFIXES include)
find_library(NCCL_LIBRARY NAMES nccl libnccl.so.2 HINTS ${NCCL_ROOT} $ENV{NCCL_ROOT} ${wheels}/nvidia/nccl PATH_SUFFIXES lib)
if(NOT NCCL_INCLUDE_DIR OR NOT NCCL_LIBRARY)
  message(FATAL_ERROR "TEMPER_CUDA is ON but NCCL was not found. ./bootstrap.sh --cuda fetches it; "
    "otherwise set NCCL_ROOT to the folder with include/nccl.h.")
endif()
add_library(temper::nccl UNKNOWN IMPORTED GLOBAL)
set_target_properties(temper::nccl PROPERTIES IMPORTED_LOCATION ${NCCL_LIBRARY}
  INTERFACE_INCLUDE_DIRECTORIES ${NCCL_INCLUDE_DIR})
