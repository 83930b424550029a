/**
 * What a disk that is full, or a process that has run out of descriptors, must not lead to: a
 * container that is taken for dead, one that is not started again, a name that stays taken.
 *
 * @module
 */

import { assertEquals } from "@std/assert/equals";
import { assertRejects } from "@std/assert/rejects";
import { inspectContainer } from "../../../runtime/containers.ts";
import { idOf } from "../../../runtime/names.ts";
import { renameContainer } from "../../../runtime/lifecycle/rename.ts";
import {
  claimFile,
  containerDirectory,
  readIdentity,
  recordFile,
} from "../../../runtime/records.ts";
import { anyUser, localBox, until } from "../../cli/box.ts";
import { needs } from "../../helpers/needs.ts";
import { project, runTiffin } from "../../helpers/run_tiffin.ts";

const box = localBox();

async function tiffin(...words: string[]): Promise<string> {
  const { code, stdout, stderr } = await runTiffin(words, { root: box.path });
  assertEquals(code, 0, `${words.join(" ")}: ${stderr}`);
  return stdout.trim();
}

Deno.test("a process that cannot be looked at is not taken for one that has ended", async () => {
  const program = `
    import { identify } from "${project}/runtime/processes.ts";
    import { readIdentity } from "${project}/runtime/records.ts";
    try { for (;;) Deno.openSync("/dev/null"); } catch { /* no descriptor is left */ }
    for (const look of [() => identify("self"), () => readIdentity("/proc/self/stat")]) {
      try { look(); console.log("seen"); } catch { console.log("cannot look"); }
    }`;
  const file = await Deno.makeTempFile({ suffix: ".ts" });
  await Deno.writeTextFile(file, program);
  const script = 'ulimit -n 64; exec "$0" run --quiet -A --no-check "$1"';
  const { stdout } = await new Deno.Command("bash", {
    args: ["-c", script, Deno.execPath(), file],
  }).output();
  await Deno.remove(file);
  assertEquals(new TextDecoder().decode(stdout), "cannot look\ncannot look\n");
});

Deno.test({
  ...needs("a container that cannot be renamed does not keep the other name", anyUser),
  async fn() {
    const id = await tiffin("create", "--name", "old", "local", "true");
    // in the way of the new record, as a full disk would be
    const inTheWay = `${recordFile(containerDirectory(box.path, id))}.new`;
    await Deno.mkdir(inTheWay);
    await assertRejects(() => renameContainer(box.path, "old", "other"));
    assertEquals([idOf(box.path, "old"), idOf(box.path, "other")], [id, undefined]);
    await Deno.remove(inTheWay);
    await tiffin("rm", "old");
  },
});

Deno.test({
  ...needs("a container that cannot be started again now is started later", anyUser),
  async fn() {
    const words = ["local", "sh", "-c", "sleep 0.3; exit 1"];
    const id = await tiffin("run", "-d", "--restart", "always", "--name", "again", ...words);
    const claim = claimFile(box.path, id);
    const pid = () => readIdentity(claim)?.pid;
    // what stands in the way of a monitor's claim stands in the way of any that is written
    await Deno.mkdir(`${claim}.new`);
    const first = pid();
    const state = () => inspectContainer(box.path, id)?.state ?? "gone";
    await until(() => state() === "restarting", state);
    await new Promise((resolve) => setTimeout(resolve, 1000));
    assertEquals(pid(), first);
    await Deno.remove(`${claim}.new`);
    await until(() => pid() !== undefined && pid() !== first, state);
    await tiffin("rm", "-f", "again");
  },
});
