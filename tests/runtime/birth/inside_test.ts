/**
 * What a container looks like from inside, and that the parts of its spec really hold.
 *
 * @module
 */

import { assertEquals } from "@std/assert/equals";
import { assertMatch } from "@std/assert/match";
import { assertStringIncludes } from "@std/assert/string-includes";
import { attempt } from "../../../ffi/libc.ts";
import { DEFAULT_CAPABILITIES } from "../../../runtime/capabilities.ts";
import { DEFAULT_MASKED_PATHS, DEFAULT_READONLY_PATHS } from "../../../runtime/image_config.ts";
import { differences, hostSnapshot } from "../../helpers/host.ts";
import { needs, type Requirements } from "../../helpers/needs.ts";
import { tempRoot } from "../../helpers/temp_root.ts";
import { BUSYBOX, makeRootfs, MOUNTS, output, run, start, type Trial } from "./trial.ts";

const NEEDED: Requirements = { root: true, files: [BUSYBOX] };
const PROGRAMS = ["sh", "cat", "ls", "id", "hostname", "stat", "grep", "dd", "wc", "sleep", "env"]
  .concat("readlink", "touch", "mkdir", "head", "od", "true", "pwd", "ip", "chmod");

/** A container for each question; the host is the same before and after. */
function inside(name: string, script: string, trial: Trial, check: (text: string) => void): void {
  Deno.test({
    ...needs(`inside: ${name}`, NEEDED),
    async fn() {
      await using root = await tempRoot();
      const rootfs = await makeRootfs(`${root.path}/rootfs`, PROGRAMS);
      const before = hostSnapshot(root.path);
      check(await output(rootfs, script, trial));
      // other tests may make cgroups meanwhile; these containers have none of their own
      const own = (line: string) => !/^(cgroups|files):/.test(line);
      assertEquals(differences(before, hostSnapshot(root.path)).filter(own), []);
    },
  });
}

const lines = (text: string) => text.trimEnd().split("\n");

inside(
  "its own processes, names and network",
  "echo $$; ls -d /proc/[0-9]* | wc -l; hostname; cat /proc/self/cgroup; ip -o link | grep -c .; " +
    "ip -o addr show lo",
  { spec: { hostname: "box", mounts: MOUNTS } },
  (text) => {
    const [pid, processes, name, ...rest] = lines(text);
    // the shell, ls and wc, of which some may not have begun or have ended
    assertEquals([pid, Number(processes) <= 3, name], ["1", true, "box"]);
    const groups = rest.filter((line) => /^\d+:/.test(line) && line.includes(":/"));
    assertEquals(groups.every((line) => /:\/($|\.\.)/.test(line)), true);
    assertStringIncludes(text, "127.0.0.1/8");
  },
);

inside(
  "nothing of the host's tree",
  "ls /; cat /proc/self/mountinfo",
  {},
  (text) => {
    const [names, mounts] = [lines(text).slice(0, 6), lines(text).slice(6)];
    assertEquals(names, ["bin", "dev", "etc", "proc", "sys", "tmp"]);
    assertEquals(mounts.map((line) => line.split(" ")[4]), ["/", "/proc", "/dev"]);
    assertEquals(mounts.filter((line) => / (shared|master):/.test(line)), []);
  },
);

inside(
  "three descriptors and no more",
  // without a pipe, of which the shell would have an end for a moment
  "ls -l /proc/1/fd",
  {},
  (text) => {
    const links = lines(text).map((line) => / (\d+) -> (.*)/.exec(line)).filter((match) => match);
    // the shell keeps what it redirects at 10 and above
    assertEquals(links.map((match) => match![1]).filter((fd) => Number(fd) < 10), ["0", "1", "2"]);
    assertEquals(links[0]![2], "/dev/null");
    assertEquals(text.includes("socket:"), false);
  },
);

inside(
  "no signal is ignored or blocked, and the mask is as usual",
  "grep -E '^Sig(Blk|Ign)' /proc/self/status; umask; touch /tmp/x; stat -c %a /tmp/x",
  {},
  (text) => {
    assertEquals(lines(text), [
      "SigBlk:\t0000000000000000",
      "SigIgn:\t0000000000000000",
      "0022",
      "644",
    ]);
  },
);

const NOBODY = "0000000000000000";
const KILL_ONLY = "0000000000000020";

