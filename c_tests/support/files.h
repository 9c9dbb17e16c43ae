/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Files and memory that last as long as the test. */
#ifndef WSIO_TEST_FILES_H
#define WSIO_TEST_FILES_H

/* Keeps an allocation until the test ends, so that it counts as no leak. */
void* keep(void* allocation);

/* A file in a folder of this test's own, which goes when the test ends. The
 * result stays valid. */
const char* temporary_file(const char* name);

/* The whole of a text file. The result stays valid. */
char* read_text(const char* path);

#endif
