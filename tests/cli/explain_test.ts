/**
 * `--explain` says what happens: compared with what strace(1) sees of a real start.
 *
 * @module
 */

import { assert } from "@std/assert/assert";
import { assertEquals } from "@std/assert/equals";
import { listing } from "../../cli/explain.ts";
import type { Line } from "../../runtime/birth/trace.ts";
import { needs } from "../helpers/needs.ts";
import { project, runTiffin } from "../helpers/run_tiffin.ts";
import { tempRoot } from "../helpers/temp_root.ts";

/** A call by its name in the man page, and the first string among its arguments. */
type Call = [name: string, text: string];

/** System calls whose libc function, which is what `--explain` names, has another name. */
const NAMES: Record<string, string> = {
  openat: "open",
  mkdirat: "mkdir",
  mknodat: "mknod",
  symlinkat: "symlink",
  faccessat: "access",
  sendto: "send",
  rt_sigprocmask: "sigprocmask",
  prlimit64: "prlimit",
};

/** The container's own id and the like are others each time. */
function sameEachTime(text: string): string {
  return text.replace(/\b[0-9a-f]{64}\b/g, "ID").replace(/\b[0-9a-f]{12}\b/g, "SHORT");
}

function callOf(text: string): Call {
  const name = /([a-z_0-9]+)\(/.exec(text)![1];
  const string = /"((?:[^"\\]|\\.)*)"/.exec(text)?.[1] ?? "";
  // a record holds the time; a line of /proc/PID/stat is another each time, or not known before
  const isStat = /^\d+ \(/.test(string);
  const steady = isStat ? "" : string.startsWith("{") ? "{" : sameEachTime(string);
  return [NAMES[name] ?? name, steady.slice(0, 60)];
}

/** The calls of a process in strace's output, in order; a call that was interrupted stands once. */
function traced(lines: string[], pid: string): string[] {
  return lines
    .filter((line) => line.startsWith(`${pid} `))
    .map((line) => line.slice(pid.length + 1).trimStart())
    .filter((line) => /^[a-z_0-9]+\(/.test(line));
}

/** Calls that stand in the program for a case that may not come up. */
const FOR_SOME_CASES = ["mount", "unlinkat", "mknod", "execve"];

/** memcpy(3) is no system call, and one prctl(2) is for kernels that know no better. */
const isMade = ({ call }: Line) => !/memcpy\(|PR_SET_MM_EXE_FILE/.test(call);

Deno.test({
  ...needs("explain lists what strace sees, call by call", { root: true, programs: ["strace"] }),
  async fn() {
    await using root = await tempRoot();
    const command = ["run", "--memory", "64m", "--read-only", "local", "true"];
    await runTiffin(command, { root: root.path });
    const told = await runTiffin(["explain", "--explain=json", ...command.slice(1)], {
      root: root.path,
    });
    const explained: Line[] = JSON.parse(told.stdout);
    const output = `${root.path}/strace`;
    await new Deno.Command("strace", {
      args: ["-f", "-qq", "-s", "300", "-o", output, Deno.execPath(), "run", "-A"]
        .concat(`${project}/mod.ts`, "--root", root.path, command),
      stdin: "null",
    }).output();
    const lines = (await Deno.readTextFile(output)).split("\n");
    await Deno.remove(output);
    const pidOf = (call: string) =>
      lines.find((line) => line.replace(/^\d+ +/, "").startsWith(call))!.split(" ")[0];

    const child = traced(lines, pidOf("pivot_root("));
    // the last execve(2) is the one that succeeds: what comes after it is the program's
    const end = child.findLastIndex((line) => line.startsWith("execve("));
    const made = child.slice(0, end + 1).map(callOf);
    const rest = explained.filter((line) => line.by === "child" && isMade(line))
      .map(({ call }) => callOf(call));
    for (const call of made) {
      while (rest.length && String(rest[0]) !== String(call)) {
        const [name] = rest.shift()!;
        assert(FOR_SOME_CASES.includes(name), `${name} was explained and not made before ${call}`);
      }
      assertEquals(rest.shift(), call, "made and not explained");
    }
    assertEquals(rest.filter(([name]) => name !== "execve"), []);

    const parent = traced(lines, pidOf("clone3({flags=CLONE_NEWNS")).map(callOf).map(String);
    let at = 0;
    for (const { call } of explained.filter((line) => line.by === "parent" && isMade(line))) {
      const wanted = callOf(call);
      const found = parent.indexOf(String(wanted), at);
      assert(found >= 0, `the parent did not make ${call} in its turn`);
      at = found + 1;
    }
  },
});

Deno.test("a text that is too long for its call stands below it, line by line, and harms no terminal", () => {
  const rules = 'table inet t {\n\tset a { "b" }\n\n' + `  chain \u001b[2J { }\n`.repeat(5) + "}\n";
  const long = "x".repeat(100);
  const one = (call: string): Line => ({ by: "parent", phase: "a phase", call, why: "a reason" });
  const calls = [
    `pwrite(input, ${JSON.stringify(rules)}, 99, 0)`,
    `write(file, "${long}\\n", 101)`,
  ];
  const text = listing(calls.map(one), { id: "7", colour: false });
  assertEquals(text.split("\n").slice(3), [
    String
      .raw`1  pwrite(input, "table inet t {\n\tset a { \"b\" }\n\n  chain \u001b[2J { }\n  chain "…, 99, 0)`,
    "     a reason",
    "       | table inet t {",
    '       | \tset a { "b" }',
    "       |",
    ...Array.from({ length: 5 }, () => String.raw`       |   chain \u001b[2J { }`),
    "       | }",
    `2  write(file, "${"x".repeat(60)}"…, 101)`,
    "     a reason",
    "",
  ]);
});

Deno.test({
  ...needs("explain starts nothing, trace says what came of each call", { root: true }),
  async fn() {
    await using root = await tempRoot();
    await runTiffin(["run", "local", "true"], { root: root.path });
    const told = await runTiffin(["explain", "local", "true"], { root: root.path });
    assertEquals(told.code, 0);
    assertEquals([...Deno.readDirSync(`${root.path}/containers`)], []);
    const shown = await runTiffin(["run", "--trace", "local", "sh", "-c", "exit 3"], {
      root: root.path,
    });
    assertEquals(shown.code, 3);
    assert(/pivot_root\("\.", "\."\) = 0 {2}\d+\.\d µs/.test(shown.stderr), shown.stderr);
    assert(/execve\("\/usr\/bin\/sh", .* = 0\n/.test(shown.stderr), shown.stderr);
  },
});
