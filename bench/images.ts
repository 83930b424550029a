/**
 * How long a pull takes, unpacking included, and how much memory, beside podman.
 *
 * Both fetch the same image from Debian's docker-registry on this machine, each time into a store
 * that was just made. `BENCH_RUNS` rounds (5), at the most `BENCH_SECONDS` (120); a round needs 900 MB
 * below TMPDIR, which are given back at the end.
 *
 * @module
 */

import { startDockerRegistry } from "../tests/helpers/docker_registry.ts";
import { onOwnGround } from "./ground.ts";
import { type Contestant, effort, median, ms, printTable } from "./measure.ts";
import { type Usage, usage } from "./memory.ts";
import { pushSampleImage } from "./sample_image.ts";
import { project } from "./tiffin.ts";

/** What is asked of a pull: this share of podman's time, and no more memory than this. */
const GOAL = { ratio: 0.8, bytes: 250_000_000 };

/** podman as root takes overlayfs, as Tiffin does: no layer is copied into the next. */
const DRIVER = "overlay";

let stores = 0;

await onOwnGround(async (directory) => {
  await using registry = await startDockerRegistry(directory);
  const { name, files, bytes, packed } = await pushSampleImage(registry.host);
  console.log(
    `${files} files, ${megabytes(bytes)} MB, ${megabytes(packed)} MB as sent; ` +
      `podman with the driver ${DRIVER}\n`,
  );
  const pulls = [tiffinPull, podmanPull].map((pull) => ({ pull, results: [] as Usage[] }));
  const { rounds, seconds } = effort(5, 120);
  const deadline = performance.now() + seconds * 1000;
  // The first round fills the caches of Deno and of the kernel, and does not count.
  for (let round = 0; round <= rounds && (round < 2 || performance.now() < deadline); round++) {
    for (const { pull, results } of pulls) {
      const result = await inFreshStore(directory, (store) => pull(store, name));
      if (round > 0) results.push(result);
    }
  }
  print(pulls.map(({ results }) => results));
}, { starts: false });

function tiffinPull(store: string, image: string): Contestant {
  const program = ["run", "-A", `${project}/mod.ts`, "--root", store];
  return { name: "tiffin pull", command: [Deno.execPath(), ...program, "pull", image] };
}

function podmanPull(store: string, image: string): Contestant {
  const own = ["--root", `${store}/root`, "--runroot", `${store}/run`, "--storage-driver", DRIVER];
  const quiet = ["--cgroup-manager=cgroupfs", "--events-backend=none"];
  const command = ["podman", ...own, ...quiet, "pull", "--tls-verify=false", image];
  return { name: "podman pull", command };
}

/**
 * Pulls into an empty directory, with nothing of the one before waiting to be written.
 *
 * The stores stay until the end: for five minutes ext4 passes over inodes that were just freed, one
 * by one, and whoever comes after a removal would pay for it.
 */
async function inFreshStore(
  directory: string,
  contestant: (store: string) => Contestant,
): Promise<Usage> {
  // Short: podman takes no --runroot of more than 50 characters.
  const store = `${directory}/${++stores}`;
  await Deno.mkdir(store);
  await new Deno.Command("sync", { args: ["--file-system", directory] }).output();
  const result = await usage(contestant(store));
  // podman leaves its directory mounted on itself.
  await new Deno.Command("umount", { args: [`${store}/root/overlay`] }).output();
  return result;
}

function print([ours, theirs]: Usage[][]): void {
  const of = (results: Usage[], field: keyof Usage) =>
    results.map((result) => result[field]).sort((a, b) => a - b);
  const row = (name: string, results: Usage[]) => [
    name,
    ms(median(of(results, "time"))),
    ms(of(results, "time")[0]),
    megabytes(of(results, "memory").at(-1)!),
  ];
  printTable(["", "median ms", "least", "peak MB"], [
    row("tiffin pull", ours),
    row("podman pull", theirs),
  ]);
  const ratio = median(of(ours, "time")) / median(of(theirs, "time"));
  const peak = of(ours, "memory").at(-1)!;
  const verdict = (met: boolean) => met ? "met" : "missed";
  console.log(
    `\n${ours.length} rounds; tiffin takes ${ratio.toFixed(2)} of podman's time ` +
      `(goal ${GOAL.ratio}: ${verdict(ratio <= GOAL.ratio)}), ` +
      `${megabytes(peak)} MB at its peak (goal ${megabytes(GOAL.bytes)}: ` +
      `${verdict(peak < GOAL.bytes)})`,
  );
}

function megabytes(bytes: number): string {
  return (bytes / 1_000_000).toFixed(0);
}
