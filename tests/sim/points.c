/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * recast-points: every change of transitions.def, played with the core dying at every point where it can, and then, from
 * each of these, at every point after.  A story is not told anew for each: the program goes back to the middle (snap.h),
 * and every so often tells one from its beginning to see that this is the same.
 */
#include "script.h"
#include "snap.h"

#include <getopt.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { CRASHES = 2, MARKS = 1 << 16, STEPS_MAX = 1 << 20, REPLAY_EVERY = 1009, OUT_BYTES = 1 << 16 };
/* Where to go back to: before everything, before the change; and twice for each crash. */
enum { BACK_ALL = 2 * CRASHES, BACK_CHANGE };

static const struct transition transitions[] = {
#define TRANSITION(name, before, change, troubles) { name, before, change, troubles },
#include "transitions.def"
#undef TRANSITION
};
enum { TRANSITIONS = sizeof(transitions) / sizeof(transitions[0]) };

static const char *const whens[] = { "at-once", "late", "hang", "unknown" };

struct point {
	enum seam seam;
	uint64_t n; /* of its kind since the crash before, or since the change began */
};

/* What is known about the change without crashes. */
struct known {
	struct wiring prior, after;
	struct keys forward, back;
	uint64_t commits;
	enum run_state end;
};

struct options {
	const char *transition;
	int cancel, refuse, refuse_undo;
	struct point path[CRASHES];
	int crashes, depth, every, part, parts, most;
	int when;
	bool trace, replays, first;
};

/* All that no return may touch. */
struct tally {
	struct options o;
	const struct transition *transition;
	int cancel, refuse, refuse_undo, variants, transitions;
	struct trouble trouble;
	struct known known, base;
	struct point path[CRASHES];
	int crashes;
	uint64_t played[CRASHES + 1], ended[RUN_STATE_COUNT + 1], replayed, violations, of_variant, met;
	bool no_troubles, troubles_only;
	uint32_t n_marks[CRASHES], marks[CRASHES][MARKS];
	struct wiring now;
	char why[STORY_WHY];
};

static struct script x;
static struct tally *t;

static void print_again(void)
{
	int i;

	printf("again: recast-points --transition %s", t->transition ? t->transition->name : "");
	if (t->cancel)
		printf(" --cancel %d", t->cancel);
	if (t->refuse)
		printf(" --refuse %d", t->refuse);
	if (t->trouble.when != REFUSED_AT_ONCE)
		printf(" --when %s", whens[t->trouble.when]);
	if (t->refuse_undo)
		printf(" --refuse-undo %d", t->refuse_undo);
	for (i = 0; i < t->crashes; i++)
		printf(" --crash %s:%" PRIu64, seam_names[t->path[i].seam], t->path[i].n);
	printf(" --trace\n");
}

static void violated(const char *why)
{
	t->violations++;
	t->of_variant++;
	printf("violation: %s\n", why);
	print_again();
	if (!t->o.first)
		return;
	printf("points: found after %" PRIu64 " stories\n", t->played[0] + t->played[1] + t->played[2]);
	fflush(stdout);
	_exit(1);
}

/* A broken assertion of the core, or worse. */
static void on_signal(int sig)
{
	char text[64];

	snprintf(text, sizeof(text), "the core ends by signal %d", sig);
	violated(text);
	printf("points: ended by a signal\n");
	fflush(stdout);
	_exit(1);
}

static uint64_t passed(void)
{
	uint64_t n = 0;
	int i;

	for (i = 0; i < SEAM_COUNT; i++)
		n += x.story.seams[i];
	return n;
}

/* To the end; the steps in which the core passes a point are noted in @level. */
static void play(int level)
{
	uint64_t before = passed(), now;
	uint32_t step = 0;
	bool more;

	if (level >= 0)
		t->n_marks[level] = 0;
	do {
		more = script_step(&x);
		now = passed();
		if (level >= 0 && now != before && t->n_marks[level] < MARKS)
			t->marks[level][t->n_marks[level]++] = step;
		before = now;
	} while (more && ++step < STEPS_MAX);
}

static uint64_t digest(void)
{
	uint64_t h = (uint64_t)x.story.sim.now * 31 + x.story.sim.fired * 7 + x.story.sim.random[0];
	const char *at;

	if (x.story.core)
		script_wiring(&x, &t->now);
	for (at = t->now.text; *at; at++)
		h = (h ^ (unsigned char)*at) * UINT64_C(0x100000001b3);
	return h;
}

