/** Shorter ones would be found in any text. */
const SHORTEST = 4;

const secrets = new Set<string>();

/** From now on `redact` hides it, in plain form and as URLs and JSON write it. */
export function keepSecret(text: string): void {
  for (const form of [text, encodeURIComponent(text), JSON.stringify(text).slice(1, -1)])
    if (form.length >= SHORTEST) secrets.add(form);
}

/** The text with every secret that this process has fetched replaced. */
export function redact(text: string): string {
  let shown = text;
  // The longest first: one may be part of another.
  for (const secret of [...secrets].sort((a, b) => b.length - a.length))
    shown = shown.replaceAll(secret, '***');
  return shown;
}
