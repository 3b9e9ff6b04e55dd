/*
 * A libcurl easy handle, which carries one transfer, and later further ones where that is safe; and
 * its callbacks (receive.h handles what they receive). Used by the thread that drives it. Its
 * connections are those of the curl_multi. Neither this file nor those below it call Lua: a
 * callback stores a reason and ends the transfer.
 */
#ifndef ONEFLOW_EASY_H
#define ONEFLOW_EASY_H

#include "connection.h"
#include "transfer.h"

/* libcurl caches the CA file for a day. The cached copy may be incomplete (libcurl lacked memory
   while reading), or the file may have been replaced since. So the cache is off after a failed TLS
   handshake, until a handshake succeeds; the next new connection reads the file once more and
   caches it again. */
typedef enum of_trust { OF_TRUST, OF_TRUST_NEW, OF_TRUST_NONE, OF_TRUSTS } of_trust;

/* State shared by the easy handles of one curl_multi. The code that drives the curl_multi keeps it
   up to date. */
typedef struct of_easy_context {
    int share;      /* index of this curl_multi's share in of_owner.shares */
    long long now;  /* of_now() at the beginning of the step */
    of_trust trust; /* whether libcurl may use its cached CA file */
    of_connections connections;
} of_easy_context;

/* The transfer that an easy handle carries; NULL: libcurl does not say. */
of_transfer *of_easy_transfer(CURL *handle);

/* An idle easy handle of the owner's share, or a new one. NULL: no memory, or libcurl lacks a
   required option. */
of_easy *of_easy_acquire(of_owner *owner, of_easy_context *context);

/* Makes the easy handle idle, without anything of this transfer. Frees it instead if the transfer
   failed, or with a libcurl that could mix data of two answers (see `quirks` in easy.c). */
void of_easy_release(of_owner *owner, of_easy_context *context, of_easy *easy, bool good);
void of_easy_free(of_easy *easy);

/* Sets all options that depend on the request. False: no memory; the handle is in an unknown state
   and can only be freed. */
bool of_easy_set_up(of_easy *easy, of_transfer *transfer);

/* The connect timeout is over. Extends libcurl's own, so that what has already arrived is still
   read. */
void of_easy_keep_connecting(of_easy *easy);

/* Has its request not been sent yet? */
bool of_easy_connects(CURL *handle);

/* The handle lost a socket before its request was sent. Some versions of libcurl then do not ask to
   be called for the next address -> true: of_easy_go_on has to call it. */
bool of_easy_stalled(CURL *handle);
/* False: libcurl failed. */
bool of_easy_go_on(of_easy *easy);

/* Resumes a transfer that was paused because nobody had read the received data. False: libcurl
   failed. */
bool of_easy_resume(of_easy *easy);

CURL *of_easy_handle(of_easy *easy);

/* Reads libcurl's information about an ended transfer into the transfer -> its kind, and a message
   of at most `room` bytes. */
of_kind of_easy_read_result(of_easy *easy, CURLcode code, char *message, size_t room);

#endif
