/**
 * Services: one name and one port of the host's for several containers that are alike.
 *
 * ```text
 * services/<name>.json   what its containers are made from, and how many there shall be
 * services/lock          whoever has it open and locked may change that
 * ```
 *
 * The containers are as all others, under the names `web.1`, `web.2`, and so on. The ports belong to
 * the service: the packet filter leads each connection to the next container that is well
 * (network/ruleset.ts), and the keeper says which ones are (network/balance.ts).
 *
 * @module
 */

import { type ContainerInfo, listContainers } from "./containers.ts";
import type { ContainerRequest } from "./container_request.ts";
import { lockFile } from "./images/file_lock.ts";
import { runDetached } from "./lifecycle/create.ts";
import { removeContainer } from "./lifecycle/remove.ts";
import { hostNames } from "./network/names.ts";
import { choosePorts } from "./network/ports.ts";
import { writeRules } from "./network/release.ts";
import { NetworkError } from "./network/request.ts";
import { lockState, type PublishedPort, readState } from "./network/state.ts";
import { newId, type StoredRequest } from "./records.ts";

/** What is known of a service. */
export interface ServiceRecord {
  /** 64 hexadecimal digits */
  id: string;
  /** its name */
  name: string;
  /** the image's name, or the directory that is the root */
  image: string;
  /** how many containers there shall be */
  replicas: number;
  /** what each of them is made from */
  request: StoredRequest;
  /** when it was made, as Date.prototype.toISOString has it */
  created: string;
}

/** A service as it is now. */
export interface ServiceInfo {
  /** what it is */
  record: ServiceRecord;
  /** the host's ports that lead to its containers */
  ports: PublishedPort[];
  /** its containers, in the order of their numbers */
  tasks: ContainerInfo[];
}

/** What a service is made from. */
export interface NewService {
  /** its name */
  name: string;
  /** how many containers there shall be */
  replicas: number;
  /** what each of them is made from; the ports in it are the service's */
  request: ContainerRequest;
}

/** No service goes by a name that was given. */
export class NoSuchServiceError extends Error {
  /** always `"NoSuchServiceError"` */
  override name = "NoSuchServiceError";
}

function servicesDirectory(dataRoot: string): string {
  return `${dataRoot}/services`;
}

function serviceFile(dataRoot: string, name: string): string {
  return `${dataRoot}/services/${name}.json`;
}

async function lockServices(dataRoot: string): Promise<Disposable> {
  Deno.mkdirSync(servicesDirectory(dataRoot), { recursive: true, mode: 0o700 });
  const lock = await lockFile(`${servicesDirectory(dataRoot)}/lock`);
  return { [Symbol.dispose]: () => lock.close() };
}

/**
 * Makes a service, and starts its containers.
 *
 * @throws {NetworkError} for a name or a port that is taken
 * @throws what the start of a container throws; nothing is left then
 */
export async function createService({ name, replicas, request }: NewService): Promise<ServiceInfo> {
  const { dataRoot } = request;
  using _lock = await lockServices(dataRoot);
  if (readService(dataRoot, name)) throw new NetworkError(`there is a service ${name} already`);
  const { publish = [], ...network } = request.network ?? {};
  try {
    const record: ServiceRecord = {
      id: newId(),
      name,
      image: typeof request.from === "string" ? request.from : request.from.name,
      replicas,
      request: stored({
        ...request,
        keep: true,
        network: {
          ...network,
          service: name,
          networks: network.networks?.map((use) => ({
            ...use,
            aliases: [...use.aliases ?? [], name],
          })),
        },
      }),
      created: new Date().toISOString(),
    };
    // first of all: what it has so far is found by its record if this command is killed
    writeService(dataRoot, record);
    await takePorts(dataRoot, name, publish);
    await adjust(dataRoot, record);
    return await infoOf(dataRoot, record);
  } catch (error) {
    await remove(dataRoot, name).catch(() => {});
    throw error;
  }
}

/** Without what follows from where the record is, or is each container's own. */
function stored(request: ContainerRequest): StoredRequest {
  const { dataRoot: _, id: _id, isAgain: _isAgain, detach: _detach, ...rest } = request;
  return rest;
}

async function takePorts(
  dataRoot: string,
  name: string,
  publish: NonNullable<NonNullable<ContainerRequest["network"]>["publish"]>,
): Promise<void> {
  using locked = await lockState(dataRoot);
  const { state } = locked;
  const ports = choosePorts(publish, state);
  state.services = [...state.services ?? [], { name, ports }];
  locked.save();
  writeRules(state, hostNames(dataRoot));
}

