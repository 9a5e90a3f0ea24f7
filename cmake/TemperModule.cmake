# One folder, one static library. The allowed DEPENDS of each folder are in layers.cmake.

include(${CMAKE_SOURCE_DIR}/cmake/layers.cmake)

set(TEMPER_LAYERING_DIR ${CMAKE_BINARY_DIR}/layering)
file(REMOVE_RECURSE ${TEMPER_LAYERING_DIR})
file(MAKE_DIRECTORY ${TEMPER_LAYERING_DIR})

# Links temper::<folder> for each folder. One that is not in the tree yet is passed over.
function(temper_link_folders target scope)
  foreach(folder ${ARGN})
    if(NOT folder IN_LIST TEMPER_FOLDERS)
      message(FATAL_ERROR "${target}: DEPENDS names '${folder}', which is no folder of cmake/layers.cmake.")
    elseif(EXISTS ${CMAKE_SOURCE_DIR}/${folder}/CMakeLists.txt)
      target_link_libraries(${target} ${scope} temper::${folder})
    else()
      message(STATUS "${target}: ${folder}/ is not there yet, not linked")
    endif()
  endforeach()
endfunction()

function(temper_use_torch target scope)
  target_link_libraries(${target} ${scope} temper::torch)
  if(TARGET temper_torch_pch AND NOT scope STREQUAL "INTERFACE")
    target_precompile_headers(${target} REUSE_FROM temper_torch_pch)
  endif()
endfunction()

# A sanitizer build links each executable with what is known of the reports of MPI and LibTorch. Without
# them nothing is suppressed.
function(temper_use_sanitizer_defaults target)
  if(TEMPER_SANITIZE AND TEMPER_TORCH)
    target_sources(${target} PRIVATE ${CMAKE_SOURCE_DIR}/cmake/sanitizer_defaults.cpp)
    set_source_files_properties(${CMAKE_SOURCE_DIR}/cmake/sanitizer_defaults.cpp PROPERTIES SKIP_PRECOMPILE_HEADERS ON)
  endif()
endfunction()

# add_module(NAME SOURCES files... DEPENDS folders... [LIBRARIES targets...]
#            [PRIVATE_LIBRARIES targets...] [TORCH])
# The static library temper_NAME (an interface library without SOURCES), alias temper::NAME.
# DEPENDS are folders of this repository; LIBRARIES are third-party targets that the headers show,
# PRIVATE_LIBRARIES those that only the sources use.
function(add_module name)
  cmake_parse_arguments(arg "TORCH" "" "SOURCES;DEPENDS;LIBRARIES;PRIVATE_LIBRARIES" ${ARGN})
  if(arg_UNPARSED_ARGUMENTS)
    message(FATAL_ERROR "add_module(${name}): unknown arguments: ${arg_UNPARSED_ARGUMENTS}")
  endif()
  set(target temper_${name})
  if(arg_SOURCES)
    set(scope PUBLIC)
    add_library(${target} STATIC ${arg_SOURCES})
    target_link_libraries(${target} PRIVATE ${arg_PRIVATE_LIBRARIES})
  else()
    set(scope INTERFACE)
    add_library(${target} INTERFACE)
    target_link_libraries(${target} INTERFACE ${arg_PRIVATE_LIBRARIES})
  endif()
  add_library(temper::${name} ALIAS ${target})
  target_include_directories(${target} ${scope} ${CMAKE_SOURCE_DIR} ${TEMPER_GENERATED_DIR})
  target_link_libraries(${target} ${scope} ${arg_LIBRARIES} Threads::Threads)
  temper_link_folders(${target} ${scope} ${arg_DEPENDS})
  if(arg_TORCH)
    temper_use_torch(${target} ${scope})
  endif()
  file(WRITE ${TEMPER_LAYERING_DIR}/${name}.txt "${arg_DEPENDS}")
endfunction()

# add_program(NAME SOURCES files... DEPENDS folders... [LIBRARIES targets...] [TORCH])
# The executable NAME in <build>/bin.
function(add_program name)
  cmake_parse_arguments(arg "TORCH" "" "SOURCES;DEPENDS;LIBRARIES" ${ARGN})
  if(arg_UNPARSED_ARGUMENTS)
    message(FATAL_ERROR "add_program(${name}): unknown arguments: ${arg_UNPARSED_ARGUMENTS}")
  endif()
  add_executable(${name} ${arg_SOURCES})
  target_include_directories(${name} PRIVATE ${CMAKE_SOURCE_DIR} ${TEMPER_GENERATED_DIR})
  target_link_libraries(${name} PRIVATE ${arg_LIBRARIES} Threads::Threads)
  temper_link_folders(${name} PRIVATE ${arg_DEPENDS})
  temper_use_sanitizer_defaults(${name})
  if(arg_TORCH)
    temper_use_torch(${name} PRIVATE)
  endif()
endfunction()
