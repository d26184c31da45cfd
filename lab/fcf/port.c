/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Interfaces.  The socket sees every frame of its interface (the addresses of VN_Ports are many and come and go, hence
 * promiscuous) and none of its own.  The kernel takes the VLAN tag out of what comes in and tells it beside the frame
 * (PACKET_AUXDATA); on the way out the tag is written here, so the kernel needs no 8021q.
 */
#include "port.h"

#include "clock.h"
#include "forward.h"
#include "link.h"
#include "login.h"

#include <errno.h>
#include <event2/event.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

enum {
	ETHERTYPE_ALL = 0x0003,
	ETHERTYPE_VLAN = 0x8100,
	FCOE_PRIORITY = 3, /* what data centre Ethernet keeps lossless for FCoE by custom */
	RECEIVE_BUFFER = 32 << 20,
	BURST = 64, /* frames taken before others have their turn */
};

/* The VLAN that the kernel took out of the frame; 0 for none and for a tag that only tells a priority. */
static uint16_t vlan_of(struct msghdr *msg)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c; c = CMSG_NXTHDR(msg, c)) {
		struct tpacket_auxdata aux;

		if (c->cmsg_level != SOL_PACKET || c->cmsg_type != PACKET_AUXDATA || c->cmsg_len < CMSG_LEN(sizeof(aux)))
			continue;
		memcpy(&aux, CMSG_DATA(c), sizeof(aux));
		return aux.tp_status & TP_STATUS_VLAN_VALID ? aux.tp_vlan_tci & 0xfff : 0;
	}
	return 0;
}

/* One frame.  -1 when there is none.  A longer one than @size has the length @size. */
static ssize_t receive(struct port *port, uint8_t *buf, size_t size, uint16_t *vlan)
{
	union {
		struct cmsghdr align;
		char room[CMSG_SPACE(sizeof(struct tpacket_auxdata))];
	} control;
	struct iovec iov = { buf, size };
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control),
	};
	ssize_t n = recvmsg(port->fd, &msg, MSG_DONTWAIT);

	*vlan = vlan_of(&msg);
	return n;
}

static void readable(evutil_socket_t fd, short what, void *arg)
{
	struct port *port = arg;
	/* A byte more than the longest, so that a longer one is known by its length. */
	uint8_t buf[FRAME_MAX + 1];
	uint16_t vlan;

	(void)fd;
	(void)what;
	for (int i = 0; i < BURST; i++) {
		ssize_t n = receive(port, buf, sizeof(buf), &vlan);

		if (n < 0)
			return;
		forward_receive(port, buf, (size_t)n, vlan);
	}
}

/* The laser: whether the interface is up. */
static int set_carrier(struct port *port, bool up)
{
	struct ifreq request = { 0 };

	memcpy(request.ifr_name, port->ifname, sizeof(port->ifname));
	if (ioctl(port->fd, SIOCGIFFLAGS, &request) < 0)
		return -1;
	request.ifr_flags = (short)(up ? request.ifr_flags | IFF_UP : request.ifr_flags & ~IFF_UP);
	return ioctl(port->fd, SIOCSIFFLAGS, &request);
}

static int configure_socket(struct port *port)
{
	struct sockaddr_ll address = {
		.sll_family = AF_PACKET,
		.sll_protocol = htons(ETHERTYPE_ALL),
		.sll_ifindex = port->ifindex,
	};
	struct packet_mreq promiscuous = { .mr_ifindex = port->ifindex, .mr_type = PACKET_MR_PROMISC };
	int on = 1, buffer = RECEIVE_BUFFER, fd = port->fd;

	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &buffer, sizeof(buffer)) < 0 &&
	    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &buffer, sizeof(buffer)) < 0)
		return -1;
	if (setsockopt(fd, SOL_PACKET, PACKET_AUXDATA, &on, sizeof(on)) < 0 ||
	    setsockopt(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &on, sizeof(on)) < 0 ||
	    setsockopt(fd, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &promiscuous, sizeof(promiscuous)) < 0)
		return -1;
	return bind(fd, (struct sockaddr *)&address, sizeof(address));
}

