/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * See confine.h.  The list of calls is that of the loop, TLS, memory and the log; what libraries do once at their first
 * use (time zone, random seeds, OpenSSL's configuration) is done before, in main.c.
 */
#include "confine.h"

#include "log.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/landlock.h>
#include <pwd.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifdef HAVE_SECCOMP
#include <seccomp.h>
#endif

#ifdef FRONT_UNCONFINED
static const bool is_unconfined = true;
#else
static const bool is_unconfined = false;
#endif

void confine_begin(void)
{
	struct rlimit none = { 0, 0 }, files;

	if (!getrlimit(RLIMIT_NOFILE, &files)) {
		files.rlim_cur = files.rlim_max < 4096 ? files.rlim_max : 4096;
		setrlimit(RLIMIT_NOFILE, &files);
	}
	setrlimit(RLIMIT_CORE, &none);
	prctl(PR_SET_DUMPABLE, 0);
	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
}

static int become(const struct passwd *pw)
{
	pid_t parent = getppid();

	if (setgroups(0, NULL) || setgid(pw->pw_gid) || setuid(pw->pw_uid))
		return -1;
	/* Another user has other defaults, and the wish to die with recastd is forgotten. */
	prctl(PR_SET_DUMPABLE, 0);
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	if (getppid() != parent)
		raise(SIGTERM);
	return 0;
}

int confine_user(const char *user, struct error *err)
{
	const char *name = user ? user : "nobody";
	struct passwd *pw;

	if (!user && (geteuid() != 0 || is_unconfined))
		return 0;
	pw = getpwnam(name);
	if (pw && become(pw) == 0)
		return 0;
	if (!user && geteuid() == 0 && getegid() == 0) {
		log_warn("confine", "cannot become %s and stay root: %s", name, pw ? strerror(errno) : "there is no such user");
		return 0;
	}
	if (!pw)
		return error_set(err, ERROR_NOT_FOUND, "there is no user `%s`", name);
	return error_set(err, ERROR_DENIED, "cannot become user %s: %s", name, strerror(errno));
}

/* Rights on files by the ABI that knows them first; all of them are taken away. */
static uint64_t file_rights(int abi)
{
	uint64_t rights = (LANDLOCK_ACCESS_FS_MAKE_SYM << 1) - 1; /* ABI 1 */

	if (abi >= 2)
		rights |= LANDLOCK_ACCESS_FS_REFER;
	if (abi >= 3)
		rights |= UINT64_C(1) << 14; /* truncate */
	if (abi >= 5)
		rights |= UINT64_C(1) << 15; /* ioctl on devices */
	return rights;
}

int confine_files(struct error *err)
{
	struct {
		uint64_t files, ports, scopes;
	} rules = { 0 };
	int abi = (int)syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION), fd, rc;

	if (is_unconfined)
		return 0;
	if (abi < 1) {
		log_warn("confine", "this kernel has no landlock: %s", strerror(errno));
		return 0;
	}
	rules.files = file_rights(abi);
	rules.ports = abi >= 4 ? 3 : 0;	 /* bind and connect */
	rules.scopes = abi >= 6 ? 3 : 0; /* abstract sockets, and signals to others */
	fd = (int)syscall(SYS_landlock_create_ruleset, &rules, abi >= 6 ? 24 : abi >= 4 ? 16 : 8, 0);
	if (fd < 0)
		return error_set(err, ERROR_INTERNAL, "landlock makes no rules: %s", strerror(errno));
	rc = (int)syscall(SYS_landlock_restrict_self, fd, 0);
	if (rc)
		error_set(err, ERROR_INTERNAL, "landlock does not restrict: %s", strerror(errno));
	close(fd);
	return rc;
}

