/**
 * Engines at work in namespaces of their own: an engine is set up once, and check after check is made
 * of it, with runc and with Tiffin.
 *
 * A check is a line of shell and what it has to print. All of one engine with one runtime are made in
 * one session, which is a script; nothing of it is left when the script has ended.
 *
 * @module
 */

import { project } from "../helpers/run_tiffin.ts";
import { tempRoot } from "../helpers/temp_root.ts";
import { BUSYBOX, makeRootfs } from "../runtime/birth/trial.ts";

/** Something that an engine does every day. */
export interface Check {
  /** What it does. */
  name: string;
  /** How it is asked, in the words of bash; its output is looked at, errors too. */
  script: string;
  /** What has to be in the output. */
  expected: RegExp;
}

/** An engine. */
export interface Engine {
  /** Its name. */
  name: string;
  /** Programs that it takes. */
  programs: string[];
  /** The lines that set it up, with `$RUNTIME`, and `$DIRECTORY` for its own files. */
  setup: string;
  /** What it does. */
  checks: Check[];
}

/** What came of a check. */
export interface Result {
  /** Whether it did what was expected. */
  passed: boolean;
  /** What it printed. */
  output: string;
}

/** What came of an engine's checks with a runtime. */
export interface Session {
  /** The checks, by name. */
  results: Map<string, Result>;
  /** What the engine said while it was set up. */
  setup: string;
}

/** The runtimes that are compared. */
export const RUNTIMES = ["runc", "tiffin"] as const;

/** The programs in the image that is used: one file, under several names. */
const PROGRAMS = [
  ...[
    "sh",
    "cat",
    "echo",
    "sleep",
    "ps",
    "id",
    "env",
    "ls",
    "mkdir",
    "mount",
    "nc",
    "wget",
    "stty",
  ],
  ...["head", "tail", "tr", "true", "false", "wc", "stat", "touch", "grep", "hostname", "ip", "dd"],
  ...["test", "readlink", "tty", "kill", "httpd", "sed", "awk", "cut", "seq", "uname", "date"],
];

/** Makes all checks of an engine with a runtime. */
export async function session(
  engine: Engine,
  runtime: (typeof RUNTIMES)[number],
): Promise<Session> {
  await using root = await tempRoot();
  const { path } = root;
  await makeRootfs(`${path}/rootfs`, PROGRAMS);
  await Deno.writeTextFile(`${path}/rootfs/etc/plain`, "no program\n");
  await Deno.mkdir(`${path}/out`);
  await makeImage(path);
  const file = runtime === "runc" ? await which("runc") : await install(`${path}/tiffin-oci`);
  await Deno.writeTextFile(`${path}/session.sh`, script(engine, file, path));
  const { stderr } = await new Deno.Command(`${project}/tests/engines/ground`, {
    args: ["bash", `${path}/session.sh`],
    env: { DENO_NO_UPDATE_CHECK: "1" },
    stdin: "null",
    stdout: "null",
    stderr: "piped",
  }).output();
  const read = (name: string) => Deno.readTextFile(`${path}/out/${name}`).catch(() => "");
  const results = new Map<string, Result>();
  for (const [i, { name, expected }] of engine.checks.entries()) {
    const output = await read(String(i));
    results.set(name, { passed: expected.test(output), output });
  }
  return { results, setup: `${await read("setup")}${new TextDecoder().decode(stderr)}` };
}

/** What a check may take, in seconds. */
const PATIENCE = 60;

function script({ setup, checks }: Engine, runtime: string, directory: string): string {
  const lines = checks.map(({ script }, i) =>
    `timeout -k 5 ${PATIENCE} bash -c ${quote(`. $DIRECTORY/env\n${script}`)} ` +
    `</dev/null >$DIRECTORY/out/${i} 2>&1\n`
  );
  return `export RUNTIME=${runtime} DIRECTORY=${directory}
cd $DIRECTORY
{
${setup}
} </dev/null >$DIRECTORY/out/setup 2>&1
${lines.join("")}`;
}

function quote(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}

async function which(program: string): Promise<string> {
  const { stdout } = await new Deno.Command("sh", { args: ["-c", `command -v ${program}`] })
    .output();
  return new TextDecoder().decode(stdout).trim();
}

async function install(path: string): Promise<string> {
  await tiffin(["oci", "install", path]);
  return path;
}

/** Makes `box.tar`: an archive, as `docker save` makes them, of the image that is used. */
async function makeImage(directory: string): Promise<void> {
  const [tree, image] = [`${directory}/rootfs.tar`, `${directory}/box.tar`];
  await new Deno.Command("tar", { args: ["-C", `${directory}/rootfs`, "-cf", tree, "."] }).output();
  const root = ["--root", `${directory}/images`];
  await tiffin([...root, "import", "--change", 'CMD ["sh"]', tree, "docker.io/library/box:latest"]);
  await tiffin([...root, "save", "-o", image, "docker.io/library/box:latest"]);
}

async function tiffin(words: string[]): Promise<void> {
  const { success, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", `${project}/mod.ts`, ...words],
  }).output();
  if (!success) throw new Error(new TextDecoder().decode(stderr));
}

/** What every engine's checks need. */
export const NEEDED = { root: true, files: [BUSYBOX] } as const;