int port_open(struct fcf *fcf, int number, const char *ifname, struct error *err)
{
	struct port *port = &fcf->ports[fcf->n_ports];

	if (fcf->n_ports == FCF_PORTS || fcf_port(fcf, number))
		return error_set(err, ERROR_INVALID, "port %d is one too many, or there already", number);
	*port = (struct port){ .fcf = fcf, .number = number, .ifindex = (int)if_nametoindex(ifname) };
	if (!port->ifindex || strlen(ifname) >= sizeof(port->ifname))
		return error_set(err, ERROR_INVALID, "port %d: there is no interface %s", number, ifname);
	strcpy(port->ifname, ifname);
	/* No protocol until it is bound, else frames of other interfaces come in between. */
	port->fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
	if (port->fd < 0)
		return error_set(err, ERROR_INVALID, "port %d: no packet socket: %s", number, strerror(errno));
	fcf->n_ports++;
	if (configure_socket(port) < 0 || set_carrier(port, true) < 0)
		return error_set(err, ERROR_INVALID, "port %d on %s: %s", number, ifname, strerror(errno));
	port->readable = event_new(fcf->base, port->fd, EV_READ | EV_PERSIST, readable, port);
	event_add(port->readable, NULL);
	return 0;
}

void port_close(struct port *port)
{
	if (port->readable)
		event_free(port->readable);
	close(port->fd);
}

bool port_is_up(const struct port *port)
{
	return !port->disabled && !port->flap_until_ms;
}

static void go_down(struct port *port, const char *why)
{
	fcf_log(port->fcf, "port-down port=%d why=%s", port->number, why);
	login_end_port(port, why);
	if (set_carrier(port, false) < 0)
		fcf_log(port->fcf, "port-carrier port=%d error=%s", port->number, strerror(errno));
}

/* The card behind a tap has not seen that its carrier was gone, and takes itself for logged in: it is told. */
static void go_up(struct port *port)
{
	fcf_log(port->fcf, "port-up port=%d", port->number);
	if (set_carrier(port, true) < 0)
		fcf_log(port->fcf, "port-carrier port=%d error=%s", port->number, strerror(errno));
	link_clear_port(port, "port up");
}

void port_disable(struct port *port, const char *why)
{
	if (port->disabled)
		return;
	port->disabled = true;
	port->flap_until_ms = 0;
	snprintf(port->why, sizeof(port->why), "%s", why);
	go_down(port, why);
}

void port_enable(struct port *port)
{
	if (!port->disabled)
		return;
	port->disabled = false;
	port->why[0] = 0;
	go_up(port);
}

void port_flap(struct port *port, int64_t until_ms)
{
	if (!port_is_up(port))
		return;
	port->flap_until_ms = until_ms;
	go_down(port, "flap");
}

void port_tick(struct port *port, int64_t now)
{
	if (!port->flap_until_ms || port->flap_until_ms > now)
		return;
	port->flap_until_ms = 0;
	go_up(port);
}

void port_transmit(struct port *port, const struct frame *f)
{
	uint8_t tag[4], *data = (uint8_t *)f->data;
	struct iovec parts[] = { { data, 12 }, { tag, f->vlan ? sizeof(tag) : 0 }, { data + 12, f->len - 12 } };

	put16(tag, ETHERTYPE_VLAN);
	put16(tag + 2, FCOE_PRIORITY << 13 | f->vlan);
	count(port, port_is_up(port) && writev(port->fd, parts, 3) >= 0 ? COUNTER_sent : COUNTER_tx_failed);
}

void port_send(struct port *port, struct frame *f)
{
	struct faults *faults = &port->fcf->faults;

	if (get16(f->data + 12) == ETHERTYPE_FCOE && fault_take(faults, FAULT_crc, f->kind)) {
		count(port, COUNTER_fault_crc);
		fcoe_spoil(f);
	}
	if (fault_take(faults, FAULT_drop, f->kind)) {
		count(port, COUNTER_fault_dropped);
		return;
	}
	if (fault_take(faults, FAULT_delay, f->kind)) {
		count(port, COUNTER_fault_delayed);
		fault_hold(faults, port, f, clock_mono_ms() + faults->delay_ms);
		return;
	}
	port_transmit(port, f);
	if (fault_take(faults, FAULT_duplicate, f->kind)) {
		count(port, COUNTER_fault_duplicated);
		port_transmit(port, f);
	}
}
