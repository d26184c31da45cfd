/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Devices, their queues, and the threads that serve them.  Called by protocol.c for each request;
 * calls job_run() in a thread.
 *
 * Rules: an open or close of a device runs alone; of the ordinary requests one at a time; urgent
 * and console requests pass them.  Ordinary work never occupies the threads of the urgent lane, so
 * a storm of slow devices cannot delay fencing.  Threads are made when work waits for one.
 */
#include "kit.h"

#include "arena.h"
#include "clock.h"

#include <errno.h>
#include <search.h>
#include <stdlib.h>
#include <string.h>

enum { WAITING_MAX = 16384, URGENT_THREADS = 8 };

struct lane {
	struct job *head, **tail;
	pthread_cond_t wake;
	int queued; /* jobs in the list */
	int idle;   /* threads that wait, those woken but not yet running among them */
	int threads, limit;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t quiet; /* running went to 0 */
static struct lane ordinary, urgent;
static void *devices; /* tsearch tree of struct kit_device */
static int waiting, running;
static bool stopping;

static int compare(const void *a, const void *b)
{
	return strcmp(((const struct kit_device *)a)->name, ((const struct kit_device *)b)->name);
}

static struct kit_device *device_find(const char *name)
{
	struct kit_device key = { .name = (char *)(uintptr_t)name };
	struct kit_device **found = tfind(&key, &devices, compare);

	return found ? *found : NULL;
}

static struct kit_device *device_create(const char *name)
{
	struct kit_device *dev = xcalloc(1, sizeof(*dev));

	dev->name = xstrdup(name);
	dev->tail = &dev->head;
	if (!tsearch(dev, &devices, compare))
		abort();
	return dev;
}

static void device_destroy(struct kit_device *dev)
{
	tdelete(dev, &devices, compare);
	secret_destroy(dev->secret);
	json_decref(dev->options);
	free(dev->cls);
	free(dev->pin);
	free(dev->name);
	free(dev);
}

static void *serve(void *arg);

static void lane_push(struct lane *lane, struct job *job)
{
	pthread_t thread;

	job->next = NULL;
	*lane->tail = job;
	lane->tail = &job->next;
	if (++lane->queued <= lane->idle || lane->threads == lane->limit) {
		pthread_cond_signal(&lane->wake);
		return;
	}
	/* Without even one thread nothing would ever be answered: the core restarts us. */
	if (!pthread_create(&thread, NULL, serve, lane)) {
		pthread_detach(thread);
		lane->threads++;
	} else if (!lane->threads) {
		abort();
	}
}

static bool passes(const struct job *job)
{
	return job->kind == JOB_CONSOLE || job->call.urgent;
}

/* May @job of @dev begin now, and does the search go on behind it? */
static bool may_begin(const struct kit_device *dev, const struct job *job, bool *go_on)
{
	if (job->kind == JOB_OPEN || job->kind == JOB_CLOSE) {
		*go_on = false;
		return dev->active == 0;
	}
	*go_on = !dev->exclusive;
	return *go_on && (passes(job) || !dev->busy);
}

static void begin(struct kit_device *dev, struct job *job)
{
	dev->active++;
	running++;
	waiting--;
	if (job->kind == JOB_OPEN || job->kind == JOB_CLOSE)
		dev->exclusive = true;
	else if (!passes(job))
		dev->busy = true;
	lane_push(passes(job) ? &urgent : &ordinary, job);
}

/* Hand every job of @dev that may begin to its lane. */
static void pump(struct kit_device *dev)
{
	struct job **link = &dev->head;
	bool go_on = true;

	while (*link && go_on && !stopping) {
		struct job *job = *link;

		if (!may_begin(dev, job, &go_on)) {
			link = &job->next;
			continue;
		}
		*link = job->next;
		begin(dev, job);
	}
	for (dev->tail = &dev->head; *dev->tail;)
		dev->tail = &(*dev->tail)->next;
}

static void finished(struct kit_device *dev, const struct job *job)
{
	dev->active--;
	running--;
	if (job->kind == JOB_OPEN || job->kind == JOB_CLOSE)
		dev->exclusive = false;
	else if (!passes(job))
		dev->busy = false;
	if (!running)
		pthread_cond_broadcast(&quiet);
	pump(dev);
	if (!dev->active && !dev->head && !dev->opened)
		device_destroy(dev);
}

static void *serve(void *arg)
{
	struct lane *lane = arg;

	pthread_mutex_lock(&lock);
	for (;;) {
		struct job *job = lane->head;

		if (!job) {
			lane->idle++;
			pthread_cond_wait(&lane->wake, &lock);
			lane->idle--;
			continue;
		}
		lane->head = job->next;
		if (!lane->head)
			lane->tail = &lane->head;
		lane->queued--;
		pthread_mutex_unlock(&lock);
		job_run(job);
		kit_burn_stack();
		pthread_mutex_lock(&lock);
		finished(job->dev, job);
		job_free(job);
	}
	return NULL;
}

static void lane_init(struct lane *lane, int limit)
{
	lane->tail = &lane->head;
	lane->limit = limit;
	pthread_cond_init(&lane->wake, NULL);
}

void pool_start(int limit)
{
	pthread_condattr_t attr;

	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&quiet, &attr);
	pthread_condattr_destroy(&attr);
	lane_init(&ordinary, limit);
	lane_init(&urgent, limit < URGENT_THREADS ? limit : URGENT_THREADS);
}

/* @device belongs to the job's request: not to be used once the job has begun. */
void pool_submit(struct job *job, const char *device)
{
	struct error err = { 0 };
	struct kit_device *dev;

	pthread_mutex_lock(&lock);
	dev = device_find(device);
	if (waiting >= WAITING_MAX) {
		error_set(&err, ERROR_BUSY, "%s: %d requests wait already", device, waiting);
	} else if (!dev && job->kind != JOB_OPEN) {
		error_set(&err, ERROR_INVALID, "%s is not open here: open it first", device);
	} else {
		if (!dev)
			dev = device_create(device);
		job->dev = dev;
		job->next = NULL;
		*dev->tail = job;
		dev->tail = &job->next;
		waiting++;
		pump(dev);
	}
	pthread_mutex_unlock(&lock);
	if (err.code) {
		kit_reply_error(job->id, &err);
		job_free(job);
	}
}

bool pool_drain(int64_t until)
{
	struct timespec at = { .tv_sec = until / 1000, .tv_nsec = until % 1000 * 1000000 };
	bool done;

	pthread_mutex_lock(&lock);
	stopping = true;
	while (running > 0 && pthread_cond_timedwait(&quiet, &lock, &at) != ETIMEDOUT)
		;
	done = running == 0;
	pthread_mutex_unlock(&lock);
	return done;
}

static void drop_device(struct kit_device *dev)
{
	struct job *job;

	while ((job = dev->head)) {
		dev->head = job->next;
		job_free(job);
	}
	if (dev->opened)
		kit_driver->close(&dev->pub);
	device_destroy(dev);
}

static void pick_quiet(const void *node, VISIT which, void *arg)
{
	struct kit_device *dev = *(struct kit_device *const *)node;

	if ((which == preorder || which == leaf) && !dev->active)
		*(struct kit_device **)arg = dev;
}

void pool_close_devices(void)
{
	struct kit_device *dev;

	pthread_mutex_lock(&lock);
	do {
		dev = NULL;
		twalk_r(devices, pick_quiet, &dev);
		if (dev)
			drop_device(dev);
	} while (dev);
	pthread_mutex_unlock(&lock);
}
