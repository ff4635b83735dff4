#include "mandelbrot.h"

#if defined(__x86_64__)
#include <immintrin.h>

int cmandelbrot_has_avx2(void) { return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"); }
int cmandelbrot_has_avx512(void) {
    return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") && cmandelbrot_has_avx2();
}

#define SLOTS 6
#define BLOCK 8
#define EACH for (int k = 0; k < SLOTS; k++)

/* A vector of pixels on its way; lanes that are done stand at zero. */
#define DEFINE_KERNEL(NAME, TARGET, LANES, VEC, LOAD_RAMP, SET1, ADD, MUL, FMA, FNMA, GT4, ANY_NEAR, KEEP, ZERO, STORE)\
    typedef struct {                                                                                                   \
        VEC zr, zi, cr, ci;                                                                                            \
        unsigned running;                                                                                              \
        int news;                                                                                                      \
        int64_t steps, place;                                                                                          \
    } NAME##_slot;                                                                                                     \
                                                                                                                       \
    TARGET static inline void NAME##_rest(NAME##_slot *s) {                                                            \
        s->zr = KEEP(s->zr, s->running), s->zi = KEEP(s->zi, s->running);                                              \
        s->cr = KEEP(s->cr, s->running), s->ci = KEEP(s->ci, s->running);                                              \
    }                                                                                                                  \
                                                                                                                       \
    /* Up to a block of steps, looking at each. */                                                                     \
    TARGET static inline void NAME##_closely(NAME##_slot *s, int64_t escape, uint32_t *counts) {                       \
        VEC zr = s->zr, zi = s->zi, cr = s->cr, ci = s->ci, one = SET1(1), survived = ZERO;                            \
        unsigned running = s->running;                                                                                 \
        int64_t begin = s->steps, end = begin + BLOCK < escape ? begin + BLOCK : escape;                               \
        for (int64_t step = begin; step < end; step++) {                                                               \
            VEC t = FNMA(zi, zi, cr);                                                                                  \
            zi = FMA(ADD(zr, zr), zi, ci), zr = FMA(zr, zr, t);                                                        \
            running &= ~GT4(FMA(zr, zr, MUL(zi, zi)));                                                                 \
            survived = ADD(survived, KEEP(one, running));                                                              \
        }                                                                                                              \
        double each[LANES];                                                                                            \
        STORE(each, survived);                                                                                         \
        for (unsigned out = s->running & ~running; out; out &= out - 1) {                                              \
            int lane = __builtin_ctz(out);                                                                             \
            counts[s->place + lane] = (uint32_t)(begin + 1 + (int64_t)each[lane]);                                     \
        }                                                                                                              \
        s->zr = zr, s->zi = zi, s->news = 0, s->steps = end;                                                           \
        s->running = end == escape ? 0 : running;                                                                      \
        NAME##_rest(s);                                                                                                \
    }                                                                                                                  \
                                                                                                                       \
    TARGET static int NAME##_refill(NAME##_slot *s, int64_t *next, double re, double im, double step, int64_t width,   \
                                    int64_t height, uint32_t *counts) {                                                \
        for (; *next < width * height;) {                                                                              \
            int64_t x = *next % width, y = *next / width;                                                              \
            s->cr = FMA(ADD(LOAD_RAMP, SET1(x + 0.5 - width / 2.0)), SET1(step), SET1(re));                            \
            s->ci = FMA(SET1(height / 2.0 - y - 0.5), SET1(step), SET1(im));                                           \
            s->zr = s->cr, s->zi = s->ci, s->steps = 1, s->place = *next, s->news = 0;                                 \
            unsigned out = GT4(FMA(s->zr, s->zr, MUL(s->zi, s->zi)));                                                  \
            for (int lane = 0; lane < LANES; lane++) counts[*next + lane] = out >> lane & 1;                           \
            s->running = ~out & ((1u << LANES) - 1);                                                                   \
            *next += LANES;                                                                                            \
            NAME##_rest(s);                                                                                            \
            if (s->running) return 1;                                                                                  \
        }                                                                                                              \
        s->place = -1, s->running = 0, s->news = 0;                                                                    \
        s->zr = s->zi = s->cr = s->ci = ZERO;                                                                          \
        return 0;                                                                                                      \
    }                                                                                                                  \
                                                                                                                       \
    TARGET static int64_t NAME##_run(NAME##_slot *s, int64_t blocks) {                                                 \
        VEC zr[SLOTS], zi[SLOTS];                                                                                      \
        _Pragma("GCC unroll 8") EACH zr[k] = s[k].zr, zi[k] = s[k].zi;                                                 \
        for (int64_t made = 0; made < blocks; made++) {                                                                \
            _Pragma("GCC unroll 8") EACH s[k].zr = zr[k], s[k].zi = zi[k];                                             \
            _Pragma("GCC unroll 8") for (int i = 0; i < BLOCK; i++) {                                                  \
                _Pragma("GCC unroll 8") EACH {                                                                         \
                    VEC t = FNMA(zi[k], zi[k], s[k].cr);                                                               \
                    zi[k] = FMA(ADD(zr[k], zr[k]), zi[k], s[k].ci), zr[k] = FMA(zr[k], zr[k], t);                      \
                }                                                                                                      \
            }                                                                                                          \
            unsigned near = 0, masks[SLOTS];                                                                           \
            _Pragma("GCC unroll 8") EACH {                                                                             \
                VEC rest = FNMA(zr[k], zr[k], FNMA(zi[k], zi[k], SET1(4 - 0x1p-20)));                                  \
                near |= masks[k] = ANY_NEAR(rest);                                                                     \
            }                                                                                                          \
            if (__builtin_expect(near, 0)) {                                                                           \
                _Pragma("GCC unroll 8") EACH {                                                                         \
                    if (masks[k]) s[k].news = 1;                                                                       \
                    else s[k].zr = zr[k], s[k].zi = zi[k], s[k].steps += BLOCK;                                        \
                }                                                                                                      \
                return made;                                                                                           \
            }                                                                                                          \
        }                                                                                                              \
        _Pragma("GCC unroll 8") EACH s[k].zr = zr[k], s[k].zi = zi[k];                                                 \
        return blocks;                                                                                                 \
    }                                                                                                                  \
                                                                                                                       \
    TARGET void NAME(double re, double im, double span, int64_t width, int64_t height, int64_t escape,                 \
                     uint32_t *counts) {                                                                               \
        double step = span / width;                                                                                    \
        NAME##_slot s[SLOTS];                                                                                          \
        int64_t next = 0, busy = 0;                                                                                    \
        EACH busy += NAME##_refill(s + k, &next, re, im, step, width, height, counts);                                 \
        while (busy) {                                                                                                 \
            int64_t blocks = INT64_MAX;                                                                                \
            EACH if (s[k].place >= 0 && (escape - s[k].steps) / BLOCK < blocks) blocks = (escape - s[k].steps) / BLOCK;\
            int64_t made = NAME##_run(s, blocks);                                                                      \
            EACH {                                                                                                     \
                if (s[k].place < 0) continue;                                                                          \
                s[k].steps += made * BLOCK;                                                                            \
                if (!s[k].news && s[k].steps + BLOCK <= escape) continue;                                              \
                NAME##_closely(s + k, escape, counts);                                                                 \
                if (!s[k].running) busy -= !NAME##_refill(s + k, &next, re, im, step, width, height, counts);          \
            }                                                                                                          \
        }                                                                                                              \
    }

