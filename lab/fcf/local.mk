## fcf: a program of the lab; never installed.
noinst_PROGRAMS += lab/fcf/fcf
lab_fcf_fcf_CPPFLAGS = $(LIB_CPPFLAGS) $(EVENT_CFLAGS)
lab_fcf_fcf_SOURCES = lab/fcf/control.c lab/fcf/control.h lab/fcf/counters.def lab/fcf/els.c lab/fcf/els.h \
	lab/fcf/fault.c lab/fcf/fault.h lab/fcf/fcf.h lab/fcf/fcframe.c lab/fcf/fcframe.h lab/fcf/fip.c lab/fcf/fip.h \
	lab/fcf/forward.c lab/fcf/forward.h lab/fcf/link.c lab/fcf/link.h lab/fcf/login.c lab/fcf/login.h \
	lab/fcf/main.c lab/fcf/names.c lab/fcf/names.h lab/fcf/orders.c lab/fcf/orders.h lab/fcf/port.c lab/fcf/port.h \
	lab/fcf/rscn.c lab/fcf/rscn.h lab/fcf/show.c lab/fcf/show.h lab/fcf/wire.h lab/fcf/zone.c lab/fcf/zone.h
lab_fcf_fcf_LDADD = $(LIB_LIBS) $(EVENT_LIBS)
EXTRA_DIST += lab/fcf/README.md lab/fcf/fabric.py lab/fcf/judge.py lab/fcf/selftest \
	lab/fcf/selftest-kernel lab/fcf/guest/init lab/fcf/guest/initramfs
