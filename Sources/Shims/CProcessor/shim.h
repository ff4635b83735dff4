#pragma once

/* Compiler built-ins; they ask the operating system's state too, so that registers it does not save do not count. */
static inline int muster_has_avx2(void) {
#if defined(__x86_64__)
    __builtin_cpu_init();
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
#else
    return 0;
#endif
}

static inline int muster_has_avx512(void) {
#if defined(__x86_64__)
    __builtin_cpu_init();
    return muster_has_avx2() && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq")
        && __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512bw");
#else
    return 0;
#endif
}
