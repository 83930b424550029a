/**
 * A process in a container, as the library has it.
 *
 * @module
 */

import { assertEquals } from "@std/assert/equals";
import { SIG } from "../../ffi/constants.ts";
import { attempt } from "../../ffi/libc.ts";
import { prepareExec, startExec } from "../../runtime/exec.ts";
import { planExec } from "../../runtime/lifecycle/exec.ts";
import { removeContainer } from "../../runtime/lifecycle/remove.ts";
import { anyUser, localBox } from "../cli/box.ts";
import { needs } from "../helpers/needs.ts";
import { runTiffin } from "../helpers/run_tiffin.ts";

const box = localBox();

Deno.test({
  ...needs("no signal is sent to a number that may be somebody else's by now", anyUser),
  async fn() {
    const { stdout } = await runTiffin(["run", "-d", "local", "sleep", "60"], { root: box.path });
    const id = stdout.trim();
    const plan = await planExec(box.path, id, { command: ["sh", "-c", "exit 7"] });
    const calls = attempt as unknown as { kill: (...args: number[]) => number };
    const { kill } = calls;
    const killed: number[] = [];
    try {
      using prepared = await prepareExec(plan.target, plan.process, { streams: "none" });
      const started = await startExec(prepared);
      assertEquals((await started.wait()).code, 7);
      calls.kill = (pid) => killed.push(pid);
      started.signal(SIG.KILL);
    } finally {
      calls.kill = kill;
    }
    assertEquals(killed, []);
    await removeContainer(box.path, id, { isForced: true });
  },
});
