/**
 * A filter that reports calls: its listener gets the descriptor and the state, and decides.
 *
 * @module
 */

import { assertEquals } from "@std/assert/equals";
import { assertMatch } from "@std/assert/match";
import { AF, SOCK } from "../../../ffi/constants.ts";
import { E } from "../../../ffi/errno.ts";
import { libc, offthread } from "../../../ffi/libc.ts";
import { receive } from "../../../ffi/messages.ts";
import { processState } from "../../../runtime/seccomp/listener.ts";
import type { LinuxSeccomp } from "../../../runtime/spec.ts";
import { needs } from "../../helpers/needs.ts";
import { tempRoot } from "../../helpers/temp_root.ts";
import { BUSYBOX } from "../birth/trial.ts";
import { makeBundle, runOurs, runRunc } from "../bundles.ts";

const PROFILE: LinuxSeccomp = {
  defaultAction: "SCMP_ACT_ALLOW",
  listenerPath: "/run/listener",
  listenerMetadata: "for you",
  syscalls: [{ names: ["mkdir", "mkdirat"], action: "SCMP_ACT_NOTIFY" }],
};

Deno.test("a listener is told whose filter it is, and what was left for it in the spec", () => {
  const state = {
    ociVersion: "1.2.1",
    id: "one",
    status: "creating",
    pid: 7,
    bundle: "/b",
  } as const;
  assertEquals(processState(PROFILE, state), {
    ociVersion: "1.2.1",
    fds: ["seccompFd"],
    pid: 7,
    metadata: "for you",
    state,
  });
});

/** ioctl(2) requests of a filter's descriptor, seccomp_unotify(2). */
const NOTIF_RECV = 0xc0502100;
const NOTIF_SEND = 0xc0182101;

/** Listens at a path; answers the first call that is reported with an error. */
function listen(
  path: string,
  errno: number,
): () => Promise<Record<string, unknown>> {
  const socket = libc.socket(AF.UNIX, SOCK.STREAM | SOCK.CLOEXEC, 0);
  const address = new Uint8Array(110);
  new DataView(address.buffer).setUint16(0, AF.UNIX, true);
  new TextEncoder().encodeInto(path, address.subarray(2));
  libc.bind(socket, address, address.length);
  libc.listen(socket, 1);
  const accepted = offthread.accept(socket, null, null);
  return async () => {
    const connection = await accepted;
    const { byte, descriptor } = await receive(connection);
    const rest = new Uint8Array(8192);
    const count = await offthread.read(connection, rest, rest.length);
    const notification = new Uint8Array(80);
    await offthread.ioctl(descriptor!, NOTIF_RECV, notification);
    const answer = new Uint8Array(24);
    answer.set(notification.subarray(0, 8));
    new DataView(answer.buffer).setInt32(16, -errno, true);
    libc.ioctl(descriptor!, NOTIF_SEND, answer);
    for (const fd of [socket, connection, descriptor!]) libc.close(fd);
    return JSON.parse(byte + new TextDecoder().decode(rest.subarray(0, count)));
  };
}

const NEEDED = { root: true, files: [BUSYBOX], libraries: ["libseccomp.so.2"] } as const;

for (const noNewPrivileges of [true, false]) {
  Deno.test({
    ...needs(
      `as with runc: a call is reported and answered, ${
        noNewPrivileges ? "without" : "with"
      } new rights`,
      { ...NEEDED, programs: ["runc"] },
    ),
    async fn() {
      await using root = await tempRoot();
      const bundle = await makeBundle(root.path);
      const listenerPath = `${root.path}/listener`;
      await bundle.write("mkdir /tmp/new; echo $?", (config) => {
        config.linux.seccomp = { ...PROFILE, listenerPath };
        config.process.noNewPrivileges = noNewPrivileges;
        config.annotations = { a: "b" };
      });
      const runs = [];
      for (const run of [runOurs, runRunc]) {
        const heard = listen(listenerPath, E.ENOMEDIUM);
        const [outcome, state] = await Promise.all([run(bundle), heard()]);
        assertEquals([outcome.error, outcome.code], ["", 0]);
        assertMatch(outcome.output, /No medium found\n1\n$/);
        runs.push({ output: outcome.output, state: JSON.stringify(state) });
        await Deno.remove(listenerPath);
      }
      const normal = (text: string) => {
        const value = JSON.parse(text.replaceAll(/"pid":\d+/g, '"pid":1'));
        value.state.id = value.state.ociVersion = value.ociVersion = "";
        return value;
      };
      assertEquals(runs[0].output, runs[1].output);
      assertEquals(normal(runs[0].state), normal(runs[1].state));
    },
  });
}

Deno.test({
  ...needs("nobody listens: the start fails, and says where", NEEDED),
  async fn() {
    await using root = await tempRoot();
    const bundle = await makeBundle(root.path);
    await bundle.write("echo started", (config) => {
      config.linux.seccomp = { ...PROFILE, listenerPath: `${root.path}/nobody` };
    });
    const { code, output, error } = await runOurs(bundle);
    assertEquals([code, output], [125, ""]);
    assertMatch(error, /^linux\.seccomp\.listenerPath: .*\/nobody: connect.*ENOENT/);
  },
});
