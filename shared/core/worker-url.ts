/**
 * A module beside the calling one, to be run as a worker: `.ts` in the source tree, `.js` or `.mjs` in a
 * build.
 *
 * @param from the calling module's `import.meta.url`
 */
export function workerUrl(from: string, name: string): URL {
  return new URL(`./${name}${from.slice(from.lastIndexOf('.'))}`, from);
}
