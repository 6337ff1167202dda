/** HTML from templates: whatever is not HTML already is text, and is escaped. */
import { plainText } from './plain-text.js';

/** A piece of HTML that is safe as it stands. */
export class Html {
  constructor(readonly text: string) {}
}

export type Part = Html | string | number | readonly Part[];

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

/** Text for an element or a quoted attribute. Control characters and those that turn the direction of text are shown. */
export const escaped = (text: string): string =>
  text
    .split('\n')
    .map(plainText)
    .join('\n')
    .replace(/[&<>"']/g, (c) => ENTITIES[c] ?? c);

const textOf = (part: Part): string => {
  if (part instanceof Html) return part.text;
  if (typeof part === 'string') return escaped(part);
  if (typeof part === 'number') return String(part);
  return part.map(textOf).join('');
};

export const html = (strings: TemplateStringsArray, ...parts: readonly Part[]): Html =>
  new Html(strings.reduce((all, s, i) => all + textOf(parts[i - 1] ?? '') + s));
