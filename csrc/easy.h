/*
 * A libcurl easy handle that carries one transfer, or after it another where that is safe, and its
 * callbacks (what they do with an answer: receive.h). Used by the thread that drives it.
 * Its connections are those of the curl_multi. No Lua here, and none below: a callback notes a
 * reason and cuts the transfer short.
 */
#ifndef ONEFLOW_EASY_H
#define ONEFLOW_EASY_H

#include "connection.h"
#include "transfer.h"

/* libcurl keeps the CA file as it read it, for a day: also one that it read without enough memory,
   or that was replaced since. So after a handshake that failed it does not, until one succeeds;
   that one's successor reads it once more. */
typedef enum of_trust { OF_TRUST, OF_TRUST_NEW, OF_TRUST_NONE, OF_TRUSTS } of_trust;

/* What the easy handles of one curl_multi have in common, and whoever drives it keeps up to date.
 */
typedef struct of_easy_context {
    int share;      /* which of an owner's is that of this curl_multi */
    long long now;  /* of_now() at the beginning of the step */
    of_trust trust; /* in what libcurl kept of the CA file */
    of_connections connections;
} of_easy_context;

/* The transfer that a finished easy handle carried; NULL: it does not tell. */
of_transfer *of_easy_transfer(CURL *handle);

/* An idle one of the owner's share, or a new one; NULL: no memory, or a libcurl that lacks an
   option that this library needs. */
of_easy *of_easy_acquire(of_owner *owner, of_easy_context *context);

/* Gives it back, so that its next transfer finds nothing of this one. One that met a failure is not
   used again, and none is where libcurl would mix two answers. */
void of_easy_release(of_owner *owner, of_easy_context *context, of_easy *easy, bool good);
void of_easy_free(of_easy *easy);

/* Sets all that is the request's own. False: no memory; what is set now is not known, so that it
   can only be freed. */
bool of_easy_set_up(of_easy *easy, of_transfer *transfer);

/* The time for connecting is up: what has come is read nevertheless. */
void of_easy_keep_connecting(of_easy *easy);

/* Its request did not go out yet. */
bool of_easy_connects(CURL *handle);

/* It lost a socket before its request went out: some versions of libcurl then have to be called for
   its next address, without a word of theirs -> that is to be done, by of_easy_go_on. */
bool of_easy_stands_still(CURL *handle);
/* False: libcurl failed. */
bool of_easy_go_on(of_easy *easy);

/* Goes on with a transfer that was paused, as nobody had read what came. False: libcurl failed. */
bool of_easy_resume(of_easy *easy);

CURL *of_easy_handle(of_easy *easy);

/* Reads what libcurl knows of an ended transfer into it -> its kind, and words of at most `room`
   bytes. */
of_kind of_easy_read_result(of_easy *easy, CURLcode code, char *message, size_t room);

#endif
