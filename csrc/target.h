/*
 * The file that a download is written to. Until it is complete it has a temporary name in the same
 * folder, and only this user may read it. `commit` gives it its final name, atomically and synced
 * to disk. The last reference removes an uncommitted file. So no incomplete file ever has the final
 * name, and a killed process leaves at most the temporary file. References are counted: the creator
 * holds one, and so does the transfer that fills it. Any thread, one at a time. In a child made by
 * fork() the file belongs to the parent and is not touched.
 */
#ifndef ONEFLOW_TARGET_H
#define ONEFLOW_TARGET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { OF_TARGET_MESSAGE = 384 };

typedef struct of_target of_target;

/* Creates the temporary file. NULL: `message` says why not. */
of_target *of_target_new(const char *path, char message[OF_TARGET_MESSAGE]);
void of_target_ref(of_target *target);
void of_target_unref(of_target *target);

/* Discards what was written, to start again from the beginning. */
bool of_target_rewind(of_target *target);

/* False: see of_target_failure. */
bool of_target_write(of_target *target, const char *bytes, size_t length);
bool of_target_commit(of_target *target);

/* Describes the last failure of these functions. */
void of_target_failure(const of_target *target, char *message, size_t room);

/* Removes the temporary file now; later writes have no effect on any file. */
void of_target_discard(of_target *target);

#endif
