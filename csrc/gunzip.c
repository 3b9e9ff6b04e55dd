#include "gunzip.h"

#include "curl_init.h"

#include <limits.h>
#include <stdlib.h>
#include <zlib.h>

enum {
    PIECE = 8 * 1024,
    GZIP_ALONE = 16 + MAX_WBITS, /* gzip only: the zlib format is not accepted */
};

struct of_gunzip {
    z_stream stream;
    bool ended;
};

static voidpf allocate(voidpf unused, uInt count, uInt size) {
    (void)unused;
    return of_zeroing_alloc((size_t)count * size); /* both fit 32 bits, or are small */
}

static void release(voidpf unused, voidpf block) {
    (void)unused;
    of_zeroing_free(block);
}

of_gunzip *of_gunzip_new(void) {
    of_gunzip *gunzip = calloc(1, sizeof *gunzip);
    if (gunzip == NULL)
        return NULL;
    gunzip->stream.zalloc = allocate;
    gunzip->stream.zfree = release;
    if (inflateInit2(&gunzip->stream, GZIP_ALONE) != Z_OK) {
        free(gunzip);
        return NULL;
    }
    return gunzip;
}

void of_gunzip_free(of_gunzip *gunzip) {
    if (gunzip == NULL)
        return;
    (void)inflateEnd(&gunzip->stream);
    free(gunzip);
}

of_gunzipped of_gunzip_write(of_gunzip *gunzip, const char *bytes, size_t length,
                             bool (*emit)(void *context, const char *bytes, size_t length),
                             void *context) {
    z_stream *stream = &gunzip->stream;
    char piece[PIECE];
    stream->next_in = (z_const Bytef *)bytes;
    stream->avail_in = (uInt)length; /* libcurl's pieces are small */
    do {
        if (gunzip->ended)
            return stream->avail_in > 0 ? OF_GUNZIP_TRAILING : OF_GUNZIP_GOOD;
        stream->next_out = (Bytef *)piece;
        stream->avail_out = PIECE;
        int code = inflate(stream, Z_NO_FLUSH);
        size_t got = PIECE - stream->avail_out;
        if (got > 0 && !emit(context, piece, got))
            return OF_GUNZIP_STOPPED;
        if (code == Z_MEM_ERROR)
            return OF_GUNZIP_MEMORY;
        if (code != Z_OK && code != Z_STREAM_END && code != Z_BUF_ERROR) /* the last: needs input */
            return OF_GUNZIP_BAD;
        gunzip->ended = code == Z_STREAM_END;
    } while (stream->avail_in > 0 || stream->avail_out == 0);
    return OF_GUNZIP_GOOD;
}

bool of_gunzip_ended(const of_gunzip *gunzip) { return gunzip->ended; }
