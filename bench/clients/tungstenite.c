/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Whether the client in ../tungstenite blocks. */
#include "../client.h"

extern const bool client_blocks;
const bool client_blocks = BLOCKS;
const bool client_keeps_bytes = false;
