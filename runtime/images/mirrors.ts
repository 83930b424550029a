/**
 * A registry together with its mirrors: whoever answers first, in the order of the user's file.
 *
 * A mirror is a registry like any other: it has its own credentials, and what it sends is checked
 * alike. One that fails, for whatever reason, is passed over; the registry itself comes last.
 *
 * @module
 */

import type { HttpReply } from "./http.ts";
import type { Descriptor } from "./manifest.ts";
import type { Reference } from "./reference.ts";
import { registrySettings } from "./registries.ts";
import {
  type FetchedManifest,
  Registry,
  type RegistryOptions,
  type RegistryRequest,
} from "./registry.ts";
import { RegistryError } from "./registry_error.ts";

/** What {@linkcode Mirrored} may be told. */
export interface MirroredOptions extends RegistryOptions {
  /** Told when one of them is passed over: why, and who is asked instead. */
  onPass?: (reason: string, next: string) => void;
}

/** One repository, read from a registry or its mirrors. */
export class Mirrored {
  readonly #registries: Registry[];
  /** Mirrors that did not answer: they are not asked again, as each would be waited for anew. */
  readonly #silent = new Set<Registry>();

  /** Asks nobody yet. */
  constructor(
    name: Pick<Reference, "registry" | "repository">,
    private readonly options: MirroredOptions = {},
  ) {
    const { mirrors } = registrySettings(name.registry);
    this.#registries = [
      ...mirrors.map((base) => new Registry({ ...name, registry: base.host }, options, base)),
      new Registry(name, options),
    ];
  }

  /** The URL of the repository in the registry itself. */
  get url(): URL {
    return this.#registries.at(-1)!.url;
  }

  /** {@linkcode Registry.manifest} of the first that has it. */
  manifest(version: string): Promise<FetchedManifest> {
    return this.#first((registry) => registry.manifest(version));
  }

  /** {@linkcode Registry.blob} of the first that has it. */
  blob(descriptor: Descriptor, from = 0): Promise<{ offset: number; reply: HttpReply }> {
    return this.#first((registry) => registry.blob(descriptor, from));
  }

  /** {@linkcode Registry.request} of the first that answers as is wanted. */
  request(where: string, asked: string, request: RegistryRequest = {}): Promise<HttpReply> {
    return this.#first((registry) => registry.request(where, asked, request));
  }

  async #first<T>(ask: (registry: Registry) => Promise<T>): Promise<T> {
    const last = this.#registries.length - 1;
    for (const [index, registry] of this.#registries.entries()) {
      if (index === last) break;
      if (this.#silent.has(registry)) continue;
      try {
        return await ask(registry);
      } catch (error) {
        if (!(error instanceof RegistryError)) throw error;
        if (error.kind === "unreachable") this.#silent.add(registry);
        this.options.onPass?.(error.message, this.#registries[index + 1].url.host);
      }
    }
    return await ask(this.#registries[last]);
  }
}
