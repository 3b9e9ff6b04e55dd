/*
 * Text from outside, whatever the process's locale says: letters and digits are those of ASCII, and
 * numbers have a '.'. Nothing else in the core classifies a byte by the C library, or reads or
 * writes a float by it outside of of_locale_enter and of_locale_leave. Any thread.
 */
#ifndef ONEFLOW_TEXT_H
#define ONEFLOW_TEXT_H

#include <stdbool.h>
#include <stddef.h>

typedef void *of_locale; /* a locale_t, which only POSIX has */

/* Makes what the functions below need, once for the process. False when there is no memory. */
bool of_text_init(void);

/* In between, the calling thread's locale is "C". Pairs nest; nothing may raise between the two. */
of_locale of_locale_enter(void);
void of_locale_leave(of_locale former);

/* Is the decimal point of the calling thread's locale longer than a byte? */
bool of_locale_wide_point(void);

/* As strtod, of a text with a '.', in any locale. */
double of_read_number(const char *text, char **end);

/* The system's words for an errno, untranslated: in a language of its own a message may not be
 * UTF-8. */
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

/* Is it, or does it begin with, that word, in capitals or not? */
bool of_is_word(const char *text, size_t length, const char *word);
bool of_begins(const char *text, size_t length, const char *word);

#endif