static void judge(bool known)
{
	if (!x.story.why[0])
		script_judge(&x, &t->known.prior, known ? &t->known.after : NULL);
}

/* From the beginning, as --crash does it. */
static void tell(bool trace)
{
	uint64_t base[SEAM_COUNT];
	int i;

	script_begin(&x, t->transition, trace);
	if (trace)
		printf("            --- the change begins\n");
	script_change(&x, &t->trouble);
	for (i = 0; i < t->crashes; i++) {
		memcpy(base, x.story.seams, sizeof(base));
		x.story.crash_seam = t->path[i].seam;
		x.story.crash_at = base[x.story.crash_seam] + t->path[i].n;
		while (x.story.crash_at && script_step(&x))
			;
	}
	play(-1);
}

static void compare_with_replay(void)
{
	uint64_t had = digest();

	snap_restore(BACK_ALL);
	tell(false);
	t->replayed++;
	if (digest() != had)
		violated("the story that was told from its middle is not the one that is told from its beginning");
}

static void count(int crashes)
{
	enum run_state end = x.story.core && !x.story.why[0] ? script_outcome(&x) : RUN_STATE_COUNT;

	t->played[crashes]++;
	t->ended[end]++;
	if (x.story.why[0]) {
		snprintf(t->why, sizeof(t->why), "%s", x.story.why);
		violated(t->why);
	}
}

static void explore(int crashes);

/* The core dies, or its disk is full, at each point of the step that comes. */
static void crash_here(int crashes, const uint64_t *since)
{
	uint64_t before[SEAM_COUNT], after[SEAM_COUNT], n;
	int seam;

	snap_take(2 * crashes + 1);
	memcpy(before, x.story.seams, sizeof(before));
	script_step(&x);
	memcpy(after, x.story.seams, sizeof(after));
	for (seam = 0; seam < SEAM_COUNT; seam++)
		for (n = before[seam] + 1; n <= after[seam] && t->of_variant < (uint64_t)t->o.most; n++) {
			snap_restore(2 * crashes + 1);
			x.story.crash_seam = (enum seam)seam;
			x.story.crash_at = n;
			t->path[crashes] = (struct point){ (enum seam)seam, n - since[seam] };
			t->crashes = crashes + 1;
			script_step(&x);
			explore(crashes + 1);
			t->crashes = crashes;
		}
	snap_restore(2 * crashes + 1);
	script_step(&x);
}

/* All pairs of crashes where there is no other trouble; beside troubles every so many. */
static bool is_due(void)
{
	return (!t->cancel && !t->refuse) || t->met++ % (uint64_t)t->o.every == 0;
}

/* Play on without another crash; then again, with one more at each point. */
static void explore(int crashes)
{
	bool leaf = crashes == t->o.depth;
	uint64_t since[SEAM_COUNT];
	uint32_t step = 0, i;

	if (!leaf)
		snap_take(2 * crashes);
	play(leaf ? -1 : crashes);
	judge(true);
	count(crashes);
	if (leaf) {
		if (t->o.replays && crashes && t->played[crashes] % REPLAY_EVERY == 0)
			compare_with_replay();
		return;
	}
	snap_restore(2 * crashes);
	memcpy(since, x.story.seams, sizeof(since));
	for (i = 0; i < t->n_marks[crashes] && t->of_variant < (uint64_t)t->o.most; i++) {
		for (; step < t->marks[crashes][i]; step++)
			script_step(&x);
		if (crashes + 1 < CRASHES || is_due())
			crash_here(crashes, since);
		else
			script_step(&x);
		step++;
	}
}

/* One way that the change can go, with all its crashes.  Learns what there is to know when nobody knows it yet. */
static void variant(bool learn)
{
	snap_restore(BACK_CHANGE);
	script_change(&x, &t->trouble);
	play(-1);
	judge(!learn);
	if (x.story.why[0]) {
		violated(x.story.why);
		return;
	}
	if (learn && script_outcome(&x) != RUN_DONE && script_outcome(&x) != RUN_STATE_COUNT)
		violated("the change does not come to a good end without any trouble");
	if (learn)
		script_wiring(&x, &t->known.after);
	if (learn && x.refused)
		violated("a command of the change is refused");
	t->known.forward = x.forward;
	t->known.back = x.back;
	t->known.commits = x.story.seams[SEAM_AFTER_COMMIT] - x.seams_before[SEAM_AFTER_COMMIT];
	t->known.end = script_outcome(&x);
}

