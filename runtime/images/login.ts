/**
 * Asks a registry whether it takes a name and a password, before they are kept.
 *
 * OCI distribution-spec v1.1, "Determining Support": `GET /v2/` answers 200 to who may come in.
 *
 * @module
 */

import type { Credentials } from "./auth.ts";
import { send } from "./http.ts";
import { endpoint } from "./registries.ts";
import { RegistryError } from "./registry_error.ts";
import { type AskOptions, Authorizer } from "./token.ts";

/**
 * Logs in once, for nothing but the answer.
 *
 * @param registry the host with its port; `docker.io` for Docker Hub
 * @throws {RegistryError} `unauthorized` if it does not take them, or what else it answers
 */
export async function checkLogin(
  registry: string,
  credentials: Credentials,
  options: AskOptions = {},
): Promise<void> {
  const url = endpoint(registry);
  const asked = "access";
  const first = await send({ ...options, url, asked });
  await first.cancel();
  // It lets everybody in; what it wants for writing, it will say then.
  if (first.status === 200) return;
  if (first.status !== 401) {
    const came = `it answered ${first.status}`;
    throw new RegistryError("server", url.host, asked, came, { hint: "is it a registry?" });
  }
  const challenge = first.header("www-authenticate") ?? "";
  const authorizer = new Authorizer(url, () => Promise.resolve(credentials));
  let cause: unknown;
  try {
    const authorization = await authorizer.answer(challenge, "", undefined, options);
    const second = await send({ ...options, url, asked, authorization });
    await second.cancel();
    if (second.status === 200) return;
  } catch (error) {
    if (!(error instanceof RegistryError && error.kind === "unauthorized")) throw error;
    cause = error;
  }
  const came = "it does not take this name with this password";
  throw new RegistryError("unauthorized", url.host, asked, came, { cause });
}
