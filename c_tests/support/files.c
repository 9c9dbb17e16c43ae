/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "files.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "check.h"

void* keep(void* allocation)
{
    typedef struct KEPT_TAG {
        void* allocation;
        struct KEPT_TAG* next;
    } KEPT;
    static KEPT* all;
    KEPT* kept = malloc(sizeof *kept);
    CHECK(allocation != NULL);
    CHECK(kept != NULL);
    kept->allocation = allocation;
    kept->next = all;
    all = kept;
    return allocation;
}

/* Files. --------------------------------------------------------------------- */

static char folder[256];
static pid_t owner;

static int remove_entry(const char* path, const struct stat* status, int kind, struct FTW* where)
{
    (void)status;
    (void)kind;
    (void)where;
    return remove(path);
}

static void remove_folder(void)
{
    if (getpid() == owner) {
        nftw(folder, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
    }
}

static void make_folder(void)
{
    const char* parent = getenv("TMPDIR");
    snprintf(folder, sizeof folder, "%s/wsio-test-XXXXXX", parent != NULL ? parent : "/tmp");
    CHECK(mkdtemp(folder) != NULL);
    owner = getpid();
    atexit(remove_folder);
}

const char* temporary_file(const char* name)
{
    if (folder[0] == '\0') {
        make_folder();
    }
    size_t size = strlen(folder) + strlen(name) + 2;
    char* path = keep(malloc(size));
    snprintf(path, size, "%s/%s", folder, name);
    return path;
}

char* read_text(const char* path)
{
    long size = 0;
    FILE* file = fopen(path, "rb");
    if (file == NULL) {
        fprintf(stderr, "cannot read %s\n", path);
    }
    CHECK(file != NULL);
    fseek(file, 0, SEEK_END);
    size = ftell(file);
    rewind(file);
    char* text = keep(malloc((size_t)size + 1));
    CHECK_INT(fread(text, 1, (size_t)size, file), size);
    text[size] = '\0';
    fclose(file);
    return text;
}
