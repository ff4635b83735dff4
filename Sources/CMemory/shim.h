#pragma once
#include <malloc.h>

/* glibc's own, in no module of the toolchain. */
static inline void muster_give_back_memory(void) { malloc_trim(0); }
