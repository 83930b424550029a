/**
 * How a further process joins a container, as a value: which calls, in which order.
 *
 * @module
 */

import { assertEquals } from "@std/assert/equals";
import { Arena } from "../../../ffi/memory.ts";
import { Program } from "../../../ffi/program.ts";
import { type ExecRequest, writeExec } from "../../../runtime/birth/exec.ts";
import { ownExecutable } from "../../../runtime/birth/executable.ts";
import * as traits from "../../../runtime/birth/traits.ts";
import type { Process } from "../../../runtime/spec.ts";
import { assertOrder } from "./calls.ts";

const PROCESS: Process = {
  args: ["/bin/true"],
  cwd: "/",
  user: { uid: 0, gid: 0 },
  oomScoreAdj: 7,
  noNewPrivileges: true,
};

function calls(request: Partial<ExecRequest> = {}): string[] {
  const program = new Program(new Arena(1 << 18));
  writeExec(program, {
    process: PROCESS,
    pidfd: 9,
    namespaces: ["mount", "pid"],
    cgroup: { into: "/cgroup", joins: [{ path: "/v1/tasks", why: "" }] },
    streams: "shared",
    ignoredSignals: [],
    executable: ownExecutable(),
    mayChangeGroups: true,
    dieWithParent: true,
    ...request,
  });
  return program.steps.map((step) => program.format(step));
}

const JOIN = "setns(first process, CLONE_NEWNS|CLONE_NEWPID)";

Deno.test("what needs the host's files is done before they are gone, and nobody looks in after", () => {
  assertOrder(
    calls(),
    'cgroup = open("/cgroup"',
    "between = clone3({flags=CLONE_INTO_CGROUP",
    'file = open("/v1/tasks"',
    'file = open("/proc/self/oom_score_adj"',
    "prctl(PR_SET_DUMPABLE, 0",
    JOIN,
    "close_range(4,",
    "pid = clone3({flags=CLONE_PARENT|CLONE_CLEAR_SIGHAND}",
    "setsid()",
    "setresuid(0, 0, 0)",
    "prctl(PR_SET_NO_NEW_PRIVS",
    'execve("/bin/true"',
  );
});

Deno.test("in a user namespace the process is its root before it is anybody else", () => {
  const list = calls({
    namespaces: ["user", "mount"],
    process: { ...PROCESS, user: { uid: 5, gid: 6 } },
  });
  assertOrder(
    list,
    "setns(first process, CLONE_NEWNS|CLONE_NEWUSER)",
    "pid = clone3(",
    "setresgid(0, 0, 0)",
    "setresuid(0, 0, 0)",
    "setresgid(6, 6, 6)",
    "setresuid(5, 5, 5)",
  );
});

Deno.test("/dev/null is the host's, a terminal the container's", () => {
  assertOrder(
    calls({ streams: "none" }),
    'nothing = open("/dev/null"',
    "dup3(nothing, 2, 0)",
    JOIN,
  );
  const list = calls({ streams: "none", process: { ...PROCESS, terminal: true } });
  assertOrder(list, JOIN, "pid = clone3(", 'master = open("/dev/pts/ptmx"', "sendmsg(3, ");
  assertEquals(list.some((call) => call.includes("/dev/null")), false);
});

Deno.test("a process that outlives this one is untied from it last", () => {
  const tie = "prctl(PR_SET_PDEATHSIG, SIGKILL";
  const ties = (list: string[]) => list.filter((call) => call.startsWith(tie)).length;
  assertEquals([ties(calls()), ties(calls({ dieWithParent: false }))], [3, 2]);
  assertOrder(
    calls({ dieWithParent: false }),
    "pid = clone3(",
    "prctl(PR_SET_PDEATHSIG, 0",
    "execve(",
  );
});

Deno.test("processors, scheduling and labels are set with the rights of its maker", () => {
  const process: Process = {
    ...PROCESS,
    execCPUAffinity: { initial: "0", final: "1" },
    apparmorProfile: "profile",
  };
  assertOrder(
    calls({ process, traits: { write: traits } }),
    'file = open("/proc/self/attr/apparmor/exec"',
    "sched_setaffinity(0, 8, {0})",
    JOIN,
    "sched_setaffinity(0, 8, {1})",
    "execve(",
  );
});

Deno.test("a process that is in all of the container's namespaces already joins none", () => {
  const list = calls({ namespaces: [], cgroup: { joins: [] } });
  assertEquals(list.filter((call) => /^setns|^cgroup = /.test(call)), []);
});