inside(
  "root with the capabilities of the spec",
  "grep -E '^(Cap|NoNewPrivs)' /proc/self/status",
  {
    process: {
      capabilities: { bounding: ["CAP_KILL"], effective: ["CAP_KILL"], permitted: ["CAP_KILL"] },
    },
  },
  (text) => {
    assertEquals(lines(text).map((line) => line.split("\t")), [
      ["CapInh:", NOBODY],
      ["CapPrm:", KILL_ONLY],
      ["CapEff:", KILL_ONLY],
      ["CapBnd:", KILL_ONLY],
      ["CapAmb:", NOBODY],
      ["NoNewPrivs:", "1"],
    ]);
  },
);

inside(
  "a user with an ambient capability",
  "grep -E '^(Cap)' /proc/self/status; id -u; id -g; id -G",
  {
    process: {
      user: { uid: 1000, gid: 1001, additionalGids: [1001, 29, 44] },
      capabilities: {
        bounding: ["CAP_KILL"],
        effective: ["CAP_KILL"],
        permitted: ["CAP_KILL"],
        inheritable: ["CAP_KILL"],
        ambient: ["CAP_KILL"],
      },
    },
  },
  (text) => {
    assertStringIncludes(text, `CapAmb:\t${KILL_ONLY}`);
    assertStringIncludes(text, `CapEff:\t${KILL_ONLY}`);
    assertStringIncludes(text, "1000\n1001\n1001 29 44\n");
  },
);

inside(
  "the environment, the working directory and the limits of the spec, and nothing else",
  "cat /proc/1/environ; echo; pwd; ulimit -n; ulimit -Hn; cat /proc/self/oom_score_adj",
  {
    process: {
      env: ["PATH=/bin", "NAME=a b=c"],
      cwd: "/srv/app",
      rlimits: [{ type: "RLIMIT_NOFILE", soft: 100, hard: 200 }],
      oomScoreAdj: 500,
    },
  },
  (text) => {
    assertEquals(lines(text), ["PATH=/bin\0NAME=a b=c\0", "/srv/app", "100", "200", "500"]);
  },
);

inside(
  "devices that work, and links to the descriptors",
  "for d in null zero full random urandom tty; do stat -c '%n %a %t:%T' /dev/$d; done; " +
    "echo x >/dev/null && head -c 4 /dev/zero | od -An -tx1; echo y >/dev/full; " +
    "head -c 8 /dev/urandom | wc -c; readlink /dev/fd; readlink /dev/stdin; ls /dev",
  {},
  (text) => {
    assertEquals(lines(text).slice(0, 7), [
      "/dev/null 666 1:3",
      "/dev/zero 666 1:5",
      "/dev/full 666 1:7",
      "/dev/random 666 1:8",
      "/dev/urandom 666 1:9",
      "/dev/tty 666 5:0",
      " 00 00 00 00",
    ]);
    assertStringIncludes(text, "No space left on device\n8\n/proc/self/fd\n/proc/self/fd/0\n");
    const known = "core fd full null ptmx random stderr stdin stdout tty urandom zero".split(" ");
    assertEquals(lines(text).slice(-known.length), known);
  },
);

const CLOSED: Trial = {
  linux: {
    namespaces: ["pid", "mount", "uts", "ipc", "network", "cgroup"].map((type) => ({
      type: type as "pid",
    })),
    maskedPaths: [...DEFAULT_MASKED_PATHS, "/etc/secret", "/etc/secrets"],
    readonlyPaths: [...DEFAULT_READONLY_PATHS],
  },
  process: {
    capabilities: {
      bounding: [...DEFAULT_CAPABILITIES],
      effective: [...DEFAULT_CAPABILITIES],
      permitted: [...DEFAULT_CAPABILITIES],
    },
  },
};

inside(
  "what is masked cannot be read, what is read-only cannot be written",
  "for f in kcore keys timer_list acpi scsi; do " +
    "if [ -d /proc/$f ]; then ls /proc/$f | wc -l; elif [ -e /proc/$f ]; then wc -c </proc/$f; fi; " +
    "done; echo x >/proc/sys/kernel/domainname; chmod 777 /proc/sys/kernel/domainname /proc/irq",
  CLOSED,
  (text) => {
    const sizes = lines(text).filter((line) => /^\d+$/.test(line));
    // no kernel is without all of them
    assertEquals([sizes.length > 0, sizes.every((size) => size === "0")], [true, true]);
    const refused = lines(text).filter((line) => line.includes("Read-only file system"));
    assertEquals(refused, lines(text).slice(sizes.length));
    assertEquals(refused.length, 3);
  },
);

