# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=bash
#
# The five servers.  Each has a BMC (ipmi_sim at 127.0.1.N:623) whose chassis
# script, lib/chassis, starts and stops its QEMU.  A server's state is in
# DIR/nodeN: bmc.conf, boot (its boot device), console.log, qemu.pid.

machine_uuid() { echo "a1234567-89ab-cdef-a123-45678900000$1"; }

machine_create() {
	local n dir password
	for n in "${NODES[@]}"; do
		dir=$LAB_DIR/node$n
		mkdir -p "$dir/bmc-state"
		chmod 0700 "$dir"
		echo none >"$dir/boot"
		: >"$dir/console.log"
		password=$(od -An -N8 -tx1 /dev/urandom | tr -d ' \n')
		(umask 0377; printf '%s' "$password" >"$LAB_DIR/secrets/node$n-bmc")
		(umask 0077; bmc_lan_conf "$n" "$password" >"$dir/bmc.conf")
		bmc_emu "$n" >"$dir/bmc.emu"
	done
}

bmc_guid() { machine_uuid "$1" | tr -d -; }

bmc_lan_conf() {
	local n=$1 password=$2 dir=$LAB_DIR/node$1
	cat <<-END
	name "node$n"
	set_working_mc 0x20
	  startlan 1
	    addr 127.0.1.$n 623
	    priv_limit admin
	    allowed_auths_callback none md2 md5 straight
	    allowed_auths_user none md2 md5 straight
	    allowed_auths_operator none md2 md5 straight
	    allowed_auths_admin none md2 md5 straight
	    guid $(bmc_guid "$n")
	  endlan
	  chassis_control "$LAB_HOME/lib/chassis $LAB_DIR node$n"
	  sol "tcp:127.0.0.1:910$n" 115200
	  user 1 false "" "" user 10 none md2 md5 straight
	  user 2 true "admin" "$password" admin 10 none md2 md5 straight
	END
}

bmc_emu() {
	cat <<-END
	mc_setbmc 0x20
	mc_add 0x20 0 no-device-sdrs 0x23 9 8 0x9f 0x1291 0xf02 persist_sdr
	mc_set_guid 0x20 $(bmc_guid "$1")
	sel_enable 0x20 1000 0x0a
	sensor_add 0x20 0 0 35 0x6f event-only
	sensor_set_event_support 0x20 0 0 enable scanning per-state 000000000001111 000000000000000 000000000001111 000000000000000
	mc_enable 0x20
	END
}

bmc_start() {
	local n=$1 dir=$LAB_DIR/node$1
	part_spawn "bmc$n" "$NS" ipmi_sim -n -c "$dir/bmc.conf" -f "$dir/bmc.emu" -s "$dir/bmc-state"
}

# The serial lines, which live as long as the lab: see lib/serial.py.
serial_start() { part_spawn serial "$NS" /usr/bin/python3 "$LAB_HOME/lib/serial.py" "$LAB_DIR" "${NODES[@]}"; }
serial_serves() {
	local pid
	pid=$(part_pid serial) || die "the serial lines ended; their words are in $LAB_DIR/run/serial.log"
	[ -S "$LAB_DIR/node${NODES[-1]}/serial" ] && grep -q "$(printf ':%04X ' $((9100 + NODES[-1])))" "/proc/$pid/net/tcp"
}

bmc_start_all() {
	local n
	serial_start
	# A BMC whose first connection to its serial line is refused never reads that line again.
	wait_for 10 "the start of the serial lines" serial_serves
	for n in "${NODES[@]}"; do bmc_start "$n"; done
}

# UDP port 623 is 026F; 127.0.1.N is 0N01007F in /proc/net/udp.
bmc_serves() {
	local pid
	pid=$(part_pid "bmc$1") || die "the BMC of node$1 ended; its words are in $LAB_DIR/run/bmc$1.log"
	grep -q " 0${1}01007F:026F " "/proc/$pid/net/udp"
}

bmc_wait() { wait_for 10 "the start of node$1's BMC" bmc_serves "$1"; }

bmc_wait_all() {
	local n
	for n in "${NODES[@]}"; do bmc_wait "$n"; done
}

machine_power() { "$LAB_HOME/lib/chassis" "$LAB_DIR" "node$1" get power; }
