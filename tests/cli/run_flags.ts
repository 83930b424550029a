/**
 * What flags of `run` change, and what they are refused with: for the tests of each group.
 *
 * @module
 */

import { assertEquals } from "@std/assert/equals";
import { assertRejects } from "@std/assert/rejects";
import { UsageError } from "../../cli/flags/grammar.ts";
import { parseRunFlags, type RunCommand } from "../../cli/run_flags.ts";

/** What `run` without any flag is. */
const plain = await parseRunFlags(["image"]);

/** The parts of a `run` that flags change, `options` among them. */
export async function changes(...flags: string[]): Promise<Partial<RunCommand>> {
  const command = await parseRunFlags([...flags, "image"]);
  const changed = Object.entries(command).filter(([name, value]) =>
    Deno.inspect(value) !== Deno.inspect(plain[name as keyof RunCommand])
  );
  return Object.fromEntries(changed);
}

/** The options that flags set, where they change nothing else. */
export async function options(...flags: string[]): Promise<RunCommand["options"]> {
  const { options = {}, ...rest } = await changes(...flags);
  assertEquals(rest, {});
  return options;
}

/** The message of the error that flags are refused with. */
export async function refusal(...flags: string[]): Promise<string> {
  const error = await assertRejects(() => parseRunFlags([...flags, "image"]), UsageError);
  return error.message;
}
