/**
 * Where images, layers and containers are kept.
 *
 * @module
 */

/**
 * The data root: `TIFFIN_ROOT`, else /var/lib/tiffin for root, else a directory of the user's own
 * by the XDG base directory specification.
 *
 * @param given what `--root` says, which comes before all of these
 */
export function dataRoot(given?: string): string {
  const root = given ?? (Deno.env.get("TIFFIN_ROOT") || defaultRoot());
  return root.startsWith("/") ? root : `${Deno.cwd()}/${root}`;
}

function defaultRoot(): string {
  if (Deno.uid() === 0) return "/var/lib/tiffin";
  const data = Deno.env.get("XDG_DATA_HOME") || `${Deno.env.get("HOME") ?? ""}/.local/share`;
  return `${data}/tiffin`;
}
