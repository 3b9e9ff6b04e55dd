/*
 * The door: a unix socket of this process, in a folder that is its user's alone. Only the process
 * itself is let in. A visitor sends the number of its queue, as 16 digits, and from then on gets a
 * byte whenever something has come into that, for as long as it stays. Used by the I/O thread;
 * opened and closed under its lock, under which alone visitors come and go.
 */
#ifndef ONEFLOW_DOOR_H
#define ONEFLOW_DOOR_H

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>

enum { OF_DOOR_NUMBER = 16 };

typedef struct of_visitor of_visitor;
struct of_queue;

struct of_visitor {
    int fd;
    char text[OF_DOOR_NUMBER];
    size_t got;
    struct of_queue *queue; /* NULL: it has not said yet */
};

typedef struct of_door {
    int fd;     /* -1: closed */
    char *path; /* of the socket */
    bool full;  /* no descriptor was left for a visitor: it is not looked at for a while */
    of_visitor **visitors;
    size_t count;
    size_t capacity;
} of_door;

/* NULL: it is open; otherwise why not. */
const char *of_door_open(of_door *door, const char *folder);

/* `ours`: the socket's file is this process's, and goes. */
void of_door_close(of_door *door, bool ours);

/* Fills in what to poll for, one more than there are visitors. */
void of_door_watch(const of_door *door, struct pollfd *watched);

/* Lets in who knocks. */
void of_door_admit(of_door *door);

typedef enum of_word { OF_WORD_NONE, OF_WORD_NUMBER, OF_WORD_LEFT } of_word;

/* Reads from a visitor; a number that came whole is in `*number`. */
of_word of_door_hear(of_visitor *visitor, unsigned long *number);

void of_door_ring(of_visitor *visitor);
void of_door_show_out(of_door *door, of_visitor *visitor);

#endif
