/**
 * `--platform`, of the commands that have it.
 *
 * @module
 */

import type { Platform } from "../../runtime/images/manifest.ts";
import { parsePlatform } from "../../runtime/images/platform.ts";
import { wrongFlag } from "./grammar.ts";

/** The platform that a flag names. @throws {UsageError} if it is none */
export function readPlatform(text: string): Platform {
  try {
    return parsePlatform(text);
  } catch (error) {
    throw wrongFlag(`--platform: ${(error as Error).message}`);
  }
}
