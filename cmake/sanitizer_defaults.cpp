// Linked into every executable of a sanitizer build: what is known to be reported inside libraries
// that we neither instrument nor own.
extern "C" const char* __lsan_default_suppressions();
extern "C" const char* __tsan_default_suppressions();
extern "C" const char* __tsan_default_options();

// Open MPI and hwloc keep what they allocate at start until the process ends.
extern "C" const char* __lsan_default_suppressions() {
  return "leak:libmpi.so\n"
         "leak:libopen-rte.so\n"
         "leak:libopen-pal.so\n"
         "leak:libhwloc.so\n"
         "leak:libpmix.so\n"
         "leak:mca_\n"
         "leak:vasprintf\n";  // the stack ends here: its callers keep no frame pointers
}

// OpenMP's barriers and Open MPI's progress threads synchronise in ways that the sanitizer can't
// see.
extern "C" const char* __tsan_default_suppressions() {
  return "called_from_lib:libgomp.so\n"
         "called_from_lib:libmpi.so\n"
         "called_from_lib:libopen-rte.so\n"
         "called_from_lib:libopen-pal.so\n"
         "called_from_lib:libtorch_cpu.so\n"
         "race:libgomp.so\n"
         "race:libmpi.so\n"
         "race:libopen-rte.so\n"
         "race:libopen-pal.so\n"
         "race:mca_\n"
         "race:libtorch_cpu.so\n"
         "deadlock:libmpi.so\n"
         "deadlock:libopen-rte.so\n"
         "deadlock:libopen-pal.so\n"
         "deadlock:mca_\n";
}

// Libraries opened later can't be matched by called_from_lib, and uninstrumented code isn't our
// race.
extern "C" const char* __tsan_default_options() {
  return "ignore_noninstrumented_modules=1";
}

#ifdef __SANITIZE_ADDRESS__
extern "C" int dlclose(void* library);

// Open MPI unloads its plugins, after which their leaks have no name to suppress by. Nothing of
// ours unloads a library.
extern "C" int dlclose(void*) {
  return 0;
}
#endif
