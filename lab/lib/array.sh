# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=bash
#
# The iSCSI array: tgtd with its portal 10.66.20.1:3260 in its own namespace.
# Its control socket DIR/tgtd/sock is a file, so tgtadm (with TGT_IPC_SOCKET)
# reaches it from any namespace.  It starts with no target; volume X is
# DIR/pool/X.img.

array_start() {
	mkdir -p "$LAB_DIR/tgtd"
	rm -f "$LAB_DIR"/tgtd/sock*
	# tgtd and tgtadm add ".0" to the name; give the plain name to others.
	ln -s sock.0 "$LAB_DIR/tgtd/sock"
	part_spawn tgtd "$NS_ARRAY" tgtd -f -t 2 --iscsi portal=10.66.20.1:3260
}

array_answers() {
	part_lives tgtd || die "tgtd ended; its words are in $LAB_DIR/run/tgtd.log"
	array_adm --mode sys --op show >/dev/null 2>&1
}

array_wait() { wait_for 10 "an answer of tgtd" array_answers; }

array_adm() { timeout 10 tgtadm --lld iscsi "$@" 9>&-; }

# Lines "TID IQN" of all targets.
array_targets() {
	array_adm --mode target --op show | sed -n 's/^Target \([0-9]*\): /\1 /p'
}

# array_find TARGET: print "TID IQN" of a target named by tid, IQN or end of IQN.
array_find() {
	array_targets | awk -v t="$1" '$1 == t || $2 == t ||
		substr($2, length($2) - length(t)) == ":" t { print; exit }'
}

# array_accounts TID: the CHAP accounts bound to a target.
array_accounts() {
	array_adm --mode target --op show | awk -v tid="$1" '
		/^Target / { mine = ($2 == tid ":"); list = 0 }
		/^    Account information:/ { list = 1; next }
		/^    [^ ]/ { list = 0 }
		mine && list { print $1 }'
}
