## recast-front: HTTP at the edge.  It sees lib and nothing of the core but the frames on fd 3.
recastlibexec_PROGRAMS += recast-front
recast_front_CPPFLAGS = $(LIB_CPPFLAGS) $(EVENT_CFLAGS)
recast_front_SOURCES = orchestrator/front/main.c orchestrator/front/front.h \
	orchestrator/front/conn.c orchestrator/front/conn.h \
	orchestrator/front/http.c orchestrator/front/http.h \
	orchestrator/front/link.c orchestrator/front/link.h \
	orchestrator/front/listen.c orchestrator/front/listen.h \
	orchestrator/front/reply.c orchestrator/front/reply.h
recast_front_LDADD = $(LIB_LIBS) $(EVENT_LIBS)

EXTRA_DIST += tests/front/run tests/front/fakecore.py tests/front/test_boot.py tests/front/test_http.py \
	tests/front/test_life.py tests/front/test_stream.py