/** Changes how many containers a service has. */
export async function scaleService(
  dataRoot: string,
  name: string,
  replicas: number,
): Promise<void> {
  using _lock = await lockServices(dataRoot);
  const record = { ...serviceNamed(dataRoot, name), replicas };
  writeService(dataRoot, record);
  await adjust(dataRoot, record);
}

/** Removes a service and its containers. @throws {NoSuchServiceError} where there is none */
export async function removeService(dataRoot: string, name: string): Promise<void> {
  using _lock = await lockServices(dataRoot);
  await remove(dataRoot, serviceNamed(dataRoot, name).name);
}

async function remove(dataRoot: string, name: string): Promise<void> {
  {
    using locked = await lockState(dataRoot);
    const { state } = locked;
    state.services = state.services?.filter((service) => service.name !== name);
    locked.save();
    writeRules(state, hostNames(dataRoot));
  }
  const tasks = await tasksOf(dataRoot, name);
  await Promise.all(tasks.map(({ id }) => removeContainer(dataRoot, id, { isForced: true })));
  Deno.removeSync(serviceFile(dataRoot, name));
}

/** Starts the containers that are missing, and removes those that are too many. */
async function adjust(
  dataRoot: string,
  { name, replicas, request }: ServiceRecord,
): Promise<void> {
  const tasks = await tasksOf(dataRoot, name);
  const surplus = tasks.filter((task) => numberOf(task) > replicas);
  await Promise.all(surplus.map(({ id }) => removeContainer(dataRoot, id, { isForced: true })));
  const there = new Set(tasks.map(numberOf));
  for (let number = 1; number <= replicas; number++) {
    if (there.has(number)) continue;
    await runDetached({ ...request, dataRoot, name: `${name}.${number}` });
  }
}

function numberOf({ record: { name = "" } }: ContainerInfo): number {
  return Number(name.slice(name.lastIndexOf(".") + 1));
}

/** The containers of a service. */
async function tasksOf(dataRoot: string, service: string): Promise<ContainerInfo[]> {
  return (await listContainers(dataRoot))
    .filter(({ record }) => record.request.network?.service === service)
    .sort((a, b) => numberOf(a) - numberOf(b));
}

/** All services, by name. */
export async function listServices(dataRoot: string): Promise<ServiceInfo[]> {
  const names = serviceNames(dataRoot).sort();
  return await Promise.all(
    names.map((name) => readService(dataRoot, name)).filter((record) => record !== undefined)
      .map((record) => infoOf(dataRoot, record)),
  );
}

/** One of them. @throws {NoSuchServiceError} where there is none of that name */
export async function findService(dataRoot: string, name: string): Promise<ServiceInfo> {
  return await infoOf(dataRoot, serviceNamed(dataRoot, name));
}

async function infoOf(dataRoot: string, record: ServiceRecord): Promise<ServiceInfo> {
  const { name } = record;
  const service = readState(dataRoot).services?.find((service) => service.name === name);
  return { record, ports: service?.ports ?? [], tasks: await tasksOf(dataRoot, name) };
}

/** By its name, its id, or the beginning of that. */
function serviceNamed(dataRoot: string, word: string): ServiceRecord {
  const known = serviceNames(dataRoot).map((name) => readService(dataRoot, name))
    .filter((record) => record !== undefined);
  const found = known.find(({ name, id }) => name === word || id === word) ??
    only(known.filter(({ id }) => id.startsWith(word)));
  if (found) return found;
  throw new NoSuchServiceError(
    `no such service: ${word}: tiffin service ls lists those there are`,
  );
}

function only<T>(list: T[]): T | undefined {
  return list.length === 1 ? list[0] : undefined;
}

function serviceNames(dataRoot: string): string[] {
  try {
    return Array.from(Deno.readDirSync(servicesDirectory(dataRoot)), ({ name }) => name)
      .filter((name) => name.endsWith(".json")).map((name) => name.slice(0, -".json".length));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
}

function readService(dataRoot: string, name: string): ServiceRecord | undefined {
  try {
    return JSON.parse(Deno.readTextFileSync(serviceFile(dataRoot, name)));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

function writeService(dataRoot: string, record: ServiceRecord): void {
  const path = serviceFile(dataRoot, record.name);
  Deno.writeTextFileSync(`${path}.new`, JSON.stringify(record), { mode: 0o600 });
  Deno.renameSync(`${path}.new`, path);
}
