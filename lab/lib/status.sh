# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=bash
#
# What of the lab lives.  Servers may be off: their power is shown but is not
# part of "up".

PARTS=(ovsdb-server ovs-vswitchd tgtd dnsmasq serial bmc1 bmc2 bmc3 bmc4 bmc5)

# part_state PART: print "PID STATE"; fail unless it is up.
part_state() {
	local pid
	pid=$(part_pid "$1") || { echo "- down"; return 1; }
	if [ "$(proc_state "$pid")" = T ]; then
		echo "$pid stopped"
		return 1
	fi
	echo "$pid up"
}

lab_is_whole() {
	local part
	[ -e "$LAB_DIR/up" ] && net_exists || return 1
	for part in "${PARTS[@]}"; do
		part_state "$part" >/dev/null || return 1
	done
}

lab_status() {
	local part line n ns whole=0
	if [ ! -e "$LAB_DIR/up" ]; then
		echo "lab '$LAB_NAME' is not up"
		return 1
	fi
	printf '%-14s %8s %s\n' PART PID STATE
	for part in "${PARTS[@]}"; do
		line=$(part_state "$part") || whole=1
		# shellcheck disable=SC2086
		printf '%-14s %8s %s\n' "$part" $line
	done
	for ns in $(net_namespaces); do
		if [ -e "/run/netns/$ns" ]; then line=up; else line=gone whole=1; fi
		printf '%-14s %8s %s\n' "$ns" - "$line"
	done
	for n in "${NODES[@]}"; do
		case $(machine_power "$n") in
		power:1) line="$(cat "$LAB_DIR/node$n/qemu.pid") on" ;;
		*) line="- off" ;;
		esac
		# shellcheck disable=SC2086
		printf '%-14s %8s %s, boot %s\n' "node$n" $line "$(cat "$LAB_DIR/node$n/boot")"
	done
	[ ! -s "$LAB_DIR/broken" ] || { echo "faults:"; sed 's/^/  /' "$LAB_DIR/broken"; }
	return $whole
}

lab_env() {
	cat <<-END
	export RECAST_LAB=$LAB_NAME
	export RECAST_LAB_DIR=$LAB_DIR
	export RECAST_LAB_NS=$NS
	export RECAST_LAB_NS_ARRAY=$NS_ARRAY
	export RECAST_LAB_NS_WEB=$NS_WEB
	export RECAST_LAB_NS_DB=$NS_DB
	export RECAST_LAB_SITE=$LAB_DIR/site.yaml
	export RECAST_LAB_SECRETS=$LAB_DIR/secrets
	export RECAST_LAB_POOL=$LAB_DIR/pool
	export RECAST_LAB_BOOT_URL=$BOOT_URL
	export TGT_IPC_SOCKET=$TGT_IPC_SOCKET
	END
}
