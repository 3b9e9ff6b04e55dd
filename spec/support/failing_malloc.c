/*
 * Preloaded into the process of a spec, with glibc: makes allocations fail, counted from a given
 * moment on.
 *
 *   FAILING_MALLOC=first:count:threads  arms it at the start of the process, see below
 *   FAILING_MALLOC_SKIP=name,...        shared objects whose allocations are neither counted nor
 *                                       failed, by the beginning of their file's name; "main" is
 *                                       the program
 *
 * Without the second, "main,liblua,libluajit,libgcc" are skipped: Lua's own allocations are tested
 * separately, and LuaJIT's compiler crashes in libgcc. The process arms it with failing_malloc_arm,
 * or from Lua, with this file as a module.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <lauxlib.h>
#include <link.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t count, size_t size);
extern void *__libc_realloc(void *block, size_t size);

enum { ALL, OWN, OTHERS }; /* which threads: all, only the arming one, all others */
enum { RANGES_MAX = 64 };

static struct {
    uintptr_t from;
    uintptr_t to;
} skipped[RANGES_MAX];
static size_t skipped_count;

static atomic_long first, last; /* numbers of the allocations to fail; 0: none */
static atomic_long counted;
static atomic_int threads;
static pthread_t own;

static int skip_object(struct dl_phdr_info *object, size_t size, void *context) {
    (void)size;
    char list[256];
    char *rest = NULL;
    strncpy(list, context, sizeof list - 1);
    list[sizeof list - 1] = '\0';
    bool is_main = object->dlpi_name[0] == '\0';
    /* Compares only the file's own name: the tree may be in a folder named main. */
    const char *slash = strrchr(object->dlpi_name, '/');
    const char *file = is_main ? "main" : slash != NULL ? slash + 1 : object->dlpi_name;
    bool skip = false;
    for (char *name = strtok_r(list, ",", &rest); name != NULL; name = strtok_r(NULL, ",", &rest)) {
        skip = skip || strncmp(file, name, strlen(name)) == 0;
    }
    for (int i = 0; skip && i < object->dlpi_phnum; i++) {
        const ElfW(Phdr) *part = &object->dlpi_phdr[i];
        if (part->p_type == PT_LOAD && (part->p_flags & PF_X) && skipped_count < RANGES_MAX) {
            skipped[skipped_count].from = object->dlpi_addr + part->p_vaddr;
            skipped[skipped_count++].to = object->dlpi_addr + part->p_vaddr + part->p_memsz;
        }
    }
    return 0;
}

void failing_malloc_arm(long from, long count, int which);
long failing_malloc_counted(void);

/* Makes the allocations number `from` to `from + count - 1`, counted from now on, fail; all from
   `from` on if `count` is -1. `from` 0 disarms it; the count so far can still be read. */
void failing_malloc_arm(long from, long count, int which) {
    atomic_store(&first, 0);
    if (from == 0)
        return;
    const char *names = getenv("FAILING_MALLOC_SKIP");
    skipped_count = 0;
    dl_iterate_phdr(skip_object,
                    (void *)(uintptr_t)(names != NULL ? names : "main,liblua,libluajit,libgcc"));
    own = pthread_self();
    atomic_store(&threads, which);
    atomic_store(&counted, 0);
    atomic_store(&last, count < 0 ? INT64_MAX : from + count - 1);
    atomic_store(&first, from);
}

long failing_malloc_counted(void) { return atomic_load(&counted); }

static __attribute__((constructor)) void arm_from_environment(void) {
    const char *text = getenv("FAILING_MALLOC");
    if (text == NULL)
        return;
    char *end = NULL;
    long from = strtol(text, &end, 10);
    long count = *end == ':' ? strtol(end + 1, &end, 10) : 1;
    failing_malloc_arm(from, count, *end == ':' ? (int)strtol(end + 1, &end, 10) : ALL);
}

static bool fails(const void *caller) {
    long from = atomic_load(&first);
    if (from == 0)
        return false;
    int which = atomic_load(&threads);
    if (which != ALL && (which == OWN) != (pthread_equal(own, pthread_self()) != 0))
        return false;
    for (size_t i = 0; i < skipped_count; i++) {
        if ((uintptr_t)caller >= skipped[i].from && (uintptr_t)caller < skipped[i].to)
            return false;
    }
    long number = atomic_fetch_add(&counted, 1) + 1;
    if (number < from || number > atomic_load(&last))
        return false;
    errno = ENOMEM;
    return true;
}

void *malloc(size_t size) {
    return fails(__builtin_return_address(0)) ? NULL : __libc_malloc(size);
}

void *calloc(size_t count, size_t size) {
    return fails(__builtin_return_address(0)) ? NULL : __libc_calloc(count, size);
}

void *realloc(void *block, size_t size) {
    return fails(__builtin_return_address(0)) ? NULL : __libc_realloc(block, size);
}

/* arm(from, count, "all" | "own" | "others") */
static int l_arm(lua_State *L) {
    static const char *const names[] = {"all", "own", "others", NULL};
    failing_malloc_arm((long)luaL_checkinteger(L, 1), (long)luaL_optinteger(L, 2, 1),
                       luaL_checkoption(L, 3, "all", names));
    return 0;
}

/* disarm() -> the number of allocations counted */
static int l_disarm(lua_State *L) {
    failing_malloc_arm(0, 0, ALL);
    lua_pushinteger(L, (lua_Integer)failing_malloc_counted());
    return 1;
}

int luaopen_failing_malloc(lua_State *L);

int luaopen_failing_malloc(lua_State *L) {
    lua_newtable(L);
    lua_pushcfunction(L, l_arm);
    lua_setfield(L, -2, "arm");
    lua_pushcfunction(L, l_disarm);
    lua_setfield(L, -2, "disarm");
    return 1;
}
