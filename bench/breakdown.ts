/**
 * Where the time of a start goes, found by subtraction: each line runs a little more of the real
 * thing than the line before it, and shows what that adds.
 *
 * `BENCH_RUNS` rounds (40), at the most `BENCH_SECONDS` (120).
 *
 * @module
 */

import { onOwnGround } from "./ground.ts";
import { effort, interleave, median, ms, once, printTable } from "./measure.ts";
import type { Contestant } from "./measure.ts";
import { firstLine, project, tiffin } from "./tiffin.ts";

/** Loads what the command line loads for a plain start. */
const LOAD = `
  import "${project}/mod.ts";
  await import("${project}/cli/run.ts");
`;

/** Works a container out and writes its birth down. */
const PREPARE = `
  const { findImage, prepare } = await import("${project}/runtime/plain_start.ts");
  const dataRoot = Deno.env.get("TIFFIN_ROOT");
  const from = await findImage(dataRoot, "local");
  await prepare({ dataRoot, from, options: { command: ["true"] } });
`;

await onOwnGround((directory) => {
  const run = plainStart(directory);
  once(run);
  const steps = ladder(directory, run);
  const others = [withDefaults(directory), ...withFlags(directory)];
  const results = interleave([...steps, ...others], effort(40, 120));
  const medians = results.map(({ times }) => median(times));
  const whole = medians[steps.length - 1];
  printTable(
    ["", "median ms", "adds"],
    steps.map(({ name }, i) => [name, ms(medians[i]), i ? ms(medians[i] - medians[i - 1]) : ""]),
  );
  console.log("\nthe whole in other ways:\n");
  printTable(
    ["", "median ms", "more"],
    others.map(({ name }, i) => {
      const time = medians[steps.length + i];
      return [name, ms(time), ms(time - whole)];
    }),
  );
});

/** `run local true` without a flag. */
function plainStart(directory: string): Contestant {
  return tiffin(directory, "mod.ts", []);
}

/** From nothing to the whole start. */
function ladder(directory: string, run: Contestant): Contestant[] {
  const deno = (name: string, text: string): Contestant => ({
    ...run,
    name,
    command: [...firstLine(), program(directory, name, text)],
  });
  return [
    { name: "a process: true on the host", command: ["true"] },
    deno("deno: an empty program that exits", ""),
    deno("our modules, loaded", LOAD),
    deno("our JavaScript up to the clone", LOAD + PREPARE),
    { ...run, name: "the child, the wait, clearing away: run" },
  ];
}

/** A program that ends as a command does: through `Deno.exit`, after a turn of the event loop. */
function program(directory: string, name: string, text: string): string {
  const file = `${directory}/${name.replace(/\W+/g, "-")}.ts`;
  Deno.writeTextFileSync(file, `${text}\nawait Deno.stat("/");\nDeno.exit(0);\n`);
  return file;
}

/** The whole start, its functions compiled when they are called, as Deno does of itself. */
function withDefaults(directory: string): Contestant {
  return tiffin(directory, "deno run -A mod.ts", []);
}

/** The whole start with a flag, which has to be read, and may save something. */
function withFlags(directory: string): Contestant[] {
  return [
    ["--network", "none"],
    ["--network", "host"],
    ["--network", "bridge"],
    ["--security-opt", "seccomp=unconfined"],
  ].map((flags) => tiffin(directory, "mod.ts", flags));
}
