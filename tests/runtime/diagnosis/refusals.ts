/**
 * What the tests of the diagnosis have in common: a call that is refused, and what is said of it.
 *
 * @module
 */

import { assertEquals } from "@std/assert/equals";
import { assertStringIncludes } from "@std/assert/string-includes";
import type { Program } from "../../../ffi/program.ts";
import type { StartError } from "../../../runtime/diagnosis.ts";
import { needs } from "../../helpers/needs.ts";
import { type Ground, provoke } from "./held.ts";

/** A user that nothing else runs as. */
export const NOBODY_ELSE = 61234;

/** Gives up root, and with it every right. */
export function becomeNobody(program: Program): void {
  program.call("").setresgid(NOBODY_ELSE, NOBODY_ELSE, NOBODY_ELSE);
  program.call("").setresuid(NOBODY_ELSE, NOBODY_ELSE, NOBODY_ELSE);
}

/** All of this is said, and the start has failed as such. @param names what a word stands for */
export function assertRefused(
  { message, exitCode }: StartError,
  says: string[],
  names: Record<string, string> = {},
): void {
  for (let words of says) {
    for (const [name, meaning] of Object.entries(names)) words = words.replaceAll(name, meaning);
    assertStringIncludes(message, words);
  }
  assertEquals(exitCode, 125);
}

/** A test as root: the call, and what is said of it. */
export function refuses(
  name: string,
  write: (program: Program) => void,
  says: string[],
  ground: Ground = {},
): void {
  Deno.test({
    ...needs(name, { root: true }),
    async fn() {
      assertRefused(await provoke(write, ground), says);
    },
  });
}
