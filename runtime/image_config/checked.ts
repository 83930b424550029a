/**
 * An image's word on its containers, checked: it comes from a stranger.
 *
 * @module
 */

import { anyText, array, type Check, map, object } from "../validate/checks.ts";
import type { ImageConfig, ImageDefaults } from "./image.ts";
import { ImageConfigError } from "./process.ts";

/** The fields that a spec is made from, as Docker writes them: null where there is nothing. */
const imageDefaults = object<ImageDefaults>({
  User: nullable(anyText),
  ExposedPorts: nullable(map(anyText, () => undefined)),
  Env: nullable(array(anyText)),
  Entrypoint: nullable(array(anyText)),
  Cmd: nullable(array(anyText)),
  Volumes: nullable(map(anyText, () => undefined)),
  WorkingDir: nullable(anyText),
  Labels: nullable(map(anyText, anyText)),
  StopSignal: nullable(anyText),
  // These two have no effect on the spec, and are checked by whoever uses them.
  Healthcheck: () => undefined,
  Shell: () => undefined,
});

/** A check that lets null pass. */
function nullable<T>(check: Check<T>): Check<T | null> {
  return (value) => value === null ? undefined : check(value);
}

/**
 * The fields that a spec is made from.
 *
 * @throws {ImageConfigError} for one that is not what it should be
 */
export function checkedDefaults(config: ImageConfig["config"]): ImageDefaults {
  const problem = config ? imageDefaults(config) : undefined;
  if (!problem) return config ?? {};
  const path = problem.path === "" ? "config" : `config.${problem.path}`;
  throw new ImageConfigError(path, problem.text);
}