static void run_variant(void)
{
	struct options *o = &t->o;
	bool wanted = t->cancel == o->cancel && t->refuse == o->refuse && t->refuse_undo == o->refuse_undo &&
		      (int)t->trouble.when == o->when;

	if (o->crashes || o->trace) {
		if (!wanted)
			return;
		memcpy(t->path, o->path, sizeof(t->path));
		t->crashes = o->crashes;
		snap_restore(BACK_ALL);
		tell(o->trace);
		judge(true);
		count(t->crashes);
		if (x.story.core && o->trace) {
			script_wiring(&x, &t->now);
			printf("%s", t->now.text);
		}
		return;
	}
	if (t->variants++ % o->parts != o->part)
		return;
	t->of_variant = 0;
	snap_restore(BACK_CHANGE);
	script_change(&x, &t->trouble);
	explore(0);
}

static void no_trouble(void)
{
	t->cancel = t->refuse = t->refuse_undo = 0;
	t->trouble = (struct trouble){ 0 };
}

static void cancels(void)
{
	for (t->cancel = 1; (uint64_t)t->cancel <= t->base.commits; t->cancel++) {
		t->trouble.cancel = t->cancel;
		run_variant();
	}
	no_trouble();
}

/* Refused at once, or only when it is repeated because nobody knows what became of it. */
static void refusals(int when)
{
	t->trouble.when = when;
	for (t->refuse = 1; t->refuse <= t->base.forward.n; t->refuse++) {
		strcpy(t->trouble.refused, t->base.forward.text[t->refuse - 1]);
		run_variant();
	}
	no_trouble();
}

/* The last change is refused, and each of the undos in turn. */
static void refused_undos(void)
{
	struct keys back;

	t->refuse = t->base.forward.n;
	strcpy(t->trouble.refused, t->base.forward.text[t->refuse - 1]);
	variant(false);
	back = t->known.back;
	for (t->refuse_undo = 1; t->refuse_undo <= back.n; t->refuse_undo++) {
		strcpy(t->trouble.refused_undo, back.text[t->refuse_undo - 1]);
		run_variant();
	}
	no_trouble();
}

static void show(const uint64_t *played, double took)
{
	printf("# %-26s single %" PRIu64 ", double %" PRIu64 ", %.1f s, %zu KiB\n", t->transition->name, t->played[1] - played[1],
	       t->played[2] - played[2], took, snap_size() / 1024);
	fflush(stdout);
}

