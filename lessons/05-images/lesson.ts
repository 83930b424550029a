/**
 * Lesson 5: images: layers, digests, manifests, and a registry spoken to by hand.
 *
 * @module
 */

import {
  type Layer,
  openRegistry,
  packLayer,
  packPrograms,
  type SmallRegistry,
} from "../registry.ts";
import type { Lesson, Stage } from "../lesson.ts";

/** The lesson's steps. */
export const lesson: Lesson = {
  needs: ["namespaces"],
  exercise: "exercise.ts",
  steps: {
    "by hand": byHand,
    "what a pull asks": whatAPullAsks,
    "a registry that lies": aRegistryThatLies,
    "what was removed": whatWasRemoved,
  },
};

/** Layers that the images of this lesson are made of. */
interface Layers {
  programs: Layer;
  first: Layer;
  second: Layer;
}

/** A registry with two images, tea:1 and tea:2, which share their lower layer. */
async function open(stage: Stage): Promise<SmallRegistry & { layers: Layers }> {
  const layers = {
    programs: await packPrograms("cat", "ls"),
    first: await packLayer({ "etc/tea": "green\n", "etc/secret": "the password is sesame\n" }),
    // a file of this name says that the one after the dots is not there any more
    second: await packLayer({ "etc/tea": "black\n", "etc/.wh.secret": "" }),
  };
  const registry = openRegistry(stage);
  const { programs, first, second } = layers;
  await registry.put("tea", "1", [programs, first], ["cat", "/etc/tea"]);
  await registry.put("tea", "2", [programs, first, second], ["cat", "/etc/tea"]);
  return { ...registry, layers };
}

/** Sends a request as it is, and gives back all that came. */
async function talk(host: string, request: string): Promise<string> {
  const [hostname, port] = host.split(":");
  using connection = await Deno.connect({ hostname, port: Number(port) });
  await connection.write(new TextEncoder().encode(request));
  return await new Response(connection.readable).text();
}

async function byHand(stage: Stage): Promise<void> {
  const { host } = await open(stage);
  const request = [
    "GET /v2/tea/manifests/1 HTTP/1.1",
    `Host: ${host}`,
    "Accept: application/vnd.oci.image.manifest.v1+json",
    "Connection: close",
  ];
  stage.show(request.map((line) => `> ${line}`));
  const reply = await talk(host, `${request.join("\r\n")}\r\n\r\n`);
  const [head, body] = reply.split("\r\n\r\n");
  const isShort = (line: string) => /^(HTTP|content-(type|length)|docker)/i.test(line);
  const headers = head.split("\r\n").filter(isShort);
  const manifest = JSON.parse(body.slice(body.indexOf("{"), body.lastIndexOf("}") + 1));
  stage.show([
    ...headers.map((line) => `< ${line.length > 76 ? `${line.slice(0, 75)}…` : line}`),
    ...[manifest.config, ...manifest.layers].map(({ mediaType, digest, size }) =>
      `  ${mediaType.replace("application/vnd.oci.image.", "").padEnd(19)} ${
        digest.slice(0, 27)
      }… ${String(size).padStart(8)} bytes`
    ),
  ]);
  stage.expect(headers[0].endsWith("200 OK") && manifest.layers.length === 2, {
    en: `the registry answered ${headers[0]}`,
    zh: `制品库的回答是 ${headers[0]}`,
  });
}

async function whatAPullAsks(stage: Stage): Promise<void> {
  const registry = await open(stage);
  const { host, log } = registry;
  const asked: number[] = [];
  for (const tag of [1, 2]) {
    log.length = 0;
    await stage.type(`tiffin --root store pull -q ${host}/tea:${tag}`);
    stage.show(log.map((line) => `  ${line.replace(/([0-9a-f]{12})[0-9a-f]{52}/, "$1…")}`));
    asked.push(log.filter((line) => line.includes("/blobs/")).length);
  }
  const output = await stage.type(`tiffin --root store run ${host}/tea:2`);
  stage.expect(asked.join() === "3,2" && output === "black\n", {
    en: `so many blobs were fetched: ${asked.join(" and ")}`,
    zh: `取回的数据块数目为 ${asked.join(" 和 ")}`,
  });
}

async function aRegistryThatLies(stage: Stage): Promise<void> {
  const { host, damage, layers } = await open(stage);
  damage(layers.first.digest);
  const output = await stage.type(`tiffin --root careful pull -q ${host}/tea:1`);
  const left = await stage.type("tiffin --root careful images -q");
  stage.expect(/sha256|digest/.test(output) && left === "", {
    en: "what the registry sent was believed",
    zh: "制品库发来的东西被相信了",
  });
}

async function whatWasRemoved(stage: Stage): Promise<void> {
  const { host, layers } = await open(stage);
  const image = `${host}/tea:2`;
  await stage.run(["tiffin", "--root", "store", "pull", "-q", image]);
  const inside = await stage.type(`tiffin --root store run ${image} ls /etc`);
  stage.say({
    en: "The middle layer is a file in the store, named by its digest:",
    zh: "中间那一层是仓库里的一个文件，名字就是它的摘要：",
  });
  const blob = `store/images/blobs/sha256/${layers.first.digest.slice("sha256:".length)}`;
  Deno.symlinkSync(`${stage.scratch}/${blob}`, `${stage.scratch}/layer`);
  const output = await stage.type("tar -xzOf layer etc/secret");
  stage.expect(!inside.includes("secret") && output.includes("sesame"), {
    en: "the file is in the image still, or not in the layer",
    zh: "文件还在镜像里，或者不在层里",
  });
}
