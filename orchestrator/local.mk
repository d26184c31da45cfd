## The layers of the core, each a library that sees only what it may know (ARCHITECTURE.md).
noinst_LIBRARIES += orchestrator/libmodel.a orchestrator/libplan.a

orchestrator_libmodel_a_CPPFLAGS = $(LIB_CPPFLAGS) -I$(top_srcdir)/orchestrator/model
orchestrator_libmodel_a_SOURCES = orchestrator/model/build.h orchestrator/model/document.c orchestrator/model/fibre.c orchestrator/model/model.c \
	orchestrator/model/model.h orchestrator/model/persona.c orchestrator/model/problems.c orchestrator/model/problems.h \
	orchestrator/model/site.c

orchestrator_libplan_a_CPPFLAGS = $(LIB_CPPFLAGS) -I$(top_srcdir)/orchestrator/model -I$(top_srcdir)/orchestrator/plan
orchestrator_libplan_a_SOURCES = orchestrator/plan/adopt.c orchestrator/plan/build.h orchestrator/plan/drift.c orchestrator/plan/fabric.c \
	orchestrator/plan/orphans.c orchestrator/plan/place.c orchestrator/plan/plan.c orchestrator/plan/plan.h \
	orchestrator/plan/ports.c orchestrator/plan/power.c orchestrator/plan/reads.c orchestrator/plan/restore.c \
	orchestrator/plan/show.c orchestrator/plan/storage.c orchestrator/plan/wiring.c

noinst_LIBRARIES += orchestrator/libaccess.a
orchestrator_libaccess_a_CPPFLAGS = $(LIB_CPPFLAGS) -I$(top_srcdir)/orchestrator/access -I$(top_srcdir)/orchestrator/model
orchestrator_libaccess_a_SOURCES = orchestrator/access/access.c orchestrator/access/access.h orchestrator/access/roles.def \
	orchestrator/access/throttle.c orchestrator/access/throttle.h

noinst_LIBRARIES += orchestrator/libstore.a orchestrator/libengine.a
orchestrator_libstore_a_CPPFLAGS = $(LIB_CPPFLAGS) -I$(top_srcdir)/orchestrator/store $(SQLITE_CFLAGS)
orchestrator_libstore_a_SOURCES = orchestrator/store/migrations.h orchestrator/store/private.h \
	orchestrator/store/statements.def orchestrator/store/store.c orchestrator/store/store.h \
	orchestrator/store/store_key.c orchestrator/store/store_object.c orchestrator/store/store_record.c orchestrator/store/store_run.c orchestrator/store/store_secret.c
nodist_orchestrator_libstore_a_SOURCES = orchestrator/store/migrations.c

orchestrator_libengine_a_CPPFLAGS = $(LIB_CPPFLAGS) -I$(top_srcdir)/orchestrator/engine
orchestrator_libengine_a_SOURCES = orchestrator/engine/act.c orchestrator/engine/drive.c \
	orchestrator/engine/engine.c orchestrator/engine/engine.h orchestrator/engine/locks.c \
	orchestrator/engine/private.h orchestrator/engine/run.c orchestrator/engine/state.c \
	orchestrator/engine/states.def

noinst_LIBRARIES += orchestrator/libdispatch.a
orchestrator_libdispatch_a_CPPFLAGS = $(LIB_CPPFLAGS) -I$(top_srcdir)/orchestrator/dispatch
orchestrator_libdispatch_a_SOURCES = orchestrator/dispatch/breaker.h orchestrator/dispatch/dispatch.c \
	orchestrator/dispatch/dispatch.h orchestrator/dispatch/driver.c orchestrator/dispatch/op.c \
	orchestrator/dispatch/options.c orchestrator/dispatch/private.h orchestrator/dispatch/queue.c

## What touches the system for the core: the loop with its clocks, and the processes of drivers.
noinst_LIBRARIES += orchestrator/libloop.a orchestrator/libprocess.a
orchestrator_libloop_a_CPPFLAGS = $(LIB_CPPFLAGS) -I$(top_srcdir)/orchestrator/loop $(EVENT_CFLAGS)
orchestrator_libloop_a_SOURCES = orchestrator/loop/loop.c orchestrator/loop/loop.h
orchestrator_libprocess_a_CPPFLAGS = $(LIB_CPPFLAGS) -I$(top_srcdir)/orchestrator/dispatch \
	-I$(top_srcdir)/orchestrator/loop $(EVENT_CFLAGS)
orchestrator_libprocess_a_SOURCES = orchestrator/dispatch/process.c

## What a service manager gives to recastd and is told by it.
noinst_LIBRARIES += orchestrator/libhost.a
orchestrator_libhost_a_CPPFLAGS = $(LIB_CPPFLAGS) -I$(top_srcdir)/orchestrator/host $(EVENT_CFLAGS) $(SYSTEMD_CFLAGS) -include config.h
orchestrator_libhost_a_SOURCES = orchestrator/host/host.h orchestrator/host/inherit.c orchestrator/host/journal.c \
	orchestrator/host/notify.c

