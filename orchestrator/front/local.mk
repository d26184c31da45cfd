## recast-front: HTTP at the edge.  It sees lib and nothing of the core but the frames on fd 3.
recastlibexec_PROGRAMS += recast-front
recast_front_CPPFLAGS = $(LIB_CPPFLAGS) $(EVENT_CFLAGS) $(SSL_CFLAGS) $(SECCOMP_CFLAGS) -include config.h
recast_front_SOURCES = orchestrator/front/main.c orchestrator/front/front.h \
	orchestrator/front/brake.c orchestrator/front/brake.h \
	orchestrator/front/confine.c orchestrator/front/confine.h \
	orchestrator/front/conn.c orchestrator/front/conn_core.c orchestrator/front/conn_private.h orchestrator/front/conn.h \
	orchestrator/front/credentials.c orchestrator/front/credentials.h \
	orchestrator/front/http.c orchestrator/front/http.h \
	orchestrator/front/judge.c orchestrator/front/judge.h \
	orchestrator/front/link.c orchestrator/front/link.h \
	orchestrator/front/listen.c orchestrator/front/listen.h \
	orchestrator/front/reply.c orchestrator/front/reply.h \
	orchestrator/front/tls.c orchestrator/front/tls.h
recast_front_LDADD = $(LIB_LIBS) $(EVENT_LIBS) $(SSL_LIBS) $(SECCOMP_LIBS)

EXTRA_DIST += tests/front/run tests/front/fakecore.py tests/front/test_boot.py tests/front/test_http.py \
	tests/front/test_confine.py tests/front/test_life.py tests/front/test_stream.py tests/front/test_tls.py
