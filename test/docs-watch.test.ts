import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { NOTICES } from '../domain/notice.js';

const page = readFileSync(new URL('../docs/watch.md', import.meta.url), 'utf8');

test('docs/watch.md names every notice of the watch with its severity', () => {
  const rows = [...page.matchAll(/^\| `(\w+)` +\| (\w+) +\|/gm)].map((m) => `${m[1]} ${m[2]}`);
  const known = Object.entries(NOTICES).map(([kind, { severity }]) => `${kind} ${severity}`);
  expect(rows).toEqual(known.filter((line) => !line.startsWith('Case')));
});
