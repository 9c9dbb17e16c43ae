/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "script.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char* work;

static void show_work(void)
{
    if (work != NULL)
    {
        fprintf(stderr, "    while:    %s\n", work);
    }
}

void at_work_on(const char* what)
{
    static bool registered;
    if (!registered)
    {
        registered = atexit(show_work) == 0;
    }
    work = what;
}

void at_work_on_script(const SCRIPT* script, MODE mode)
{
    static const char* const names[MODES] = { "plain", "coalesced", "bytewise", "sending",
                                              "acting", "destroying" };
    static char what[256];
    snprintf(what, sizeof what, "%s (%s, cut at %zu by %d, flipped %zu)", script->name,
             names[mode], script->cut_at, script->cut, script->flipped);
    at_work_on(what);
}

/* Playing. ------------------------------------------------------------------- */

static EXTENT extent;

EXTENT last_extent(void)
{
    return extent;
}

bool script_say(PEER* peer, BYTES text)
{
    size_t size;
    unsigned char* composed = peer_compose(peer, text, &size);
    bool said = peer_send(peer, composed, size);
    free(composed);
    return said;
}

/* The answer, and the frames as they are. */
static bool say_answer_and_frames(PEER* peer, const SCRIPT* script)
{
    size_t size;
    unsigned char* composed = peer_compose(peer, script->answer, &size);
    bool said;
    composed = realloc(composed, size + script->frames.size + 1);
    CHECK(composed != NULL);
    if (script->frames.size > 0)
    {
        memcpy(composed + size, script->frames.bytes, script->frames.size);
    }
    size += script->frames.size;
    CHECK(script->split_at <= size);
    if (script->split_at > 0)
    {
        CHECK(peer_send(peer, composed, script->split_at));
        peer_settle(peer);
    }
    said = peer_send(peer, composed + script->split_at, size - script->split_at);
    free(composed);
    return said;
}

static void set_cut(PEER* peer, const SCRIPT* script)
{
    peer->room = script->cut_at > 0 ? script->cut_at - 1 : SIZE_MAX;
    peer->cut = script->cut;
    peer->flipped = script->flipped > 0 ? peer->sent + script->flipped : 0;
}

/* When nothing at all is to be sent. */
static void cut_now(PEER* peer)
{
    if (peer->room == 0)
    {
        peer_settle(peer);
        peer_end(peer, peer->cut);
    }
}

void script_play(const SCRIPT* script, MODE mode, PEER* peer, const SERVER* server)
{
    memset(&extent, 0, sizeof extent);
    peer->chunk = mode == BYTEWISE ? 1 : script->chunk;
    if (!script->cut_after_tls)
    {
        set_cut(peer, script);
    }
    peer_accept(peer, server);
    cut_now(peer);
    if (script->tls != NULL && !script->speaks_no_tls && !peer_start_tls(peer, script->tls))
    {
        return;
    }
    extent.handshake = peer->sent;
    if (script->cut_after_tls)
    {
        set_cut(peer, script);
        cut_now(peer);
    }
    if (peer->silent)
    {
        return;
    }
    script_say(peer, script->greeting);
    if (script->not_read || peer_read_request(peer))
    {
        if (mode == COALESCED)
        {
            say_answer_and_frames(peer, script);
        }
        else
        {
            script_say(peer, script->answer);
            extent.opened = peer->sent;
            peer_settle(peer);
            peer_send(peer, script->frames.bytes, script->frames.size);
        }
        extent.all = peer->sent;
        if (!script->abrupt)
        {
            peer_settle(peer);
        }
        if (!peer->silent)
        {
            peer_end(peer, script->ending);
        }
    }
}

/* Judging. -------------------------------------------------------------------- */

bool take_out(unsigned char* frames, size_t* size, const char* part, size_t part_size)
{
    unsigned char* found = memmem(frames, *size, part, part_size);
    if (found != NULL)
    {
        memmove(found, found + part_size, *size - (size_t)(found - frames) - part_size);
        *size -= part_size;
    }
    return found != NULL;
}

void expect_outcome(const SCRIPT* script)
{
    for (MODE mode = 0; mode < MODES; mode++)
    {
        expect_outcome_in(mode, script);
    }
}

void expect_outcomes(const SCRIPT* scripts, size_t count)
{
    for (size_t i = 0; i < count; i++)
    {
        expect_outcome(&scripts[i]);
    }
}
