# What was configured, in a few lines.

file(GLOB modules RELATIVE ${TEMPER_LAYERING_DIR} ${TEMPER_LAYERING_DIR}/*.txt)
string(REPLACE ".txt" "" modules "${modules}")
string(REPLACE ";" " " modules "${modules}")
message(STATUS "temper ${PROJECT_VERSION} (${TEMPER_GIT_DESCRIBE}), ${CMAKE_BUILD_TYPE}, "
  "${CMAKE_CXX_COMPILER_ID} ${CMAKE_CXX_COMPILER_VERSION}, CUDA ${TEMPER_CUDA}, sanitizer '${TEMPER_SANITIZE}'")
if(TEMPER_TORCH)
  message(STATUS "  LibTorch ${TEMPER_TORCH_VERSION} in ${TEMPER_TORCH_HOME}; MPI ${MPI_C_VERSION}, ${MPIEXEC_EXECUTABLE}")
else()
  message(STATUS "  without LibTorch: neither temper-rank nor the folders that use tensors")
endif()
message(STATUS "  Arrow ${TEMPER_ARROW_TEXT}")
message(STATUS "  modules: ${modules}")
if(TEMPER_ACCEPTANCE_DIR)
  message(STATUS "  acceptance material: ${TEMPER_ACCEPTANCE_DIR}")
else()
  message(STATUS "  acceptance material: not set, its tests are not registered")
endif()
