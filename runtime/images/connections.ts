/**
 * The ways to a server that are not everybody's: past the proxy to this machine itself, and with
 * certificates of an authority of one's own.
 *
 * Proxies are fetch's own affair: HTTP_PROXY, HTTPS_PROXY, ALL_PROXY and NO_PROXY, in capitals or not.
 *
 * @module
 */

import { isLoopback, registrySettings } from "./registries.ts";

/** Each way is made once: it keeps its connections. */
const clients = new Map<string, Deno.HttpClient>();

/**
 * The client for a URL; nothing where fetch's own will do.
 *
 * @throws what reading the file of certificates throws
 */
export function clientFor({ hostname, host, port, protocol }: URL): Deno.HttpClient | undefined {
  // What is this machine to us is another one to a proxy; Go's programs, and so Docker, never ask
  // one for it.
  if (isLoopback(hostname) && hasProxy()) {
    const address = hostname.replace(/^\[|\]$/g, "");
    const number = Number(port) || (protocol === "https:" ? 443 : 80);
    return once(`direct ${host}`, () => ({
      proxy: { transport: "tcp", hostname: address, port: number },
    }));
  }
  const { ca } = registrySettings(host);
  if (ca === undefined) return undefined;
  return once(`ca ${ca}`, () => ({ caCerts: [Deno.readTextFileSync(ca)] }));
}

function once(key: string, options: () => Deno.CreateHttpClientOptions): Deno.HttpClient {
  const client = clients.get(key) ?? Deno.createHttpClient(options());
  clients.set(key, client);
  return client;
}

function hasProxy(): boolean {
  const names = ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"];
  return names.some((name) => Deno.env.get(name) || Deno.env.get(name.toLowerCase()));
}
