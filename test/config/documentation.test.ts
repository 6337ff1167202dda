import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { jsonSchema } from '../../config/schema.js';

const page = readFileSync(new URL('../../docs/configuration.md', import.meta.url), 'utf8');

interface Node {
  readonly properties?: Readonly<Record<string, Node>>;
  readonly additionalProperties?: Node | boolean;
  readonly items?: Node;
  readonly anyOf?: readonly Node[];
  readonly oneOf?: readonly Node[];
}

/** Every key of the file below a section, however deep. */
function keysBelow(node: Node): readonly string[] {
  const inside = [
    ...Object.values(node.properties ?? {}),
    ...(typeof node.additionalProperties === 'object' ? [node.additionalProperties] : []),
    ...(node.items === undefined ? [] : [node.items]),
    ...(node.anyOf ?? []),
    ...(node.oneOf ?? []),
  ];
  return [...Object.keys(node.properties ?? {}), ...inside.flatMap(keysBelow)];
}

const sections = Object.entries((jsonSchema() as Node).properties ?? {}).filter(
  ([name]) => name !== '$schema',
);

/** The text of a section, sub-sections included. */
const textOf = (section: string): string =>
  page.split(/^## /m).find((part) => part.startsWith(`${section}\n`)) ?? '';

describe('docs/configuration.md names every key of', () => {
  test.each(sections)('%s', (section, schema) => {
    const text = textOf(section);
    expect(text).not.toBe('');
    const words = new Set(text.match(/[A-Za-z0-9-]+/g));
    // How secrets are written is said once, at the top.
    const missing = keysBelow(schema).filter((key) => key !== 'env' && key !== 'file' && !words.has(key));
    expect(missing).toEqual([]);
  });
});
