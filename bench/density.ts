/**
 * How many containers run at once, what each of them costs while it does, and how long `ps` takes.
 *
 * `BENCH_CONTAINERS` of the image `local` (200). What stays beside each of them is its monitor;
 * others have conmon or containerd-shim there, and are measured where they are installed: as the
 * kernel counts it, a page that several processes share divided among them (PSS, proc_pid_smaps(5)).
 *
 * @module
 */

import { claimFile, claims, readIdentity } from "../runtime/records.ts";
import { onOwnGround } from "./ground.ts";
import { median, ms, once, printTable } from "./measure.ts";
import { conmons, shims } from "./monitors.ts";
import { pss, pssTable } from "./pss.ts";
import { leftovers } from "./leftovers.ts";
import { dataRoot, localRootfs, tiffin, tiffinRun, tiffinWords } from "./tiffin.ts";

const COUNT = Number(Deno.env.get("BENCH_CONTAINERS") ?? 200);
/** How many commands start containers at the same time. */
const AT_ONCE = 4;
/** How many of the others are measured: they share what they share from the second on. */
const OTHERS = Math.min(COUNT, 20);

await onOwnGround(async (directory) => {
  Deno.env.set("TIFFIN_NETWORK", "none");
  Deno.env.set("TIFFIN_ROOT", dataRoot(directory));
  once(tiffin(directory));
  const one = await startMany(1);
  const alone = pss(monitors(directory)[0]);
  const ids = [...one, ...await startMany(COUNT - 1)];
  const rows = [["tiffin's monitor", ...pssTable(monitors(directory).map(pss), alone)]];
  const time = listTimes(directory);
  await remove(ids);
  const left = leftovers(dataRoot(directory));
  console.log(left.length === 0 ? "and nothing is left" : `left: ${left.join("\n")}`);

  const rootfs = await localRootfs(directory);
  for await (const { name, alone, all } of conmons(directory, rootfs, OTHERS)) {
    rows.push([name, ...pssTable(all, alone)]);
  }
  for await (const { name, alone, all } of shims(directory, OTHERS)) {
    rows.push([name, ...pssTable(all, alone)]);
  }
  console.log();
  printTable(["memory of what stays (PSS)", "how many", "of one alone", "of each, then"], rows);
  console.log(
    `\nps with ${COUNT} containers: ${ms(median(time))} ms, the median of ${time.length}`,
  );
});

/** Starts containers with as many commands. @returns their ids */
async function startMany(count: number): Promise<string[]> {
  const ids: string[] = [];
  const begin = performance.now();
  let started = 0;
  await Promise.all(Array.from({ length: AT_ONCE }, async () => {
    while (started++ < count) {
      const { code, stdout, stderr } = await tiffinRun("run", "-d", "local", "sleep", "infinity");
      if (code !== 0) throw new Error(`run -d: ${stderr}`);
      ids.push(stdout.trim());
    }
  }));
  if (count > 1) {
    const each = (performance.now() - begin) / count;
    console.log(`${count} detached containers, ${AT_ONCE} at a time: ${ms(each)} ms each`);
  }
  return ids;
}

/** The processes that answer for the containers that run. */
function monitors(directory: string): number[] {
  const root = dataRoot(directory);
  return claims(root).map((id) => readIdentity(claimFile(root, id))!.pid);
}

function listTimes(directory: string): number[] {
  const command = tiffinWords("ps");
  const env = { TIFFIN_ROOT: dataRoot(directory) };
  const times = Array.from({ length: 7 }, () => once({ name: "ps", command, env }));
  return times.slice(1).sort((a, b) => a - b);
}

async function remove(ids: string[]): Promise<void> {
  const begin = performance.now();
  const { code, stderr } = await tiffinRun("rm", "-f", ...ids);
  if (code !== 0) throw new Error(`rm -f: ${stderr}`);
  console.log(`rm -f of all: ${ms((performance.now() - begin) / ids.length)} ms each`);
}
