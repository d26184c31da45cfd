/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The migrations of schema/sql, embedded at build by tools/embed-sql.sh.  Number i makes version i + 1.
 */
#ifndef RECAST_MIGRATIONS_H
#define RECAST_MIGRATIONS_H

extern const char *const migrations[];
extern const int n_migrations;

#endif
