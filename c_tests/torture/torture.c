/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "torture.h"

#include <dlfcn.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <ucontext.h>
#include <unistd.h>

#include "check.h"
#include "known.h"
#include "deadline.h"

/* A run that takes longer hangs: inside a call, since all waiting has limits. */
enum { TIME_LIMIT = 30 };

static REPORT* report;

/* In the run's process. ------------------------------------------------------- */

static const void* place_of(const ucontext_t* state)
{
#if defined(__x86_64__)
    return (const void*)state->uc_mcontext.gregs[REG_RIP];
#elif defined(__aarch64__)
    return (const void*)state->uc_mcontext.pc;
#else
#error "where does this machine keep its program counter?"
#endif
}

/* Notes where it crashed, and lets the signal have its way. */
static void on_crash(int signal_number, siginfo_t* info, void* context)
{
    const void* place = place_of(context);
    TRACE* trace = &report->crashed_at;
    int i = 0;
    (void)info;
    failing_disarm();
    trace_here(trace);
    while (i < trace->size && trace->addresses[i] != place)
    {
        i++;
    }
    if (i < trace->size)
    {
        trace->size -= i;
        memmove(trace->addresses, trace->addresses + i, (size_t)trace->size * sizeof(void*));
    }
    else
    {
        /* A jump to nowhere, or a stack that cannot be read. */
        trace->addresses[0] = (void*)(uintptr_t)place;
    }
    signal(signal_number, SIG_DFL);
    raise(signal_number);
}

static void run(const SCENARIO* scenario, const SERVER* server, PLAN plan, int output)
{
    static const int signals[] = { SIGSEGV, SIGBUS, SIGABRT, SIGFPE, SIGILL, SIGALRM };
    static char stack[256 * 1024];
    const stack_t apart = { .ss_sp = stack, .ss_size = sizeof stack };
    struct sigaction action = { .sa_sigaction = on_crash, .sa_flags = SA_SIGINFO | SA_ONSTACK };
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    dup2(output, STDERR_FILENO);
    sigaltstack(&apart, NULL);
    for (size_t i = 0; i < sizeof signals / sizeof *signals; i++)
    {
        sigaction(signals[i], &action, NULL);
    }
    /* The system's many certificates take time, and are loaded as others are. */
    setenv("SSL_CERT_FILE", "/dev/null", 1);
    setenv("SSL_CERT_DIR", "/dev/null", 1);
    alarm((unsigned)(TIME_LIMIT * slowness()));
    failing_plan(report, plan);
    torture_begin();
    live(scenario, server, report);
    exit(EXIT_SUCCESS);
}

/* In the process that judges. -------------------------------------------------- */

static const char* file_name(const char* path)
{
    const char* slash = strrchr(path, '/');
    return slash != NULL ? slash + 1 : path;
}

/* The library, or program, that this code is in; "" for none. */
static const char* module_of(const void* address)
{
    Dl_info info;
    return dladdr(address, &info) != 0 ? file_name(info.dli_fname) : "";
}

static void show_trace(const TRACE* trace)
{
    for (int i = 0; i < trace->size; i++)
    {
        const char* address = trace->addresses[i];
        Dl_info info = { 0 };
        dladdr(address, &info);
        fprintf(stderr, "    %s+0x%lx %s\n", info.dli_fname != NULL ? file_name(info.dli_fname) : "",
                (unsigned long)(address - (const char*)info.dli_fbase), function_at(address));
    }
}

/* Whose code it was: the innermost that is not libc's. */
static const char* culprit_of(const TRACE* trace)
{
    for (int i = 0; i < trace->size; i++)
    {
        const char* module = module_of(trace->addresses[i]);
        if (strncmp(module, "libc.so", 7) != 0)
        {
            return module;
        }
    }
    return "";
}

/* All about it. */
static void show_run(const SCENARIO* scenario, PLAN plan, ENDING ending, const char* said)
{
    fprintf(stderr, "%s, WSIO_TORTURE_RUN=\"%s %lu\": %s; %lu of %lu allocations failed\n%s",
            scenario->name, how_name(plan.how), plan.number, ending_name(ending),
            report->failures, report->allocations, said);
    if (report->failures > 0)
    {
        const FAILURE* last = last_failure(report);
        fprintf(stderr, "  the last of them: \"%s\"\n", last->purpose);
        show_trace(&last->trace);
    }
    if (report->crashed_at.size > 0)
    {
        fprintf(stderr, "  the crash, in %s:\n", culprit_of(&report->crashed_at));
        show_trace(&report->crashed_at);
    }
}

/* What the run said. */
static const char* text_of(int output)
{
    static char text[4096];
    ssize_t size = pread(output, text, sizeof text - 1, 0);
    text[size > 0 ? size : 0] = '\0';
    return text;
}

