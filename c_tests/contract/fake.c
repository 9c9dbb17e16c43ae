/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "fake.h"

#include <stdarg.h>

#include "check.h"

static struct
{
    unsigned made;
    unsigned fail_at; /* 0: not */
    bool fail_all;
} counts[CALLS];

static unsigned total;
static bool has_failed;

unsigned calls_of(CALL call)
{
    return counts[call].made;
}

unsigned calls_made(void)
{
    return total;
}

void fail_nth(CALL call, unsigned nth)
{
    counts[call].fail_at = counts[call].made + nth;
    has_failed = false;
}

void fail_all(CALL call)
{
    counts[call].fail_all = true;
}

void fail_none(void)
{
    for (int call = 0; call < CALLS; call++)
    {
        counts[call].fail_at = 0;
        counts[call].fail_all = false;
    }
}

bool failed(void)
{
    return has_failed;
}

const char* name_of(CALL call)
{
#define FAKE_CALL_NAME(name, kind) #name,
    static const char* const names[] = {FAKE_CALLS(FAKE_CALL_NAME)};
    return names[call];
}

bool enter(CALL call)
{
    bool fails;
    counts[call].made++;
    total++;
    fails = counts[call].fail_all || counts[call].made == counts[call].fail_at;
    has_failed = has_failed || fails;
    return fails;
}

/* The journal -------------------------------------------------------------- */

static struct
{
    int kind;
    char text[120];
} lines[4096];

static unsigned line_count;

void journal(int kind, const char* format, ...)
{
    va_list arguments;
    CHECK(line_count < sizeof(lines) / sizeof(lines[0]));
    lines[line_count].kind = kind;
    va_start(arguments, format);
    vsnprintf(lines[line_count].text, sizeof(lines[0].text), format, arguments);
    va_end(arguments);
    line_count++;
}

void forget_journal(void)
{
    line_count = 0;
}

unsigned journal_count(const char* text)
{
    unsigned count = 0;
    for (unsigned i = 0; i < line_count; i++)
    {
        count += strcmp(lines[i].text, text) == 0;
    }
    return count;
}

/* The next line of these kinds from `*at` on, or NULL. */
static const char* next_line(unsigned* at, int kinds)
{
    while (*at < line_count)
    {
        unsigned i = (*at)++;
        if ((lines[i].kind & kinds) != 0)
        {
            return lines[i].text;
        }
    }
    return NULL;
}

void check_journal(const char* file, int line, int kinds, const char* const expected[])
{
    unsigned at = 0;
    for (unsigned i = 0;; i++)
    {
        const char* is = next_line(&at, kinds);
        if (is == NULL && expected[i] == NULL)
        {
            break;
        }
        if (is == NULL || expected[i] == NULL || strcmp(is, expected[i]) != 0)
        {
            char what[32];
            fprintf(stderr, "The journal:\n");
            for (unsigned j = 0; j < line_count; j++)
            {
                fprintf(stderr, "  %s %s\n", (lines[j].kind & kinds) != 0 ? ">" : " ",
                    lines[j].text);
            }
            snprintf(what, sizeof(what), "line %u of the journal", i + 1);
            check_fail(file, line, what, is != NULL ? is : "(no more)",
                expected[i] != NULL ? expected[i] : "(no more)");
        }
    }
    forget_journal();
}
