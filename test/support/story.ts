import { narrator, type Narrator } from '../../demo/narrator.js';

/** A narrator whose story is shown only when the test fails. */
export function quietNarrator(): Narrator & { readonly told: () => string } {
  const lines: string[] = [];
  return { ...narrator({ write: (text) => lines.push(text) }), told: () => lines.join('') };
}
