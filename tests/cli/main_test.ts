/**
 * The command line from outside: what is printed where, and what it exits with.
 *
 * @module
 */

import { assert } from "@std/assert/assert";
import { assertEquals } from "@std/assert/equals";
import { assertMatch } from "@std/assert/match";
import { groundProblem } from "../../cli/main.ts";
import { loadedModules } from "../helpers/loaded_modules.ts";
import { project, runTiffin } from "../helpers/run_tiffin.ts";
import { tempRoot } from "../helpers/temp_root.ts";

Deno.test("a machine that will not do is told what to do", () => {
  const ground = { os: "linux", kernel: "6.12.1-arm64", deno: "2.9.6" };
  assertEquals(groundProblem(ground), undefined);
  assertEquals(groundProblem({ ...ground, kernel: "5.12.0", deno: "2.8.3" }), undefined);
  assertEquals(groundProblem({ ...ground, kernel: "10.0", deno: "10.0.0" }), undefined);
  assertEquals(
    groundProblem({ ...ground, os: "windows" }),
    "containers are made by the Linux kernel, and this is windows: run Tiffin in WSL 2 " +
      "(wsl --install)",
  );
  assertEquals(
    groundProblem({ ...ground, os: "darwin" }),
    "containers are made by the Linux kernel, and this is darwin: run Tiffin in a virtual machine",
  );
  assertEquals(
    groundProblem({ ...ground, deno: "2.8.2" }),
    "this is Deno 2.8.2, and Tiffin needs 2.8.3: deno upgrade, or npx --yes deno",
  );
  assertEquals(
    groundProblem({ ...ground, kernel: "5.4.0-200-generic" }),
    "this is Linux 5.4.0-200-generic, and Tiffin needs 5.12, for mount_setattr(2)",
  );
});

Deno.test("help is asked for in four ways, and is no error", async () => {
  await using root = await tempRoot();
  const outcomes = await Promise.all([[], ["help"], ["--help"], ["-h"]].map((args) => {
    return runTiffin(args, { root: root.path });
  }));
  for (const { code, stdout, stderr } of outcomes) {
    assertEquals({ code, stderr }, { code: 0, stderr: "" });
    assertEquals(stdout, outcomes[0].stdout);
    assert(stdout.includes("\n  run      start a container"));
  }
  const [first, second] = await Promise.all([["help", "pull"], ["pull", "--help"]].map((args) => {
    return runTiffin(args, { root: root.path });
  }));
  assertEquals(first, second);
  assert(first.stdout.startsWith("Fetch an image from a registry.\n\nUsage: tiffin pull "));
});

Deno.test("what is not understood exits with 125 and changes nothing", async () => {
  await using root = await tempRoot();
  const complaints = {
    "histry": 'unknown command "histry"; did you mean "history"?\ntiffin help shows the commands\n',
    "constructor": 'unknown command "constructor"\ntiffin help shows the commands\n',
    "--rot x images":
      'unknown flag "--rot"; did you mean "--root"?\ntiffin help shows the commands\n',
    "help runn": 'unknown command "runn"; did you mean "run"?\ntiffin help shows the commands\n',
    "run --memry 1g local":
      'unknown flag "--memry"; did you mean "--memory"?\ntiffin run --help shows its flags\n',
    "image lss":
      'image has no command "lss"; did you mean "ls"?\ntiffin image --help lists its commands\n',
    "images --al":
      'unknown flag "--al"; did you mean "--all"?\ntiffin images --help shows its flags\n',
    "images --zz": 'unknown flag "--zz"\ntiffin images --help shows its flags\n',
  };
  for (const [line, complaint] of Object.entries(complaints)) {
    const outcome = await runTiffin(line.split(" "), { root: root.path });
    assertEquals(outcome, { code: 125, stdout: "", stderr: `tiffin: ${complaint}` });
  }
  const { code, stderr } = await runTiffin(["tag", "one"], { root: root.path });
  assertEquals({ code, stderr: stderr.split("\n")[0] }, {
    code: 1,
    stderr: "tiffin: tag needs an image and a name: tag alpine mine:1",
  });
  assertEquals([...Deno.readDirSync(root.path)], []);
});

Deno.test("the data root: the flag, the variable, a relative path", async () => {
  await using root = await tempRoot();
  const images = async (args: string[], env?: Record<string, string>) => {
    const { code, stdout, stderr } = await runTiffin([...args, "images"], { root: root.path, env });
    return { code, stdout, stderr };
  };
  const heading = "REPOSITORY   TAG   IMAGE ID   CREATED   SIZE\n";
  assertEquals(await images([]), { code: 0, stdout: heading, stderr: "" });
  assertEquals(await images([`--root=${root.path}/no`]), { code: 0, stdout: heading, stderr: "" });
  await Deno.mkdir(`${root.path}/other/images`, { recursive: true });
  await Deno.writeTextFile(`${root.path}/other/images/index.json`, "not JSON");
  const { code, stderr } = await images(["--root", `${root.path}/other`]);
  assertEquals(code, 1);
  assert(stderr.startsWith(`tiffin: ${root.path}/other/images/index.json is not JSON`));
});

Deno.test("the version", async () => {
  await using root = await tempRoot();
  const { version } = JSON.parse(await Deno.readTextFile(`${project}/deno.json`));
  const expected = `tiffin ${version} (Deno ${Deno.version.deno}, Linux ${Deno.osRelease()}, ` +
    `${Deno.build.arch})\n`;
  for (const word of ["version", "--version"]) {
    const { stdout } = await runTiffin([word], { root: root.path });
    assertEquals(stdout, expected);
  }
});

Deno.test("a reader who goes away ends it without a word", async () => {
  for (const words of [["help", "run"], ["run", "--help"]]) await goAway(words);
});

async function goAway(words: string[]): Promise<void> {
  await using root = await tempRoot();
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", "-A", `${project}/mod.ts`, ...words],
    env: { TIFFIN_ROOT: root.path },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  await child.stdout.cancel();
  const stderr = await new Response(child.stderr).text();
  assertEquals({ code: (await child.status).code, stderr }, { code: 141, stderr: "" });
}

Deno.test("without permissions it says how to start it", async () => {
  for (const flags of [[], ["--allow-read", "--allow-env", "--allow-sys"]]) {
    const { code, stderr } = await new Deno.Command(Deno.execPath(), {
      args: [
        "run",
        "--quiet",
        "--no-prompt",
        ...flags,
        `${project}/mod.ts`,
        "run",
        "local",
        "true",
      ],
      env: { TIFFIN_ROOT: "/no/where", NO_COLOR: "1" },
    }).output();
    assertEquals(code, 125);
    assertMatch(
      new TextDecoder().decode(stderr),
      /^tiffin: Deno requires \w+ access to "[^"]*": start it as deno run -A\n$/,
    );
  }
});

Deno.test("a command loads what it needs of cli/, and no more", async () => {
  await using root = await tempRoot();
  const loaded = await loadedModules(root.path, ["images"]);
  assertEquals(loaded.filter((module) => module.startsWith("cli/")), [
    "cli/amounts.ts",
    "cli/deno_cache.ts",
    "cli/flags/grammar.ts",
    "cli/flags/values.ts",
    "cli/images.ts",
    "cli/known_images.ts",
    "cli/main.ts",
    "cli/output.ts",
    "cli/table.ts",
  ]);
});