static double seconds(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static void explore_transition(const struct transition *tr)
{
	uint64_t played[CRASHES + 1];
	double start = seconds();

	memcpy(played, t->played, sizeof(played));
	t->transition = tr;
	t->transitions++;
	no_trouble();
	snap_restore(BACK_ALL);
	script_begin(&x, tr, false);
	if (x.story.why[0]) {
		violated(x.story.why);
		return;
	}
	script_wiring(&x, &t->known.prior);
	snap_take(BACK_CHANGE);
	variant(true);
	t->base = t->known;
	if (!t->troubles_only)
		run_variant();
	if (t->no_troubles)
		return;
	if (strchr(tr->troubles, 'c'))
		cancels();
	if (strchr(tr->troubles, 'r')) {
		refusals(REFUSED_AT_ONCE);
		refusals(REFUSED_LATE);
	}
	if (strchr(tr->troubles, 'u')) {
		refusals(REFUSED_AFTER_HANG);
		refusals(REFUSED_AFTER_UNKNOWN);
	}
	if (strchr(tr->troubles, 'q'))
		refused_undos();
	if (!t->o.crashes && !t->o.trace)
		show(played, seconds() - start);
}

static void explore_all(void)
{
	size_t i;

	t->transitions = 0;
	for (i = 0; i < TRANSITIONS; i++)
		if (!t->o.transition || !strcmp(t->o.transition, transitions[i].name))
			explore_transition(&transitions[i]);
}

static int usage(FILE *out)
{
	fputs("usage: recast-points [--transition NAME] [--cancel N] [--refuse N [--when late|hang|unknown]] [--refuse-undo N] [--crash POINT:N]… [--trace]\n"
	      "                     [--single] [--every N] [--part I/N] [--most VIOLATIONS | --first] [--list]\n"
	      "All points, and all pairs of points; with --every N, beside a cancel or refusal only every N-th pair.\n",
	      out);
	return out == stdout ? 0 : 2;
}

static bool parse_crash(struct options *o, const char *text)
{
	const char *colon = strchr(text, ':');
	int i;

	for (i = 0; colon && o->crashes < CRASHES && i < SEAM_COUNT; i++)
		if (strlen(seam_names[i]) == (size_t)(colon - text) && !strncmp(seam_names[i], text, strlen(seam_names[i]))) {
			o->path[o->crashes++] = (struct point){ (enum seam)i, strtoull(colon + 1, NULL, 10) };
			return true;
		}
	return false;
}

static bool take(struct options *o, int c, const char *arg)
{
	switch (c) {
	case 'T':
		o->transition = arg;
		return true;
	case 'c':
		o->cancel = atoi(arg);
		return true;
	case 'r':
		o->refuse = atoi(arg);
		return true;
	case 'u':
		o->refuse_undo = atoi(arg);
		return true;
	case 'x':
		return parse_crash(o, arg);
	case 't':
		return o->trace = true;
	case 'w':
		for (o->when = 3; o->when >= 0 && strcmp(whens[o->when], arg) != 0; o->when--)
			;
		return o->when >= 0;
	case 'f':
		return o->first = true;
	case '1':
		o->depth = 1;
		return true;
	case 'e':
		o->every = atoi(arg);
		return true;
	case 'm':
		o->most = atoi(arg);
		return true;
	case 'p':
		return sscanf(arg, "%d/%d", &o->part, &o->parts) == 2 && o->part-- >= 1 && o->parts > o->part;
	}
	return false;
}

static int parse(int argc, char **argv, struct options *o)
{
	static const struct option longs[] = { { "transition", 1, NULL, 'T' }, { "cancel", 1, NULL, 'c' }, { "refuse", 1, NULL, 'r' },
					       { "refuse-undo", 1, NULL, 'u' }, { "crash", 1, NULL, 'x' },  { "trace", 0, NULL, 't' },
					       { "single", 0, NULL, '1' },	{ "every", 1, NULL, 'e' },  { "part", 1, NULL, 'p' },
					       { "most", 1, NULL, 'm' },	{ "first", 0, NULL, 'f' },    { "list", 0, NULL, 'L' },     { "when", 1, NULL, 'w' },   { "help", 0, NULL, 'h' },
					       { 0 } };
	size_t i;
	int c;

	while ((c = getopt_long(argc, argv, "", longs, NULL)) != -1) {
		for (i = 0; c == 'L' && i < TRANSITIONS; i++)
			printf("%-26s %s\n", transitions[i].name, transitions[i].change);
		if (c == 'L')
			return 0;
		if (c == 'h' || !take(o, c, optarg))
			return usage(c == 'h' ? stdout : stderr);
	}
	return -1;
}

static int report(double took)
{
	uint64_t all = t->played[0] + t->played[1] + t->played[2];

	printf("# variants %d; ends: done %" PRIu64 ", rolled back %" PRIu64 ", quarantined %" PRIu64 ", no run %" PRIu64
	       "; told anew and the same %" PRIu64 "; %.0f/s\n",
	       t->variants, t->ended[RUN_DONE], t->ended[RUN_ROLLED_BACK], t->ended[RUN_QUARANTINED], t->ended[RUN_STATE_COUNT],
	       t->replayed, (double)all / took);
	printf("points: transitions=%d single=%" PRIu64 " double=%" PRIu64 " violations=%" PRIu64 "\n", t->transitions, t->played[1],
	       t->played[2], t->violations);
	return t->violations != 0;
}

int main(int argc, char **argv)
{
	struct options o = { .depth = CRASHES, .parts = 1, .every = 1, .most = 3, .replays = true };
	double start = seconds();
	int rc = parse(argc, argv, &o);

	if (rc >= 0)
		return rc;
	setvbuf(stdout, snap_outside(OUT_BYTES), _IOFBF, OUT_BYTES);
	signal(SIGABRT, on_signal);
	signal(SIGSEGV, on_signal);
	json_object_seed(1);
	t = snap_outside(sizeof(*t));
	t->o = o;
	snap_take(BACK_ALL);
	t->no_troubles = o.first; /* who looks for any violation finds most of them without */
	explore_all();
	t->troubles_only = t->no_troubles;
	t->no_troubles = false;
	if (t->troubles_only)
		explore_all();
	if (!t->transitions || o.every < 1)
		return usage(stderr);
	return report(seconds() - start);
}
