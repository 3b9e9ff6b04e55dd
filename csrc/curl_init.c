#include "curl_init.h"

#include "memory.h"

#include <curl/curl.h>
#include <dlfcn.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* ---- the allocator --------------------------------------------------------------------------- */

/* Precedes each block, because free() does not get the size; keeps the block aligned. */
typedef struct prefix prefix;
struct prefix {
    _Alignas(max_align_t) size_t size;
    prefix *next; /* in a list of kept blocks */
};

static atomic_bool allocator_used;
static atomic_ulong allocation_failures;

/* Each transfer allocates a receive buffer and sometimes an easy handle, blocks so large that
   malloc merges and splits its free memory for each. So some freed blocks are kept, wiped. A thread
   that finds a list busy uses malloc and free instead; so does a child made by fork() while it was
   busy. */
#if defined(__SANITIZE_ADDRESS__)
enum { KEPT_MAX = 0 }; /* keeping blocks would hide a use after free from it */
#else
enum { KEPT_MAX = 64 }; /* for each size */
#endif

static struct kept {
    atomic_flag busy;
    prefix *first;
    int count;
} handles = {.busy = ATOMIC_FLAG_INIT}, receive_buffers = {.busy = ATOMIC_FLAG_INIT};

static atomic_size_t handle_size; /* 0: not known yet */
static atomic_size_t largest;     /* largest block that was requested with calloc */

static bool enter(struct kept *kept) {
    return !atomic_flag_test_and_set_explicit(&kept->busy, memory_order_acquire);
}

static void leave(struct kept *kept) {
    atomic_flag_clear_explicit(&kept->busy, memory_order_release);
}

/* The list of kept blocks of this size; NULL: they are not kept. */
static struct kept *kept_of(size_t size) {
    if (size == OF_RECEIVE + 1)
        return &receive_buffers;
    if (size != 0 && size == atomic_load_explicit(&handle_size, memory_order_relaxed))
        return &handles;
    return NULL;
}

/* A kept block, all zeros; NULL: there is none. */
static prefix *acquire_kept(size_t size) {
    struct kept *kept = kept_of(size);
    if (kept == NULL || !enter(kept))
        return NULL;
    prefix *block = kept->first;
    if (block != NULL) {
        kept->first = block->next;
        kept->count--;
        block->size = size;
    }
    leave(kept);
    return block;
}

/* Keeps a wiped block; false: the caller has to free it. */
static bool release_kept(prefix *block, size_t size) {
    struct kept *kept = kept_of(size);
    if (kept == NULL || !enter(kept))
        return false;
    bool room = kept->count < KEPT_MAX;
    if (room) {
        block->next = kept->first;
        kept->first = block;
        kept->count++;
    }
    leave(kept);
    return room;
}

static void *zeroing_malloc(size_t size) {
    prefix *block = acquire_kept(size);
    if (block != NULL)
        return block + 1;
    if (size > SIZE_MAX - sizeof(prefix))
        return NULL;
    block = malloc(sizeof(prefix) + size);
    if (block == NULL) {
        of_note_allocation_failure();
        return NULL;
    }
    atomic_store_explicit(&allocator_used, true, memory_order_relaxed);
    block->size = size;
    return block + 1;
}

static void zeroing_free(void *pointer) {
    if (pointer == NULL)
        return;
    prefix *block = (prefix *)pointer - 1;
    size_t size = block->size;
    of_wipe(block, sizeof(prefix) + size);
    if (!release_kept(block, size))
        free(block);
}

void *of_zeroing_alloc(size_t size) { return zeroing_malloc(size); }

void of_zeroing_free(void *block) { zeroing_free(block); }

static void *zeroing_realloc(void *pointer, size_t size) {
    if (pointer == NULL)
        return zeroing_malloc(size);
    size_t old = ((prefix *)pointer - 1)->size;
    void *fresh = zeroing_malloc(size);
    if (fresh == NULL)
        return NULL;
    memcpy(fresh, pointer, old < size ? old : size);
    zeroing_free(pointer);
    return fresh;
}

static char *zeroing_strdup(const char *text) {
    size_t size = strlen(text) + 1;
    char *copy = zeroing_malloc(size);
    return copy != NULL ? memcpy(copy, text, size) : NULL;
}

static void *zeroing_calloc(size_t count, size_t size) {
    if (size != 0 && count > SIZE_MAX / size)
        return NULL;
    size *= count;
    prefix *kept = acquire_kept(size);
    if (kept != NULL)
        return kept + 1;
    if (size > atomic_load_explicit(&largest, memory_order_relaxed))
        atomic_store_explicit(&largest, size, memory_order_relaxed);
    void *block = zeroing_malloc(size);
    return block != NULL ? memset(block, 0, size) : NULL;
}

/* ---- initialisation -------------------------------------------------------------------------- */

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static atomic_uint process;
static _Atomic of_zeroing zeroing = OF_ZEROING_FAILED;

static void in_child(void) { atomic_fetch_add(&process, 1); }

/* From now on libcurl uses our allocator and the process our handlers, for ever. So the shared
   object that contains this code must not be unmapped, not even when a host unloads a plugin. In a
   statically linked program no such object is found. */
static void stay_loaded(void) {
    Dl_info self;
    if (dladdr(&zeroing, &self) != 0 && self.dli_fname != NULL)
        (void)dlopen(self.dli_fname, RTLD_LAZY | RTLD_NOLOAD | RTLD_NODELETE);
}

static of_zeroing init(void) {
    static bool watches_forks;
    stay_loaded();
    watches_forks = watches_forks || pthread_atfork(NULL, NULL, in_child) == 0;
    if (!watches_forks ||
        curl_global_init_mem(CURL_GLOBAL_DEFAULT, zeroing_malloc, zeroing_free, zeroing_realloc,
                             zeroing_strdup, zeroing_calloc) != CURLE_OK)
        return OF_ZEROING_FAILED;
    /* libcurl keeps the allocator of its first caller and does not say whose it is: find out by a
       trial. */
    atomic_store(&largest, 0);
    CURL *tried = curl_easy_init();
    if (tried == NULL) {
        curl_global_cleanup();
        return OF_ZEROING_FAILED;
    }
    atomic_store(&handle_size, atomic_load(&largest));
    curl_easy_cleanup(tried);
    return atomic_load(&allocator_used) ? OF_ZEROING_PROCESS : OF_ZEROING_CORE;
}

of_zeroing of_curl_init(void) {
    if (zeroing == OF_ZEROING_FAILED) {
        pthread_mutex_lock(&lock);
        if (zeroing == OF_ZEROING_FAILED) /* no other thread did it, or memory was short */
            zeroing = init();
        pthread_mutex_unlock(&lock);
    }
    return zeroing;
}

unsigned of_process(void) { return atomic_load_explicit(&process, memory_order_relaxed); }

unsigned long of_allocation_failures(void) { return atomic_load(&allocation_failures); }

void of_note_allocation_failure(void) { atomic_fetch_add(&allocation_failures, 1); }