static ENDING ending_of(int status, const char* text)
{
    if (WIFSIGNALED(status))
    {
        return WTERMSIG(status) == SIGALRM ? HANGS : CRASHES;
    }
    if (WEXITSTATUS(status) == EXIT_SUCCESS)
    {
        return AS_PROMISED;
    }
    return strstr(text, "waited in vain") != NULL ? HANGS : FAILS;
}

typedef struct FIGURES_TAG {
    unsigned long allocations; /* of a run without failures */
    unsigned runs;
    unsigned clock_turned;
    unsigned known;
    unsigned bad;
} FIGURES;

/* One run; false when there was nothing to fail. */
static bool try_one(const SCENARIO* scenario, SERVER* server, PLAN plan, FIGURES* figures)
{
    int output = memfd_create("output", MFD_CLOEXEC);
    int status;
    pid_t child;
    const char* said;
    const char* library = "";
    ENDING ending;
    bool tried;
    memset(report, 0, offsetof(REPORT, failed));
    server->fault[0] = '\0';
    fflush(NULL);
    child = fork();
    if (child == 0)
    {
        run(scenario, server, plan, output);
    }
    CHECK(child > 0);
    CHECK_INT(waitpid(child, &status, 0), child);
    said = text_of(output);
    close(output);
    ending = ending_of(status, said);
    tried = plan.how == FAIL_NONE || report->failures > 0;
    figures->runs += tried;
    figures->clock_turned += report->clock_turned;
    if (ending == CRASHES)
    {
        library = culprit_of(&report->crashed_at);
    }
    if (ending != AS_PROMISED && is_known(ending, report, library, said))
    {
        figures->known++;
    }
    else if (ending != AS_PROMISED)
    {
        figures->bad++;
        show_run(scenario, plan, ending, said);
    }
    return tried;
}

static bool asked_for(PLAN* plan)
{
    const char* text = getenv("WSIO_TORTURE_RUN");
    char how[8];
    if (text == NULL)
    {
        return false;
    }
    CHECK_INT(sscanf(text, "%7s %lu", how, &plan->number), 2);
    for (plan->how = FAIL_NTH; plan->how <= FAIL_SOME; plan->how++)
    {
        if (strcmp(how, how_name(plan->how)) == 0)
        {
            return true;
        }
    }
    check_fail(__FILE__, __LINE__, "WSIO_TORTURE_RUN", how, "nth, from or some");
    return false;
}

static unsigned long runs_wanted(void)
{
    const char* text = getenv("WSIO_TORTURE_RUNS");
    return text != NULL ? strtoul(text, NULL, 10) : 10;
}

/* All the runs. */
static void try_all(const SCENARIO* scenario, SERVER* server, FIGURES* figures)
{
    unsigned long runs = runs_wanted();
    unsigned long stride = runs < figures->allocations ? figures->allocations / runs : 1;
    for (HOW how = FAIL_NTH; how <= FAIL_FROM; how++)
    {
        PLAN plan = { how, 1 };
        while (try_one(scenario, server, plan, figures))
        {
            plan.number += stride;
        }
    }
    runs = runs < 4 * figures->allocations ? runs : 4 * figures->allocations;
    for (unsigned long seed = 1; seed <= runs; seed++)
    {
        PLAN plan = { FAIL_SOME, seed };
        try_one(scenario, server, plan, figures);
    }
}

void torture(SCENARIO scenario)
{
    enum { SKIPPED = 77 };
    const char* address = strcmp(scenario.host, "::1") == 0 ? "::1" : "127.0.0.1";
    SERVER* server = server_start(address, scenario.tls);
    FIGURES figures = { 0 };
    PLAN plan = { FAIL_NONE, 0 };
    if (server == NULL)
    {
        fprintf(stderr, "skipped: there is no %s here\n", address);
        exit(SKIPPED);
    }
    report = mmap(NULL, sizeof *report, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    CHECK(report != MAP_FAILED);
    try_one(&scenario, server, plan, &figures);
    CHECK_INT(figures.bad, 0);
    figures.allocations = report->allocations;
    if (!asked_for(&plan))
    {
        try_all(&scenario, server, &figures);
    }
    else if (try_one(&scenario, server, plan, &figures) && figures.bad == 0)
    {
        show_run(&scenario, plan, AS_PROMISED, "");
    }
    printf("lws %.5s, %s: %lu allocations, %u runs; %u ended as the table of the known says,"
           " %u opens by wsio's deadline; %u bad\n",
           lws_version(), scenario.name, figures.allocations, figures.runs, figures.known,
           figures.clock_turned, figures.bad);
    CHECK_INT(figures.bad, 0);
}
