/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * recast-sim: play stories, one for each seed; the first that breaks an invariant ends it with the command that
 * plays it again.
 */
#include "story.h"

#include "log.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

struct total {
	uint64_t lives, events, writes, faults[FAULT_COUNT];
	int ended[RUN_STATE_COUNT], asked, refused, takeovers;
};

static void add(struct total *t, const struct story *s)
{
	int i;

	t->lives += s->lives;
	t->events += s->sim.fired;
	t->writes += s->rack->n_writes;
	t->asked += s->asked;
	t->refused += s->refused;
	t->takeovers += s->takeovers;
	for (i = 0; i < FAULT_COUNT; i++)
		t->faults[i] += s->rack->fault_counts[i];
	for (i = 0; i < RUN_STATE_COUNT; i++)
		t->ended[i] += s->ended[i];
}

/* Of one core, so that it says the same beside other work. */
static double seconds(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static void usage(FILE *out)
{
	fputs("usage: recast-sim [--seeds N] [--seed FIRST] [--wishes N] [--crash PERCENT] [--rivals PERCENT] [--danger] [--calm] [--fabrics] [--trace]\n",
	      out);
}

static int parse(int argc, char **argv, struct story_options *o, uint64_t *seeds)
{
	static const struct option longs[] = { { "seeds", 1, NULL, 'n' },  { "seed", 1, NULL, 's' },
					       { "wishes", 1, NULL, 'w' }, { "crash", 1, NULL, 'c' },
					       { "rivals", 1, NULL, 'r' }, { "danger", 0, NULL, 'd' },
					       { "calm", 0, NULL, 'q' },   { "trace", 0, NULL, 't' },
					       { "fabrics", 0, NULL, 'f' },
					       { "help", 0, NULL, 'h' },   { 0 } };
	int c;

	while ((c = getopt_long(argc, argv, "", longs, NULL)) != -1)
		switch (c) {
		case 'n':
			*seeds = strtoull(optarg, NULL, 10);
			break;
		case 's':
			o->seed = strtoull(optarg, NULL, 10);
			break;
		case 'w':
			o->wishes = atoi(optarg);
			break;
		case 'c':
			o->crash_percent = atoi(optarg);
			break;
		case 'r':
			o->rival_percent = atoi(optarg);
			break;
		case 'd':
			o->danger = true;
			break;
		case 'q':
			o->faults = false;
			break;
		case 'f':
			o->fabrics = true;
			break;
		case 't':
			o->trace = true;
			break;
		default:
			usage(c == 'h' ? stdout : stderr);
			return c == 'h' ? 0 : 2;
		}
	return -1;
}

static void report(const struct total *t, uint64_t played, double took, int violations)
{
	int i;

	printf("# runs: done %d, rolled back %d, quarantined %d; wishes %d, refused %d; takeovers %d, lives %llu, events %llu, blocks written %llu\n",
	       t->ended[RUN_DONE], t->ended[RUN_ROLLED_BACK], t->ended[RUN_QUARANTINED], t->asked, t->refused,
	       t->takeovers, (unsigned long long)t->lives, (unsigned long long)t->events,
	       (unsigned long long)t->writes);
	printf("# faults:");
	for (i = 0; i < FAULT_COUNT; i++)
		if (t->faults[i])
			printf(" %s %llu", fault_names[i], (unsigned long long)t->faults[i]);
	printf("\nsim: seeds=%llu rate=%.0f/s violations=%d\n", (unsigned long long)played, (double)played / took,
	       violations);
}

/* The command that tells this story again, with all that is not as usual. */
static void tell_again(const struct story *s, const struct story_options *usual)
{
	const struct story_options *o = &s->options;

	printf("violation: %s\nagain: recast-sim --seed %llu --seeds 1 --trace", s->why, (unsigned long long)o->seed);
	if (o->wishes != usual->wishes)
		printf(" --wishes %d", o->wishes);
	if (o->crash_percent != usual->crash_percent)
		printf(" --crash %d", o->crash_percent);
	if (o->rival_percent != usual->rival_percent)
		printf(" --rivals %d", o->rival_percent);
	printf("%s%s%s\n", o->danger ? " --danger" : "", o->faults ? "" : " --calm", o->fabrics ? " --fabrics" : "");
}

int main(int argc, char **argv)
{
	static const struct story_options usual = { .seed = 1,
						    .machines = 5,
						    .personas = 4,
						    .wishes = 8,
						    .faults = true,
						    .crash_percent = 25,
						    .rival_percent = 6 };
	struct story_options o = usual;
	struct total total = { 0 };
	uint64_t seeds = 1000, i;
	struct story s;
	double start;
	int rc = parse(argc, argv, &o, &seeds);

	if (rc >= 0)
		return rc;
	log_open("recast-sim");
	log_set_level("none");
	start = seconds();
	for (i = 0, rc = 0; i < seeds && !rc; i++, o.seed++) {
		if (!story_play(&s, &o)) {
			tell_again(&s, &usual);
			rc = 1;
		}
		add(&total, &s);
		story_fini(&s);
	}
	report(&total, i, seconds() - start, rc);
	return rc;
}
