/**
 * Programs that cannot be started: each in a container that really starts, and fails at the last call.
 *
 * @module
 */

import { assertEquals } from "@std/assert/equals";
import { assertStringIncludes } from "@std/assert/string-includes";
import type { Requirements } from "../../helpers/needs.ts";
import { tempRoot } from "../../helpers/temp_root.ts";
import { BUSYBOX, failure, makeRootfs, type Trial } from "../birth/trial.ts";

/** What these tests need. */
export const NEEDED: Requirements = { root: true, files: [BUSYBOX] };

/** A program, or what is in the place of one, and what is said of it. */
export interface Case {
  /** the test's name */
  name: string;
  /** the program's text; it is written to /bin/program with the mode */
  program?: string | Uint8Array;
  /** 0755 unless told otherwise */
  mode?: number;
  /** changes the root before the start */
  change?: (rootfs: string) => Promise<void>;
  /** what the container is beside; it runs /bin/program unless told otherwise */
  trial?: Trial;
  /** what is in the message */
  says: string[];
  /** what the command would exit with */
  code: 126 | 127;
}

/** Tries all of them in one root. */
export async function tryAll(context: Deno.TestContext, cases: Case[]): Promise<void> {
  await using root = await tempRoot();
  const rootfs = await makeRootfs(`${root.path}/rootfs`);
  for (const { name, program, mode = 0o755, change, trial, says, code } of cases) {
    await context.step(name, async () => {
      const path = `${rootfs}/bin/program`;
      await Deno.remove(path, { recursive: true }).catch(() => {});
      const bytes = typeof program === "string" ? new TextEncoder().encode(program) : program;
      if (bytes) {
        await Deno.writeFile(path, bytes);
        await Deno.chmod(path, mode);
      }
      await change?.(rootfs);
      const error = await failure(rootfs, { args: ["/bin/program"], ...trial });
      for (const words of says) assertStringIncludes(error.message, words);
      assertEquals([error.exitCode, error.step.name], [code, "execve"]);
      assertStringIncludes(error.message, "the program: execve(");
    });
  }
}
