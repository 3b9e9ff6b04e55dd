#include "text.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#if defined(__APPLE__) || defined(__FreeBSD__)
#include <xlocale.h>
#else
#include <locale.h>
#endif

static pthread_once_t once = PTHREAD_ONCE_INIT;
static locale_t c_locale;

static void init(void) { c_locale = newlocale(LC_ALL_MASK, "C", (locale_t)0); }

bool of_text_init(void) { return pthread_once(&once, init) == 0 && c_locale != (locale_t)0; }

of_locale of_locale_enter(void) { return (of_locale)uselocale(c_locale); }

void of_locale_leave(of_locale former) { (void)uselocale((locale_t)former); }

bool of_locale_wide_point(void) {
    char half[16];
    return snprintf(half, sizeof half, "%.1f", 0.5) != 3;
}

double of_read_number(const char *text, char **end) { return strtod_l(text, end, c_locale); }

const char *of_error_text(int error) {
#ifdef __APPLE__
    return strerror(error); /* not translated */
#else
    return strerror_l(error, c_locale);
#endif
}

bool of_begins(const char *text, size_t length, const char *word) {
    size_t i = 0;
    while (word[i] != '\0' && i < length && of_lower(text[i]) == of_lower(word[i]))
        i++;
    return word[i] == '\0';
}

bool of_is_word(const char *text, size_t length, const char *word) {
    return length == strlen(word) && of_begins(text, length, word);
}
