/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Certificates by name: good ones, and ones that are wrong in one way. Made when
 * they are asked for. */
#ifndef WSIO_TEST_PKI_H
#define WSIO_TEST_PKI_H

#include <stdbool.h>

#include <openssl/bio.h>

#include "authority.h"

/* The certificate of this name with its key. */
const ISSUED* issued(const char* name);

/* Frees them all. */
void issued_free_all(void);

/* The certificates of these names, with spaces in between, as PEM. The result
 * stays valid. */
char* pem_of(const char* names);

/* Goes through the words of a text: whether there was one more, now in `word`. */
bool next_word(const char** text, char word[64]);

/* What was written into a memory BIO, which is freed. The result stays valid. */
char* text_of(BIO* bio);

#endif
