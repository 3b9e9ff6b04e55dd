/*
 * The file that a download becomes. Until it is whole it stands under a temporary name in the same
 * folder, readable by this user alone; `commit` gives it its own name, in one step and safely on
 * disk. The last reference removes what was not committed: so no half file ever has the name, and a
 * process that is killed leaves at most the temporary one. References are counted: its maker has
 * one, the transfer that fills it another. Any thread, one at a time; in a child made by fork() the
 * file is the parent's and left alone.
 */
#ifndef ONEFLOW_TARGET_H
#define ONEFLOW_TARGET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { OF_TARGET_MESSAGE = 384 };

typedef struct of_target of_target;

/* Makes the temporary file. NULL: `message` says why not. */
of_target *of_target_new(const char *path, char message[OF_TARGET_MESSAGE]);
void of_target_ref(of_target *target);
void of_target_unref(of_target *target);

/* From its beginning again. */
bool of_target_rewind(of_target *target);

/* False: see of_target_failure. */
bool of_target_write(of_target *target, const char *bytes, size_t length);
bool of_target_commit(of_target *target);

/* What the last of these met, in words. */
void of_target_failure(const of_target *target, char *message, size_t room);

/* Removes the temporary file now; whoever still writes, writes into nothing. */
void of_target_discard(of_target *target);

#endif
