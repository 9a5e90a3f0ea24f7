# The `layering` test: every #include against the DEPENDS that add_module recorded.
if(BUILD_TESTING)
  add_test(NAME layering COMMAND ${CMAKE_COMMAND} -DSOURCE_DIR=${CMAKE_SOURCE_DIR}
    -DRECORD_DIR=${TEMPER_LAYERING_DIR} -P ${CMAKE_SOURCE_DIR}/cmake/check_layering.cmake)
endif()
