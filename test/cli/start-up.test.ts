import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** What is loaded before a command is known: static imports of values, transitively. */
function loadedWith(file: string, seen = new Set<string>()): Set<string> {
  if (seen.has(file)) return seen;
  seen.add(file);
  const source = readFileSync(join(root, file), 'utf8');
  for (const [, what = '', from = ''] of source.matchAll(/^(?:import|export) ([^;]*?)from '([^']+)'/gms)) {
    if (what.startsWith('type ')) continue;
    if (from.startsWith('.')) loadedWith(join(dirname(file), from).replace(/\.js$/, '.ts'), seen);
    else seen.add(from);
  }
  return seen;
}

test('nothing but commander is loaded before the command is known: reading a checkpoint has to start fast', () => {
  const packages = [...loadedWith('cli/main.ts')].filter(
    (name) => !name.endsWith('.ts') && !name.startsWith('node:'),
  );
  expect(packages).toEqual(['commander']);
});
