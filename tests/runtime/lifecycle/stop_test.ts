/**
 * `stop`, and containers of a program that goes on.
 *
 * @module
 */

import { assert } from "@std/assert/assert";
import { assertEquals } from "@std/assert/equals";
import { inspectContainer } from "../../../runtime/containers.ts";
import { start } from "../../../runtime/container.ts";
import { findImage } from "../../../runtime/images/find.ts";
import { prepareNamed } from "../../../runtime/lifecycle/create.ts";
import { removeContainer } from "../../../runtime/lifecycle/remove.ts";
import { stopContainer } from "../../../runtime/lifecycle/signal.ts";
import { stopMark } from "../../../runtime/lifecycle/stop_mark.ts";
import { containerDirectory } from "../../../runtime/records.ts";
import { anyUser, localBox } from "../../cli/box.ts";
import { runTiffin } from "../../helpers/run_tiffin.ts";
import { needs } from "../../helpers/needs.ts";

const box = localBox();

Deno.test({
  ...needs("a container without a policy is stopped although nothing can be written down", anyUser),
  async fn() {
    const run = [
      "run",
      "-d",
      "local",
      "sh",
      "-c",
      "trap 'exit 0' TERM; while :; do sleep 0.02; done",
    ];
    const { stdout } = await runTiffin(run, { root: box.path });
    const id = stdout.trim();
    // in the way of the mark, as a disk would be that has become read-only
    Deno.mkdirSync(stopMark(containerDirectory(box.path, id)));
    await stopContainer(box.path, id);
    assertEquals(inspectContainer(box.path, id)?.state, "exited");
    await removeContainer(box.path, id);
  },
});

Deno.test({
  ...needs("a stop does not wait for the end of the program that has started it", anyUser),
  async fn() {
    const from = await findImage(box.path, "local");
    const options = { command: ["sh", "-c", "trap 'exit 0' TERM; while :; do sleep 0.02; done"] };
    const request = { dataRoot: box.path, from, hasInput: false, keep: true, options };
    const container = await start(await prepareNamed(request));
    const end = container.wait();
    const before = performance.now();
    await stopContainer(box.path, container.id);
    await end;
    assert(performance.now() - before < 5000);
    await removeContainer(box.path, container.id);
  },
});
