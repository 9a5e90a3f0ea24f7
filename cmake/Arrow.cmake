# temper::arrow: Arrow's C++ library with Parquet, for io/input/parquet_reader. Optional: found in
# CMAKE_PREFIX_PATH (a system's or a module's Arrow) or in .deps/arrow (./bootstrap.sh --parquet).

option(TEMPER_PARQUET "Read Parquet files when Arrow's C++ library is found" ON)
set(TEMPER_ARROW_MINIMUM 26)  # the first tested; it bounds the depth of a hostile file's schema
set(TEMPER_ARROW_TEXT "none: Parquet files are not read (./bootstrap.sh --parquet)")

function(temper_find_arrow)
  find_package(Parquet ${TEMPER_ARROW_MINIMUM} QUIET CONFIG)
  if(TARGET Parquet::parquet_shared)
    add_library(temper_arrow_dependency INTERFACE)
    target_link_libraries(temper_arrow_dependency INTERFACE Parquet::parquet_shared Arrow::arrow_shared)
    add_library(temper::arrow ALIAS temper_arrow_dependency)
    set(TEMPER_ARROW_TEXT "${Parquet_VERSION}, ${Parquet_DIR}" PARENT_SCOPE)
    return()
  endif()
  # The wheel has no CMake package and only names with a version: libarrow.so.2600.
  set(home ${CMAKE_SOURCE_DIR}/.deps/arrow/pyarrow)
  file(GLOB arrow ${home}/libarrow.so.[0-9]*)
  file(GLOB parquet ${home}/libparquet.so.[0-9]*)
  if(NOT arrow OR NOT parquet)
    return()
  endif()
  add_library(temper_arrow_dependency INTERFACE)
  target_include_directories(temper_arrow_dependency SYSTEM INTERFACE ${home}/include)
  target_link_libraries(temper_arrow_dependency INTERFACE ${parquet} ${arrow})
  target_link_options(temper_arrow_dependency INTERFACE -Wl,-rpath,${home})
  add_library(temper::arrow ALIAS temper_arrow_dependency)
  set(TEMPER_ARROW_TEXT "${arrow}" PARENT_SCOPE)
endfunction()

if(TEMPER_PARQUET)
  temper_find_arrow()
endif()
