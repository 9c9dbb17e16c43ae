/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The name that the SDK's logger header had before it was xlogging.h. */
#include "xlogging.h"
