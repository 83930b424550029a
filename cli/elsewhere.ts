/**
 * Docker's commands that are not here, and what does their work.
 *
 * @module
 */

const BUILD = "images are built by others: docker build or buildah, then save and load; or commit";
const CLUSTER = "there is no cluster; service runs several containers on this machine";
const PLUGIN = "there are no plugins";

const ELSEWHERE: Readonly<Record<string, string>> = {
  build: BUILD,
  builder: BUILD,
  buildx: BUILD,
  checkpoint: "a container cannot be saved while it runs; pause holds it still",
  compose: "there are no files of services; a script of network create and run -d does it",
  config: "a file is given to a container by run -v FILE:DEST:ro",
  context: "there is no daemon, here or elsewhere; ssh HOST tiffin … is the other machine's",
  info: "doctor says what this host can do, and system df what is kept",
  manifest: "pull --platform takes one of an image's platforms, and image inspect shows it",
  node: CLUSTER,
  plugin: PLUGIN,
  secret: "a file is given to a container by run -v FILE:DEST:ro",
  stack: CLUSTER,
  swarm: CLUSTER,
  trust: "pull --verify KEY takes only what is signed",
};

/** `: what to do instead`, for the end of a message; nothing for a word that is not Docker's. */
export function elsewhere(word: string): string | undefined {
  return Object.hasOwn(ELSEWHERE, word) ? `: ${ELSEWHERE[word]}` : undefined;
}
