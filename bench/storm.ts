/**
 * Many commands at a time that work on the same few containers: each of them has to end with
 * success or with a clear error, and in the end everything can be removed.
 *
 * `STORM_AT_ONCE` commands at a time (50) on `STORM_CONTAINERS` (10) for `STORM_SECONDS` (30).
 *
 * @module
 */

import { leftovers } from "./leftovers.ts";
import { onOwnGround } from "./ground.ts";
import { ms, once, printTable } from "./measure.ts";
import { dataRoot, tiffin, tiffinRun } from "./tiffin.ts";

const [AT_ONCE, CONTAINERS, SECONDS] = [["AT_ONCE", 50], ["CONTAINERS", 10], ["SECONDS", 30]]
  .map(([name, usual]) => Number(Deno.env.get(`STORM_${name}`) ?? usual));

/** What is done, each as often as it stands here: without the first, nothing would be left soon. */
const COMMANDS: ((name: string) => string[])[] = [
  (name) => ["run", "-d", "--name", name, "local", "sleep", "60"],
  (name) => ["run", "-d", "--name", name, "local", "sleep", "60"],
  (name) => ["create", "--name", name, "local", "sleep", "60"],
  (name) => ["start", name],
  (name) => ["start", name],
  (name) => ["stop", "-t", "1", name],
  (name) => ["rm", name],
  (name) => ["rm", "-f", name],
  (name) => ["exec", name, "true"],
  (name) => ["exec", name, "true"],
];

/** Errors that say what a person needs to know: somebody else was quicker. */
const CLEAR = [
  [
    "there is no such container",
    /^tiffin: no such container: \S+: tiffin ps -a lists those there are$/m,
  ],
  ["the name is taken", /^tiffin: the name \S+ is taken by the container [0-9a-f]{12}: /m],
  ["it runs", /^tiffin: \S+ is (running|restarting|paused): /m],
  ["it does not run", /^tiffin: \S+ is not running/m],
  ["it ended meanwhile", /^tiffin: .*(has ended|ended before|ended while)/m],
] as const;

let corrupt = 0;

await onOwnGround(async (directory) => {
  Deno.env.set("TIFFIN_NETWORK", "none");
  Deno.env.set("TIFFIN_ROOT", dataRoot(directory));
  once(tiffin(directory));
  const counts = new Map<string, Map<string, number>>();
  let longest = 0;
  const end = performance.now() + SECONDS * 1000;
  await Promise.all(Array.from({ length: AT_ONCE }, async () => {
    while (performance.now() < end) {
      const words = pick(COMMANDS)(`c${Math.floor(Math.random() * CONTAINERS)}`);
      const begin = performance.now();
      const { code, stderr } = await tiffinRun(...words);
      longest = Math.max(longest, performance.now() - begin);
      const [command, result] = [words[0], resultOf(words, code, stderr)];
      const results = counts.get(command) ?? new Map<string, number>();
      counts.set(command, results.set(result, (results.get(result) ?? 0) + 1));
    }
  }));
  print(counts);
  console.log(`\nthe longest command took ${ms(longest)} ms`);
  await check(directory);
});
if (corrupt > 0) Deno.exitCode = 1;

function pick<T>(list: readonly T[]): T {
  return list[Math.floor(Math.random() * list.length)];
}

function resultOf(words: string[], code: number, stderr: string): string {
  if (code === 0) return "done";
  // a container that is killed takes what exec runs in it with it
  if (words[0] === "exec" && code === 137 && stderr === "") return "it ended meanwhile";
  const clear = CLEAR.find(([, pattern]) => pattern.test(stderr));
  if (clear) return clear[0];
  corrupt++;
  console.log(`${words.join(" ")}: exit code ${code}: ${stderr}`);
  return "an unclear error";
}

function print(counts: Map<string, Map<string, number>>): void {
  const results = [...new Set([...counts.values()].flatMap((each) => [...each.keys()]))].sort();
  const rows = [...counts].sort().map(([command, each]) => [
    command,
    ...results.map((result) => String(each.get(result) ?? 0)),
  ]);
  printTable(["", ...results], rows);
}

/** Everything that is left can be started and removed, and then nothing is left. */
async function check(directory: string): Promise<void> {
  const { stdout } = await tiffinRun("ps", "-aq");
  const ids = stdout.split("\n").filter(Boolean);
  for (const words of [["start", ...ids], ["rm", "-f", ...ids]]) {
    if (ids.length === 0) break;
    const { code, stderr } = await tiffinRun(...words);
    if (code === 0) continue;
    corrupt++;
    console.log(`${words.join(" ")}: ${stderr}`);
  }
  // a monitor may be about to end
  await new Promise((resolve) => setTimeout(resolve, 500));
  const left = leftovers(dataRoot(directory));
  corrupt += left.length;
  const well = `${ids.length} containers were left, could be started and removed: nothing is left`;
  console.log(left.length === 0 ? well : `left: ${left.join("\n")}`);
}
