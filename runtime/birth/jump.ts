/**
 * "Go on there", for programs of calls.
 *
 * @module
 */

import type { Label, Program } from "../../ffi/program.ts";

/** Goes on elsewhere, whatever happened. */
export function jump(program: Program, to: Label, why: string): void {
  program.call(why, { onSuccess: to }).labs(0);
}
