/*
 * Functions for text that do not depend on the process's locale: only ASCII letters and digits
 * count as such, and numbers have a '.'. Nothing else in the core uses the C library to classify
 * bytes, and nothing reads or writes floats with it outside of of_locale_enter and of_locale_leave.
 * Any thread.
 */
#ifndef ONEFLOW_TEXT_H
#define ONEFLOW_TEXT_H

#include <stdbool.h>
#include <stddef.h>

typedef void *of_locale; /* a locale_t, a type that only POSIX has */

/* Initialises what the functions below need, once for the process. False: no memory. */
bool of_text_init(void);

/* Between the two calls the calling thread's locale is "C". Pairs may be nested; no error may be
   raised in between. */
of_locale of_locale_enter(void);
void of_locale_leave(of_locale former);

/* Is the decimal point of the calling thread's locale longer than a byte? */
bool of_locale_wide_point(void);

/* As strtod, for a text with a '.', in any locale. */
double of_read_number(const char *text, char **end);

/* The system's message for an errno, untranslated: a translated one may not be UTF-8. */
const char *of_error_text(int error);

static inline char of_lower(char c) {
    if (c >= 'A' && c <= 'Z')
        return (char)(c + ('a' - 'A'));
    return c;
}
static inline char of_upper(char c) {
    if (c >= 'a' && c <= 'z')
        return (char)(c - ('a' - 'A'));
    return c;
}

/* Is the text this word, or does it begin with it, ignoring case? */
bool of_is_word(const char *text, size_t length, const char *word);
bool of_begins(const char *text, size_t length, const char *word);

#endif