#define T2 __attribute__((target("avx2,fma")))
#define GT4_2(v) ((unsigned)_mm256_movemask_pd(_mm256_cmp_pd(v, _mm256_set1_pd(4), _CMP_GT_OQ)))
#define SIGN_2(v) ((unsigned)_mm256_movemask_pd(v))
T2 static inline __m256d keep2(__m256d v, unsigned lanes) {
    __m256i bits = _mm256_and_si256(_mm256_set1_epi64x(lanes), _mm256_setr_epi64x(1, 2, 4, 8));
    return _mm256_and_pd(v, _mm256_castsi256_pd(_mm256_cmpgt_epi64(bits, _mm256_setzero_si256())));
}
DEFINE_KERNEL(cmandelbrot_avx2, T2, 4, __m256d, _mm256_setr_pd(0, 1, 2, 3), _mm256_set1_pd, _mm256_add_pd, _mm256_mul_pd,
              _mm256_fmadd_pd, _mm256_fnmadd_pd, GT4_2, SIGN_2, keep2, _mm256_setzero_pd(), _mm256_storeu_pd)

#define T5 __attribute__((target("avx512f,avx512dq,avx2,fma")))
#define GT4_5(v) ((unsigned)_mm512_cmp_pd_mask(v, _mm512_set1_pd(4), _CMP_GT_OQ))
#define SIGN_5(v) ((unsigned)_mm512_movepi64_mask(_mm512_castpd_si512(v)))
#define KEEP_5(v, lanes) _mm512_maskz_mov_pd((__mmask8)(lanes), v)
DEFINE_KERNEL(cmandelbrot_avx512, T5, 8, __m512d, _mm512_setr_pd(0, 1, 2, 3, 4, 5, 6, 7), _mm512_set1_pd, _mm512_add_pd,
              _mm512_mul_pd, _mm512_fmadd_pd, _mm512_fnmadd_pd, GT4_5, SIGN_5, KEEP_5, _mm512_setzero_pd(), _mm512_storeu_pd)
#else
int cmandelbrot_has_avx2(void) { return 0; }
int cmandelbrot_has_avx512(void) { return 0; }
void cmandelbrot_avx2(double re, double im, double span, int64_t width, int64_t height, int64_t escape,
                      uint32_t *counts) {}
void cmandelbrot_avx512(double re, double im, double span, int64_t width, int64_t height, int64_t escape,
                        uint32_t *counts) {}
#endif