#ifdef HAVE_SECCOMP
static const int calls[] = {
	SCMP_SYS(epoll_wait), SCMP_SYS(epoll_pwait), SCMP_SYS(epoll_ctl), SCMP_SYS(read), SCMP_SYS(readv),
	SCMP_SYS(pread64), SCMP_SYS(write), SCMP_SYS(writev), SCMP_SYS(recvfrom), SCMP_SYS(recvmsg), SCMP_SYS(sendto),
	SCMP_SYS(sendmsg), SCMP_SYS(accept), SCMP_SYS(accept4), SCMP_SYS(shutdown), SCMP_SYS(close),
	SCMP_SYS(getsockopt), SCMP_SYS(setsockopt), SCMP_SYS(getpeername), SCMP_SYS(getsockname),
	/* libevent's signal pipe, and its clean end */
	SCMP_SYS(rt_sigaction), SCMP_SYS(rt_sigprocmask), SCMP_SYS(rt_sigreturn), SCMP_SYS(restart_syscall),
	/* memory, without code: see below */
	SCMP_SYS(brk), SCMP_SYS(munmap), SCMP_SYS(mremap), SCMP_SYS(madvise),
	/* clocks and random bytes; most are no calls at all */
	SCMP_SYS(clock_gettime), SCMP_SYS(gettimeofday), SCMP_SYS(time), SCMP_SYS(getrandom), SCMP_SYS(futex),
	SCMP_SYS(getpid), SCMP_SYS(gettid), SCMP_SYS(exit), SCMP_SYS(exit_group),
};

static int allow_some(scmp_filter_ctx filter)
{
	int rc = 0;

	/* No memory that can be run, whoever asks. */
	rc |= seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(mmap), 1,
			       SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
	rc |= seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(mprotect), 1,
			       SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
	rc |= seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(ioctl), 1, SCMP_A1(SCMP_CMP_EQ, FIONREAD));
	rc |= seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(fcntl), 1, SCMP_A1(SCMP_CMP_EQ, F_GETFL));
	rc |= seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(fcntl), 1, SCMP_A1(SCMP_CMP_EQ, F_SETFL));
	rc |= seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(fcntl), 1, SCMP_A1(SCMP_CMP_EQ, F_GETFD));
	rc |= seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(fcntl), 1, SCMP_A1(SCMP_CMP_EQ, F_SETFD));
	return rc;
}

int confine_calls(struct error *err)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_KILL_PROCESS);
	size_t i;
	int rc = 0;

	if (is_unconfined) {
		seccomp_release(filter);
		log_warn("confine", "this recast-front was built for tests and keeps its rights");
		return 0;
	}
	if (!filter)
		return error_set(err, ERROR_INTERNAL, "seccomp makes no filter");
	for (i = 0; i < sizeof(calls) / sizeof(calls[0]); i++)
		rc |= seccomp_rule_add(filter, SCMP_ACT_ALLOW, calls[i], 0);
	rc |= allow_some(filter);
	if (!rc)
		rc = seccomp_load(filter);
	seccomp_release(filter);
	return rc ? error_set(err, ERROR_INTERNAL, "seccomp does not load the filter: %s", strerror(rc < 0 ? -rc : rc)) : 0;
}
#else
int confine_calls(struct error *err)
{
	(void)err;
	log_warn("confine", "this recast-front was built without a filter of system calls");
	return 0;
}
#endif

void confine_try(const char *what)
{
	static const char *const argv[] = { "/bin/true", NULL };
	long rc = 0;

	if (!strcmp(what, "open"))
		rc = open("/etc/passwd", O_RDONLY | O_CLOEXEC);
	else if (!strcmp(what, "fork"))
		rc = syscall(SYS_clone, SIGCHLD, NULL, NULL, NULL, NULL);
	else if (!strcmp(what, "exec"))
		rc = execv(argv[0], (char *const *)argv);
	else if (!strcmp(what, "socket"))
		rc = socket(AF_INET, SOCK_STREAM, 0);
	else if (!strcmp(what, "unlink"))
		rc = unlink("/nonexistent/recast");
	else if (!strcmp(what, "trace"))
		rc = ptrace(PTRACE_TRACEME, 0, NULL, NULL);
	else if (!strcmp(what, "code"))
		rc = mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED;
	log_error("confine", "%s was not prevented: %ld", what, rc);
	_exit(99);
}
