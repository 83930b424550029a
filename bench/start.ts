/**
 * How long a container takes to start, beside runc, crun and podman, and how many a second one
 * process can start.
 *
 * `BENCH_RUNS` rounds (40), at the most `BENCH_SECONDS` (120).
 *
 * @module
 */

import { onOwnGround } from "./ground.ts";
import { effort, interleave, median, ms, once, printTable, quantile } from "./measure.ts";
import type { Contestant, Result } from "./measure.ts";
import { rivals } from "./rivals.ts";
import { startsPerSecond } from "./library.ts";
import { dataRoot, localRootfs, tiffin } from "./tiffin.ts";

await onOwnGround(async (directory) => {
  const ours = tiffin(directory);
  console.log(`first run, which makes the image: ${ms(once(ours))} ms\n`);
  const rootfs = await localRootfs(directory);
  const contestants = [
    ...floors(directory),
    ours,
    tiffin(directory, "deno run -A mod.ts"),
    ...await rivals(directory, rootfs),
    tiffin(directory, "mod.ts", ["--network", "none"]),
    tiffin(directory, "mod.ts", ["--network", "bridge"]),
  ];
  printResults(interleave(contestants, effort(40, 120)), ours.name);
  Deno.env.set("TIFFIN_NETWORK", "none");
  for (const atOnce of [1, 2, 4]) {
    const rate = await startsPerSecond(dataRoot(directory), { atOnce, seconds: 5 });
    console.log(`from one process, ${atOnce} at a time: ${rate.toFixed(0)} starts a second`);
  }
});

/** What no runtime in JavaScript, and no runtime at all, can be faster than. */
function floors(directory: string): Contestant[] {
  const empty = `${directory}/empty.ts`;
  Deno.writeTextFileSync(empty, "");
  return [
    { name: "(true, on the host)", command: ["true"] },
    { name: "(deno, an empty program)", command: [Deno.execPath(), "run", "-A", empty] },
  ];
}

function printResults(results: Result[], ours: string): void {
  const own = results.find(({ name }) => name === ours)!;
  const rows = results.map(({ name, times }) => [
    name,
    ms(median(times)),
    ms(times[0]),
    ms(quantile(times, 0.9)),
    (median(own.times) / median(times)).toFixed(2),
  ]);
  printTable(["", "median ms", "least", "90 %", "ours takes"], rows);
  console.log(
    `\n${own.times.length} rounds; ours is ${ours}; the last column is the ratio of medians\n`,
  );
}
