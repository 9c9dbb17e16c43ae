/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A test harness in one header. Any number of the files of one program may
 * include it: its main, and all that it keeps, are weak.
 *
 *     TEST(adds) { CHECK_INT(add(2, 2), 4); }
 *
 *     program          runs every test, each in a process of its own
 *     program --list   prints the names
 *     program NAME     runs that test in this process
 *
 * A failed check prints both sides and ends the process with status 1. */
#ifndef CHECK_H
#define CHECK_H

#ifndef _POSIX_C_SOURCE
#define _POSIX_C_SOURCE 200809L
#endif

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#define CHECK_SHARED __attribute__((weak, visibility("hidden")))

struct check_test
{
    const char* name;
    void (*run)(void);
    struct check_test* next;
};

CHECK_SHARED struct check_test* check_tests;
/* Where to link the next test: the tests stay in the order of the source. */
CHECK_SHARED struct check_test** check_end;

static inline void check_register(struct check_test* test)
{
    if (check_end == NULL)
    {
        check_end = &check_tests;
    }
    *check_end = test;
    check_end = &test->next;
}

#define TEST(test_name)                                                          \
    static void test_name(void);                                                 \
    __attribute__((constructor)) static void check_register_##test_name(void)    \
    {                                                                            \
        static struct check_test test = {#test_name, test_name, NULL};           \
        check_register(&test);                                                   \
    }                                                                            \
    static void test_name(void)

#define CHECK(condition)                                                         \
    ((condition) ? (void)0 : check_fail(__FILE__, __LINE__, #condition, "false", "true"))
/* Any integers, enums and booleans that a long long can hold. */
#define CHECK_INT(actual, expected)                                              \
    check_int(__FILE__, __LINE__, #actual, (long long)(actual), (long long)(expected))
#define CHECK_PTR(actual, expected)                                              \
    check_ptr(__FILE__, __LINE__, #actual, (const void*)(actual), (const void*)(expected))
/* C strings; NULL equals only NULL. */
#define CHECK_STR(actual, expected)                                              \
    check_str(__FILE__, __LINE__, #actual, (actual), (expected))
#define CHECK_MEM(actual, expected, size)                                        \
    check_mem(__FILE__, __LINE__, #actual, (actual), (expected), (size))

/* For checks that have a file and line of their own to show. */
static inline void check_fail(const char* file, int line, const char* what, const char* actual,
    const char* expected)
{
    fprintf(stderr, "%s:%d: %s\n    is:       %s\n    expected: %s\n", file, line, what, actual,
        expected);
    fflush(NULL);
    exit(EXIT_FAILURE);
}

static inline void check_int(const char* file, int line, const char* what, long long actual,
    long long expected)
{
    if (actual != expected)
    {
        char is[32];
        char should[32];
        snprintf(is, sizeof(is), "%lld", actual);
        snprintf(should, sizeof(should), "%lld", expected);
        check_fail(file, line, what, is, should);
    }
}

static inline void check_ptr(const char* file, int line, const char* what, const void* actual,
    const void* expected)
{
    if (actual != expected)
    {
        char is[32];
        char should[32];
        snprintf(is, sizeof(is), "%p", actual);
        snprintf(should, sizeof(should), "%p", expected);
        check_fail(file, line, what, is, should);
    }
}

static inline void check_str(const char* file, int line, const char* what, const char* actual,
    const char* expected)
{
    bool equal = (actual == NULL || expected == NULL) ? actual == expected
                                                      : strcmp(actual, expected) == 0;
    if (!equal)
    {
        check_fail(file, line, what, actual != NULL ? actual : "(NULL)",
            expected != NULL ? expected : "(NULL)");
    }
}

static inline void check_mem(const char* file, int line, const char* what, const void* actual,
    const void* expected, size_t size)
{
    const unsigned char* is = (const unsigned char*)actual;
    const unsigned char* should = (const unsigned char*)expected;
    for (size_t i = 0; i < size; i++)
    {
        if (is[i] != should[i])
        {
            enum { SHOWN = 16 };
            char texts[2][SHOWN * 3 + 1] = {"", ""};
            char where[256];
            for (size_t j = 0; j < SHOWN && i + j < size; j++)
            {
                snprintf(texts[0] + j * 3, 4, "%02x ", is[i + j]);
                snprintf(texts[1] + j * 3, 4, "%02x ", should[i + j]);
            }
            snprintf(where, sizeof(where), "%s, from byte %zu of %zu", what, i, size);
            check_fail(file, line, where, texts[0], texts[1]);
        }
    }
}

/* Runs `test` in a process of its own; whether it passed. */
static inline bool check_run_apart(const struct check_test* test)
{
    int status = 0;
    pid_t child;
    fflush(NULL);
    child = fork();
    if (child == 0)
    {
        test->run();
        exit(EXIT_SUCCESS);
    }
    return child > 0 && waitpid(child, &status, 0) == child && WIFEXITED(status)
        && WEXITSTATUS(status) == EXIT_SUCCESS;
}

CHECK_SHARED int main(int argc, char** argv)
{
    bool list = argc == 2 && strcmp(argv[1], "--list") == 0;
    bool all = argc == 1;
    bool found = all || list;
    int failed = 0;
    if (argc > 2)
    {
        fprintf(stderr, "usage: %s [--list | NAME]\n", argv[0]);
        return 2;
    }
    for (const struct check_test* test = check_tests; test != NULL; test = test->next)
    {
        if (list)
        {
            puts(test->name);
        }
        else if (all)
        {
            bool passed = check_run_apart(test);
            printf("%s %s\n", passed ? "ok  " : "FAIL", test->name);
            failed += !passed;
        }
        else if (strcmp(test->name, argv[1]) == 0)
        {
            found = true;
            test->run();
        }
    }
    if (!found)
    {
        fprintf(stderr, "%s: no test is named %s\n", argv[0], argv[1]);
        return 2;
    }
    return failed != 0;
}

#endif
