/**
 * Credentials kept and forgotten where Docker keeps them: in a credential helper's store, or in
 * `~/.docker/config.json` itself.
 *
 * The file belongs to Docker, Podman and others too: what is not ours in it stays as it is, and it
 * is replaced whole or not at all.
 *
 * @module
 */

import {
  configKey,
  CredentialsError,
  type DockerConfig,
  dockerConfigPath,
  findCredentials,
  helperOf,
  hostOf,
  readDockerConfig,
  runHelper,
} from "./auth.ts";

/** Where credentials were put. */
export interface Kept {
  /** The program that keeps them, where one does. */
  helper?: string;
  /** The configuration, which has them where no program does: base64 is no encryption. */
  path: string;
}

/** A name and a password, or an access token in the password's place. */
export interface Login {
  /** Who logs in. */
  username: string;
  /** What proves it. */
  password: string;
}

/**
 * Keeps credentials for a registry, in the place of those that it has.
 *
 * @param registry the host with its port, as an image's name has it; `docker.io` for Docker Hub
 * @throws {CredentialsError} if there is no home directory, or the configuration or a helper fails
 */
export async function keepCredentials(
  registry: string,
  { username, password }: Login,
  path: string | undefined = dockerConfigPath(),
): Promise<Kept> {
  const [config, file] = await open(path);
  const key = configKey(registry);
  const helper = helperOf(config, registry);
  const auths = without(config.auths, key);
  if (helper === undefined) {
    auths[key] = { auth: new TextEncoder().encode(`${username}:${password}`).toBase64() };
  } else {
    const secret = { ServerURL: key, Username: username, Secret: password };
    await runHelper(helper, "store", key, JSON.stringify(secret));
    // As Docker does: the entry says that there is something, and not what.
    auths[key] = {};
  }
  await replace(file, { ...config, auths });
  return { ...(helper === undefined ? {} : { helper }), path: file };
}

/**
 * Forgets a registry's credentials.
 *
 * @returns whether there were any
 * @throws {CredentialsError} if the configuration or a helper fails
 */
export async function forgetCredentials(
  registry: string,
  path: string | undefined = dockerConfigPath(),
): Promise<boolean> {
  const [config, file] = await open(path);
  const key = configKey(registry);
  const helper = helperOf(config, registry);
  const isHelpers = helper !== undefined && await findCredentials(registry, file) !== undefined;
  if (isHelpers) await runHelper(helper, "erase", key);
  const auths = without(config.auths, key);
  const isFiles = Object.keys(auths).length < Object.keys(config.auths ?? {}).length;
  if (isFiles) await replace(file, { ...config, auths });
  return isHelpers || isFiles;
}

async function open(path: string | undefined): Promise<[DockerConfig, string]> {
  if (path !== undefined) return [await readDockerConfig(path) ?? {}, path];
  throw new CredentialsError("there is no HOME to keep credentials in: set HOME or DOCKER_CONFIG");
}

/** The entries but those of the host, which older programs have written in other ways. */
function without(auths: DockerConfig["auths"], key: string): NonNullable<DockerConfig["auths"]> {
  const others = Object.entries(auths ?? {}).filter(([name]) => hostOf(name) !== hostOf(key));
  return Object.fromEntries(others);
}

/** Replaces the file by one that its owner alone can read. A link to it stays a link. */
async function replace(path: string, config: DockerConfig): Promise<void> {
  await Deno.mkdir(path.slice(0, path.lastIndexOf("/")), { recursive: true, mode: 0o700 });
  const real = await Deno.realPath(path).catch(() => path);
  const fresh = `${real}.${crypto.randomUUID()}`;
  try {
    using file = await Deno.open(fresh, { write: true, createNew: true, mode: 0o600 });
    const bytes = new TextEncoder().encode(`${JSON.stringify(config, null, "\t")}\n`);
    for (let at = 0; at < bytes.length;) at += await file.write(bytes.subarray(at));
    await file.sync();
    await Deno.rename(fresh, real);
  } catch (error) {
    await Deno.remove(fresh).catch(() => {});
    throw error;
  }
}
