/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What is left of the file system under landlock alone; tests/front looks at the filter of system calls.
 */
#include "unit.h"

#include "confine.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static int abi(void)
{
#ifdef FRONT_UNCONFINED
	return 0;
#endif
	return (int)syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
}

/* In a child, since there is no way back: the errno of @what once confined, 0 when it was possible. */
static int confined(int (*what)(void))
{
	struct error err = { 0 };
	int status = 0;
	pid_t pid = fork();

	if (pid == 0) {
		prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
		if (confine_files(&err))
			_exit(255);
		_exit(what() < 0 ? errno : 0);
	}
	waitpid(pid, &status, 0);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static int read_file(void)
{
	return open("/etc/passwd", O_RDONLY | O_CLOEXEC);
}

static int read_folder(void)
{
	return open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

static int make_file(void)
{
	return open("/tmp/recast-unit-confine", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
}

static int run_program(void)
{
	static char name[] = "true", *const argv[] = { name, NULL };

	return execv("/bin/true", argv);
}

static int bind_port(void)
{
	struct sockaddr_in any = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	return bind(fd, (const struct sockaddr *)&any, sizeof(any));
}

TEST(no_file_can_be_opened_made_or_run)
{
	if (abi() < 1)
		return; /* nothing to confine with */
	assert_int_equal(confined(read_file), EACCES);
	assert_int_equal(confined(read_folder), EACCES);
	assert_int_equal(confined(make_file), EACCES);
	assert_int_equal(confined(run_program), EACCES);
}

TEST(no_port_can_be_bound)
{
	if (abi() < 4)
		return; /* nothing to confine with */
	assert_int_equal(confined(bind_port), EACCES);
}

UNIT_MAIN(T(no_file_can_be_opened_made_or_run), T(no_port_can_be_bound))
