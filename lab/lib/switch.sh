# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=bash
#
# The Ethernet switch: Open vSwitch in userspace, with its own ovsdb-server,
# database, run directory and control sockets under DIR/ovs.  It is driven by
# OVSDB on tcp:127.0.0.1:16640 inside the management namespace.

PARKING_VLAN=4000

switch_create() {
	mkdir -p "$OVS_DIR"
	ovsdb-tool create "$OVS_DIR/conf.db" /usr/share/openvswitch/vswitch.ovsschema ||
		die "cannot make the switch's database"
}

# ovs CMD...: an OVS program with all its directories in the lab's.
ovs() {
	(exec_clean ip netns exec "$NS" env OVS_RUNDIR="$OVS_DIR" OVS_LOGDIR="$OVS_DIR" \
		OVS_DBDIR="$OVS_DIR" OVS_SYSCONFDIR="$OVS_DIR" "$@")
}

switch_vsctl() {
	ovs ovs-vsctl --timeout=15 --db="unix:$OVS_DIR/db.sock" "$@"
}

# Start both daemons on the database there is; each detaches once it serves.
switch_start() {
	rm -f "$OVS_DIR"/*.pid "$OVS_DIR"/*.ctl "$OVS_DIR/db.sock"
	ovs ovsdb-server "$OVS_DIR/conf.db" --remote="punix:$OVS_DIR/db.sock" \
		--remote=ptcp:16640:127.0.0.1 --unixctl="$OVS_DIR/ovsdb-server.ctl" \
		--pidfile="$OVS_DIR/ovsdb-server.pid" --log-file="$OVS_DIR/ovsdb-server.log" \
		-vconsole:off --detach --no-chdir 2>>"$OVS_DIR/start.log" || die "ovsdb-server did not start; see $OVS_DIR/ovsdb-server.log"
	part_record ovsdb-server "$(cat "$OVS_DIR/ovsdb-server.pid")"
	switch_vsctl --no-wait init || die "cannot initialise the switch's database"
	ovs ovs-vswitchd "unix:$OVS_DIR/db.sock" --unixctl="$OVS_DIR/ovs-vswitchd.ctl" \
		--pidfile="$OVS_DIR/ovs-vswitchd.pid" --log-file="$OVS_DIR/ovs-vswitchd.log" \
		-vconsole:off --detach --no-chdir 2>>"$OVS_DIR/start.log" || die "ovs-vswitchd did not start; see $OVS_DIR/ovs-vswitchd.log"
	part_record ovs-vswitchd "$(cat "$OVS_DIR/ovs-vswitchd.pid")"
}

# One transaction adds the bridge and every port; ovs-vsctl returns when
# ovs-vswitchd has applied it.
switch_cable() {
	local leg ns vlan rest n nic
	local words=(add-br br0 -- set bridge br0 datapath_type=netdev fail_mode=standalone)
	while read -r leg ns vlan rest; do
		words+=(-- add-port br0 "p-$leg" "tag=$vlan")
	done < <(net_legs)
	for n in "${NODES[@]}"; do
		for nic in eth0 eth1; do
			words+=(-- add-port br0 "node$n-$nic" "tag=$PARKING_VLAN")
		done
	done
	switch_vsctl "${words[@]}" || die "the switch did not take its ports; see $OVS_DIR/ovs-vswitchd.log"
}

switch_stop() {
	part_kill ovs-vswitchd
	part_kill ovsdb-server
}
