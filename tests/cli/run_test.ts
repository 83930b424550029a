/**
 * `run` as a person first meets it: what it prints, what it reads, what it exits with.
 *
 * @module
 */

import { assertEquals } from "@std/assert/equals";
import { assertMatch } from "@std/assert/match";
import { assertStringIncludes } from "@std/assert/string-includes";
import { claimFile, readIdentity } from "../../runtime/records.ts";
import { needs } from "../helpers/needs.ts";
import { project, runTiffin } from "../helpers/run_tiffin.ts";
import { tempRoot } from "../helpers/temp_root.ts";
import { anyUser, host, localBox, tiffin } from "./box.ts";

const box = localBox();

Deno.test({
  ...needs("run prints what the program prints: it is process 1, and in the image's root", anyUser),
  async fn() {
    const [pid, hostname, ...names] = (await box.text("echo $$; hostname; ls /")).trim().split(
      "\n",
    );
    assertEquals(pid, "1");
    assertMatch(hostname, /^[0-9a-f]{12}$/);
    const [layer] = [...Deno.readDirSync(`${box.path}/layers`)];
    const image = [...Deno.readDirSync(`${box.path}/layers/${layer.name}`)].map(({ name }) => name);
    assertEquals(names, image.toSorted());
  },
});

Deno.test({
  ...needs("the host name is the beginning of the container's id", anyUser),
  async fn() {
    await using talk = box.start(["local", "sh", "-c", "hostname; read line"]);
    const hostname = (await talk.hear(/\n/)).trim();
    const containers = [...Deno.readDirSync(`${box.path}/containers`)].map(({ name }) => name);
    assertEquals(containers.map((id) => id.slice(0, 12)), [hostname]);
    assertMatch(containers[0], /^[0-9a-f]{64}$/);
    const record = JSON.parse(
      await Deno.readTextFile(`${box.path}/containers/${containers[0]}/record.json`),
    );
    assertEquals(record.id, containers[0]);
    assertEquals(readIdentity(claimFile(box.path, containers[0]))?.pid, talk.pid);
    assertEquals((await talk.end()).code, 1);
    assertEquals([...Deno.readDirSync(`${box.path}/containers`)], []);
  },
});

Deno.test({
  ...needs(
    "the exit code is the program's, or 128 and its signal, or Docker's for a failure",
    anyUser,
  ),
  async fn() {
    const cases: [words: string[], code: number, complaint: RegExp][] = [
      [["run", "local", "true"], 0, /^$/],
      [["run", "local", "sh", "-c", "exit 7"], 7, /^$/],
      [["run", "local", "sh", "-c", "exit 255"], 255, /^$/],
      // the child of a shell: PID 1 itself is not killed by a signal from inside
      [["run", "local", "sh", "-c", "sh -c 'kill -TERM $$'; exit $?"], 143, /^Terminated/],
      [["run", "local", "nosuch"], 127, /there is no program nosuch in any directory of PATH/],
      [["run", "local", "/no/such"], 127, /\/no is not there/],
      [["run", "local", "/etc"], 126, /\/etc is a directory/],
      [["run", "local", "/etc/passwd"], 126, /\/etc\/passwd is not executable/],
      [["run", "--no-such-flag", "local", "true"], 125, /unknown flag "--no-such-flag"/],
      [["run", "-w", "/etc/passwd", "local", "true"], 125, /not a directory/],
      [["run"], 125, /run needs an image/],
      [["nosuch"], 125, /unknown command "nosuch"/],
    ];
    for (const [words, code, complaint] of cases) {
      const outcome = await runTiffin(words, { root: box.path });
      assertEquals([words, outcome.code], [words, code], outcome.stderr);
      assertMatch(outcome.stderr, complaint);
      assertEquals(outcome.stdout, "");
    }
  },
});

Deno.test({
  ...needs("a program that its own signal or the kernel ends gives 128 and the signal", anyUser),
  async fn() {
    const { code: untouched } = await box.sh("kill -TERM $$; kill -KILL $$; exit 3");
    assertEquals(untouched, 3, "signals from inside do not reach PID 1");
    // at the hard limit of processor time the kernel kills, PID 1 too
    const { code } = await box.sh("ulimit -t 1; while :; do :; done");
    assertEquals(code, 128 + 9);
  },
});

Deno.test({
  ...needs("what is piped in reaches the program to its end, byte by byte, and comes out", anyUser),
  async fn() {
    await using root = await tempRoot();
    const input = crypto.getRandomValues(new Uint8Array(65536));
    const file = `${root.path}/input`;
    for (let i = 0; i < 16; i++) await Deno.writeFile(file, input, { append: true });
    const [sent, received] = ["sent", "received"].map((name) => `${root.path}/${name}`);
    // three processes and a real pipe on both sides, as in a person's shell
    const pipeline = `cat "$0" | tee ${sent} | TIFFIN_ROOT=${box.path} "$@" | cat >${received}`;
    await host("bash", "-c", pipeline, file, ...tiffin("run", "local", "cat"));
    await host("cmp", sent, file);
    await host("cmp", received, file);
    assertEquals((await box.run(["local", "wc", "-c"], { stdin: "" })).stdout.trim(), "0");
  },
});

Deno.test({
  ...needs("with -i=false the input is at its end", anyUser),
  async fn() {
    const { stdout } = await box.run(["-i=false", "local", "cat"], { stdin: "not for it" });
    assertEquals(stdout, "");
    const { stdout: same } = await box.run(["-i", "local", "cat"], { stdin: "for it" });
    assertEquals(same, "for it");
  },
});

Deno.test({
  ...needs("a closed output ends the program as it would without a container", anyUser),
  async fn() {
    const script = `TIFFIN_ROOT=${box.path} "$0" "$@" | head -1; echo "\${PIPESTATUS[*]}"`;
    const words = tiffin("run", "local", "sh", "-c", "yes; echo $? >&2");
    const { stdout, stderr } = await new Deno.Command("bash", { args: ["-c", script, ...words] })
      .output();
    // 141: the shell in the container saw `yes` end by SIGPIPE
    assertEquals(new TextDecoder().decode(stderr), "141\n");
    assertEquals(new TextDecoder().decode(stdout), "y\n0 0\n");
  },
});

Deno.test({
  ...needs("standard output and standard error stay apart", anyUser),
  async fn() {
    const outcome = await box.sh("echo out; echo err >&2; exit 3");
    assertEquals(outcome, { code: 3, stdout: "out\n", stderr: "err\n" });
  },
});

Deno.test({
  ...needs("the library's run gives the same exit code", anyUser),
  async fn() {
    const program = `import { run } from "${project}/mod.ts";
      const code = await run({ image: "local", args: ["sh", "-c", "exit 7"], root: Deno.args[0] });
      console.log(code, await run({ image: "local", args: ["true"], root: Deno.args[0] }));`;
    const file = await Deno.makeTempFile({ suffix: ".ts" });
    await Deno.writeTextFile(file, program);
    const args = ["run", "-A", "--no-check", "--config", `${project}/deno.json`, file, box.path];
    assertEquals(await host(Deno.execPath(), ...args), "7 0\n");
    await Deno.remove(file);
  },
});

Deno.test("a registry that does not answer: the error names the way without a network", async () => {
  await using root = await tempRoot();
  const { port } = freePort();
  const { code, stderr, stdout } = await box.run([`127.0.0.1:${port}/box`], { root: root.path });
  assertEquals([code, stdout], [125, ""]);
  assertStringIncludes(stderr, "tiffin run local sh");
  assertStringIncludes(stderr, `127.0.0.1:${port}`);
});

function freePort(): Deno.NetAddr {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr;
}
