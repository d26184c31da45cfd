/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * recast-powerloss: proves that what the store acknowledged survives power loss and failing disks.
 * Prints TAP and a line of figures; see README.md in this folder.
 */
#include "rig.h"

#include "shim.h"

#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

volatile int rig_stop;

static int tests, failures;

static void on_signal(int signal)
{
	rig_stop = signal;
}

static void result(bool ok, const char *sentence)
{
	tests++;
	failures += !ok;
	printf("%sok %d - %s\n", ok ? "" : "not ", tests, sentence);
	fflush(stdout);
}

static double seconds(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static void figures(const char *name, const struct tally *t)
{
	int i;

	printf("# %s: %ld turns, %llu operations, the WAL began %llu times, opened %ld times, killed %ld; %ld images:",
	       name, t->turns, (unsigned long long)t->operations, (unsigned long long)t->wal_starts,
	       t->reopened, t->killed, t->images);
	for (i = 0; i < VERDICTS; i++)
		printf(" %s %ld", verdict_names[i], t->verdicts[i]);
	printf("\n");
	fflush(stdout);
}

static void run_full(const struct rig *rig, struct tally *t)
{
	int rc = world_run(rig, WORLD_FULL, rig->images, t);

	figures("full", t);
	result(rc == 0 && t->wal_starts >= 10 && t->reopened >= 4 && t->killed >= 2 &&
		       t->backups >= 2 && t->images == rig->images,
	       "the workload wraps the WAL, is killed, reopened and backed up, and gives as many images as were asked for");
	result(t->images && !t->verdicts[LOST], "no acknowledged turn is lost when the power goes");
	result(t->images && !t->verdicts[HALF],
	       "what is found after power loss is the content of a turn, never half of one");
	result(t->images && !t->verdicts[DAMAGED], "SQLite finds every image intact");
	result(t->images && !t->verdicts[REFUSED],
	       "the store opens every image, and every secret in it");
	result(t->backups_whole && t->images && !t->verdicts[BACKUP],
	       "an acknowledged backup is whole and survives power loss");
}

static void run_controls(const struct rig *rig, struct tally *normal, struct tally *off)
{
	int rc = world_run(rig, WORLD_NORMAL, rig->control_images, normal);

	figures("normal", normal);
	result(rc == 0 && normal->verdicts[LOST],
	       "the rig catches synchronous=NORMAL losing acknowledged turns");
	result(rc == 0 && !normal->verdicts[HALF] && !normal->verdicts[DAMAGED] &&
		       !normal->verdicts[REFUSED],
	       "synchronous=NORMAL loses only whole turns");
	rc = world_run(rig, WORLD_OFF, rig->control_images, off);
	figures("off", off);
	result(rc == 0 && off->verdicts[LOST] + off->verdicts[HALF] + off->verdicts[DAMAGED],
	       "the rig catches synchronous=OFF losing turns or the database");
}

static void run_faults(const struct rig *rig, struct fault_tally *t)
{
	faults_run(rig, t);
	printf("# faults: %ld amid turns, %ld commits failed (%ld of them in the sync of the commit record), %ld in "
	       "checkpoints, %ld while opening (%ld refused), %ld images\n",
	       t->scenarios, t->failed, t->either, t->checkpoints, t->opens, t->opens_failed,
	       t->images);
	result(t->failed && t->either && !t->not_reported,
	       "a commit that the disk failed is reported as failed");
	result(t->failed && !t->half_in_memory, "a store shows nothing of a turn that failed");
	result(t->scenarios && !t->not_usable,
	       "a store works again, without being reopened, once the disk does");
	result(t->images && !t->bad_images,
	       "a power loss after a failed commit leaves the state before it, or the whole "
	       "turn only if the sync of its commit record failed");
	result(t->opens_failed && !t->opens_bad,
	       "a store whose opening failed opens once the disk works, with all it held");
}

static int run_all(const struct rig *rig)
{
	struct tally full, normal, off;
	struct fault_tally faults;
	double begin = seconds();
	long off_bad;

	printf("TAP version 13\n1..14\n");
	fflush(stdout);
	run_full(rig, &full);
	run_controls(rig, &normal, &off);
	run_faults(rig, &faults);
	off_bad = tally_bad(&off);
	printf("powerloss: images=%ld lost=%ld normal_caught=%s(%ld of %ld) off_caught=%s(%ld of %ld) "
	       "faults=%ld/%ld bad seconds=%.0f\n",
	       full.images, tally_bad(&full), normal.verdicts[LOST] ? "yes" : "no",
	       normal.verdicts[LOST], normal.images, off_bad ? "yes" : "no", off_bad, off.images,
	       faults.not_reported + faults.half_in_memory + faults.not_usable + faults.bad_images +
		       faults.opens_bad,
	       faults.scenarios + faults.opens, seconds() - begin);
	return failures ? 1 : 0;
}

static int make_dir(struct rig *rig)
{
	const char *tmp = getenv("TMPDIR");

	if (access("/dev/shm", W_OK) == 0)
		tmp = "/dev/shm";
	snprintf(rig->dir, sizeof(rig->dir), "%.60s/recast-powerloss-XXXXXX", tmp ? tmp : "/tmp");
	return mkdtemp(rig->dir) ? 0 : -1;
}

static int usage(void)
{
	fprintf(stderr,
		"usage: recast-powerloss [--images N] [--controls N] [--seed S] [--replay SEED:POSITION:KIND]\n");
	return 2;
}

int main(int argc, char **argv)
{
	static const struct option options[] = { { "images", required_argument, NULL, 'i' },
						 { "controls", required_argument, NULL, 'c' },
						 { "seed", required_argument, NULL, 's' },
						 { "replay", required_argument, NULL, 'r' },
						 { 0 } };
	struct rig rig = { .seed = 1, .images = 10000, .control_images = 1500 };
	const char *replay = NULL;
	int option, rc;

	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (option == 'i')
			rig.images = atol(optarg);
		else if (option == 'c')
			rig.control_images = atol(optarg);
		else if (option == 's')
			rig.seed = strtoull(optarg, NULL, 10);
		else if (option == 'r')
			replay = optarg;
		else
			return usage();
	}
	if (optind != argc || rig.images < 1 || rig.control_images < 1)
		return usage();
	if (make_dir(&rig) < 0) {
		perror(rig.dir);
		return 1;
	}
	signal(SIGINT, on_signal);
	signal(SIGTERM, on_signal);
	shim_register();
	rc = replay ? world_replay(&rig, replay) : run_all(&rig);
	if (!replay || rc == 2)
		folder_remove(rig.dir);
	return rig_stop ? 128 + rig_stop : rc;
}
