/**
 * What the tests of the registry client share.
 *
 * @module
 */

import { assertEquals } from "@std/assert/equals";
import { assertRejects } from "@std/assert/rejects";
import { assertStringIncludes } from "@std/assert/string-includes";
import type { Patience } from "../../../runtime/images/http.ts";
import { Registry, type RegistryOptions } from "../../../runtime/images/registry.ts";
import { RegistryError, type RegistryErrorKind } from "../../../runtime/images/registry_error.ts";
import type { FaultyRegistry } from "../../helpers/faulty_registry.ts";

/** Little enough for a test; but a busy machine is no stall. */
export const patience: Patience = { stall: 10_000, attempts: 3, backoff: 5, longestPause: 1500 };

/** For those tests whose registry says nothing. */
export const hasty: Patience = { ...patience, stall: 300 };

/** No credentials, whatever the machine's own Docker configuration has. */
export const nobody = () => Promise.resolve(undefined);

/** A client of the repository `a/b`. */
export function client(registry: FaultyRegistry, options: RegistryOptions = {}): Registry {
  const name = { registry: registry.host, repository: "a/b" };
  return new Registry(name, { credentials: nobody, patience, ...options });
}

/** Expects an error of this kind whose message has these words. */
export async function fails(
  work: () => Promise<unknown>,
  kind: RegistryErrorKind,
  ...words: string[]
): Promise<RegistryError> {
  const error = await assertRejects(work, RegistryError);
  assertEquals(error.kind, kind, error.message);
  for (const word of words) assertStringIncludes(error.message, word);
  return error;
}
