/**
 * `oci`: the life of a container as an engine asks for it, word by word.
 *
 * @module
 */

import { assertEquals } from "@std/assert/equals";
import { assertMatch } from "@std/assert/match";
import { needs } from "../helpers/needs.ts";
import { type Outcome, runTiffin } from "../helpers/run_tiffin.ts";
import { tempRoot } from "../helpers/temp_root.ts";
import { BUSYBOX } from "../runtime/birth/trial.ts";
import { makeBundle, type TestBundle, uniqueId } from "../runtime/bundles.ts";

const NEEDED = { root: true, files: [BUSYBOX] } as const;

/** A runtime with a bundle of its own. */
interface Ground extends AsyncDisposable {
  bundle: TestBundle;
  id: string;
  /** Runs a command line of the runtime's. */
  oci(...words: string[]): Promise<Outcome>;
  /** Creates the container, whose output goes into a file: it outlives the command. */
  create(...words: string[]): Promise<string>;
  /** What the state says. */
  status(): Promise<string>;
  /** A path of the test's own. */
  path(name: string): string;
}

async function ground(): Promise<Ground> {
  const root = await tempRoot();
  const bundle = await makeBundle(root.path);
  const id = uniqueId();
  const oci = (...words: string[]) =>
    runTiffin(["oci", "--root", `${root.path}/state`, ...words], { root: root.path });
  const create = async (...words: string[]) => {
    const file = `${root.path}/created`;
    await new Deno.Command("sh", {
      args: [
        ...["-c", `exec "$@" >${file} 2>&1`, "sh", Deno.execPath(), "run", "-A", "mod.ts", "oci"],
        ...["--root", `${root.path}/state`, "create", "--bundle", bundle.path, ...words, id],
      ],
      cwd: new URL("../..", import.meta.url),
      stdin: "null",
    }).spawn().status;
    return await Deno.readTextFile(file);
  };
  return {
    bundle,
    id,
    oci,
    create,
    status: async () => JSON.parse((await oci("state", id)).stdout).status,
    path: (name) => `${root.path}/${name}`,
    async [Symbol.asyncDispose]() {
      await oci("delete", "--force", id);
      await root[Symbol.asyncDispose]();
    },
  };
}

/** Fails unless the command went well and said nothing. */
function silent({ code, stdout, stderr }: Outcome): void {
  assertEquals([code, stdout, stderr], [0, "", ""]);
}

Deno.test({
  ...needs("create, start, exec, pause, kill, delete: one after the other", NEEDED),
  async fn() {
    await using at = await ground();
    const { bundle, id, oci, create, status, path } = at;
    await bundle.write("echo begun; exec sleep 60");
    assertEquals(await create("--pid-file", path("pid")), "");
    assertEquals(await status(), "created");
    const pid = await Deno.readTextFile(path("pid"));
    assertMatch(pid, /^\d+$/);
    // and nothing in it leads to the host's Deno any more
    assertEquals(await Deno.readLink(`/proc/${pid}/exe`), "/memfd:tiffin (deleted)");
    assertMatch(await create(), /exists/);
    silent(await oci("start", id));
    assertEquals(await status(), "running");
    assertMatch((await oci("start", id)).stderr, /already running/);
    const exec = await oci("exec", "--user", "5:6", id, "sh", "-c", "id -u; exit 9");
    assertEquals([exec.code, exec.stdout], [9, "5\n"]);
    assertMatch((await oci("exec", id, "nosuch")).stderr, /no such file or directory/);
    silent(await oci("pause", id));
    assertEquals(await status(), "paused");
    assertMatch((await oci("exec", id, "true")).stderr, /paused/);
    silent(await oci("resume", id));
    assertEquals(JSON.parse((await oci("ps", "--format", "json", id)).stdout), [Number(pid)]);
    assertMatch((await oci("delete", id)).stderr, /is not stopped/);
    silent(await oci("kill", id, "KILL"));
    for (let i = 0; i < 50 && await status() !== "stopped"; i++);
    assertMatch((await oci("kill", id)).stderr, /container not running/);
    silent(await oci("delete", id));
    assertMatch((await oci("state", id)).stderr, /does not exist/);
    silent(await oci("delete", "--force", id));
    assertEquals((await oci("list", "-q")).stdout, "");
  },
});

Deno.test({
  ...needs("run: descriptors are passed on, and the exit code comes back", NEEDED),
  async fn() {
    await using at = await ground();
    const { bundle, id, path } = at;
    await bundle.write("cat <&3; ls /proc/self/fd | wc -l; exit 7");
    await Deno.writeTextFile(path("file"), "kept\n");
    const command = `exec "$@" 3<${path("file")}`;
    const words = ["run", "--preserve-fds", "1", "--bundle", bundle.path, id];
    const { code } = await new Deno.Command("sh", {
      args: [
        ...["-c", command, "sh", Deno.execPath(), "run", "-A", "mod.ts", "oci"],
        ...["--root", path("state"), ...words],
      ],
      cwd: new URL("../..", import.meta.url),
    }).output();
    const output = await Deno.readTextFile(`${bundle.rootfs}/tmp/output`);
    // the three, the one that is kept, and that by which ls reads the directory
    assertEquals([code, output], [7, "kept\n5\n"]);
  },
});

Deno.test({
  ...needs("what is missing is told to create, what cannot be executed to the output", NEEDED),
  async fn() {
    await using at = await ground();
    const { bundle, id, oci, path } = at;
    const program = (name: string) => (config: { process: { args?: string[] } }) => {
      config.process.args = [name];
    };
    await bundle.write("", program("nosuch"));
    const log = path("log");
    const missing = await oci(
      ...["--log", log, "--log-format", "json", "create", "--bundle", bundle.path, id],
    );
    assertEquals(missing.code, 1);
    assertMatch(JSON.parse(await Deno.readTextFile(log)).msg, /no such file or directory/);
    await Deno.writeTextFile(`${bundle.rootfs}/bin/plain`, "x", { mode: 0o755 });
    await bundle.write("", program("plain"));
    const plain = await oci("run", "--bundle", bundle.path, id);
    assertEquals(plain.code, 126);
    assertMatch(plain.stderr, /exec \/bin\/plain: Exec format error/);
    assertEquals((await oci("list", "-q")).stdout, "");
  },
});

Deno.test("a command line that is none says so, in the log too", async () => {
  await using root = await tempRoot();
  const oci = (...words: string[]) => runTiffin(["oci", ...words], { root: root.path });
  const log = `${root.path}/log`;
  const cases: [string[], RegExp][] = [
    [["kil", "x"], /no command "kil"; did you mean "kill"/],
    [["--root", root.path, "state", "none"], /"none" does not exist/],
    [["--root", root.path, "state", "../etc"], /invalid container id/],
    [["kill", "x", "SIGNONE"], /unknown signal/],
    [["--cgroup-manager", "nobody", "list"], /is not cgroupfs/],
  ];
  for (const [words, message] of cases) {
    const { code, stderr } = await oci("--log", log, ...words);
    assertEquals(code, 1);
    assertMatch(stderr, message);
  }
  assertMatch(await Deno.readTextFile(log), /^time="[-\dT:]+Z" level=error msg="/m);
  const features = JSON.parse((await oci("features")).stdout);
  assertEquals(features.hooks.length, 6);
});
