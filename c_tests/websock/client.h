/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What the tests of websock.h share: configurations, limits on waiting, the log, and
 * a server for most of them. */
#ifndef WSIO_TEST_CLIENT_H
#define WSIO_TEST_CLIENT_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

#include "check.h"
#include "deadline.h"
#include "raw_server.h"
#include "websock.h"

/* Long enough for anything that is to come, in milliseconds. */
enum { LONG_MS = 20000 };

/* What cannot come any more, or is to come at once, has these: milliseconds. */
int soon_ms(void);

/* For 127.0.0.1 without TLS. */
websock_config_t config_at(int port, const char* uri);

/* Opens, which must succeed. */
websock_handle_t open_at(int port);
websock_handle_t open_with(websock_config_t* config);

/* Opens, which must fail, with one line in the log that has `reason` in it. */
void expect_no_open(websock_config_t* config, const char* reason);

/* websock_recv with a buffer of this size. */
int receive(websock_handle_t handle, websock_msg_hdr_t* header, void* buffer, int size,
            int timeout);

/* Waits for one frame and takes all of it: it must be this one. */
void expect_frame(websock_handle_t handle, int fin, int opcode, const void* bytes, size_t size);
#define EXPECT_FRAME(handle, fin, opcode, text)                                           \
    expect_frame((handle), (fin), (opcode), (text), sizeof(text) - 1)

/* The connection is over: now, if `timeout` is 0, or in time; and stays so. */
void expect_end(websock_handle_t handle, int timeout);

/* Nothing is there: 0, and no header. */
void expect_nothing(websock_handle_t handle, int timeout);

/* Waits until `condition` holds, and fails the test when it takes too long. */
#define WAIT_UNTIL(condition)                                                             \
    do                                                                                    \
    {                                                                                     \
        DEADLINE wait_deadline_ = deadline_after(20 * slowness());                        \
        while (!(condition))                                                              \
        {                                                                                 \
            if (deadline_passed(wait_deadline_))                                          \
            {                                                                             \
                check_fail(__FILE__, __LINE__, #condition, "not in time", "true");        \
            }                                                                             \
            a_moment();                                                                   \
        }                                                                                 \
    } while (0)

/* Between two looks at a condition. */
void a_moment(void);

/* The log. websock_set_log_handler is called by log_keep. */
void log_keep(void);
unsigned log_count(void);
bool log_has(const char* text); /* in any line */
void log_forget(void);
void log_show(void);

/* The server: says `frames` after the handshake, notes what it hears, answers a
 * Close, and ends when the client does. */
typedef struct TALK_TAG {
    const void* frames;
    size_t size;
    size_t at_a_time; /* so many bytes of the frames in each segment; 0: all */
    bool with_answer; /* the frames come in one segment with the answer */
    bool ends;        /* after the frames it closes its side without a Close */
    bool resets;      /* and with RST */
    bool answers_no_close;
    const char* protocol; /* of the answer */
    RAW_PEER peer;        /* for what the client asked: peer.request */
    pthread_mutex_t lock; /* of the two that follow; see talk_heard */
    unsigned char heard[8192]; /* frames: first byte, size (0 to 125), payload */
    size_t heard_size;
    atomic_bool said;    /* all of the frames */
    atomic_bool hung_up; /* the client has */
} TALK;

#define TALK_OF(text) { .frames = (text), .size = sizeof(text) - 1,                        \
                        .lock = PTHREAD_MUTEX_INITIALIZER }

/* A RAW_SCRIPT. */
void talk(RAW_PEER* peer, void* talk);

RAW_SERVER* talk_start(TALK* talk);

/* Whether these frames were heard, one after another; and whether nothing else. */
bool talk_heard(TALK* talk, const char* frames, size_t size);
bool talk_heard_only(TALK* talk, const char* frames, size_t size);
#define HEARD(talk, text) talk_heard((talk), (text), sizeof(text) - 1)
#define HEARD_ONLY(talk, text) talk_heard_only((talk), (text), sizeof(text) - 1)

/* The Close of websock_close. */
#define GOODBYE "\x88\x02\x03\xe8"

/* What looks random, differs by seed and place, and can be made from any place on. */
unsigned char byte_at(unsigned seed, unsigned long long place);
unsigned char* bytes_of(unsigned seed, size_t size); /* to be freed */

/* How much memory this process has in use now, in KiB; and that it is not so much more
 * than before. Valgrind and sanitizers, which keep what was freed, are let off. */
long resident_kib(void);
void check_growth(long before, long limit_kib);
unsigned open_files(void);

#endif
