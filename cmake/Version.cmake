# Writes common/version.h into the build tree: the project's version, what git says of the tree, and
# whether CUDA is built in.

set(TEMPER_GIT_DESCRIBE "unknown")
find_package(Git QUIET)
if(GIT_FOUND)
  execute_process(COMMAND ${GIT_EXECUTABLE} describe --always --dirty --tags
    WORKING_DIRECTORY ${CMAKE_SOURCE_DIR} OUTPUT_VARIABLE described
    OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET RESULT_VARIABLE failed)
  if(NOT failed)
    set(TEMPER_GIT_DESCRIBE ${described})
  endif()
endif()
set(TEMPER_CUDA_TEXT false)
if(TEMPER_CUDA)
  set(TEMPER_CUDA_TEXT true)
endif()
set(TEMPER_GENERATED_DIR ${CMAKE_BINARY_DIR}/generated)
configure_file(${CMAKE_SOURCE_DIR}/cmake/version.h.in ${TEMPER_GENERATED_DIR}/common/version.h @ONLY)
