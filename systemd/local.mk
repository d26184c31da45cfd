## systemd: the units of recastd and its user.  Both are found by systemd below /usr and /usr/local.
EXTRA_DIST += systemd/recastd.service.in systemd/recastd.socket systemd/recast.sysusers
CLEANFILES += systemd/recastd.service

systemd/recastd.service: systemd/recastd.service.in Makefile
	$(AM_V_GEN)$(MKDIR_P) systemd && $(SED) 's|@sbindir[@]|$(sbindir)|' $(srcdir)/systemd/recastd.service.in >$@.tmp && mv $@.tmp $@

if INSTALL_UNITS
systemdunitdir = $(systemdsystemunitdir)
nodist_systemdunit_DATA = systemd/recastd.service systemd/recastd.socket
sysusersdir = $(prefix)/lib/sysusers.d

install-data-local:
	$(MKDIR_P) $(DESTDIR)$(sysusersdir)
	$(INSTALL_DATA) $(srcdir)/systemd/recast.sysusers $(DESTDIR)$(sysusersdir)/recast.conf
uninstall-local:
	rm -f $(DESTDIR)$(sysusersdir)/recast.conf
else
noinst_DATA = systemd/recastd.service
endif
