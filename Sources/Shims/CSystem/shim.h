#pragma once
#include <linux/sched.h>
#include <linux/sched/types.h>
#include <malloc.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

/* glibc's own, in no module of the toolchain. */
static inline void muster_give_back_memory(void) { malloc_trim(0); }

/* All of a file system to the disk; 0, or -1 with errno. Its wrapper is behind _GNU_SOURCE. */
static inline int muster_sync_file_system(int file) { return (int)syscall(SYS_syncfs, file); }

/* The calling thread's time slice; 0: the system's own. syscall(2) is variadic, and this glibc has no sched_setattr. */
static inline void muster_set_time_slice(unsigned long long nanoseconds) {
    struct sched_attr attributes = {.size = SCHED_ATTR_SIZE_VER0, .sched_policy = SCHED_NORMAL};
    attributes.sched_nice = getpriority(PRIO_PROCESS, 0);
    attributes.sched_runtime = nanoseconds;
    syscall(SYS_sched_setattr, 0, &attributes, 0u);
}

static inline unsigned long long muster_time_slice(void) {
    struct sched_attr attributes = {.size = SCHED_ATTR_SIZE_VER0};
    return syscall(SYS_sched_getattr, 0, &attributes, sizeof attributes, 0u) == 0 ? attributes.sched_runtime : 0;
}

/* The beginning of dl_phdr_info, dl_iterate_phdr(3). link.h is in no module of the toolchain, and what it needs to be defined
   before it changes what other headers say. */
struct muster_library {
    unsigned long address;
    const char *name;
};

extern int muster_iterate_libraries(
    int (*take)(struct muster_library *library, size_t size, void *context), void *context) __asm__("dl_iterate_phdr");

/* As tools show the calling thread; 15 bytes of it. prctl(2) is variadic. */
static inline void muster_name_thread(const char *name) { prctl(PR_SET_NAME, name); }

/* How many processors the process may run on, 0 where the system does not tell: the raw call, which says how much it wrote, as
   cpu_set_t is too small for some machines and behind _GNU_SOURCE. */
static inline int muster_allowed_processors(void) {
    unsigned long set[1024];
    long bytes = syscall(SYS_sched_getaffinity, 0, sizeof set, set);
    int count = 0;
    for (long i = 0; i < bytes / (long)sizeof set[0]; i++) count += __builtin_popcountl(set[i]);
    return count;
}

/* The commit that the program was built from: 40 bytes behind a mark, dots where nobody wrote any. Scripts/build writes it into the
   linked file, so that another commit compiles nothing again; volatile, as the compiler must not know it. */
static inline char muster_commit_byte(int at) {
    static const volatile char stamp[] = "muster-commit:........................................";
    return at >= 0 && at < 40 ? stamp[sizeof "muster-commit:" - 1 + at] : '.';
}
