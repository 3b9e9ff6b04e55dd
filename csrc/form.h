/*
 * A multipart/form-data body with one file: the preamble, the file's bytes from memory or from a
 * descriptor, and the epilogue. After of_form_seal it never changes and its length is fixed. The
 * reader passes the position, so several attempts may read it at the same time. References are
 * counted: the creator holds one, and so does each transfer that sends it. Any thread, once sealed.
 */
#ifndef ONEFLOW_FORM_H
#define ONEFLOW_FORM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct of_form of_form;

/* NULL: no memory, or no random numbers for the boundary. */
of_form *of_form_new(void);
void of_form_ref(of_form *form);
void of_form_unref(of_form *form);

/* Add the parts in order, the file last. `name` is a constant of the library. */
void of_form_field(of_form *form, const char *name, const char *value, size_t length);
void of_form_file(of_form *form, const char *name, const char *file_name, size_t length,
                  const char *content_type);

/* Sets the file's contents; call one of the two. Returns NULL, or what is wrong. */
const char *of_form_open(of_form *form, const char *path);
const char *of_form_content(of_form *form, const char *bytes, size_t length);

/* Completes the form. False: no memory. */
bool of_form_seal(of_form *form);

uint64_t of_form_file_size(const of_form *form);
uint64_t of_form_length(const of_form *form);
const char *of_form_content_type(const of_form *form); /* value of the header */

/* Copies at most `room` bytes from position `at`; `*got` is 0 at the end. Returns NULL, or what is
   wrong: a file that has changed since it was opened is never sent completely. */
const char *of_form_read(const of_form *form, uint64_t at, char *bytes, size_t room, size_t *got);

/* NULL when the bytes are allowed as a file name in a form. */
const char *of_check_file_name(const char *name, size_t length);

#endif
