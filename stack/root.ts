import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

function findRoot(): string {
  let folder = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(folder, 'package.json'))) {
    const above = dirname(folder);
    if (above === folder) throw new Error('no package.json above the stack: the checkout is incomplete');
    folder = above;
  }
  return folder;
}

/** The checkout: the same folder from the sources and from `dist/`. */
export const root = findRoot();

/** What set-up fetched and built (`stack/setup.mjs`). */
export const cache = join(root, '.cache');
