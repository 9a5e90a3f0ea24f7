# `cmake --install BUILD --prefix DIR`: a prefix that can be moved or copied to another machine of the
# same system, with LibTorch in it; MPI, HDF5 and the small libraries stay the system's or a module's.
#   bin/                     temper, temper-rank
#   lib/temper/              LibTorch and what it brings along
#   share/modulefiles/       for `module use`
#   share/man/man1/          temper.1, temper-COMMAND.1
#   share/bash-completion/, share/zsh/, share/fish/
#                            found by the shells by themselves where the prefix is /usr or /usr/local
#   share/doc/temper/

include(GNUInstallDirs)
set(TEMPER_INSTALL_LIBDIR lib/temper)

install(TARGETS temper temper-rank RUNTIME DESTINATION bin)
# Beside the programs, wherever that is; then where the libraries were at build time.
set_target_properties(temper temper-rank PROPERTIES
  INSTALL_RPATH "$ORIGIN/../${TEMPER_INSTALL_LIBDIR}" INSTALL_RPATH_USE_LINK_PATH ON)

# What temper-rank loads out of LibTorch's folder, or beside it; not the system's.
cmake_path(GET TEMPER_TORCH_HOME PARENT_PATH torch_root)
install(CODE "
  file(GET_RUNTIME_DEPENDENCIES EXECUTABLES \"$<TARGET_FILE:temper-rank>\" \"$<TARGET_FILE:temper>\"
    RESOLVED_DEPENDENCIES_VAR found UNRESOLVED_DEPENDENCIES_VAR missing
    PRE_EXCLUDE_REGEXES \"^ld-linux\" POST_INCLUDE_REGEXES \"^${torch_root}/\" POST_EXCLUDE_REGEXES \"^/\")
  foreach(library \${found})
    file(INSTALL \${library} DESTINATION \"\${CMAKE_INSTALL_PREFIX}/${TEMPER_INSTALL_LIBDIR}\" FOLLOW_SYMLINK_CHAIN)
  endforeach()
  set(temper \"$<TARGET_FILE:temper>\")
  set(share \"\$ENV{DESTDIR}\${CMAKE_INSTALL_PREFIX}/share\")
  function(write_output path)
    execute_process(COMMAND \${temper} \${ARGN} OUTPUT_VARIABLE text COMMAND_ERROR_IS_FATAL ANY)
    file(WRITE \"\${share}/\${path}\" \"\${text}\")
  endfunction()
  write_output(bash-completion/completions/temper completion bash)
  write_output(zsh/site-functions/_temper completion zsh)
  write_output(fish/vendor_completions.d/temper.fish completion fish)
  write_output(man/man1/temper.1 help --as man)
  execute_process(COMMAND \${temper} help --as names OUTPUT_VARIABLE names
    OUTPUT_STRIP_TRAILING_WHITESPACE COMMAND_ERROR_IS_FATAL ANY)
  string(REPLACE \"\\n\" \";\" commands \"\${names}\")
  foreach(command \${commands})
    write_output(man/man1/temper-\${command}.1 help \${command} --as man)
  endforeach()
")

configure_file(${CMAKE_SOURCE_DIR}/cmake/modulefile.in ${CMAKE_BINARY_DIR}/modulefile @ONLY)
install(FILES ${CMAKE_BINARY_DIR}/modulefile DESTINATION share/modulefiles/temper RENAME ${PROJECT_VERSION})
install(FILES README.md LICENSE CHANGELOG.md DESTINATION share/doc/temper)
install(DIRECTORY docs/ DESTINATION share/doc/temper PATTERN results EXCLUDE)
install(DIRECTORY examples DESTINATION share/doc/temper)
install(FILES slurm/README.md slurm/train.sbatch.in DESTINATION share/doc/temper/slurm)