Deno.test({
  ...needs("inside: a root that is read-only, with volumes that are and are not", NEEDED),
  async fn() {
    await using root = await tempRoot();
    const rootfs = await makeRootfs(`${root.path}/rootfs`, PROGRAMS);
    for (const name of ["one", "two"]) await Deno.mkdir(`${root.path}/${name}`);
    const bind = (source: string, destination: string, ...options: string[]) => ({
      destination,
      type: "bind",
      source,
      options: ["rbind", ...options],
    });
    const script = "exec 2>/dev/null; touch /x; touch /rw/a; touch /ro/b; echo $? >/rw/status";
    await run(rootfs, {
      args: ["/bin/sh", "-c", script],
      spec: {
        root: { path: rootfs, readonly: true },
        mounts: [...MOUNTS, bind(`${root.path}/one`, "/rw"), bind(`${root.path}/two`, "/ro", "ro")],
      },
    });
    const names = (path: string) => [...Deno.readDirSync(path)].map(({ name }) => name).sort();
    assertEquals(names(`${root.path}/one`), ["a", "status"]);
    assertEquals(names(`${root.path}/two`), []);
    assertEquals(Deno.readTextFileSync(`${root.path}/one/status`), "1\n");
    assertEquals(names(rootfs).includes("x"), false);
  },
});

Deno.test({
  ...needs("inside: what it mounts does not reach the host, nor the other way round", NEEDED),
  async fn() {
    await using root = await tempRoot();
    const rootfs = await makeRootfs(`${root.path}/rootfs`, [...PROGRAMS, "mount"]);
    const all = ["CAP_SYS_ADMIN"];
    const before = Deno.readTextFileSync("/proc/self/mountinfo");
    const { pid } = await start(rootfs, {
      args: ["/bin/sh", "-c", "mount -t tmpfs inside /tmp && echo mounted >/tmp/x; exec sleep 60"],
      process: { capabilities: { bounding: all, effective: all, permitted: all } },
    });
    try {
      const theirs = () => Deno.readTextFileSync(`/proc/${pid}/mountinfo`);
      for (let i = 0; i < 100 && !theirs().includes("tmpfs inside"); i++) {
        await new Promise((resolve) => setTimeout(resolve, 10));
      }
      assertMatch(theirs(), / \/tmp .* tmpfs inside /);
      assertEquals(Deno.readTextFileSync("/proc/self/mountinfo"), before);
    } finally {
      attempt.kill(pid, 9);
      attempt.waitpid(pid, null, 0);
    }
  },
});

Deno.test({
  ...needs("a container dies with the process that started it", NEEDED),
  async fn() {
    await using root = await tempRoot();
    const rootfs = await makeRootfs(`${root.path}/rootfs`, PROGRAMS);
    for (const user of [{ uid: 0, gid: 0 }, { uid: 1000, gid: 1000 }]) {
      const program = `
        import { start } from ${JSON.stringify(import.meta.resolve("./trial.ts"))};
        const { pid } = await start(${JSON.stringify(rootfs)}, {
          args: ["sleep", "60"],
          process: { user: ${JSON.stringify(user)} },
        });
        console.log(pid);
        await new Promise((resolve) => setTimeout(resolve, 60_000));`;
      await Deno.writeTextFile(`${root.path}/starter.ts`, program);
      const starter = new Deno.Command(Deno.execPath(), {
        args: ["run", "--allow-all", "--no-check", `${root.path}/starter.ts`],
        stdout: "piped",
      }).spawn();
      const reader = starter.stdout.getReader();
      const { value } = await reader.read();
      const pid = Number(new TextDecoder().decode(value));
      const isAlive = () => attempt.kill(pid, 0) === 0;
      assertEquals(isAlive(), true);
      starter.kill("SIGKILL");
      await reader.cancel();
      await starter.status;
      for (let i = 0; i < 200 && isAlive(); i++) {
        await new Promise((resolve) => setTimeout(resolve, 10));
      }
      assertEquals(isAlive(), false);
    }
  },
});

Deno.test({
  ...needs("exit codes and signals come through", NEEDED),
  async fn() {
    await using root = await tempRoot();
    const rootfs = await makeRootfs(`${root.path}/rootfs`, PROGRAMS);
    assertEquals(await run(rootfs, { args: ["true"] }), 0);
    assertEquals(await run(rootfs, { args: ["sh", "-c", "exit 42"] }), 42);
    const { pid } = await start(rootfs, { args: ["sleep", "60"] });
    const status = new Uint8Array(4);
    attempt.kill(pid, 9);
    attempt.waitpid(pid, status, 0);
    assertEquals(status[0] & 0x7f, 9);
  },
});
