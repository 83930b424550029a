/**
 * What an engine waits for: create, start and delete of a container, beside runc, each with its own
 * copy of the same bundle.
 *
 * `BENCH_RUNS` rounds (20), at the most `BENCH_SECONDS` (60).
 *
 * @module
 */

import { onOwnGround } from "./ground.ts";
import { effort, interleave, median, ms, once, printTable, quantile } from "./measure.ts";
import type { Contestant } from "./measure.ts";
import { ociBundle } from "./rivals.ts";
import { localRootfs, project, tiffin } from "./tiffin.ts";

await onOwnGround(async (directory) => {
  once(tiffin(directory));
  const rootfs = await localRootfs(directory);
  const bundle = await ociBundle(directory, rootfs, "runc");
  const launcher = `${directory}/tiffin-oci`;
  await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", `${project}/mod.ts`, "oci", "install", launcher],
    env: { DENO_DIR: `${directory}/deno` },
  }).output();
  const contestants = [
    lifecycle(directory, "tiffin oci", launcher, bundle),
    lifecycle(directory, "runc", "runc", bundle),
  ];
  for (const each of contestants) once(each);
  const [ours, theirs] = interleave(contestants, effort(20, 60));
  printTable(
    ["create, start, delete", "median ms", "least", "90 %"],
    [ours, theirs].map(({ name, times }) => [
      name,
      ms(median(times)),
      ms(Math.min(...times)),
      ms(quantile(times, 0.9)),
    ]),
  );
  const ratio = median(ours.times) / median(theirs.times);
  console.log(`\n${ours.times.length} rounds; tiffin takes ${ratio.toFixed(2)} times as long`);
});

/** All three, as a line of shell: an engine waits for each of them before it goes on. */
function lifecycle(
  directory: string,
  name: string,
  runtime: string,
  bundle: string,
): Contestant {
  const command = `${runtime} --root ${directory}/state-${name.replace(" ", "-")}`;
  const script = `set -e
${command} create --bundle ${bundle} bench </dev/null >/dev/null
${command} start bench
${command} delete --force bench
`;
  return { name, command: ["sh", "-c", script] };
}
