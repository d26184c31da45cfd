## persona(1): knows the API and lib, nothing else.
bin_PROGRAMS += persona
persona_CPPFLAGS = $(LIB_CPPFLAGS) -I$(top_srcdir)/cli $(YAML_CFLAGS) $(CURL_CFLAGS) $(SMARTCOLS_CFLAGS)
persona_SOURCES = cli/main.c cli/app.h cli/commands.def \
	cli/access.c cli/apply.c cli/apply.h cli/ask.c cli/ask.h cli/client.c cli/client.h cli/command.c cli/command.h cli/complete.c \
	cli/console.c cli/context.c cli/context.h cli/define.c cli/define.h cli/delete.c cli/device.c cli/doctor.c cli/drift.c cli/edit.c cli/explain.c cli/follow.c cli/follow.h cli/get.c cli/get.h cli/grant.h \
	cli/help.c cli/help.h cli/login.c cli/machine.c cli/output.c cli/output.h cli/parse.c cli/plan.c cli/power.c \
	cli/run.c cli/secrets.c cli/show.c cli/show.h cli/sse.c cli/sse.h cli/status.c cli/table.c cli/table.h cli/volume.c \
	cli/watch.c cli/yamlout.c
persona_LDADD = $(YAML_LIB) $(LIB_LIBS) $(CURL_LIBS) $(SMARTCOLS_LIBS)

dist_recastdata_DATA += schema/api/openapi.yaml
EXTRA_DIST += cli/update-man tests/cli/run tests/cli/fakeserver.py tests/cli/program.py tests/tap.py tests/cli/test_api.py \
	tests/cli/test_commands.py tests/cli/test_define.py tests/cli/test_follow.py tests/cli/test_terminal.py

## The completion script is printed by the program itself, so it is made where that can run.
bashcompletiondir = $(datadir)/bash-completion/completions
nodist_bashcompletion_DATA = cli/completion/persona
cli/completion/persona: persona$(EXEEXT)
	@$(MKDIR_P) cli/completion
	$(AM_V_GEN)./persona$(EXEEXT) completion bash > $@.tmp && mv $@.tmp $@
CLEANFILES += cli/completion/persona
