/**
 * Pulls from Debian's docker-registry, of images that skopeo pushed; and what skopeo says of ours.
 *
 * @module
 */

import { assert } from "@std/assert/assert";
import { assertEquals } from "@std/assert/equals";
import { assertRejects } from "@std/assert/rejects";
import { MEDIA_TYPE } from "../../../runtime/images/manifest.ts";
import { hostPlatform } from "../../../runtime/images/platform.ts";
import { pull } from "../../../runtime/images/pull.ts";
import { parseReference } from "../../../runtime/images/reference.ts";
import { RegistryError } from "../../../runtime/images/registry_error.ts";
import { ImageStore } from "../../../runtime/images/store.ts";
import { unpackLayer } from "../../../runtime/images/unpack.ts";
import {
  pushWithSkopeo,
  registryPrograms,
  skopeo,
  startDockerRegistry,
} from "../../helpers/docker_registry.ts";
import { needs } from "../../helpers/needs.ts";
import { tempRoot } from "../../helpers/temp_root.ts";

const layers: Record<string, string>[] = [{ "bin/sh": "#!", "etc/motd": "hello\n" }, {
  "etc/motd": "again\n",
}];
const credentials = () => Promise.resolve(undefined);

Deno.test({
  ...needs("an image that skopeo pushed is pulled, in both formats, and read back by skopeo", {
    programs: registryPrograms,
  }),
  async fn() {
    await using root = await tempRoot();
    await using registry = await startDockerRegistry(root.path);
    const store = new ImageStore(`${root.path}/data`);
    for (
      const [format, mediaType] of [["oci", MEDIA_TYPE.OCI_MANIFEST], [
        "v2s2",
        MEDIA_TYPE.DOCKER_MANIFEST,
      ]] as const
    ) {
      const name = `${registry.host}/deep/box:${format}`;
      await pushWithSkopeo(root.path, `docker://${name}`, layers, format);
      const options = { credentials, unpack: unpackLayer };
      const { changed, digest } = await pull(store, parseReference(name), options);
      assertEquals(changed, true);
      const image = await store.image(name);
      assert(image);
      assertEquals(image.manifest.mediaType, mediaType);
      assertEquals(image.config.architecture, hostPlatform().architecture);
      assertEquals(image.config.config?.Cmd, ["/bin/sh"]);
      for (const { descriptor: { digest, size } } of image.layers) {
        assertEquals((await store.readBlob(digest, size)).length, size);
      }
      const motds = image.layers.map((layer) => `${layer.directory}/etc/motd`);
      assertEquals(motds.map((path) => Deno.readTextFileSync(path)), ["hello\n", "again\n"]);
      const raw = await skopeo("inspect", "--tls-verify=false", "--raw", `docker://${name}`);
      assertEquals(JSON.parse(raw).layers, image.manifest.layers);
      // Docker's manifests are kept as they came, or their digest would not be theirs any more;
      // skopeo's oci: transport takes OCI's alone.
      if (format === "oci") {
        const copy = await skopeo("inspect", `oci:${store.layout}:${name}`);
        assertEquals(JSON.parse(copy).Digest, digest);
      }

      const byDigest = `${registry.host}/deep/box@${digest}`;
      assertEquals((await pull(store, parseReference(byDigest), { credentials })).digest, digest);
      assertEquals((await store.image(byDigest))?.id, image.id);
    }
    const missing = parseReference(`${registry.host}/deep/box:none`);
    const error = await assertRejects(() => pull(store, missing, { credentials }), RegistryError);
    assertEquals(error.kind, "not-found", error.message);
  },
});

Deno.test({
  ...needs("docker-registry goes on with a blob where a killed pull stopped", {
    programs: registryPrograms,
  }),
  async fn() {
    await using root = await tempRoot();
    await using registry = await startDockerRegistry(root.path);
    const store = new ImageStore(`${root.path}/data`);
    const name = `${registry.host}/box:1`;
    await pushWithSkopeo(root.path, `docker://${name}`, layers);
    await pull(store, parseReference(name), { credentials });
    const { digest, size } = (await store.image(name))!.layers[0].descriptor;
    const half = (await store.readBlob(digest, size)).subarray(0, size / 2);
    Deno.removeSync(store.blobPath(digest));
    Deno.writeFileSync(store.downloadPath(digest), half);

    const received: number[] = [];
    await pull(store, parseReference(name), {
      credentials,
      onEvent: (event) => {
        if (event.kind === "layer" && event.digest === digest) received.push(event.received);
      },
    });
    assertEquals(received[0], half.length);
    assertEquals((await store.readBlob(digest, size)).length, size);
  },
});
