/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What a server does, and what a client must make of it. Tests that need no more
 * than this are the same for each client. */
#ifndef WSIO_TEST_SCRIPT_H
#define WSIO_TEST_SCRIPT_H

#include "check.h"
#include "peer.h"

typedef enum OUTCOME_TAG {
    OPEN_ERROR,         /* it does not open */
    OPEN_THEN_IO_ERROR, /* it opens, bytes come perhaps, and it is lost */
    OPEN_AND_BYTES      /* it opens, bytes come perhaps, and it stays open */
} OUTCOME;

/* Every script is played in each of these ways; the outcome is the same. */
typedef enum MODE_TAG {
    PLAIN,      /* the client reads the answer before the frames are sent */
    COALESCED,  /* answer and frames come at once */
    BYTEWISE,   /* every byte comes alone */
    SENDING,    /* the client has sent a message as soon as it was open */
    ACTING,     /* the callback that reports the outcome closes the connection, or
                   opens it again after OPEN_ERROR */
    DESTROYING, /* that callback destroys the handle */
    MODES
} MODE;

typedef struct SCRIPT_TAG {
    const char* name;
    const char* protocol; /* that the client asks for; NULL: none */
    SSL_CTX* tls;         /* NULL: plain */
    const char* ca;       /* with tls */

    /* What the server does. */
    BYTES greeting; /* is sent before the request is read */
    BYTES answer;   /* to the request; see peer_compose */
    BYTES frames;
    ENDING ending;
    bool speaks_no_tls; /* whatever `tls` says */
    bool not_read;  /* the server does not read the request */
    bool abrupt;    /* it does not wait until the client has read before it ends */
    bool hours_pass; /* on the client's clock, before the outcome is looked at */

    /* On the wire; see PEER. cut_at counts from 1; 0: not cut. */
    bool cut_after_tls; /* cut_at and flipped count from the end of TLS's handshake */
    size_t chunk;
    size_t cut_at;
    ENDING cut;
    size_t flipped;
    size_t split_at; /* of answer and frames: what follows is sent after a pause */

    /* What the client makes of it. */
    OUTCOME outcome;
    BYTES payload; /* what arrives, in all */
    BYTES partial; /* some of this may follow, of a message that was not ended */
    BYTES reply;   /* frames that the client answers with, unmasked */
    bool may_not_reply;
} SCRIPT;

/* The start of every good answer, and a whole one. */
#define SWITCHING "HTTP/1.1 101 Switching Protocols\r\n"
#define UPGRADE "Upgrade: websocket\r\nConnection: Upgrade\r\n"
#define ACCEPT "Sec-WebSocket-Accept: @ACCEPT@\r\n"
#define GOOD_ANSWER SWITCHING UPGRADE ACCEPT "\r\n"
/* The size of that with the value in it: @ACCEPT@ becomes 28 bytes. */
enum { ANSWER_SIZE = sizeof GOOD_ANSWER - 1 - 8 + 28 };

/* Plays the script in this mode, and checks besides the outcome what always
 * holds: the frames that the client sends are valid and no more than `reply` and
 * its own; one line is logged for a failure; a connection can be opened again and
 * works; the connection is closed, and no file descriptor is left. Each client
 * (expect.c, ../websock/expect.c) adds what its own calls promise. */
void expect_outcome_in(MODE mode, const SCRIPT* script);

/* The same in all modes. */
void expect_outcome(const SCRIPT* script);
void expect_outcomes(const SCRIPT* scripts, size_t count);
#define EXPECT_ALL(scripts) expect_outcomes(scripts, sizeof(scripts) / sizeof *(scripts))

/* What a test is at is shown when it fails. */
void at_work_on(const char* what);

/* How many bytes of the wire came before the answer, with it, and in all, when the
 * last script was played. */
typedef struct EXTENT_TAG {
    size_t handshake;
    size_t opened; /* not when they were COALESCED */
    size_t all;
} EXTENT;

EXTENT last_extent(void);

/* For those who define expect_outcome_in. --------------------------------------- */

/* The client's own message when it is SENDING, and its Close. */
#define MESSAGE "from the client"
#define MESSAGE_FRAME "\x82\x0f" MESSAGE
#define GOODBYE "\x88\x02\x03\xe8"

void at_work_on_script(const SCRIPT* script, MODE mode);

/* The server's part, from accepting the client to the script's end. */
void script_play(const SCRIPT* script, MODE mode, PEER* peer, const SERVER* server);

/* Sends a text as peer_compose makes it. */
bool script_say(PEER* peer, BYTES text);

/* Takes `part` out of the frames, if it is in there; whether it was. */
bool take_out(unsigned char* frames, size_t* size, const char* part, size_t part_size);

#endif
