#pragma once
#include <zlib.h>

/* deflateInit2 is a macro. Raw deflate: no header, no checksum, both of which are the picture's, not the strip's. */
static inline int muster_deflate_init(z_stream *stream, int level, int strategy) {
    return deflateInit2(stream, level, Z_DEFLATED, -15, 9, strategy);
}

/* The same macro: gzip's header and checksum. */
static inline int muster_gzip_init(z_stream *stream, int level) {
    return deflateInit2(stream, level, Z_DEFLATED, 15 + 16, 9, Z_DEFAULT_STRATEGY);
}
