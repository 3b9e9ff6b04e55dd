/*
 * The notify socket: a unix socket of this process, in a folder that only its user can access. Only
 * the process itself may connect. A subscriber sends the number of its queue, as 16 digits, and
 * then receives a byte each time transfers have come into that queue, until it disconnects. The I/O
 * thread uses the socket. It is opened and closed under the thread's lock, and subscribers are
 * added and removed only under that lock.
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
    struct of_queue *queue; /* NULL: it has not sent the number yet */
};

typedef struct of_notify_socket {
    int fd;     /* -1: closed */
    char *path; /* path of the socket */
    bool full;  /* accept failed for lack of descriptors: try again later */
    of_subscriber **subscribers;
    size_t count;
    size_t capacity;
} of_notify_socket;

/* Opens the socket. Returns NULL, or why it failed. */
const char *of_notify_socket_open(of_notify_socket *notify, const char *folder);

/* Closes the socket. `ours`: its file belongs to this process and is removed. */
void of_notify_socket_close(of_notify_socket *notify, bool ours);

/* Fills in the descriptors to poll: the socket's, and one for each subscriber. */
void of_notify_socket_watch(const of_notify_socket *notify, struct pollfd *watched);

/* Accepts waiting connections. */
void of_notify_socket_accept(of_notify_socket *notify);

typedef enum of_subscriber_word { OF_WORD_NONE, OF_WORD_NUMBER, OF_WORD_LEFT } of_subscriber_word;

/* Reads from a subscriber; a complete number is stored in `*number`. */
of_subscriber_word of_subscriber_read(of_subscriber *subscriber, unsigned long *number);

void of_subscriber_notify(of_subscriber *subscriber);
void of_notify_socket_disconnect(of_notify_socket *notify, of_subscriber *subscriber);

#endif
