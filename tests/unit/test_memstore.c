/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * tests/sim/memstore.c: the store in memory keeps the contract of orchestrator/store, by the same tests.
 */
#include "memstore.h"

#define MEMSTORE 1
#include "test_store.c"
