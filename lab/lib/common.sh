# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=bash
#
# Names, errors, tools, the lab's lock, and parts: a part is a process of the
# lab, recorded in DIR/run/PART.pid as "PID STARTTIME".  A pid counts as the
# part only while its start time is the recorded one, so a reused pid is never
# signalled.

NODES=(1 2 3 4 5)

say() { echo "lab: $*" >&2; }
die() { echo "lab: $*" >&2; exit 1; }
usage_error() { echo "lab: $*; see 'lab --help'" >&2; exit 2; }

lab_names() {
	NS=rl-$LAB_NAME
	NS_ARRAY=$NS-array
	NS_WEB=$NS-web
	NS_DB=$NS-db
	OVS_DIR=$LAB_DIR/ovs
	export TGT_IPC_SOCKET=$LAB_DIR/tgtd/sock
}

need_root() {
	[ "$(id -u)" = 0 ] || die "this needs root, for network namespaces and taps; run it with sudo"
}

# need TOOL PACKAGE: stop with the name of the Debian package if TOOL is missing.
need() {
	command -v "$1" >/dev/null || die "'$1' is missing; install it with: apt-get install $2"
}

need_tools() {
	local tool package
	while read -r tool package; do
		need "$tool" "$package"
	done <<-'END'
	ip iproute2
	ethtool ethtool
	flock util-linux
	ovsdb-server openvswitch-switch
	ovs-vswitchd openvswitch-switch
	ovs-vsctl openvswitch-switch
	tgtd tgt
	tgtadm tgt
	ipmi_sim openipmi
	ipmitool ipmitool
	dnsmasq dnsmasq-base
	qemu-system-x86_64 qemu-system-x86
	/usr/bin/python3 python3
	busybox busybox-static
	END
	[ -e /usr/lib/ipxe/qemu/pxe-virtio.rom ] ||
		die "the iPXE ROM for virtio-net is missing; install it with: apt-get install ipxe-qemu"
	[ -c /dev/net/tun ] || die "/dev/net/tun is missing; load the kernel's tun module"
}

need_up() {
	[ -e "$LAB_DIR/up" ] || die "lab '$LAB_NAME' is not up; run 'lab up' first"
}

# node_arg N: accept 3 or node3, print 3.
node_arg() {
	local n=${1#node}
	case $n in
	[1-5]) echo "$n" ;;
	*) usage_error "'$1' is not a node; nodes are 1 to 5" ;;
	esac
}

# The lock serialises up, down, break and heal of one lab.  The file is removed
# by `down`, so after waiting make sure it is still the one in the directory.
lock_lab() {
	local path=$LAB_DIR.lock try
	mkdir -p "$(dirname "$LAB_DIR")" || die "cannot make $(dirname "$LAB_DIR")"
	for try in 1 2 3 4 5; do
		exec 9>>"$path" || die "cannot open $path"
		flock -w 60 9 || die "another lab command holds $path for a minute; wait for it or end it"
		[ "$(stat -c %i "$path" 2>/dev/null)" = "$(stat -L -c %i /dev/fd/9)" ] && return 0
	done
	die "could not lock $path; other lab commands come and go, try again"
}

unlock_lab() {
	rm -f "$LAB_DIR.lock"
	exec 9>&-
}

# wait_for SECONDS WHAT CMD...: run CMD until it succeeds or the time is over.
wait_for() {
	local limit=$1 what=$2 end
	shift 2
	end=$((SECONDS + limit))
	until "$@"; do
		[ $SECONDS -le $end ] || die "$what did not happen within $limit s"
		sleep 0.02
	done
}

# inside CMD...: run in the management namespace.
inside() { ip netns exec "$NS" "$@"; }

# The fields of /proc/PID/stat after the command name; nothing if PID is gone.
proc_stat() {
	local line
	{ read -r line <"/proc/$1/stat"; } 2>/dev/null || return 1
	echo "${line##*) }"
}

proc_starttime() {
	local fields
	read -ra fields < <(proc_stat "$1") || return 1
	[ ${#fields[@]} -gt 19 ] && echo "${fields[19]}"
}

# proc_state PID: one letter: S sleeping, R running, T stopped, Z dead.
proc_state() {
	local fields
	read -ra fields < <(proc_stat "$1") || return 1
	echo "${fields[0]}"
}

part_record() {
	local part=$1 pid=$2 started
	started=$(proc_starttime "$pid") || return 1
	echo "$pid $started" >"$LAB_DIR/run/$part.pid"
}

# part_pid PART: print the pid of a living part; fail if it does not live.
part_pid() {
	local pid started
	{ read -r pid started <"$LAB_DIR/run/$1.pid"; } 2>/dev/null || return 1
	[ "$(proc_starttime "$pid")" = "$started" ] || return 1
	[ "$(proc_state "$pid")" != Z ] || return 1
	echo "$pid"
}

part_lives() { part_pid "$1" >/dev/null; }

# proc_gone PID STARTTIME: has the process ended with all its threads?  A killed
# process is a zombie while its threads still hold its ports and taps.
proc_gone() {
	[ "$(proc_starttime "$1")" = "$2" ] || return 0
	[ "$(proc_state "$1")" = Z ] || return 1
	local tasks=("/proc/$1/task"/*)
	[ ${#tasks[@]} -le 1 ]
}

# exec_clean CMD...: become CMD with no descriptor but 0, 1 and 2.  A daemon that
# kept one of ours or our caller's (a lock, a pipe) would hold it for ever.  Call
# it in a subshell.
exec_clean() {
	local fd
	for fd in /proc/self/fd/*; do
		fd=${fd##*/}
		[ "$fd" -le 2 ] || eval "exec $fd>&-"
	done
	exec "$@"
}

# part_spawn PART NAMESPACE CMD...: start in the background, with a log of its own.
part_spawn() {
	local part=$1 ns=$2
	shift 2
	(exec_clean setsid ip netns exec "$ns" "$@") </dev/null >>"$LAB_DIR/run/$part.log" 2>&1 &
	local pid=$!
	disown "$pid"
	part_record "$part" "$pid" || die "$part ended at once; its words are in $LAB_DIR/run/$part.log"
}

part_kill() {
	local pid started
	pid=$(part_pid "$1") || return 0
	started=$(proc_starttime "$pid")
	kill -KILL "$pid" 2>/dev/null
	wait_for 5 "the end of $1 (pid $pid)" proc_gone "$pid" "$started"
}

parts_kill() {
	local file part n
	for n in "${NODES[@]}"; do
		[ ! -d "$LAB_DIR/node$n" ] || "$LAB_HOME/lib/chassis" "$LAB_DIR" "node$n" set power 0
	done
	for file in "$LAB_DIR"/run/*.pid; do
		[ -e "$file" ] || continue
		part=${file##*/}
		part_kill "${part%.pid}"
	done
}
