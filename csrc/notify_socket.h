/*
 * The notify socket: a unix socket of this process, in a folder that is its user's alone. Only the
 * process itself may connect. A subscriber sends the number of its queue, as 16 digits, and from
 * then on gets a byte whenever something has come into that, for as long as it is connected. Used
 * by the I/O thread; opened and closed under its lock, under which alone subscribers are added and
 * removed.
 */
#ifndef ONEFLOW_NOTIFY_SOCKET_H
#define ONEFLOW_NOTIFY_SOCKET_H

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>

enum { OF_SUBSCRIBER_NUMBER = 16 };

typedef struct of_subscriber of_subscriber;
struct of_queue;

struct of_subscriber {
    int fd;
    char text[OF_SUBSCRIBER_NUMBER];
    size_t got;
    struct of_queue *queue; /* NULL: it has not said yet */
};

typedef struct of_notify_socket {
    int fd;     /* -1: closed */
    char *path; /* of the socket */
    bool full;  /* no descriptor was left for a subscriber: nobody is accepted for a while */
    of_subscriber **subscribers;
    size_t count;
    size_t capacity;
} of_notify_socket;

/* NULL: it is open; otherwise why not. */
const char *of_notify_socket_open(of_notify_socket *notify, const char *folder);

/* `ours`: the socket's file is this process's, and goes. */
void of_notify_socket_close(of_notify_socket *notify, bool ours);

/* Fills in what to poll for, one more than there are subscribers. */
void of_notify_socket_watch(const of_notify_socket *notify, struct pollfd *watched);

/* Accepts who wants to connect. */
void of_notify_socket_accept(of_notify_socket *notify);

typedef enum of_subscriber_word { OF_WORD_NONE, OF_WORD_NUMBER, OF_WORD_LEFT } of_subscriber_word;

/* Reads from a subscriber; a number that came whole is in `*number`. */
of_subscriber_word of_subscriber_read(of_subscriber *subscriber, unsigned long *number);

void of_subscriber_notify(of_subscriber *subscriber);
void of_notify_socket_disconnect(of_notify_socket *notify, of_subscriber *subscriber);

#endif
