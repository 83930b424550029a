/**
 * `logout`: forget the credentials for a registry.
 *
 * @module
 */

import { parseFlags, UsageError } from "./flags/grammar.ts";
import { hostOf } from "./login.ts";
import type { Context } from "./main.ts";
import { print } from "./output.ts";
import type { Help } from "./usage.ts";

/** The help of `logout`. */
export const help: Help = {
  usage: "logout [REGISTRY]",
  summary: "forget the credentials for a registry",
  about: ["Without a registry it is Docker Hub. Docker and Podman forget them too."],
  examples: [{ command: "logout quay.io", does: "quay.io sees a stranger again" }],
};

/** Logs out. */
export async function logout(args: string[], _context: Context): Promise<number> {
  const { operands } = parseFlags(args, {});
  if (operands.length > 1) throw new UsageError("logout takes one registry");
  const registry = await hostOf(operands[0]);
  const { forgetCredentials } = await import("../runtime/images/credential_store.ts");
  const wasThere = await forgetCredentials(registry);
  print(
    wasThere ? `Removing login credentials for ${registry}\n` : `Not logged in to ${registry}\n`,
  );
  return 0;
}
