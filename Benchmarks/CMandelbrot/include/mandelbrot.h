#pragma once
#include <stdint.h>

/* The limit that Muster's kernel is measured against: escape iterations by hand-written intrinsics, the same operations
   in the same order, so the same counts. Width must be a multiple of 8. Call them only where the processor can. */
void cmandelbrot_avx2(double re, double im, double span, int64_t width, int64_t height, int64_t escape,
                      uint32_t *counts);
void cmandelbrot_avx512(double re, double im, double span, int64_t width, int64_t height, int64_t escape,
                        uint32_t *counts);
int cmandelbrot_has_avx2(void);
int cmandelbrot_has_avx512(void);
