/**
 * Where the time of a start goes, found by subtraction: each line runs a little more of the real
 * thing than the line before it, and shows what that adds.
 *
 * `BENCH_RUNS` rounds (40), at the most `BENCH_SECONDS` (120).
 *
 * @module
 */

import { loadedModules } from "../tests/helpers/loaded_modules.ts";
import { onOwnGround } from "./ground.ts";
import { effort, interleave, median, ms, once, printTable } from "./measure.ts";
import type { Contestant } from "./measure.ts";
import { project, tiffin } from "./tiffin.ts";

await onOwnGround(async (directory) => {
  const run = tiffin(directory);
  once(run);
  const steps = await ladder(directory, run);
  const parts = without(run);
  const results = interleave([...steps, ...parts], effort(40, 120));
  const medians = results.map(({ times }) => median(times));
  printTable(
    ["", "median ms", "adds"],
    steps.map(({ name }, index) => [
      name,
      ms(medians[index]),
      index === 0 ? "" : ms(medians[index] - medians[index - 1]),
    ]),
  );
  const whole = medians[steps.length - 1];
  console.log("\nthe whole, with one part left out:\n");
  printTable(
    ["", "median ms", "saves"],
    parts.map(({ name }, index) => {
      const time = medians[steps.length + index];
      return [name, ms(time), ms(whole - time)];
    }),
  );
});

/** From nothing to the whole start. */
async function ladder(directory: string, run: Contestant): Promise<Contestant[]> {
  const modules = await loadedModules(directory, ["run", "--explain", "local", "true"]);
  const deno = (name: string, file: string): Contestant => ({
    name,
    command: [Deno.execPath(), "run", "-A", "--config", `${project}/deno.json`, file],
  });
  return [
    { name: "a process: true on the host", command: ["true"] },
    deno("deno: an empty program that exits", program(directory, "exit", "")),
    deno(`our ${modules.length} modules, loaded`, program(directory, "load", loader(modules))),
    {
      ...run,
      name: "our JavaScript up to the clone: run --explain",
      command: run.command.flatMap((word) => word === "local" ? ["--explain", word] : [word]),
    },
    { ...run, name: "the child, the wait, cleaning up: run" },
  ];
}

/** A program that ends as a command does: through `Deno.exit`, after a turn of the event loop. */
function program(directory: string, name: string, text: string): string {
  const file = `${directory}/${name}.ts`;
  Deno.writeTextFileSync(file, `${text}\nawait Deno.stat("/");\nDeno.exit(0);\n`);
  return file;
}

/** The door first, as a command comes in; what it loads lazily after it. */
function loader(modules: string[]): string {
  const lazy = modules.map((module) => `import("${project}/${module}")`);
  return `import "${project}/mod.ts";\nawait Promise.all([${lazy.join(", ")}]);`;
}

/** The whole start with one default turned off. */
function without(run: Contestant): Contestant[] {
  const variants = [
    ["--security-opt", "seccomp=unconfined"],
    ["--network", "host"],
    ["--network", "none"],
  ];
  return variants.map((flags) => ({
    ...run,
    name: flags.join(" "),
    command: run.command.flatMap((word) => word === "local" ? [...flags, word] : [word]),
  }));
}