noinst_LIBRARIES += orchestrator/libboot.a orchestrator/libservice.a orchestrator/libapi.a
orchestrator_libboot_a_CPPFLAGS = $(LIB_CPPFLAGS) -I$(top_srcdir)/orchestrator/boot
orchestrator_libboot_a_SOURCES = orchestrator/boot/ipxe.c orchestrator/boot/ipxe.h

orchestrator_libservice_a_CPPFLAGS = $(LIB_CPPFLAGS) -I$(top_srcdir)/orchestrator/service -I$(top_srcdir)/orchestrator/service/private \
	-I$(top_srcdir)/orchestrator/model -I$(top_srcdir)/orchestrator/plan \
	-I$(top_srcdir)/orchestrator/engine -I$(top_srcdir)/orchestrator/dispatch \
	-I$(top_srcdir)/orchestrator/store -I$(top_srcdir)/orchestrator/boot -I$(top_srcdir)/orchestrator/access -include config.h
orchestrator_libservice_a_SOURCES = orchestrator/service/admin.c orchestrator/service/approval.c orchestrator/service/audit.c orchestrator/service/doctor.c orchestrator/service/doctor_device.c orchestrator/service/private/doctor.h orchestrator/service/boot.c \
	orchestrator/service/cast.c orchestrator/service/core.c orchestrator/service/private/core.h \
	orchestrator/service/define.c orchestrator/service/drift.c orchestrator/service/fence.c orchestrator/service/hands.c orchestrator/service/identity.c orchestrator/service/metrics.c \
	orchestrator/service/orphans.c orchestrator/service/power.c orchestrator/service/volume.c orchestrator/service/private/reconcile.h orchestrator/service/private/rights.h orchestrator/service/rights.c orchestrator/service/rotation.c \
	orchestrator/service/private/roster.h orchestrator/service/reconcile.c orchestrator/service/repair.c orchestrator/service/roster.c \
	orchestrator/service/service.h orchestrator/service/key.c orchestrator/service/list.c orchestrator/service/login.c orchestrator/service/private/token.h orchestrator/service/token.c orchestrator/service/trust.c orchestrator/service/unfenced.c orchestrator/service/private/trust.h orchestrator/service/view.c orchestrator/service/private/view.h orchestrator/service/wish.c \
	orchestrator/service/private/wish.h

orchestrator_libapi_a_CPPFLAGS = $(LIB_CPPFLAGS) -I$(top_srcdir)/orchestrator/api \
	-I$(top_srcdir)/orchestrator/service $(EVENT_CFLAGS)
orchestrator_libapi_a_SOURCES = orchestrator/api/api.c orchestrator/api/api.h orchestrator/api/credentials.c orchestrator/api/etag.c \
	orchestrator/api/front.c orchestrator/api/request.c \
	orchestrator/api/metrics.c orchestrator/api/metrics.def orchestrator/api/private.h \
	orchestrator/api/routes.c orchestrator/api/routes.def orchestrator/api/stream.c
nodist_orchestrator_libapi_a_SOURCES = orchestrator/api/openapi.c

sbin_PROGRAMS += recastd
recastd_CPPFLAGS = $(LIB_CPPFLAGS) -I$(top_srcdir)/orchestrator/service -I$(top_srcdir)/orchestrator/api \
	-I$(top_srcdir)/orchestrator/loop -I$(top_srcdir)/orchestrator/host \
	$(EVENT_CFLAGS) $(SSL_CFLAGS) -include config.h -DSYSCONFDIR='"$(sysconfdir)"' -DSTATEDIR='"$(localstatedir)/lib/recast"' \
	-DRUNDIR='"/run/recast"' -DLIBEXECDIR='"$(recastlibexecdir)"'
recastd_SOURCES = orchestrator/check.c orchestrator/check.h orchestrator/check_private.h orchestrator/check_tls.c \
	orchestrator/config.c orchestrator/config.h orchestrator/hygiene.c orchestrator/hygiene.h orchestrator/main.c \
	orchestrator/settings.c orchestrator/settings.h schema/config.def
recastd_LDADD = orchestrator/libhost.a orchestrator/libapi.a orchestrator/libservice.a orchestrator/libengine.a \
	orchestrator/libdispatch.a orchestrator/libprocess.a orchestrator/libdispatch.a orchestrator/libloop.a \
	orchestrator/libplan.a orchestrator/libaccess.a orchestrator/libmodel.a orchestrator/libstore.a \
	orchestrator/libboot.a $(LIB_LIBS) $(EVENT_LIBS) $(SQLITE_LIBS) $(SSL_LIBS) $(SYSTEMD_LIBS)
include orchestrator/front/local.mk
