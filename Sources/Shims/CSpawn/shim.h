#pragma once
#include <sys/prctl.h>
#include <spawn.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <unistd.h>

// Of glibc 2.29, 2.34, 2.9 and 2.27, but declared only under _GNU_SOURCE, which Swift's Glibc module does not set.
extern int posix_spawn_file_actions_addchdir_np(posix_spawn_file_actions_t *actions, const char *path);
extern int posix_spawn_file_actions_addclosefrom_np(posix_spawn_file_actions_t *actions, int from);
extern int pipe2(int descriptors[2], int flags);
extern int memfd_create(const char *name, unsigned int flags);

// glibc before 2.36 has no wrapper, and syscall() takes variable arguments. Linux 5.3. The descriptor closes on exec.
static inline int muster_pidfd_open(pid_t pid) {
    return (int)syscall(SYS_pidfd_open, pid, 0);
}

static inline int muster_pidfd_send_signal(int descriptor, int signal) {
    return (int)syscall(SYS_pidfd_send_signal, descriptor, signal, 0, 0);
}

/* prctl(2) is variadic: from now on what descendants leave behind becomes this process's own child. */
static inline int muster_become_subreaper(void) { return prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); }
