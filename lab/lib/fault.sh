# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=bash
#
# Faults on demand, and their undoing.  DIR/broken lists the faults made since
# the last heal, one a line, so that `heal` and `status` can tell them from a
# crash.

FOREIGN_IQN=iqn.2026-01.foreign

lab_break() {
	local what=${1:-}
	[ $# -gt 0 ] || usage_error "break needs a fault"
	shift
	need_up
	lock_lab
	case $what in
	bmc|power|chap|foreign) [ $# -eq 1 ] || usage_error "break $what needs one argument" ;;
	switch|switch-kill|array|array-stop) [ $# -eq 0 ] || usage_error "break $what takes no argument" ;;
	*) usage_error "'$what' is not a fault the lab can make" ;;
	esac
	"break_${what//-/_}" "$@"
	echo "$what $*" >>"$LAB_DIR/broken"
	echo "broken: $what $*"
}

break_bmc() {
	local n
	n=$(node_arg "$1") || exit 2
	part_kill "bmc$n"
}

# Behind the BMC's back: it finds out when it is asked.
break_power() {
	local n
	n=$(node_arg "$1") || exit 2
	"$LAB_HOME/lib/chassis" "$LAB_DIR" "node$n" set power 0 || die "node$n did not go off"
}

break_switch() {
	signal_part STOP ovs-vswitchd
	signal_part STOP ovsdb-server
}

break_switch_kill() { switch_stop; }
break_array() { part_kill tgtd; }
break_array_stop() { signal_part STOP tgtd; }

signal_part() {
	local pid
	pid=$(part_pid "$2") || die "$2 does not run; run 'lab heal' first"
	kill "-$1" "$pid"
}

# Someone changed the secret of the target's account: the account's name, and
# all the array shows of it, stay the same, and logins are refused.  The secret
# that was cannot be read from an array, so this is undone by whoever set it.
break_chap() {
	local tid iqn user bound id
	read -r tid iqn < <(array_find "$1") || die "no target '$1' on the array"
	user=$(array_accounts "$tid" | head -n 1)
	[ -n "$user" ] || die "target $iqn has no CHAP account"
	bound=$(array_targets | while read -r id _; do
		array_accounts "$id" | grep -qxF -- "$user" && echo "$id"
	done)
	array_adm --mode account --op delete --user "$user" || die "cannot delete the account $user"
	array_adm --mode account --op new --user "$user" \
		--password "$(od -An -N8 -tx1 /dev/urandom | tr -d ' \n')" || die "cannot make the account $user again"
	for id in $bound; do
		array_adm --mode account --op bind --tid "$id" --user "$user" || die "cannot bind the account to target $id"
	done
}

# Someone else uses the volume: a target that is not ours, mapped to a host that
# is not ours.
break_foreign() {
	local volume=$1 tid=900
	[ -e "$LAB_DIR/pool/$volume.img" ] || die "no volume '$volume' in $LAB_DIR/pool"
	[ -z "$(array_find "$FOREIGN_IQN:$volume")" ] || die "$volume is mapped to a foreign host already"
	while array_targets | grep -q "^$tid "; do tid=$((tid + 1)); done
	array_adm --mode target --op new --tid $tid -T "$FOREIGN_IQN:$volume" &&
	array_adm --mode logicalunit --op new --tid $tid --lun 1 -b "$LAB_DIR/pool/$volume.img" &&
	array_adm --mode target --op bind --tid $tid --initiator-name "$FOREIGN_IQN:host" ||
		die "the array refused the foreign target"
}

lab_heal() {
	local n
	need_up
	lock_lab
	heal_switch
	heal_array
	for n in "${NODES[@]}"; do
		part_lives "bmc$n" && continue
		bmc_start "$n"
		bmc_wait "$n"
		echo "healed: the BMC of node$n runs again"
	done
	if ! part_lives dnsmasq; then
		provision_start
		provision_wait
		echo "healed: dnsmasq runs again"
	fi
	heal_words
	rm -f "$LAB_DIR/broken"
}

heal_switch() {
	local part pid
	for part in ovsdb-server ovs-vswitchd; do
		pid=$(part_pid $part) && [ "$(proc_state "$pid")" = T ] || continue
		kill -CONT "$pid"
		echo "healed: $part goes on"
	done
	if ! part_lives ovsdb-server || ! part_lives ovs-vswitchd; then
		switch_stop
		switch_start
		# A change, if it changes nothing, is answered when the ports are there.
		switch_vsctl set bridge br0 datapath_type=netdev || die "the switch did not take its ports; see $OVS_DIR/ovs-vswitchd.log"
		echo "healed: the switch runs again, on the configuration it had"
	fi
}

heal_array() {
	local pid tid iqn
	if pid=$(part_pid tgtd); then
		if [ "$(proc_state "$pid")" = T ]; then
			kill -CONT "$pid"
			echo "healed: tgtd goes on"
		fi
	else
		array_start
		array_wait
		echo "healed: tgtd runs again, empty: it keeps no configuration over a restart"
	fi
	array_targets | while read -r tid iqn; do
		case $iqn in
		"$FOREIGN_IQN":*) array_adm --mode target --op delete --force --tid "$tid" &&
			echo "healed: the foreign target $iqn is gone" ;;
		esac
	done
}

# What only others can put right.
heal_words() {
	[ -e "$LAB_DIR/broken" ] || return 0
	grep -q '^power ' "$LAB_DIR/broken" && echo "left: a server whose power was cut stays off until its BMC turns it on"
	grep -q '^chap ' "$LAB_DIR/broken" && echo "left: a changed CHAP secret stays until the target's owner sets a new one"
	return 0
}
